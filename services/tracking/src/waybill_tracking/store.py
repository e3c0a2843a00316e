"""The SQL of tracking."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, and_, any_, case, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_chassis.table_topics import Rows, keep
from waybill_events import Brand, CarrierStatus, OwnCarrier
from waybill_tracking.domain import Around, Message, Number, Parcel, Tracked
from waybill_tracking.tables import brands, deliveries, messages, parcels, registrations

SOME: Final = 20
"""Parcels of one number that are looked at."""
_CHANGES: Final = (
    "carrier",
    "carrier_name",
    "tracking_number",
    "key",
    "since",
    "status",
    "status_at",
    "scanned_at",
    "delivered_at",
    "feed",
    "former",
    "undone",
    "missed",
    "exception_id",
    "label_id",
    "estimated_delivery",
)


class TrackedOrders:
    """Parcels by the order that they belong to; `asked` are the feeds that must be asked to follow a number."""

    def __init__(self, asked: Collection[str] = ()) -> None:
        self.asked = frozenset(asked)

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Tracked]:
        """Orders of which a parcel has left."""
        found: dict[UUID, Tracked] = {}
        rows = await connection.execute(
            select(parcels).where(among(parcels.c.order_id, subjects)).order_by(parcels.c.parcel_id)
        )
        for row in rows:
            known = found.get(row.order_id) or Tracked(row.order_id, row.brand_id)
            parcel = Parcel(
                row.parcel_id,
                row.carrier,
                row.tracking_number,
                row.since,
                row.carrier_name,
                row.status,
                row.status_at,
                row.scanned_at,
                row.delivered_at,
                row.feed,
                tuple(Number(**former) for former in row.former),
                row.undone,
                row.missed,
                row.exception_id,
                row.label_id,
                row.estimated_delivery,
            )
            found[row.order_id] = replace(known, parcels=(*known.parcels, parcel))
        return found

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Tracked]) -> None:
        """Write parcels, and have feeds asked to follow their numbers, each number once."""
        rows = [
            {
                "parcel_id": parcel.parcel_id,
                "order_id": tracked.order_id,
                "brand_id": tracked.brand_id,
                **{name: getattr(parcel, name) for name in _CHANGES},
                "former": [asdict(former) for former in parcel.former],
            }
            for tracked in states.values()
            for parcel in tracked.parcels
        ]
        await put(connection, parcels, rows, update=_CHANGES)
        wanted = {
            (parcel.feed, parcel.key): parcel.carrier
            for tracked in states.values()
            for parcel in tracked.parcels
            if parcel.feed in self.asked and not parcel.undone
        }
        numbers = [{"feed": feed, "number": key, "carrier": carrier} for (feed, key), carrier in wanted.items()]
        await put(connection, registrations, numbers, update=())


async def said_of(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, list[Message]]:
    """All that carriers have said of these numbers, as it came in."""
    found: dict[str, list[Message]] = {}
    if not numbers:
        return found
    mine = messages.c.number == any_(cast(sorted(numbers), ARRAY(Text)))
    query = select(messages).where(mine).order_by(messages.c.received_at, messages.c.message_id)
    for row in await connection.execute(query):
        message = Message(
            row.number,
            row.at,
            CarrierStatus(row.status),
            row.code,
            row.words,
            retracts=row.retracts,
            estimated_delivery=row.estimated_delivery,
        )
        found.setdefault(row.number, []).append(message)
    return found


async def keep_messages(connection: AsyncConnection, feed: str, body: bytes, said: Sequence[Message]) -> None:
    """Keep a webhook as it came, and each message of it once."""
    delivery = {"digest": hashlib.sha256(body).digest(), "feed": feed, "body": body}
    await connection.execute(insert(deliveries).values(delivery).on_conflict_do_nothing())
    rows = [
        {
            "message_id": message.message_id,
            "number": message.number,
            "at": message.at,
            "status": message.status.value,
            "code": message.code,
            "words": message.words,
            "retracts": message.retracts,
            "estimated_delivery": message.estimated_delivery,
            "feed": feed,
        }
        for message in {message.message_id: message for message in said}.values()
    ]
    await put(connection, messages, rows, update=())


async def orders_with(connection: AsyncConnection, numbers: Collection[str]) -> list[UUID]:
    """Orders of which a parcel has one of these numbers."""
    query = select(parcels.c.order_id).distinct().where(parcels.c.key == any_(cast(sorted(numbers), ARRAY(Text))))
    return list((await connection.execute(query)).scalars())


async def bearers_of(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, set[tuple[UUID, UUID]]]:
    """The brands and orders of which a parcel on its way has one of these numbers; of each number some.

    There may be any number of them: people write `n/a` for a number.
    """
    found: dict[str, set[tuple[UUID, UUID]]] = {}
    if not numbers:
        return found
    rows = await connection.execute(
        text("""
            SELECT wanted.key, mine.brand_id, mine.order_id FROM unnest(CAST(:numbers AS text[])) AS wanted(key)
            CROSS JOIN LATERAL (
                SELECT brand_id, order_id FROM parcels WHERE parcels.key = wanted.key AND NOT undone LIMIT :some
            ) AS mine
        """),
        {"numbers": sorted(numbers), "some": SOME},
    )
    for row in rows:
        found.setdefault(row.key, set()).add((row.brand_id, row.order_id))
    return found


async def around(connection: AsyncConnection, followed: Mapping[str, str], numbers: Collection[str]) -> Around:
    """What is known beside an order of these numbers; `followed` says which feed follows a carrier."""
    said, bearers = await said_of(connection, numbers), await bearers_of(connection, numbers)
    return Around(said, bearers, followed, await own_carriers(connection))


async def own_carriers(connection: AsyncConnection) -> dict[UUID, tuple[OwnCarrier, ...]]:
    """The carriers that only their brands know."""
    mine = select(brands.c.brand_id, brands.c.brand["carriers"].label("carriers"))
    rows = await connection.execute(mine.where(func.jsonb_array_length(brands.c.brand["carriers"]) > 0))
    return {row.brand_id: tuple(OwnCarrier.model_validate(each) for each in row.carriers) for row in rows}


async def to_look_at(connection: AsyncConnection, most: int) -> Sequence[tuple[UUID, str, str]]:
    """Messages that are new, and those that are to be looked at once more: id, number, feed.

    A parcel may get its number in the very moment in which a message about it comes, so that neither sees the other;
    whatever was under way then is over half a minute later.
    """
    again = and_(messages.c.looked == 1, messages.c.received_at < func.now() - timedelta(seconds=30))
    query = select(messages.c.message_id, messages.c.number, messages.c.feed).where(or_(messages.c.looked == 0, again))
    rows = await connection.execute(query.order_by(messages.c.received_at, messages.c.message_id).limit(most))
    return [(row.message_id, row.number, row.feed) for row in rows]


async def looked_at(connection: AsyncConnection, message_ids: Collection[UUID]) -> None:
    """Note that these were told to whom they concern, for good where nothing of their moment is under way any more."""
    again = messages.c.received_at >= func.now() - timedelta(seconds=30)
    seen = update(messages).where(among(messages.c.message_id, message_ids))
    await connection.execute(seen.values(looked=case((again, 1), else_=2)))


@dataclass(frozen=True, slots=True)
class Unscanned:
    """A followed parcel that no carrier has scanned."""

    parcel_id: UUID
    order_id: UUID
    brand_id: UUID
    since: datetime


async def unscanned(connection: AsyncConnection, at: datetime, most: int) -> list[Unscanned]:
    """Those of which it is time to see whether somebody should have scanned them."""
    query = (
        select(parcels.c.parcel_id, parcels.c.order_id, parcels.c.brand_id, parcels.c.since)
        .where(parcels.c.feed != "", parcels.c.scanned_at.is_(None), ~parcels.c.undone, ~parcels.c.missed)
        .where(parcels.c.look_at <= at)
        .order_by(parcels.c.look_at)
        .limit(most)
    )
    return [Unscanned(*row) for row in await connection.execute(query)]


async def look_again(connection: AsyncConnection, when: Mapping[UUID, datetime]) -> None:
    """Say when to look at these parcels next."""
    await connection.execute(
        text("""
            UPDATE parcels SET look_at = n.at
            FROM unnest(CAST(:parcels AS uuid[]), CAST(:times AS timestamptz[])) AS n(parcel_id, at)
            WHERE parcels.parcel_id = n.parcel_id
        """),
        {"parcels": list(when), "times": list(when.values())},
    )


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number that a feed is to follow, and how often it was asked."""

    feed: str
    number: str
    carrier: str
    attempts: int = 0


