"""Shipments in, numbers with their carriers out."""

from typing import Final
from uuid import UUID

from waybill_chassis.fold import fold
from waybill_chassis.records import Batch
from waybill_chassis.transaction import Begin, Fresh, Transaction
from waybill_events import ItemsFulfilled
from waybill_tracking.domain import Tracked, on_event

HANDLES: Final = (ItemsFulfilled,)


async def on_fulfillment(batch: Batch, begin: Begin[Tracked]) -> None:
    """Take in a batch of shipments."""
    async with begin(batch) as tx:
        await take(tx, await tx.unseen(batch))


async def on_early(subject: UUID, begin: Begin[Tracked]) -> None:
    """Try again what had to wait."""
    async with begin.on(subject) as tx:
        await take(tx, await tx.waiters_of(subject))


async def take(tx: Transaction[Tracked], fresh: Fresh) -> None:
    """Settle the carrier of each new number, and tell it."""
    tracked = await tx.load(fresh.subjects)
    outcome = fold(tracked, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
