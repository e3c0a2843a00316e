"""What `waybill verify` looks at here: every ledger adds up, and is what its events say."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import Broken, Checks, Invariant, Judgment, Standing, Version, Within, differences
from waybill_chassis.records import Arrival
from waybill_events import OrderPlaced
from waybill_fulfillment.domain import OWN, Ledger, opened
from waybill_fulfillment.store import UNITS
from waybill_fulfillment.tables import brands, ledgers, lines, parcels

_SOURCE: Final = "waybill/fulfillment"
_EVENTS: Final = {event.__name__ for event in (OrderPlaced, *OWN)}


async def ledgers_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Any]:
    """Ledgers with their lines and parcels."""
    found: dict[UUID, Any] = {
        row.order_id: {"lines": {}, "parcels": {}}
        for row in await connection.execute(select(ledgers.c.order_id).where(within(ledgers.c.order_id)))
    }
    for row in (await connection.execute(select(lines).where(within(lines.c.order_id)))).mappings():
        found[row["order_id"]]["lines"][row["line_id"]] = {name: row[name] for name in UNITS}
    travel = select(parcels.c.order_id, parcels.c.parcel_id, parcels.c.state, parcels.c.units, parcels.c.late).where(
        within(parcels.c.order_id)
    )
    for parcel in await connection.execute(travel):
        contents = {"state": parcel.state, "units": parcel.units, "late": parcel.late}
        found[parcel.order_id]["parcels"][str(parcel.parcel_id)] = contents
    return found


async def brands_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Version]:
    """Versions of brands, of which only the carriers that nobody else knows are kept here."""
    rows = await connection.execute(select(brands.c.brand_id, brands.c.version).where(within(brands.c.brand_id)))
    return {row.brand_id: Version(row.version, None) for row in rows}


def ledger(standing: Standing, history: Sequence[Arrival]) -> Judgment:
    """Units add up line by line and parcel by parcel, and are what the order's opening and our own events make."""
    row, counts = standing.row, {"ledgers": 1, "lines": len(standing.row["lines"])}
    own = _own(standing, history)
    decoded = (standing.decoded(arrival, _EVENTS) for arrival in history)
    opening = next((arrival for arrival in decoded if isinstance(arrival.event, OrderPlaced)), None)
    evidence = tuple(arrival.record for arrival in ([opening] if opening else []) + list(own.values()))
    for line_id, line in row["lines"].items():
        if line["ordered"] != line["open"] + line["packed"] + line["shipped"] + line["canceled"]:
            units = ", ".join(f"{line[name]} {name}" for name in UNITS)
            return Judgment(counts, Broken(f"line {line_id} does not add up: {units}", evidence))
    if opening is None:
        return Judgment(counts)
    assert isinstance(opening.event, OrderPlaced)
    born = opened(opening.event)
    for line_id, line in row["lines"].items():
        before = born.lines[line_id].shipped if line_id in born.lines else 0
        for state, counted in (("packed", line["packed"]), ("shipped", line["shipped"] - before)):
            held = sum(each["units"].get(line_id, 0) for each in row["parcels"].values() if each["state"] == state)
            if held != counted:
                says = f"line {line_id} has {line[state]} {state}, {line[state] - counted} of them before; "
                return Judgment(counts, Broken(f"{says}its parcels hold {held}", evidence))
    if len(own) < standing.next_sequence - 1:
        # Decided, and on the way to the log: whether it arrives is a matter of sequences.
        return Judgment({**counts, "ledgers whose events are on their way": 1})
    if found := tuple(differences(row, _replayed(born, own))):
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


def _replayed(born: Ledger, own: Mapping[int, Arrival]) -> dict[str, Any]:
    """Lines and parcels by the log."""
    after = born
    for arrival in own.values():
        if isinstance(arrival.event, OWN) and arrival.envelope is not None:
            after = after.after([arrival.event], arrival.envelope.causation_id)
    return {
        "lines": {line_id: asdict(line) for line_id, line in after.lines.items()},
        "parcels": {
            str(each.parcel_id): {"state": each.state.value, "units": dict(each.units), "late": dict(each.late)}
            for each in after.parcels
        },
    }


CHECKS: Final = Checks(
    opened_by=OrderPlaced,
    read=ledgers_within,
    reads=(
        ledgers.c.order_id,
        lines,
        brands.c.brand_id,
        brands.c.version,
        parcels.c.order_id,
        parcels.c.parcel_id,
        parcels.c.state,
        parcels.c.units,
        parcels.c.late,
    ),
    versions={"waybill.brands": brands_within},
    invariants=(
        Invariant(
            "ledger", "every unit that was ordered is open, packed, shipped or canceled, as the log has it", ledger
        ),
    ),
)
