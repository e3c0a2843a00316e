"""What other services tell, and what fulfillment makes of it."""

from typing import assert_never

from waybill_chassis.fold import Waiting
from waybill_events import (
    AmendmentRequested,
    CancellationRequested,
    Envelope,
    Event,
    HoldRequested,
    OrderPlaced,
    OrderReleased,
    ParcelDelivered,
    ParcelScanned,
    ReturnClosed,
    ReturnRequested,
    TrackingCorrected,
    TrackingUpdated,
)
from waybill_fulfillment.domain.ledger import Ledger, ParcelState, opened
from waybill_fulfillment.domain.problems import decide_update
from waybill_fulfillment.domain.requests import decide_amendment, decide_cancellation, decide_hold
from waybill_fulfillment.domain.returns import decide_return
from waybill_fulfillment.domain.scans import decide_scan

Incoming = (
    OrderPlaced
    | CancellationRequested
    | HoldRequested
    | AmendmentRequested
    | ReturnRequested
    | ReturnClosed
    | OrderReleased
    | ParcelScanned
    | ParcelDelivered
    | TrackingCorrected
    | TrackingUpdated
)


def on_event(ledger: Ledger | None, event: Event, envelope: Envelope) -> tuple[Ledger | None, list[Event]]:
    """Open a ledger, decide a request, take in a scan."""
    assert isinstance(event, Incoming)
    if isinstance(event, OrderPlaced):
        return ledger or opened(event), []
    if ledger is None:
        raise Waiting(OrderPlaced)
    match event:
        case CancellationRequested():
            events = decide_cancellation(ledger, event)
        case HoldRequested():
            events = decide_hold(ledger, event)
        case AmendmentRequested():
            events = decide_amendment(ledger, event)
        case ReturnRequested():
            events = decide_return(ledger, event)
        case TrackingUpdated():
            events = decide_update(ledger, event)
        case OrderReleased() | TrackingCorrected() | ParcelDelivered() | ReturnClosed():
            return ledger.after([event], envelope.id), []
        case ParcelScanned():
            events = decide_scan(ledger, event)
            after = ledger.after(events, envelope.id)
            parcel = after.parcel(event.parcel_id)
            seen = parcel is not None and parcel.state is ParcelState.SHIPPED and parcel.scanned_at is None
            return (after.after([event], envelope.id) if seen else after), events
        case _:
            assert_never(event)
    return ledger.after(events, envelope.id), events
