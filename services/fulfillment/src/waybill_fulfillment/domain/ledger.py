"""The ledger: where each unit that was ordered is. It is what its order's opening and its own events make of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal
from uuid import UUID

from waybill_events import (
    CorrectionRequested,
    Event,
    ExceptionRaised,
    ExceptionResolved,
    ItemsFulfilled,
    LateShipmentRecorded,
    LineUnits,
    OrderAmended,
    OrderPlaced,
    OrderReleased,
    ParcelPacked,
    ParcelUnpacked,
    RequestDecided,
    ResendRequested,
    ReturnClosed,
    ReturnReceived,
    ShipmentUndone,
    ids,
)
from waybill_fulfillment.domain.parcels import (
    NONE,
    LabelState,
    OfItsCarrier,
    OfItsLabel,
    Parcel,
    ParcelState,
    Units,
    of_its_carrier,
    of_its_label,
    without_label,
)

Place = Literal["open", "packed", "shipped", "canceled"]
PLATFORM: Final = "platform"
"""A parcel that leaves with a label that labels buys."""
PROBLEMS: Final = ("returned_to_sender", "lost", "damaged")
"""What may become of a parcel on its way that does not arrive."""
OWN: Final = (
    ParcelPacked,
    ParcelUnpacked,
    ItemsFulfilled,
    ShipmentUndone,
    LateShipmentRecorded,
    RequestDecided,
    CorrectionRequested,
    ReturnReceived,
    ResendRequested,
    ExceptionRaised,
    ExceptionResolved,
)
"""What fulfillment tells of an order."""
Known = (
    ParcelPacked
    | ParcelUnpacked
    | ItemsFulfilled
    | ShipmentUndone
    | LateShipmentRecorded
    | RequestDecided
    | CorrectionRequested
    | ReturnReceived
    | ReturnClosed
    | ResendRequested
    | ExceptionRaised
    | ExceptionResolved
    | OrderReleased
    | OrderAmended
    | OfItsLabel
    | OfItsCarrier
)
"""What changes a ledger: its own events, and facts of others that are not for it to decide."""


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one line: `ordered = open + packed + shipped + canceled`.

    Of the canceled ones `late` are on their way all the same; of those that left, `returned` came back.
    """

    ordered: int
    open: int
    packed: int
    shipped: int
    canceled: int
    late: int = 0
    returned: int = 0

    def move(self, units: int, start: Place, end: Place) -> "Line":
        """With this many units brought from one place to another."""
        return replace(self, **{start: getattr(self, start) - units, end: getattr(self, end) + units})

    def elsewhere(self) -> str:
        """Where those are that are not open, for people."""
        return f"{self.shipped} are shipped, {self.packed} packed and {self.canceled} canceled"


@dataclass(frozen=True, slots=True)
class Return:
    """Units that may come back, and of those that have. Nobody waits for more of one that is `closed`."""

    return_id: UUID
    units: Units
    received: Units = field(default_factory=lambda: NONE)
    closed: bool = False

    def missing(self, line_id: str) -> int:
        """Units of a line that somebody still waits for."""
        return 0 if self.closed else self.units.get(line_id, 0) - self.received.get(line_id, 0)


@dataclass(frozen=True, slots=True)
class Hold:
    """A reason why the order may not be worked on."""

    hold_id: UUID
    reason: str


@dataclass(frozen=True, slots=True)
class OpenException:
    """Something that a person has to decide."""

    exception_id: UUID
    kind: str
    choices: tuple[str, ...]
    parcel_ids: tuple[UUID, ...] = ()


@dataclass(frozen=True, slots=True)
class Ledger:
    """One order: its lines by id, in the order in which they were sold, its parcels, holds, returns, open exceptions.

    `canceled_by` says which request canceled which units, `skus` names lines, `sale` is the platform's number.
    `recipient_version` is to whom it goes (None for an order of a release before), `amending` are the amendments that
    were granted and have not been made yet.
    """

    order_id: UUID
    brand_id: UUID
    reference: str
    lines: Mapping[str, Line]
    holds: tuple[Hold, ...] = ()
    parcels: tuple[Parcel, ...] = ()
    canceled_by: Mapping[UUID, Units] = field(default_factory=lambda: MappingProxyType({}))
    exceptions: tuple[OpenException, ...] = ()
    skus: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    sale: str = ""
    returns: tuple[Return, ...] = ()
    platform: str = ""
    recipient_version: int | None = None
    amending: tuple[UUID, ...] = ()

    def parcel(self, parcel_id: UUID) -> Parcel | None:
        """One of its parcels."""
        return next((parcel for parcel in self.parcels if parcel.parcel_id == parcel_id), None)

    def move(self, units: Units, start: Place, end: Place) -> "Ledger":
        """With these units brought from one place to another."""
        lines = {
            line_id: line.move(units[line_id], start, end) if line_id in units else line
            for line_id, line in self.lines.items()
        }
        return replace(self, lines=MappingProxyType(lines))

    def with_parcel(self, changed: Parcel) -> "Ledger":
        """With a parcel as it is now, or a new one."""
        if self.parcel(changed.parcel_id) is None:
            return replace(self, parcels=(*self.parcels, changed))
        parcels = tuple(changed if parcel.parcel_id == changed.parcel_id else parcel for parcel in self.parcels)
        return replace(self, parcels=parcels)

    def after(self, events: Iterable[Event], cause: UUID) -> "Ledger":
        """What these events make of it; `cause` is the command or event that brought them about."""
        ledger = self
        for event in events:
            assert isinstance(event, Known)
            ledger = _after(ledger, event, cause)
        return ledger


