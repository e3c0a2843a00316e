"""Orders, requests and scans in: ledgers open, and what was asked is decided."""

from typing import Final

from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import (
    AmendmentRequested,
    Brand,
    CancellationRequested,
    HoldRequested,
    OrderPlaced,
    OrderReleased,
    ParcelDelivered,
    ParcelScanned,
    ReturnClosed,
    ReturnRequested,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
)
from waybill_fulfillment.domain import Ledger, on_event

HANDLES: Final = (
    OrderPlaced,
    CancellationRequested,
    HoldRequested,
    AmendmentRequested,
    ReturnRequested,
    ReturnClosed,
    OrderReleased,
    ParcelScanned,
    ParcelDelivered,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
    Brand,
)
TOPICS: Final = ("waybill.orders", "waybill.tracking")


async def take(tx: Transaction[Ledger], fresh: Fresh) -> None:
    """Open the ledgers that are new, decide requests, take in scans."""
    ledgers = await tx.load(fresh.subjects)
    outcome = fold(ledgers, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
