"""What `waybill verify` looks at here: every ledger adds up, and is what its events say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import Broken, Checks, Invariant, Judgment, Standing, Within, differences
from waybill_chassis.records import Arrival
from waybill_events import ItemsFulfilled, OrderPlaced
from waybill_fulfillment.domain import Line, on_event
from waybill_fulfillment.tables import ledgers, lines, parcels

_SOURCE: Final = "waybill/fulfillment"
_EVENTS: Final = {OrderPlaced.__name__, ItemsFulfilled.__name__}
_UNITS: Final = ("ordered", "open", "packed", "shipped", "canceled")


async def ledgers_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Any]:
    """Ledgers with their lines and parcels."""
    found: dict[UUID, Any] = {
        row.order_id: {"lines": {}, "parcels": {}}
        for row in await connection.execute(select(ledgers.c.order_id).where(within(ledgers.c.order_id)))
    }
    for row in (await connection.execute(select(lines).where(within(lines.c.order_id)))).mappings():
        found[row["order_id"]]["lines"][row["line_id"]] = {name: row[name] for name in _UNITS}
    sent = select(parcels.c.order_id, parcels.c.parcel_id, parcels.c.units).where(within(parcels.c.order_id))
    for parcel in await connection.execute(sent):
        found[parcel.order_id]["parcels"][str(parcel.parcel_id)] = parcel.units
    return found


def ledger(standing: Standing, history: Sequence[Arrival]) -> Judgment:
    """Units add up line by line, and are what the order's opening and our own events make of them."""
    row, counts = standing.row, {"ledgers": 1, "lines": len(standing.row["lines"])}
    own = _own(standing, history)
    decoded = (standing.decoded(arrival, _EVENTS) for arrival in history)
    opening = next((arrival for arrival in decoded if isinstance(arrival.event, OrderPlaced)), None)
    evidence = tuple(arrival.record for arrival in ([opening] if opening else []) + list(own.values()))
    for line_id, line in row["lines"].items():
        if line["ordered"] != line["open"] + line["packed"] + line["shipped"] + line["canceled"]:
            units = ", ".join(f"{line[name]} {name}" for name in _UNITS)
            return Judgment(counts, Broken(f"line {line_id} does not add up: {units}", evidence))
    if opening is None:
        return Judgment(counts)
    opened = _opened(opening)
    for line_id, line in row["lines"].items():
        before = opened[line_id].shipped if line_id in opened else 0
        sent = sum(units.get(line_id, 0) for units in row["parcels"].values())
        if sent != line["shipped"] - before:
            says = f"line {line_id} has {line['shipped']} shipped, {before} of them before; its parcels hold {sent}"
            return Judgment(counts, Broken(says, evidence))
    if len(own) < standing.next_sequence - 1:
        # Decided, and on the way to the log: whether it arrives is a matter of sequences.
        return Judgment({**counts, "ledgers whose events are on their way": 1})
    if found := tuple(differences(row, _replayed(opened, own))):
        return Judgment(counts, Broken("the ledger is not what its events say", evidence, found))
    return Judgment({**counts, "own events": len(own)})


def _own(standing: Standing, history: Sequence[Arrival]) -> dict[int, Arrival]:
    """Our own events by their number, as far as they were decided in the snapshot."""
    found: dict[int, Arrival] = {}
    for arrival in history:
        envelope = arrival.envelope
        if envelope is not None and envelope.source == _SOURCE and envelope.sequence is not None:
            found.setdefault(envelope.sequence, standing.decoded(arrival, _EVENTS))
    return {number: found[number] for number in sorted(found) if number < standing.next_sequence}


def _opened(opening: Arrival) -> dict[str, Line]:
    assert opening.event is not None
    assert opening.envelope is not None
    state, _ = on_event(None, opening.event, opening.envelope)
    return {} if state is None else dict(state.lines)


def _replayed(opened: Mapping[str, Line], own: Mapping[int, Arrival]) -> dict[str, Any]:
    """Lines and parcels by the log."""
    after, sent = dict(opened), dict[str, dict[str, int]]()
    for arrival in own.values():
        if isinstance(arrival.event, ItemsFulfilled):
            units = {each.line_id: each.quantity for each in arrival.event.lines}
            sent[str(arrival.event.parcel_id)] = units
            after |= {line_id: after[line_id].ship(quantity) for line_id, quantity in units.items() if line_id in after}
    return {"lines": {line_id: asdict(line) for line_id, line in after.items()}, "parcels": sent}


CHECKS: Final = Checks(
    opened_by=OrderPlaced,
    read=ledgers_within,
    reads=(ledgers.c.order_id, lines, parcels.c.order_id, parcels.c.parcel_id, parcels.c.units),
    invariants=(
        Invariant(
            "ledger", "every unit that was ordered is open, packed, shipped or canceled, as the log has it", ledger
        ),
    ),
)
