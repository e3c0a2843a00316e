"""Sales in, orders out; settings of brands in."""

from dataclasses import replace
from functools import partial
from typing import Final
from uuid import UUID

from waybill_chassis.fold import fold
from waybill_chassis.records import Batch
from waybill_chassis.transaction import Begin, Fresh, Transaction
from waybill_events import Brand, OrderPlaced, SaleReceived
from waybill_orders import store
from waybill_orders.domain import Sale, references, renamed, split

HANDLES: Final = (SaleReceived, Brand)


async def on_sales(batch: Batch, begin: Begin[Sale]) -> None:
    """Split the sales of a batch."""
    async with begin(batch) as tx:
        await take(tx, await tx.unseen(batch))


async def on_early(subject: UUID, begin: Begin[Sale]) -> None:
    """Try again what waits for a brand."""
    async with begin.on(subject) as tx:
        await take(tx, await tx.waiters_of(subject))


async def take(tx: Transaction[Sale], fresh: Fresh) -> None:
    """Split what was not split before, find a free reference for each order, and tell of them."""
    claims = await store.every_claim(tx.connection)
    sales = await tx.load(fresh.subjects)
    outcome = fold(sales, fresh.inboxes, partial(split, claims=claims))
    names = await store.claim(
        tx.connection,
        {
            event.order_id: (event, references(event, outcome.states[event.sale_id].connection_code))
            for event in (caused.event for caused in outcome.events)
            if isinstance(event, OrderPlaced)
        },
    )
    await tx.save(outcome.states)
    await tx.publish([replace(caused, event=renamed(caused.event, names)) for caused in outcome.events])
    await tx.keep(outcome)


async def on_brands(batch: Batch, begin: Begin[Sale]) -> None:
    """Take over the settings of brands."""
    async with begin(batch) as tx:
        await store.put_brands(tx.connection, await tx.rows(batch))