async def claim_wanted(connection: AsyncConnection, most: int, again_after: timedelta) -> list[Wanted]:
    """Some numbers that nobody else asks for meanwhile; they are wanted again after a while, whatever becomes of it."""
    due = (
        select(registrations.c.feed, registrations.c.number)
        .where(registrations.c.state == "wanted", registrations.c.next_at <= func.now())
        .order_by(registrations.c.next_at)
        .limit(most)
        .with_for_update(skip_locked=True)
        .cte("due")
    )
    claimed = (
        update(registrations)
        .where(registrations.c.feed == due.c.feed, registrations.c.number == due.c.number)
        .values(attempts=registrations.c.attempts + 1, next_at=func.now() + again_after)
        .returning(registrations.c.feed, registrations.c.number, registrations.c.carrier, registrations.c.attempts)
    )
    return [Wanted(*row) for row in await connection.execute(claimed)]


async def registered(connection: AsyncConnection, wanted: Wanted, state: str, says: str, wait: timedelta) -> None:
    """Write what a feed said."""
    mine = update(registrations).where(registrations.c.feed == wanted.feed, registrations.c.number == wanted.number)
    await connection.execute(mine.values(state=state, says=says, next_at=func.now() + wait))


async def registrations_of(
    connection: AsyncConnection, numbers: Collection[str]
) -> dict[tuple[str, str], tuple[str, str]]:
    """By feed and number, how far it has come and what the feed said."""
    mine = registrations.c.number == any_(cast(sorted(numbers), ARRAY(Text)))
    rows = await connection.execute(select(registrations).where(mine))
    return {(row.feed, row.number): (row.state, row.says) for row in rows}


async def brands_of(connection: AsyncConnection, brand_ids: Collection[UUID]) -> dict[UUID, Brand]:
    """The settings of these brands, as far as they are known."""
    rows = await connection.execute(
        select(brands.c.brand_id, brands.c.brand).where(among(brands.c.brand_id, brand_ids))
    )
    return {row.brand_id: Brand.model_validate(row.brand) for row in rows}


async def put_brands(connection: AsyncConnection, rows: Rows) -> None:
    """Take over the newest settings."""
    newest = [
        {"brand_id": brand.brand_id, "version": brand.version, "brand": brand.model_dump(mode="json")}
        for brand in rows.newest.values()
        if isinstance(brand, Brand)
    ]
    await keep(connection, brands, newest, rows.removed)
