"""The ledger: of each line, how many units are open, packed, shipped and canceled. They add up to what was ordered."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from waybill_events import Envelope, Event, ItemsFulfilled, LineUnits, OrderPlaced, ids


class Refused(Exception):
    """A command that the ledger does not allow; nothing changes."""


class Held(Refused):
    """The order may not be worked on."""

    def __init__(self, holds: tuple[str, ...]) -> None:
        super().__init__(f"The order is on hold ({', '.join(holds)}). Settle that first, then ship it.")
        self.holds = holds


class UnknownLine(Refused):
    """The order has no such line."""

    def __init__(self, line_id: str, known: tuple[str, ...]) -> None:
        super().__init__(f"The order has no line {line_id}. Its lines are {', '.join(known)}.")
        self.line_id = line_id


class NotUnits(Refused):
    """A quantity that is no number of units."""

    def __init__(self, line_id: str, quantity: int) -> None:
        super().__init__(f"{quantity} units of line {line_id} cannot be shipped. Ship at least one, or leave it out.")
        self.line_id = line_id


class NotOpen(Refused):
    """More units than are open."""

    def __init__(self, line_id: str, asked: int, line: "Line") -> None:
        units = "unit" if line.open == 1 else "units"
        super().__init__(
            f"Line {line_id} has {line.open} open {units}, not {asked}: of {line.ordered} ordered, {line.shipped} are "
            f"shipped, {line.packed} packed and {line.canceled} canceled. Ship {line.open} at most."
        )
        self.line_id = line_id


class NothingOpen(Refused):
    """Nothing is left to ship."""

    def __init__(self, line_ids: tuple[str, ...]) -> None:
        super().__init__(f"Nothing is left to ship: no unit is open of line {', '.join(line_ids)}.")
        self.line_ids = line_ids


@dataclass(frozen=True, slots=True)
class Line:
    """Units of one line."""

    ordered: int
    open: int
    packed: int
    shipped: int
    canceled: int

    def ship(self, units: int) -> "Line":
        """With this many open units shipped."""
        return replace(self, open=self.open - units, shipped=self.shipped + units)


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units that travel together. `number` counts the order's parcels from 1 and is never reused."""

    parcel_id: UUID
    number: int
    units: Mapping[str, int]
    tracking_company: str
    tracking_number: str
    shipped_at: datetime


@dataclass(frozen=True, slots=True)
class Ledger:
    """One order: its lines by id, in the order in which they were sold, and its parcels."""

    order_id: UUID
    brand_id: UUID
    reference: str
    holds: tuple[str, ...]
    lines: Mapping[str, Line]
    parcels: tuple[Parcel, ...] = ()


@dataclass(frozen=True, slots=True)
class Ship:
    """Ship with the brand's own carrier. `units` by line id; None stands for everything that is open."""

    units: Mapping[str, int] | None
    tracking_company: str
    tracking_number: str
    at: datetime
    notify_customer: bool = False


def on_event(ledger: Ledger | None, event: Event, _envelope: Envelope) -> tuple[Ledger | None, list[Event]]:
    """Open a ledger for an order that was placed."""
    assert isinstance(event, OrderPlaced)
    if ledger is not None:
        return ledger, []
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
    holds = tuple(hold.value for hold in event.holds)
    return Ledger(event.order_id, event.brand_id, event.reference, holds, MappingProxyType(lines)), []


def ship(ledger: Ledger, command: Ship) -> tuple[Ledger, list[Event]]:
    """Move open units into a shipped parcel; raises Refused."""
    if ledger.holds:
        raise Held(ledger.holds)
    units = command.units
    if units is None:
        units = {line_id: line.open for line_id, line in ledger.lines.items() if line.open}
    if not units:
        raise NothingOpen(tuple(ledger.lines))
    for line_id, asked in units.items():
        if line_id not in ledger.lines:
            raise UnknownLine(line_id, tuple(ledger.lines))
        if asked < 1:
            raise NotUnits(line_id, asked)
        if asked > ledger.lines[line_id].open:
            raise NotOpen(line_id, asked, ledger.lines[line_id])
    number = len(ledger.parcels) + 1
    parcel = Parcel(
        ids.parcel_id(ledger.order_id, number),
        number,
        MappingProxyType(dict(units)),
        command.tracking_company,
        command.tracking_number,
        command.at,
    )
    lines = {line_id: line.ship(units[line_id]) if line_id in units else line for line_id, line in ledger.lines.items()}
    told = ItemsFulfilled(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        parcel_id=parcel.parcel_id,
        lines=tuple(LineUnits(line_id=line_id, quantity=quantity) for line_id, quantity in units.items()),
        company=command.tracking_company or None,
        number=command.tracking_number or None,
        shipped_at=command.at,
        notify_customer=command.notify_customer,
    )
    return replace(ledger, lines=MappingProxyType(lines), parcels=(*ledger.parcels, parcel)), [told]
