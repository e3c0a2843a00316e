"""Sales in, orders out; settings of brands in."""

from functools import partial
from typing import Final

from waybill_chassis.fold import Caused, fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import Brand, OrderPlaced, SaleReceived
from waybill_orders import store
from waybill_orders.domain import Sale, references, renamed, split

HANDLES: Final = (SaleReceived, Brand)


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
    await tx.publish([Caused(renamed(caused.event, names), caused.cause) for caused in outcome.events])
    await tx.keep(outcome)
