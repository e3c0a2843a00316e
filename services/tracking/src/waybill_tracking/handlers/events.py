"""Shipments in, numbers with their carriers out."""

from collections.abc import Mapping
from functools import partial
from typing import Final, get_args

from waybill_carriers import compact
from waybill_chassis.fold import fold
from waybill_chassis.transaction import Fresh, Transaction
from waybill_events import Brand, CorrectionRequested, Event, ItemsFulfilled, LabelPurchased
from waybill_tracking import store
from waybill_tracking.domain import Incoming, Tracked, on_event

HANDLES: Final[tuple[type[Event], ...]] = (*get_args(Incoming), Brand)
TOPICS: Final = ("waybill.fulfillment", "waybill.labels")


async def take(tx: Transaction[Tracked], fresh: Fresh, *, followed: Mapping[str, str]) -> None:
    """Settle the carrier of each new number, and tell it with what its carrier may have said of it before."""
    tracked = await tx.load(fresh.subjects)
    known = await store.around(tx.connection, followed, _numbers(fresh))
    outcome = fold(tracked, fresh.inboxes, partial(on_event, around=known))
    await tx.save(outcome.states)
    await tx.publish(outcome.events)
    await tx.keep(outcome)


def _numbers(fresh: Fresh) -> set[str]:
    arrivals = (
        arrival
        for inbox in fresh.inboxes
        for arrival in (
            *inbox.arrived,
            *(waiter.arrival for waiter in inbox.waiters),
            *(queued.arrival for queued in inbox.queue),
        )
    )
    events = (arrival.event for arrival in arrivals)
    numbers = (
        event.tracking_number if isinstance(event, LabelPurchased) else event.number
        for event in events
        if isinstance(event, ItemsFulfilled | CorrectionRequested | LabelPurchased)
    )
    return {compact(number) for number in numbers if number}
