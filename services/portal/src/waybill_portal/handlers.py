"""Everything in: the projection is folded from it."""

from typing import Final

from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import Event, Recipient
from waybill_portal import domain
from waybill_portal.domain import Order, on_event

HANDLES: Final[tuple[type[Event], ...]] = (*domain.HANDLES, Recipient)
TABLE_TOPICS: Final = ("waybill.recipients",)
EVENT_TOPICS: Final = ("waybill.orders", "waybill.fulfillment", "waybill.labels", "waybill.tracking")
"""Causes before effects."""


async def take(tx: Transaction[Order], fresh: Fresh) -> None:
    """Fold what is new into the orders."""
    orders = await tx.load(fresh.subjects)
    outcome = fold(orders, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
