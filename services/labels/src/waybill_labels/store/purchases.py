"""Which labels somebody has to see a carrier about, and who does."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import case, func, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among
from waybill_labels.domain import OPEN, State
from waybill_labels.tables import labels

_OPEN: Final = tuple(state.value for state in OPEN)


@dataclass(frozen=True, slots=True)
class Due:
    """A label to see its carrier about, in which state it was when it was claimed, and how often it was in that.

    `unanswered` is how often carriers were asked for rates and none answered.
    """

    label_id: UUID
    order_id: UUID
    state: State
    attempts: int
    unanswered: int = 0


async def claim(connection: AsyncConnection, most: int, lease: timedelta) -> list[Due]:
    """Some labels that nobody else works on meanwhile; they are due again after the lease, whatever becomes of them."""
    fresh = labels.c.claimed != labels.c.state
    due = (
        select(labels.c.label_id)
        .where(labels.c.state.in_(_OPEN), or_(fresh, labels.c.next_at <= func.now()))
        .order_by(labels.c.next_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = (
        update(labels)
        .where(labels.c.label_id == due.c.label_id)
        .values(
            claimed=labels.c.state,
            attempts=case((fresh, 1), else_=labels.c.attempts + 1),
            next_at=func.now() + lease,
        )
        .returning(labels.c.label_id, labels.c.order_id, labels.c.state, labels.c.attempts, labels.c.unanswered)
    )
    rows = await connection.execute(claimed)
    return [Due(row.label_id, row.order_id, State(row.state), row.attempts, row.unanswered) for row in rows]


async def later(connection: AsyncConnection, waits: Mapping[UUID, timedelta]) -> None:
    """See about each of these after a while."""
    if waits:
        await connection.execute(
            text("""
                UPDATE labels SET next_at = now() + n.wait
                FROM unnest(CAST(:labels AS uuid[]), CAST(:waits AS interval[])) AS n(label_id, wait)
                WHERE labels.label_id = n.label_id
            """),
            {"labels": list(waits), "waits": list(waits.values())},
        )


async def unanswered(connection: AsyncConnection, label_ids: Collection[UUID]) -> None:
    """Count that no carrier answered what these would cost."""
    if label_ids:
        mine = update(labels).where(among(labels.c.label_id, label_ids))
        await connection.execute(mine.values(unanswered=labels.c.unanswered + 1))


async def still_mine(connection: AsyncConnection, due: Collection[Due], lease: timedelta) -> set[UUID]:
    """Those that nobody else has claimed since, nor brought into another state; they are one's own for a new lease."""
    if not due:
        return set()
    rows = await connection.execute(
        text("""
            UPDATE labels SET next_at = now() + CAST(:lease AS interval)
            FROM unnest(CAST(:labels AS uuid[]), CAST(:states AS text[]), CAST(:attempts AS int[]))
                AS n(label_id, state, attempts)
            WHERE labels.label_id = n.label_id AND labels.state = n.state AND labels.claimed = n.state
              AND labels.attempts = n.attempts
            RETURNING labels.label_id
        """),
        {
            "lease": lease,
            "labels": [each.label_id for each in due],
            "states": [each.state.value for each in due],
            "attempts": [each.attempts for each in due],
        },
    )
    return set(rows.scalars())


async def take_up(connection: AsyncConnection, label_ids: Collection[UUID], lease: timedelta) -> None:
    """Who has brought labels into their next state goes on with them; nobody else does before the lease ends."""
    if label_ids:
        mine = update(labels).where(among(labels.c.label_id, label_ids))
        await connection.execute(mine.values(claimed=labels.c.state, attempts=1, next_at=func.now() + lease))
