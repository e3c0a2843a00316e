"""What other services tell, and what fulfillment makes of it."""

from typing import assert_never

from waybill_chassis.fold import Waiting
from waybill_events import (
    AmendmentRequested,
    CancellationRequested,
    Envelope,
    Event,
    ExceptionResolved,
    HoldRequested,
    LabelFailed,
    LabelPurchased,
    LabelVoided,
    ManifestClosed,
    OrderAmended,
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
from waybill_fulfillment.domain.labels import decide_manifest, decide_void
from waybill_fulfillment.domain.ledger import Ledger, opened
from waybill_fulfillment.domain.parcels import ParcelState
from waybill_fulfillment.domain.problems import decide_correction, decide_given_up, decide_update
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
    | OrderAmended
    | LabelPurchased
    | LabelFailed
    | LabelVoided
    | ManifestClosed
    | ParcelScanned
    | ParcelDelivered
    | TrackingAdded
    | TrackingCorrected
    | TrackingUpdated
    | ExceptionResolved
)


def on_event(ledger: Ledger | None, event: Event, envelope: Envelope) -> tuple[Ledger | None, list[Event]]:
    """Open a ledger, decide a request, take in what labels and carriers tell."""
    assert isinstance(event, Incoming)
    if isinstance(event, OrderPlaced):
        return ledger or opened(event), []
    if ledger is None:
        raise Waiting(OrderPlaced)
    match event:
        case CancellationRequested() | HoldRequested() | AmendmentRequested() | ReturnRequested():
            events = _decided(ledger, event)
        case OrderReleased() | OrderAmended() | ReturnClosed() | LabelPurchased() | LabelFailed():
            return ledger.after([event], envelope.id), []
        case LabelVoided():
            events = decide_void(ledger, event)
            return ledger.after([event, *events], envelope.id), events
        case ManifestClosed():
            events = decide_manifest(ledger, event)
        case ExceptionResolved():
            events = decide_given_up(ledger, event)
        case _:
            return _of_its_carrier(ledger, event, envelope)
    return ledger.after(events, envelope.id), events


def _decided(
    ledger: Ledger, request: CancellationRequested | HoldRequested | AmendmentRequested | ReturnRequested
) -> list[Event]:
    match request:
        case CancellationRequested():
            return decide_cancellation(ledger, request)
        case HoldRequested():
            return decide_hold(ledger, request)
        case AmendmentRequested():
            return decide_amendment(ledger, request)
        case ReturnRequested():
            return decide_return(ledger, request)
        case _:
            assert_never(request)


def _of_its_carrier(
    ledger: Ledger,
    event: ParcelScanned | ParcelDelivered | TrackingAdded | TrackingCorrected | TrackingUpdated,
    envelope: Envelope,
) -> tuple[Ledger, list[Event]]:
    """What tracking tells of a parcel."""
    events: list[Event] = []
    parcel = ledger.parcel(event.parcel_id)
    match event:
        case ParcelScanned():
            events = decide_scan(ledger, event)
            after = ledger.after(events, envelope.id)
            parcel = after.parcel(event.parcel_id)
            seen = parcel is not None and parcel.state is ParcelState.SHIPPED and parcel.scanned_at is None
            return (after.after([event], envelope.id) if seen else after), events
        case TrackingUpdated():
            events = decide_update(ledger, event)
            return ledger.after(events, envelope.id), events
        case TrackingAdded() if parcel is not None and parcel.tracking_number:
            # As it was typed here.
            return ledger, []
        case TrackingCorrected():
            events = decide_correction(ledger, event)
        case _:
            pass
    return ledger.after([event, *events], envelope.id), events
