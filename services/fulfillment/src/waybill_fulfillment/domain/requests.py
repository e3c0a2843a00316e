"""Requests that come from orders, decided unit by unit: who had a unit first keeps it, and the answer says who."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from uuid import UUID

from waybill_events import (
    AmendmentRequested,
    CancellationRequested,
    Event,
    HoldRequested,
    Refusal,
    RefusedUnits,
    RequestDecided,
)
from waybill_fulfillment.domain.commands import unpack
from waybill_fulfillment.domain.ledger import Ledger, Line, counted, told
from waybill_fulfillment.domain.parcels import Parcel, ParcelState, Units


@dataclass(slots=True)
class _Shares:
    """What is granted and what is not, while it is worked out."""

    granted: dict[str, int] = field(default_factory=dict[str, int])
    refused: list[RefusedUnits] = field(default_factory=list[RefusedUnits])


def decide_cancellation(ledger: Ledger, request: CancellationRequested) -> list[Event]:
    """Cancel what is open, and what is packed by taking its parcels apart; what has left, or is canceled, stays so."""
    wanted = _wanted(ledger, request)
    shares = _Shares()
    for line_id, units in wanted.items():
        line = ledger.lines.get(line_id)
        if line is None:
            shares.refused.append(RefusedUnits(line_id=line_id, quantity=units, why=Refusal.UNKNOWN_LINE))
            continue
        granted = min(units, line.open + line.packed)
        if granted:
            shares.granted[line_id] = granted
        shares.refused += _not_granted(ledger, line_id, line, units - granted)
    unpacked = [
        event
        for parcel in _to_unpack(ledger, shares.granted)
        for event in unpack(ledger, parcel.parcel_id, request.requested_at, request.request_id)
    ]
    decided = RequestDecided(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        request_id=request.request_id,
        kind="cancellation",
        reason=request.reason,
        accepted=bool(shares.granted),
        granted=told(shares.granted),
        refused=tuple(shares.refused),
        why=None if wanted else Refusal.NOTHING_LEFT,
    )
    return [*unpacked, decided]


def decide_hold(ledger: Ledger, request: HoldRequested) -> list[Event]:
    """Hold an order of which something has not left yet: nobody packs or ships it from then on."""
    left = any(line.open or line.packed for line in ledger.lines.values())
    return [
        RequestDecided(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            request_id=request.request_id,
            kind="hold",
            reason=request.reason,
            accepted=left,
            why=None if left else Refusal.NOTHING_LEFT,
        )
    ]


def decide_amendment(ledger: Ledger, request: AmendmentRequested) -> list[Event]:
    """Let address and note of an order be changed until something is packed: its label has the old ones."""
    why: Refusal | None = None
    if any(line.packed for line in ledger.lines.values()):
        why = Refusal.PACKED
    elif not any(line.open for line in ledger.lines.values()):
        why = Refusal.NOTHING_LEFT
    return [
        RequestDecided(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            request_id=request.request_id,
            kind="amendment",
            reason="amendment",
            accepted=why is None,
            why=why,
        )
    ]


def _wanted(ledger: Ledger, request: CancellationRequested) -> Units:
    """Units to be canceled from now on."""
    if request.lines is None:
        wanted = {line_id: line.ordered - line.canceled for line_id, line in ledger.lines.items()}
    elif request.by_platform:
        canceled = {line_id: line.canceled for line_id, line in ledger.lines.items()}
        wanted = {line_id: units - canceled.get(line_id, 0) for line_id, units in counted(request.lines).items()}
    else:
        return counted(request.lines)
    return {line_id: units for line_id, units in wanted.items() if units > 0}


def _to_unpack(ledger: Ledger, granted: dict[str, int]) -> list[Parcel]:
    """The parcels that must be taken apart for this; each time the one that costs the fewest other units."""
    short = {
        line_id: units - ledger.lines[line_id].open
        for line_id, units in granted.items()
        if units > ledger.lines[line_id].open
    }
    packed = [parcel for parcel in ledger.parcels if parcel.state is ParcelState.PACKED]
    chosen: list[Parcel] = []
    while any(units > 0 for units in short.values()):
        able = [parcel for parcel in packed if any(short.get(line_id, 0) > 0 for line_id in parcel.units)]
        best = min(able, key=lambda parcel: (_spared(parcel, short), -parcel.number))
        packed.remove(best)
        chosen.append(best)
        for line_id, units in best.units.items():
            if line_id in short:
                short[line_id] -= units
    return sorted(chosen, key=lambda parcel: parcel.number)


def _spared(parcel: Parcel, short: dict[str, int]) -> int:
    """Units of a parcel that nobody wants canceled."""
    return sum(max(0, units - max(0, short.get(line_id, 0))) for line_id, units in parcel.units.items())


def _not_granted(ledger: Ledger, line_id: str, line: Line, units: int) -> Iterator[RefusedUnits]:
    """Why this many units of a line are not to be had: shipped, canceled before, or never ordered."""
    shipped, canceled = min(units, line.shipped), min(max(0, units - line.shipped), line.canceled)
    if shipped:
        parcels = [p for p in ledger.parcels if p.state is ParcelState.SHIPPED and line_id in p.units]
        yield RefusedUnits(
            line_id=line_id,
            quantity=shipped,
            why=Refusal.SHIPPED,
            won_by=_each_once(parcel.moved_by for parcel in parcels),
            parcel_ids=tuple(parcel.parcel_id for parcel in parcels),
        )
    if canceled:
        won_by = _each_once(cause for cause, by in ledger.canceled_by.items() if line_id in by)
        yield RefusedUnits(line_id=line_id, quantity=canceled, why=Refusal.CANCELED, won_by=won_by)
    if units > shipped + canceled:
        yield RefusedUnits(line_id=line_id, quantity=units - shipped - canceled, why=Refusal.NOT_ORDERED)


def _each_once(causes: Iterator[UUID]) -> tuple[UUID, ...]:
    return tuple(dict.fromkeys(causes))
