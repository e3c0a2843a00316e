"""Everything in: the projection is folded from it, and open pages are told."""

from collections.abc import Callable
from typing import Final
from uuid import UUID

from waybill_chassis.fold import fold
from waybill_chassis.records import Batch
from waybill_chassis.transaction import Begin, Fresh, Transaction
from waybill_events import ItemsFulfilled, OrderPlaced, Recipient, TrackingAdded
from waybill_portal import store
from waybill_portal.domain import Order, on_event

HANDLES: Final = (OrderPlaced, ItemsFulfilled, TrackingAdded, Recipient)
Changed = Callable[[], None]


async def on_events(batch: Batch, begin: Begin[Order], changed: Changed) -> None:
    """Take in a batch."""
    async with begin(batch) as tx:
        await take(tx, await tx.unseen(batch))
    changed()


async def on_early(subject: UUID, begin: Begin[Order], changed: Changed) -> None:
    """Try again what had to wait."""
    async with begin.on(subject) as tx:
        await take(tx, await tx.waiters_of(subject))
    changed()


async def take(tx: Transaction[Order], fresh: Fresh) -> None:
    """Fold what is new into the orders."""
    orders = await tx.load(fresh.subjects)
    outcome = fold(orders, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)


async def on_recipients(batch: Batch, begin: Begin[Order], changed: Changed) -> None:
    """Take over who receives."""
    async with begin(batch) as tx:
        await store.put_recipients(tx.connection, await tx.rows(batch))
    changed()
