"""The SQL of tracking."""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import ARRAY, Text, and_, any_, case, cast, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_events import CarrierStatus
from waybill_tracking.domain import Message, Parcel, Tracked
from waybill_tracking.tables import deliveries, messages, parcels

_CHANGES: Final = ("status", "status_at", "scanned_at", "delivered_at")


class TrackedOrders:
    """Parcels by the order that they belong to."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Tracked]:
        """Orders of which a parcel has a number."""
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
                row.status,
                row.status_at,
                row.scanned_at,
                row.delivered_at,
            )
            found[row.order_id] = replace(known, parcels=(*known.parcels, parcel))
        return found

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Tracked]) -> None:
        """Write parcels."""
        rows = [
            {
                "parcel_id": parcel.parcel_id,
                "order_id": tracked.order_id,
                "brand_id": tracked.brand_id,
                "carrier": parcel.carrier,
                "tracking_number": parcel.tracking_number,
                "key": parcel.key,
                "since": parcel.since,
                **{name: getattr(parcel, name) for name in _CHANGES},
            }
            for tracked in states.values()
            for parcel in tracked.parcels
        ]
        await put(connection, parcels, rows, update=_CHANGES)


async def said_of(connection: AsyncConnection, numbers: Collection[str]) -> dict[str, list[Message]]:
    """All that carriers have said of these numbers."""
    found: dict[str, list[Message]] = {}
    if not numbers:
        return found
    query = select(messages).where(messages.c.number == any_(cast(sorted(numbers), ARRAY(Text))))
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


async def keep(connection: AsyncConnection, feed: str, body: bytes, said: Sequence[Message]) -> None:
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


async def to_look_at(connection: AsyncConnection, most: int) -> Sequence[tuple[UUID, str, str]]:
    """Messages that are new, and those that are to be looked at once more: id, number, feed.

    A parcel may get its number in the very moment in which a message about it comes, so that neither sees the other;
    whatever was under way then is over half a minute later.
    """
    again = and_(messages.c.looked == 1, messages.c.received_at < func.now() - timedelta(seconds=30))
    query = select(messages.c.message_id, messages.c.number, messages.c.feed).where(or_(messages.c.looked == 0, again))
    rows = await connection.execute(query.order_by(messages.c.received_at).limit(most))
    return [(row.message_id, row.number, row.feed) for row in rows]


async def looked_at(connection: AsyncConnection, message_ids: Collection[UUID]) -> None:
    """Note that these were told to whom they concern, for good where nothing of their moment is under way any more."""
    again = messages.c.received_at >= func.now() - timedelta(seconds=30)
    seen = update(messages).where(among(messages.c.message_id, message_ids))
    await connection.execute(seen.values(looked=case((again, 1), else_=2)))
