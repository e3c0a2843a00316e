"""Orders in, and beside them recipients and brands."""

from typing import Final
from uuid import UUID

from waybill_chassis.fold import fold
from waybill_chassis.records import Batch
from waybill_chassis.transaction import Begin, Fresh, Transaction
from waybill_events import Brand, OrderPlaced, Recipient
from waybill_labels import store
from waybill_labels.domain import Slip, on_event

HANDLES: Final = (OrderPlaced, Recipient, Brand)


async def on_orders(batch: Batch, begin: Begin[Slip]) -> None:
    """Take in a batch of orders."""
    async with begin(batch) as tx:
        await take(tx, await tx.unseen(batch))


async def on_early(subject: UUID, begin: Begin[Slip]) -> None:
    """Try again what had to wait."""
    async with begin.on(subject) as tx:
        await take(tx, await tx.waiters_of(subject))


async def take(tx: Transaction[Slip], fresh: Fresh) -> None:
    """Note what each new order holds."""
    slips = await tx.load(fresh.subjects)
    outcome = fold(slips, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)


async def on_tables(batch: Batch, begin: Begin[Slip]) -> None:
    """Take over recipients and the settings of brands."""
    async with begin(batch) as tx:
        await store.put_rows(tx.connection, await tx.rows(batch))
