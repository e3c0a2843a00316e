"""Returns: what may come back, and what has; never more than has left."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final
from uuid import UUID

from waybill_events import (
    Event,
    LineUnits,
    Refusal,
    RefusedUnits,
    RequestDecided,
    ReturnedUnits,
    ReturnReceived,
    ReturnRequested,
)
from waybill_fulfillment.domain.ledger import Ledger
from waybill_fulfillment.domain.parcels import Parcel, ParcelState, Units
from waybill_fulfillment.domain.refusals import (
    MoreThanExpected,
    NothingReceived,
    ReturnIsClosed,
    UnknownLine,
    UnknownReturn,
)

MARGIN: Final = timedelta(days=14)
"""How long a parcel may have been on its way whose delivery nobody told."""


def decide_return(ledger: Ledger, request: ReturnRequested) -> list[Event]:
    """Grant the units that have left, that no other return has, and whose window is open."""
    granted: list[LineUnits] = []
    refused: list[RefusedUnits] = []
    for asked in request.lines:
        line = ledger.lines.get(asked.line_id)
        if line is None:
            refused.append(RefusedUnits(line_id=asked.line_id, quantity=asked.quantity, why=Refusal.UNKNOWN_LINE))
            continue
        left = line.shipped + line.late
        free = left - line.returned - sum(each.missing(asked.line_id) for each in ledger.returns)
        # What has come back came back in time, so it is of what is too late by now.
        units = max(0, min(asked.quantity, free, left - _too_late(ledger, asked.line_id, request)))
        if units:
            granted.append(LineUnits(line_id=asked.line_id, quantity=units))
        refused += _refusals(asked.line_id, asked.quantity - units, free - units, left - free)
    return [
        RequestDecided(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            request_id=request.request_id,
            kind="return",
            reason=request.reason,
            accepted=bool(granted),
            granted=tuple(granted),
            refused=tuple(refused),
        )
    ]


def receive(ledger: Ledger, return_id: UUID, units: Sequence[ReturnedUnits], at: datetime) -> list[ReturnReceived]:
    """Take in units that came back; raises UnknownReturn, ReturnIsClosed, UnknownLine, MoreThanExpected."""
    known = next((each for each in ledger.returns if each.return_id == return_id), None)
    if known is None:
        raise UnknownReturn(return_id)
    if known.closed:
        raise ReturnIsClosed(return_id)
    if not units:
        raise NothingReceived
    for line_id, count in _counted(units).items():
        if line_id not in known.units:
            raise UnknownLine(line_id, tuple(known.units))
        if count > known.missing(line_id):
            raise MoreThanExpected(line_id, count, known.missing(line_id))
    return [
        ReturnReceived(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            return_id=return_id,
            lines=tuple(units),
            received_at=at,
        )
    ]


def promised(ledger: Ledger, line_id: str) -> int:
    """Units of a line that have come back, or may: so many must have left."""
    return ledger.lines[line_id].returned + sum(each.missing(line_id) for each in ledger.returns)


def _too_late(ledger: Ledger, line_id: str, request: ReturnRequested) -> int:
    """Units of a line that have been with the customer for too long; those that left before the order came are not."""
    window = timedelta(days=request.days)
    return sum(
        parcel.units.get(line_id, 0) + parcel.late.get(line_id, 0)
        for parcel in ledger.parcels
        if (arrived := _arrived(parcel)) is not None and arrived + window < request.requested_at
    )


def _arrived(parcel: Parcel) -> datetime | None:
    """When a parcel was with the customer, at the latest."""
    if parcel.state is not ParcelState.SHIPPED:
        return None
    if parcel.delivered_at is not None:
        return parcel.delivered_at
    return None if parcel.shipped_at is None else parcel.shipped_at + MARGIN


def _refusals(line_id: str, units: int, late: int, returned: int) -> Iterator[RefusedUnits]:
    """Why this many units were not granted: too late, in a return already, or not here at all."""
    for count, why in ((late, Refusal.WINDOW_CLOSED), (returned, Refusal.RETURNED), (units, Refusal.NOT_SHIPPED)):
        some = min(units, count)
        if some > 0:
            yield RefusedUnits(line_id=line_id, quantity=some, why=why)
            units -= some


def _counted(units: Sequence[ReturnedUnits]) -> Units:
    found: dict[str, int] = {}
    for each in units:
        found[each.line_id] = found.get(each.line_id, 0) + each.quantity
    return MappingProxyType(found)
