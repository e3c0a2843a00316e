"""Orders and parcels in, beside them recipients and brands; which labels they make necessary."""

from typing import Final, get_args

from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import Brand, Event, Recipient
from waybill_labels.domain import Incoming, Order, on_event

HANDLES: Final[tuple[type[Event], ...]] = (*get_args(Incoming), Recipient, Brand)
TOPICS: Final = ("waybill.orders", "waybill.fulfillment")


async def take(tx: Transaction[Order], fresh: Fresh) -> None:
    """Note what each order holds, where its parcels are, and which labels they need or need no more."""
    orders = await tx.load(fresh.subjects)
    outcome = fold(orders, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
