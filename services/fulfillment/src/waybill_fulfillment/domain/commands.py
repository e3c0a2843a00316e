"""What people do with units and parcels: each decision gives the events that say so, or raises Refused."""

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from waybill_carriers import compact
from waybill_events import (
    Box,
    CorrectionRequested,
    Event,
    ExceptionResolved,
    ItemsFulfilled,
    ParcelPacked,
    ParcelUnpacked,
    ResendRequested,
    ShipmentUndone,
    ids,
)
from waybill_fulfillment.domain.ledger import PLATFORM, Ledger, OpenException, told
from waybill_fulfillment.domain.parcels import Parcel, ParcelState, Units
from waybill_fulfillment.domain.problems import SEND_AGAIN
from waybill_fulfillment.domain.refusals import (
    AlreadyTold,
    BeingAmended,
    ComesBack,
    Held,
    NoChoice,
    NothingOpen,
    NothingToSend,
    NotLabeled,
    NotOpen,
    NotPacked,
    NotShipped,
    NotUnits,
    OtherNumber,
    Scanned,
    UnknownException,
    UnknownLine,
    UnknownParcel,
)
from waybill_fulfillment.domain.returns import promised


@dataclass(frozen=True, slots=True)
class Tracking:
    """The brand's own carrier and number, as they were typed."""

    company: str
    number: str
    notify_customer: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """The label that is wanted for a parcel: carrier:service, what the scale says, its box; each may be left out."""

    service: str = ""
    weight_g: int | None = None
    box: Box | None = None


def pack(ledger: Ledger, units: Units | None, at: datetime, label: Label | None = None) -> list[ParcelPacked]:
    """Put open units together into a parcel; `units` None stands for all that is open.

    With a `label` one is bought for it, to the address that the order has now; while that changes it is refused.
    """
    _check_free(ledger)
    if label is not None and ledger.amending:
        raise BeingAmended
    wanted = label or Label()
    return [
        ParcelPacked(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            parcel_id=ids.parcel_id(ledger.order_id, len(ledger.parcels) + 1),
            lines=told(_chosen(ledger, units)),
            shipping="own" if label is None else PLATFORM,
            recipient_version=ledger.recipient_version,
            service=wanted.service,
            weight_g=wanted.weight_g,
            box=wanted.box,
            packed_at=at,
        )
    ]


def unpack(ledger: Ledger, parcel_id: UUID, at: datetime, request_id: UUID | None = None) -> list[ParcelUnpacked]:
    """Take a packed parcel apart, whole: its units are open again."""
    parcel = _packed(ledger, parcel_id)
    return [
        ParcelUnpacked(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            parcel_id=parcel_id,
            lines=told(parcel.units),
            request_id=request_id,
            unpacked_at=at,
        )
    ]


def ship(ledger: Ledger, units: Units | None, tracking: Tracking, at: datetime) -> list[ItemsFulfilled]:
    """Ship open units with the brand's own carrier; `units` None stands for all that is open."""
    _check_free(ledger)
    parcel_id = ids.parcel_id(ledger.order_id, len(ledger.parcels) + 1)
    return [_left(ledger, parcel_id, _chosen(ledger, units), tracking, at)]


def ship_parcel(ledger: Ledger, parcel_id: UUID, tracking: Tracking | None, at: datetime) -> list[ItemsFulfilled]:
    """Ship a packed parcel with the brand's own carrier, or hand it over with its label, or without a number.

    One that waits for its label is not handed over; another number makes the label useless.
    """
    parcel = _packed(ledger, parcel_id)
    _check_free(ledger)
    if tracking is not None and not (parcel.labeled and compact(tracking.number) == compact(parcel.tracking_number)):
        return [_left(ledger, parcel_id, parcel.units, tracking, at)]
    return [hand_over(ledger, parcel, "person", at)]


def hand_over(ledger: Ledger, parcel: Parcel, by: str, at: datetime) -> ItemsFulfilled:
    """A parcel leaves with the number that it has, if any; raises NotLabeled."""
    if parcel.label is not None and not parcel.labeled:
        raise NotLabeled(parcel.parcel_id, parcel.number, parcel.label)
    return ItemsFulfilled(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        parcel_id=parcel.parcel_id,
        lines=told(parcel.units),
        company=parcel.tracking_company or None,
        number=parcel.tracking_number or None,
        shipped_at=at,
        handed_over_by=by,
    )


