"""Sales and decisions in, orders and what becomes of them out; settings of brands in."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Final
from uuid import UUID

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused, Inbox, Outcome, fold
from waybill_chassis.transaction import Begin, Fresh, OrderParked, Transaction
from waybill_events import (
    Brand,
    OrderPlaced,
    RequestDecided,
    ResendRequested,
    ReturnReceived,
    SaleCanceled,
    SaleChanged,
    SaleReceived,
)
from waybill_orders import store
from waybill_orders.domain import Claims, Order, Sale, State, due, named, on_event, references, renamed, sent_again

HANDLES: Final = (SaleReceived, SaleChanged, SaleCanceled, RequestDecided, ReturnReceived, ResendRequested, Brand)
TOPICS: Final = ("waybill.sales", "waybill.fulfillment")
AT_ONCE: Final = 200
"""Orders or sales of one round of a chore."""


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


async def send_again(begin: Begin[State]) -> bool:
    """Make other orders of what did not arrive, each under its sale's lock; whether there may be more."""
    at = datetime.now(UTC)
    async with begin.database.begin() as connection:
        found = await store.to_send_again(connection, AT_ONCE)
    for sale_id in found:
        try:
            async with begin.on(sale_id) as tx:
                await _send_again(tx, sale_id, at)
        except OrderParked:
            continue
    return False


async def _send_again(tx: Transaction[State], sale_id: UUID, at: datetime) -> None:
    await tx.lock(await store.orders_of(tx.connection, [sale_id]))
    sale = (await tx.load([sale_id]))[sale_id]
    assert isinstance(sale, Sale)
    after, events = sent_again(sale, at)
    if not events:
        return
    await tx.lock({event.subject for event in events})
    wishes = {
        event.order_id: (event, references(event, sale.connection_code))
        for event in events
        if isinstance(event, OrderPlaced)
    }
    names = await store.claim(tx.connection, wishes)
    await tx.save({sale_id: named(after, names)})
    why = {subject: cause(subject, actor="rule:send-again", source="rule/send-again", at=at) for subject in tx.streams}
    await tx.publish([Caused(renamed(event, names), why[event.subject]) for event in events])


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
        found = await store.to_release(connection, at, AT_ONCE)
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
    return len(found) == AT_ONCE
