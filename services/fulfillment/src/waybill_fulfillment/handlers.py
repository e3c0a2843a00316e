"""Orders in: each opens a ledger."""

from typing import Final

from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import OrderPlaced
from waybill_fulfillment.domain import Ledger, on_event

HANDLES: Final = (OrderPlaced,)


async def take(tx: Transaction[Ledger], fresh: Fresh) -> None:
    """Open the ledgers that are new."""
    ledgers = await tx.load(fresh.subjects)
    outcome = fold(ledgers, fresh.inboxes, on_event)
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)
