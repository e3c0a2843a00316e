"""What `waybill verify` looks at here: every row of the projection is the fold of the log at the row's own vector."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import generations
from waybill_chassis.checks import (
    Broken,
    Checks,
    Invariant,
    Judgment,
    Standing,
    Version,
    Within,
    differences,
    digest_of,
)
from waybill_chassis.fold import Inbox, Stream, fold
from waybill_chassis.records import Arrival, Record
from waybill_events import OrderPlaced
from waybill_portal.domain import Order, facets, on_event
from waybill_portal.handlers import HANDLES
from waybill_portal.store.orders import FACETS
from waybill_portal.tables import orders, recipients

_HANDLED: Final = frozenset(event.__name__ for event in HANDLES)


async def enter_live(connection: AsyncConnection) -> None:
    """Look into the generation that is live at the time."""
    await connection.execute(text("SELECT set_config('search_path', live || ', public', true) FROM projection"))


async def orders_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Any]:
    """Rows as they are: the state, and what it is found by."""
    rows = await connection.execute(select(orders).where(within(orders.c.order_id)))
    return {
        row["order_id"]: {
            "brand_id": str(row["brand_id"]),
            "reference": row["reference"],
            "number": row["number"],
            "placed_at": row["placed_at"].isoformat(),
            **{name: row[name] for name in FACETS},
            "ship_by": row["ship_by"] and row["ship_by"].isoformat(),
            "state": row["state"],
        }
        for row in rows.mappings()
    }


async def recipients_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Version]:
    """Who receives, by version and digest."""
    rows = await connection.execute(select(recipients).where(within(recipients.c.order_id)))
    return {row.order_id: Version(row.version, digest_of(row.recipient)) for row in rows}


def projection(standing: Standing, history: Sequence[Arrival]) -> Judgment:
    """The row is what its vector says went into it, and its vector has all that was taken in."""
    counts = {"rows": 1}
    try:
        row = Order.model_validate(standing.row["state"])
    except ValidationError as error:
        return Judgment(counts, Broken(f"the row cannot be read: {error.error_count()} errors", _records(history)))
    numbered = _numbered(standing, history)
    applied = [arrival for (source, number), arrival in numbered.items() if number <= row.applied.get(source, 0)]
    outcome = fold({}, [Inbox(Stream(standing.subject), (), tuple(applied))], on_event)
    folded = outcome.states.get(standing.subject)
    if folded is None:
        return Judgment(counts, Broken("a row that no event of its vector opens", _records(history)))
    here = {**standing.row, "state": row.model_dump(mode="json")}
    if found := tuple(differences(here, row_of(folded))):
        return Judgment(counts, Broken("the row is not the fold of its events", _records(applied), found))
    behind = [
        arrival
        for (source, number), arrival in numbered.items()
        if row.applied.get(source, 0) < number <= standing.taken.get(source, 0)
        and arrival.event is not None
        and standing.has_read(arrival.record)
        and not standing.keeps(arrival)
    ]
    if behind:
        return Judgment(counts, Broken("the row lacks an event that was taken in", _records(behind)))
    return Judgment({**counts, "events": len(applied)})


def row_of(order: Order) -> dict[str, Any]:
    """The row that belongs to a state."""
    return {
        "brand_id": str(order.brand_id),
        "reference": order.reference,
        "number": order.number,
        "placed_at": order.placed_at.isoformat(),
        **asdict(facets(order)),
        "ship_by": order.ship_by and order.ship_by.isoformat(),
        "state": order.model_dump(mode="json"),
    }


def _numbered(standing: Standing, history: Sequence[Arrival]) -> dict[tuple[str, int], Arrival]:
    """The events by source and number, the first one where a number was sent again."""
    found: dict[tuple[str, int], Arrival] = {}
    for arrival in history:
        envelope = arrival.envelope
        if envelope is None or envelope.sequence is None or (envelope.source, envelope.sequence) in found:
            continue
        found[envelope.source, envelope.sequence] = standing.decoded(arrival, _HANDLED)
    return found


def _records(history: Sequence[Arrival]) -> tuple[Record, ...]:
    return tuple(arrival.record for arrival in history)


CHECKS: Final = Checks(
    opened_by=OrderPlaced,
    read=orders_within,
    reads=(orders, recipients, generations.projection),
    invariants=(
        Invariant("projection", "every row of the portal is the fold of the log, at the row's own vector", projection),
    ),
    versions={"waybill.recipients": recipients_within},
    enter=enter_live,
)
