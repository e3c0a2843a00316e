"""Manifests: lists of what a carrier takes with it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Row, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_labels.tables import labels, manifests


@dataclass(frozen=True, slots=True)
class Manifest:
    """A list under way, or done: `number` and `words` are the carrier's."""

    manifest_id: UUID
    brand_id: UUID
    carrier: str
    opened_at: datetime
    state: str = "asked"
    number: str = ""
    words: str = ""
    attempts: int = 0


async def open_(connection: AsyncConnection, manifest: Manifest) -> bool:
    """Begin one; whether it is new."""
    made = insert(manifests).values(**asdict(manifest)).on_conflict_do_nothing().returning(manifests.c.manifest_id)
    return (await connection.execute(made)).first() is not None


async def find(connection: AsyncConnection, manifest_id: UUID) -> Manifest | None:
    """One of those that may be seen."""
    row = (await connection.execute(select(manifests).where(manifests.c.manifest_id == manifest_id))).one_or_none()
    return None if row is None else _manifest(row)


async def to_hand_over(connection: AsyncConnection, brand_id: UUID, carrier: str) -> dict[UUID, list[UUID]]:
    """Labels of a carrier that wait to be handed over and are on no list, by their order."""
    rows = await connection.execute(
        text("""
            SELECT labels.order_id, labels.label_id FROM labels JOIN parcels USING (parcel_id)
            WHERE labels.brand_id = :brand AND labels.state = 'bought' AND labels.manifest_id IS NULL
              AND labels.offer ->> 'carrier' = :carrier AND parcels.place = 'packed'
            ORDER BY labels.order_id
        """),
        {"brand": brand_id, "carrier": carrier},
    )
    found: dict[UUID, list[UUID]] = {}
    for row in rows:
        found.setdefault(row.order_id, []).append(row.label_id)
    return found


@dataclass(frozen=True, slots=True)
class Waiting:
    """How many parcels of a brand wait for a carrier."""

    brand_id: UUID
    carrier: str
    carrier_name: str
    parcels: int


async def waiting(connection: AsyncConnection) -> list[Waiting]:
    """What waits to be handed over, of all that may be seen."""
    rows = await connection.execute(
        text("""
            SELECT labels.brand_id, labels.offer ->> 'carrier' AS carrier,
                max(labels.offer ->> 'carrier_name') AS carrier_name, count(*) AS parcels
            FROM labels JOIN parcels USING (parcel_id)
            WHERE labels.state = 'bought' AND labels.manifest_id IS NULL AND parcels.place = 'packed'
            GROUP BY 1, 2 ORDER BY 1, 2
        """)
    )
    return [Waiting(row.brand_id, row.carrier, row.carrier_name, row.parcels) for row in rows]


async def newest(connection: AsyncConnection, most: int) -> list[Manifest]:
    """The latest of those that may be seen."""
    rows = await connection.execute(select(manifests).order_by(manifests.c.opened_at.desc()).limit(most))
    return [_manifest(row) for row in rows]


async def claim(connection: AsyncConnection, again_after: timedelta) -> Manifest | None:
    """One that nobody else sees the carrier about meanwhile."""
    due = (
        select(manifests.c.manifest_id)
        .where(manifests.c.state == "asked", manifests.c.next_at <= func.now())
        .order_by(manifests.c.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = (
        update(manifests)
        .where(manifests.c.manifest_id == due)
        .values(attempts=manifests.c.attempts + 1, next_at=func.now() + again_after)
        .returning(*manifests.c)
    )
    row = (await connection.execute(claimed)).one_or_none()
    return None if row is None else _manifest(row)


async def orders_on(connection: AsyncConnection, manifest_id: UUID) -> Sequence[UUID]:
    """The orders of which a label is on a list."""
    mine = select(labels.c.order_id).distinct().where(labels.c.manifest_id == manifest_id)
    return (await connection.execute(mine.order_by(labels.c.order_id))).scalars().all()


async def end(connection: AsyncConnection, manifest_id: UUID, state: str, number: str, words: str) -> bool:
    """Write what the carrier said, once; whether it was not known before."""
    mine = update(manifests).where(manifests.c.manifest_id == manifest_id, manifests.c.state == "asked")
    ended = mine.values(state=state, number=number, words=words).returning(manifests.c.manifest_id)
    return (await connection.execute(ended)).first() is not None


def _manifest(row: Row[Any]) -> Manifest:
    return Manifest(
        row.manifest_id, row.brand_id, row.carrier, row.opened_at, row.state, row.number, row.words, row.attempts
    )
