"""Sales and decisions in, orders and what becomes of them out; settings of brands in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused, Inbox, Outcome, fold
from waybill_chassis.transaction import Begin, Fresh, OrderParked, Transaction
from waybill_events import Brand, OrderPlaced, RequestDecided, SaleCanceled, SaleChanged, SaleReceived
from waybill_orders import store
from waybill_orders.domain import Claims, Order, Sale, State, due, named, on_event, references, renamed

HANDLES: Final = (SaleReceived, SaleChanged, SaleCanceled, RequestDecided, Brand)
TOPICS: Final = ("waybill.sales", "waybill.fulfillment")
RELEASED_AT_ONCE: Final = 200


async def take(tx: Transaction[State], fresh: Fresh) -> None:
    """Decisions about orders first, then sales: a sale may have something to say to orders that are just decided."""
    claims = await store.every_claim(tx.connection)
    sales = [inbox for inbox in fresh.inboxes if _tells_of_a_sale(inbox)]
    orders = [inbox for inbox in fresh.inboxes if not _tells_of_a_sale(inbox)]
    if orders:
        states = await tx.load([inbox.stream.subject for inbox in orders])
        outcome = fold(states, orders, partial(on_event, claims=claims))
        await tx.save(outcome.states)
        await tx.publish(outcome.events)
        await tx.keep(outcome)
    if sales:
        await _take_sales(tx, sales, claims)


async def _take_sales(tx: Transaction[State], sales: Sequence[Inbox], claims: Sequence[Claims]) -> None:
    """Split what is new, find a free reference for each order, and pass on what has changed of the others."""
    subjects = [inbox.stream.subject for inbox in sales]
    # Their orders change with them; nobody makes one of a sale whose stream is locked here.
    await tx.lock(await store.orders_of(tx.connection, subjects))
    outcome = fold(await tx.load(subjects), sales, partial(on_event, claims=claims))
    names = await _claim(tx, outcome)
    await tx.save({id_: named(sale, names) for id_, sale in outcome.states.items() if isinstance(sale, Sale)})
    await tx.publish([Caused(renamed(caused.event, names), caused.cause) for caused in outcome.events])
    await tx.keep(outcome)


async def _claim(tx: Transaction[State], outcome: Outcome[State]) -> dict[UUID, str]:
    """The reference of each order that is placed."""
    wishes: dict[UUID, tuple[OrderPlaced, Sequence[str]]] = {}
    for event in (caused.event for caused in outcome.events):
        if isinstance(event, OrderPlaced):
            sale = outcome.states[event.sale_id]
            assert isinstance(sale, Sale)
            wishes[event.order_id] = (event, references(event, sale.connection_code))
    return await store.claim(tx.connection, wishes)


def _tells_of_a_sale(inbox: Inbox) -> bool:
    arrivals = (
        *inbox.arrived,
        *(waiter.arrival for waiter in inbox.waiters),
        *(queued.arrival for queued in inbox.queue),
    )
    return any(arrival.record.topic == "waybill.sales" for arrival in arrivals)


async def release_due(begin: Begin[State]) -> bool:
    """End the holds whose time has come, each under its order's lock; whether there may be more."""
    at = datetime.now(UTC)
    async with begin.database.begin() as connection:
        found = await store.to_release(connection, at, RELEASED_AT_ONCE)
    for order_id in found:
        try:
            async with begin.on(order_id) as tx:
                order = (await tx.load([order_id]))[order_id]
                assert isinstance(order, Order)
                events = due(order, at)
                told = cause(order_id, actor="rule:release-date", source="rule/release-date", at=at)
                await tx.save({order_id: order.after(events)})
                await tx.publish([Caused(event, told) for event in events])
        except OrderParked:
            continue
    return len(found) == RELEASED_AT_ONCE
