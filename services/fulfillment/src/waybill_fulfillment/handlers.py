"""Orders in: each opens a ledger."""

from typing import Final
from uuid import UUID

from waybill_chassis.fold import fold
from waybill_chassis.records import Batch
from waybill_chassis.transaction import Begin, Fresh, Transaction
from waybill_events import OrderPlaced
from waybill_fulfillment.domain import Ledger, on_event

HANDLES: Final = (OrderPlaced,)


async def on_orders(batch: Batch, begin: Begin[Ledger]) -> None:
    """Take in a batch of orders."""
    async with begin(batch) as tx:
        await take(tx, await tx.unseen(batch))


async def on_early(subject: UUID, begin: Begin[Ledger]) -> None:
    """Try again what had to wait."""
    async with begin.on(subject) as tx:
        await take(tx, await tx.waiters_of(subject))


async def take(tx: Transaction[Ledger], fresh: Fresh) -> None:
    """Open the ledgers that are new."""
    ledgers = await tx.load(fresh.subjects)
    outcome = fold(ledgers, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
