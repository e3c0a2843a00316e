"""Shipments in, numbers with their carriers out."""

from typing import Final

from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import ItemsFulfilled
from waybill_tracking.domain import Tracked, on_event

HANDLES: Final = (ItemsFulfilled,)


async def take(tx: Transaction[Tracked], fresh: Fresh) -> None:
    """Settle the carrier of each new number, and tell it."""
    tracked = await tx.load(fresh.subjects)
    outcome = fold(tracked, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