def opened(event: OrderPlaced) -> Ledger:
    """The ledger of an order as it was born; raises ValueError where more has gone than was ordered."""
    lines = {
        line.line_id: Line(
            ordered=line.quantity,
            open=line.quantity - line.shipped - line.canceled,
            packed=0,
            shipped=line.shipped,
            canceled=line.canceled,
        )
        for line in event.lines
    }
    for line_id, line in lines.items():
        if line.open < 0:
            raise ValueError(f"line {line_id}: more is shipped and canceled than was ordered")
    holds = tuple(Hold(hold.hold_id, hold.reason) for hold in event.holds)
    return Ledger(
        event.order_id,
        event.brand_id,
        event.reference,
        MappingProxyType(lines),
        holds,
        skus=MappingProxyType({line.line_id: line.sku for line in event.lines}),
        sale=event.number.removeprefix("#"),
        platform=event.platform,
        recipient_version=event.recipient_version,
    )


def raised(
    ledger: Ledger,
    kind: str,
    parcel: Parcel,
    choices: tuple[str, ...],
    at: datetime,
    *,
    units: Units,
    details: str = "",
) -> ExceptionRaised:
    """Somebody has to decide about these units of a parcel; of each kind once."""
    return ExceptionRaised(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        exception_id=ids.exception_id(ledger.order_id, kind, parcel.parcel_id),
        kind=kind,
        choices=choices,
        lines=told(units),
        parcel_ids=(parcel.parcel_id,),
        details=details,
        raised_at=at,
    )


def counted(lines: Iterable[LineUnits]) -> Units:
    """Quantities by line id."""
    return MappingProxyType({each.line_id: each.quantity for each in lines})


def told(units: Units) -> tuple[LineUnits, ...]:
    """The same as an event says it."""
    return tuple(LineUnits(line_id=line_id, quantity=quantity) for line_id, quantity in units.items())


def _after(ledger: Ledger, event: Known, cause: UUID) -> Ledger:
    match event:
        case ParcelPacked():
            return _packed(ledger, event, cause)
        case ParcelUnpacked() | ShipmentUndone():
            return _back(ledger, event, cause)
        case ItemsFulfilled():
            return _shipped(ledger, event, cause)
        case LateShipmentRecorded():
            return _late(ledger, event, cause)
        case RequestDecided():
            return _decided(ledger, event, cause)
        case OrderReleased() | OrderAmended():
            return _settled(ledger, event)
        case ReturnReceived() | ReturnClosed():
            return _returned(ledger, event)
        case ExceptionRaised() | ExceptionResolved():
            return _open(ledger, event)
        case ResendRequested():
            return ledger
        case _:
            return ledger.with_parcel(_on_its_way(_named(ledger, event.parcel_id), event))


def _on_its_way(parcel: Parcel, event: OfItsLabel | OfItsCarrier) -> Parcel:
    return of_its_label(parcel, event) if isinstance(event, OfItsLabel) else of_its_carrier(parcel, event)


def _packed(ledger: Ledger, event: ParcelPacked, cause: UUID) -> Ledger:
    units = counted(event.lines)
    parcel = Parcel(
        event.parcel_id,
        len(ledger.parcels) + 1,
        ParcelState.PACKED,
        units,
        cause,
        packed_at=event.packed_at,
        label=LabelState.PENDING if event.shipping == PLATFORM else None,
    )
    return ledger.move(units, "open", "packed").with_parcel(parcel)


def _settled(ledger: Ledger, event: OrderReleased | OrderAmended) -> Ledger:
    """What was asked for before has come about."""
    if isinstance(event, OrderReleased):
        return replace(ledger, holds=tuple(hold for hold in ledger.holds if hold.hold_id != event.hold_id))
    amending = tuple(each for each in ledger.amending if each != event.request_id)
    return replace(ledger, recipient_version=event.recipient_version, amending=amending)