def undo(ledger: Ledger, parcel_id: UUID, at: datetime) -> list[ShipmentUndone | ParcelPacked]:
    """Say that a parcel had not left after all: what was packed is packed again, the rest is open.

    One that a number had shipped ends, so that a parcel never has two numbers that were typed: what was packed in it is
    in a new one. Where a hold was granted meanwhile, that stays open.
    """
    parcel = _found(ledger, parcel_id)
    if parcel.state is not ParcelState.SHIPPED:
        raise NotShipped(parcel_id, parcel.number, parcel.state)
    if parcel.scanned_at is not None:
        raise Scanned(parcel_id, parcel.number)
    if parcel.problem:
        raise AlreadyTold(parcel_id, parcel.number, parcel.problem)
    for line_id, units in parcel.units.items():
        if promised(ledger, line_id) > ledger.lines[line_id].shipped + ledger.lines[line_id].late - units:
            raise ComesBack(parcel_id, parcel.number)
    was_packed, ends = parcel.packed_at is not None, not parcel.labeled and bool(parcel.tracking_number)
    undone = ShipmentUndone(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        parcel_id=parcel_id,
        lines=told(parcel.units),
        packed=was_packed and not ends,
        undone_at=at,
    )
    if not (was_packed and ends) or ledger.holds:
        return [undone]
    # Only to see what is open then: whoever writes it names the cause.
    return [undone, *pack(ledger.after([undone], ledger.order_id), parcel.units, at)]


def back_to(ledger: Ledger, parcel_id: UUID, wrong: str, former: Tracking, at: datetime) -> list[CorrectionRequested]:
    """Give a parcel its former number again, unless the `wrong` one was corrected or scanned since."""
    parcel = _found(ledger, parcel_id)
    if parcel.scanned_at is not None:
        raise Scanned(parcel_id, parcel.number)
    if parcel.state is not ParcelState.SHIPPED or parcel.tracking_number != wrong or not former.number:
        raise OtherNumber(parcel_id, parcel.number, parcel.tracking_number)
    return [
        CorrectionRequested(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            parcel_id=parcel_id,
            company=former.company or None,
            number=former.number,
            requested_at=at,
        )
    ]


def resolve(ledger: Ledger, exception_id: UUID, choice: str, comment: str, at: datetime) -> list[Event]:
    """Close an open exception with one of its choices; what is to be sent again is asked for."""
    for each in ledger.exceptions:
        if each.exception_id == exception_id:
            if choice not in each.choices:
                raise NoChoice(choice, each.choices)
            resolved = ExceptionResolved(
                order_id=ledger.order_id,
                brand_id=ledger.brand_id,
                exception_id=exception_id,
                kind=each.kind,
                choice=choice,
                comment=comment,
                resolved_at=at,
            )
            return [resolved, *(_sent_again(ledger, each, at) if choice == SEND_AGAIN else ())]
    raise UnknownException(exception_id)


def _sent_again(ledger: Ledger, exception: OpenException, at: datetime) -> list[ResendRequested]:
    (parcel,) = (_found(ledger, parcel_id) for parcel_id in exception.parcel_ids)
    if not parcel.units:
        raise NothingToSend
    return [
        ResendRequested(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            parcel_id=parcel.parcel_id,
            exception_id=exception.exception_id,
            lines=told(parcel.units),
            requested_at=at,
        )
    ]


def _left(ledger: Ledger, parcel_id: UUID, units: Units, tracking: Tracking, at: datetime) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        parcel_id=parcel_id,
        lines=told(units),
        company=tracking.company or None,
        number=tracking.number or None,
        shipped_at=at,
        notify_customer=tracking.notify_customer,
    )


def _check_free(ledger: Ledger) -> None:
    if ledger.holds:
        raise Held(tuple(hold.reason for hold in ledger.holds))


def _chosen(ledger: Ledger, units: Units | None) -> Units:
    """The units that are meant, all of them open."""
    if units is None:
        units = {line_id: line.open for line_id, line in ledger.lines.items() if line.open}
    if not units:
        raise NothingOpen(tuple(ledger.lines))
    for line_id, asked in units.items():
        if line_id not in ledger.lines:
            raise UnknownLine(line_id, tuple(ledger.lines))
        line = ledger.lines[line_id]
        if asked < 1:
            raise NotUnits(line_id, asked)
        if asked > line.open:
            raise NotOpen(line_id, asked, open_=line.open, ordered=line.ordered, elsewhere=line.elsewhere())
    return MappingProxyType(dict(units))


def _found(ledger: Ledger, parcel_id: UUID) -> Parcel:
    parcel = ledger.parcel(parcel_id)
    if parcel is None:
        raise UnknownParcel(parcel_id)
    return parcel


def _packed(ledger: Ledger, parcel_id: UUID) -> Parcel:
    parcel = _found(ledger, parcel_id)
    if parcel.state is not ParcelState.PACKED:
        raise NotPacked(parcel_id, parcel.number, parcel.state)
    return parcel
