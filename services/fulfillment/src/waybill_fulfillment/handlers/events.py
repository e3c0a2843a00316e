"""Orders, requests and scans in: ledgers open, and what was asked is decided."""

from typing import Final, get_args

from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import Brand, Event
from waybill_fulfillment.domain import Incoming, Ledger, on_event

HANDLES: Final[tuple[type[Event], ...]] = (*get_args(Incoming), Brand)
TOPICS: Final = ("waybill.orders", "waybill.labels", "waybill.tracking")


async def take(tx: Transaction[Ledger], fresh: Fresh) -> None:
    """Open the ledgers that are new, decide requests, take in scans."""
    ledgers = await tx.load(fresh.subjects)
    outcome = fold(ledgers, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
