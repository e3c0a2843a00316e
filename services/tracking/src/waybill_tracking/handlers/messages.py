"""What carriers said, told to the orders whose parcels it is about."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused
from waybill_chassis.transaction import Begin
from waybill_tracking import store
from waybill_tracking.domain import Tracked, heard

MESSAGES: Final = 200
"""Of one transaction."""


async def tell(begin: Begin[Tracked]) -> bool:
    """Tell what is new of parcels by messages that nobody has looked at yet; whether there may be more."""
    async with begin.database.begin() as connection:
        found = await store.to_look_at(connection, MESSAGES)
        numbers = {number for _, number, _ in found}
        orders = await store.orders_with(connection, numbers) if numbers else []
    if not found:
        return False
    causes = {number: (message_id, feed) for message_id, number, feed in found}
    async with begin.on_known(orders, None) as tx:
        # One that stands still is told of its parcels when a message comes once it goes on.
        free = [id_ for id_ in orders if id_ in tx.streams and not tx.streams[id_].parked]
        tracked = await tx.load(free)
        said = await store.said_of(tx.connection, {parcel.key for each in tracked.values() for parcel in each.parcels})
        changed: dict[UUID, Tracked] = {}
        told: list[Caused] = []
        for id_, each in tracked.items():
            changed[id_], events = heard(each, said)
            # A parcel may have got another number since.
            known = (causes[parcel.key] for parcel in each.parcels if parcel.key in causes)
            message_id, feed = next(known, (None, "carriers"))
            why = cause(id_, actor=f"platform:{feed}", source=f"webhook/{feed}", at=datetime.now(UTC), id_=message_id)
            told += [Caused(event, why) for event in events]
        await tx.save({id_: changed[id_] for id_ in {caused.event.subject for caused in told}})
        await tx.publish(told)
        await store.looked_at(tx.connection, [message_id for message_id, _, _ in found])
    return True