def _open(ledger: Ledger, event: ExceptionRaised | ExceptionResolved) -> Ledger:
    rest = tuple(each for each in ledger.exceptions if each.exception_id != event.exception_id)
    if isinstance(event, ExceptionResolved):
        return replace(ledger, exceptions=rest)
    raised = OpenException(event.exception_id, event.kind, event.choices, event.parcel_ids)
    after = replace(ledger, exceptions=(*rest, raised))
    if event.kind in PROBLEMS:
        for parcel_id in event.parcel_ids:
            after = after.with_parcel(replace(_named(after, parcel_id), problem=event.kind))
    return after


def _back(ledger: Ledger, event: ParcelUnpacked | ShipmentUndone, cause: UUID) -> Ledger:
    """A parcel was taken apart, or has not left after all."""
    start: Place = "packed" if isinstance(event, ParcelUnpacked) else "shipped"
    packed = isinstance(event, ShipmentUndone) and event.packed
    state = ParcelState.PACKED if packed else ParcelState.UNPACKED
    parcel = replace(_named(ledger, event.parcel_id), state=state, moved_by=cause)
    if packed and parcel.labeled and parcel.label_id is None:
        parcel = without_label(parcel)
    return ledger.move(counted(event.lines), start, "packed" if packed else "open").with_parcel(parcel)


def _shipped(ledger: Ledger, event: ItemsFulfilled, cause: UUID) -> Ledger:
    """A packed parcel has left, or open units in a new one, or in one that had been taken apart."""
    units, known = counted(event.lines), ledger.parcel(event.parcel_id)
    start: Place = "packed" if known is not None and known.state is ParcelState.PACKED else "open"
    number = len(ledger.parcels) + 1 if known is None else known.number
    parcel = replace(
        known or Parcel(event.parcel_id, number, ParcelState.SHIPPED, units, cause),
        state=ParcelState.SHIPPED,
        units=units,
        moved_by=cause,
        tracking_company=event.company or "",
        tracking_number=event.number or "",
        shipped_at=event.shipped_at,
        problem="",
        label=None if known is None or event.handed_over_by == "number" else known.label,
    )
    return ledger.move(units, start, "shipped").with_parcel(parcel)


def _returned(ledger: Ledger, event: ReturnReceived | ReturnClosed) -> Ledger:
    """Units have come back, in whatever condition, or nobody waits for the rest."""
    units: dict[str, int] = {}
    for each in event.lines if isinstance(event, ReturnReceived) else ():
        units[each.line_id] = units.get(each.line_id, 0) + each.quantity
    lines = {
        line_id: replace(line, returned=line.returned + units[line_id]) if line_id in units else line
        for line_id, line in ledger.lines.items()
    }
    returns = tuple(_after_return(each, event, units) for each in ledger.returns)
    return replace(ledger, lines=MappingProxyType(lines), returns=returns)


def _after_return(known: Return, event: ReturnReceived | ReturnClosed, units: Units) -> Return:
    if known.return_id != event.return_id:
        return known
    if isinstance(event, ReturnClosed):
        return replace(known, closed=True)
    received = {line_id: known.received.get(line_id, 0) + units.get(line_id, 0) for line_id in known.units}
    return replace(known, received=MappingProxyType(received))


def _late(ledger: Ledger, event: LateShipmentRecorded, cause: UUID) -> Ledger:
    """Canceled units are on their way; what else was in the parcel had left with it, if anything."""
    units, parcel = counted(event.lines), _named(ledger, event.parcel_id)
    lines = {
        line_id: replace(line, late=line.late + units[line_id]) if line_id in units else line
        for line_id, line in ledger.lines.items()
    }
    left = parcel.units if parcel.state is ParcelState.SHIPPED else NONE
    changed = replace(
        parcel,
        state=ParcelState.SHIPPED,
        units=left,
        late=units,
        moved_by=cause,
        shipped_at=parcel.shipped_at or event.scanned_at,
    )
    return replace(ledger, lines=MappingProxyType(lines)).with_parcel(changed)


def _decided(ledger: Ledger, event: RequestDecided, cause: UUID) -> Ledger:
    if not event.accepted:
        return ledger
    if event.kind == "hold":
        return replace(ledger, holds=(*ledger.holds, Hold(event.request_id, event.reason)))
    if event.kind == "amendment":
        return replace(ledger, amending=(*ledger.amending, event.request_id))
    if event.kind == "return":
        return replace(ledger, returns=(*ledger.returns, Return(event.request_id, counted(event.granted))))
    if event.kind != "cancellation":
        return ledger
    units = counted(event.granted)
    canceled_by = MappingProxyType({**ledger.canceled_by, cause: units})
    return replace(ledger.move(units, "open", "canceled"), canceled_by=canceled_by)


def _named(ledger: Ledger, parcel_id: UUID) -> Parcel:
    parcel = ledger.parcel(parcel_id)
    if parcel is None:
        raise LookupError(f"order {ledger.order_id} has no parcel {parcel_id}")
    return parcel
