"""Orders in, and beside them recipients and brands."""

from typing import Final

from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import Brand, OrderCanceled, OrderPlaced, Recipient
from waybill_labels.domain import Slip, on_event

HANDLES: Final = (OrderPlaced, OrderCanceled, Recipient, Brand)


async def take(tx: Transaction[Slip], fresh: Fresh) -> None:
    """Note what each order holds."""
    slips = await tx.load(fresh.subjects)
    outcome = fold(slips, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
