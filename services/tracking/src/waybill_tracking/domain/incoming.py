"""What fulfillment and labels tell of parcels: that they have left, or have a label, and with which number."""

from dataclasses import replace
from typing import Any, assert_never

from waybill_carriers import compact
from waybill_chassis.fold import Waiting
from waybill_events import (
    CorrectionRequested,
    Envelope,
    Event,
    ItemsFulfilled,
    LabelPurchased,
    LabelVoided,
    LabelVoidRefused,
    LateShipmentRecorded,
    ShipmentUndone,
)
from waybill_tracking.domain.parcels import (
    Around,
    Correction,
    Parcel,
    Tracked,
    correct,
    found_out,
    numbered,
    renumbered,
    settled_by,
    warnings,
)
from waybill_tracking.domain.refusals import SameNumber

Incoming = (
    ItemsFulfilled
    | ShipmentUndone
    | LateShipmentRecorded
    | CorrectionRequested
    | LabelPurchased
    | LabelVoided
    | LabelVoidRefused
)
STAYS = "asked"
"""A label that somebody wanted void, and that its carrier did not take back, goes with its parcel."""


def on_event(
    tracked: Tracked | None, event: Event, _envelope: Envelope, *, around: Around
) -> tuple[Tracked | None, list[Event]]:
    """Fill in what the brand left out of a parcel that left, and note that one has not left after all."""
    assert isinstance(event, Incoming)
    match event:
        case ItemsFulfilled():
            return _left(tracked or Tracked(event.order_id, event.brand_id), event, around)
        case CorrectionRequested():
            return _asked_to_correct(tracked or Tracked(event.order_id, event.brand_id), event, around)
        case LabelPurchased():
            return _labeled(tracked or Tracked(event.order_id, event.brand_id), event, around)
        case ShipmentUndone() | LateShipmentRecorded() | LabelVoided() | LabelVoidRefused():
            known = None if tracked is None else tracked.parcel(event.parcel_id)
            if tracked is None or known is None:
                # Nothing of it was ever kept here.
                return tracked, []
            return _not_on_its_way(tracked, known, event)
        case _:
            assert_never(event)


def _left(tracked: Tracked, event: ItemsFulfilled, around: Around) -> tuple[Tracked, list[Event]]:
    """A parcel has left: a new one, one that was undone, has a label, or left without a number before."""
    known = tracked.parcel(event.parcel_id) or Parcel(event.parcel_id, "", "", event.shipped_at)
    number = event.number or ""
    if number and event.handed_over_by in {"person", "manifest"} and compact(number) != known.key:
        if any(compact(former.number) == compact(number) for former in known.former):
            # With a label of before; its carrier says what becomes of it.
            return tracked.with_parcel(replace(known, undone=False)), []
        # It left with a label of which more is known.
        raise Waiting(LabelPurchased)
    parcel = replace(known, undone=False)
    wanted = Correction(event.parcel_id, event.company or "", number, event.shipped_at, event.notify_customer)
    if not number or compact(number) == known.key:
        # Also the scan of a parcel that nobody thought to be on its way: its number is told already.
        return tracked.with_parcel(parcel), []
    if not known.tracking_number:
        found = found_out(tracked, parcel.parcel_id, wanted, around)
        first = replace(parcel, since=event.shipped_at)
        return numbered(tracked, first, found, wanted.at, around, notify_customer=wanted.notify_customer)
    if known.undone or known.label_id is not None:
        return correct(tracked.with_parcel(parcel), wanted, around)
    return tracked, []


def _labeled(tracked: Tracked, event: LabelPurchased, around: Around) -> tuple[Tracked, list[Event]]:
    """A parcel has a label, or another one; a number that somebody typed stays."""
    known = tracked.parcel(event.parcel_id) or Parcel(event.parcel_id, "", "", event.purchased_at)
    if event.unwanted is not None or (known.tracking_number and known.label_id is None):
        return tracked, []
    found: dict[str, Any] = {
        "carrier": event.carrier,
        "carrier_name": event.carrier_name,
        "tracking_number": event.tracking_number,
        "tracking_url": event.tracking_url,
        "decided_by": "brand",
        "service": event.service_name,
        "feed": around.feed(event.carrier),
        "warnings": warnings(tracked, event.parcel_id, event.tracking_number, around),
    }
    parcel = replace(known, undone=False)
    if known.tracking_number:
        return renumbered(tracked, parcel, found, event.purchased_at, around, label_id=event.label_id)
    return numbered(tracked, parcel, found, event.purchased_at, around, label_id=event.label_id)


def _not_on_its_way(
    tracked: Tracked, known: Parcel, event: ShipmentUndone | LateShipmentRecorded | LabelVoided | LabelVoidRefused
) -> tuple[Tracked, list[Event]]:
    """Nobody waits for a scan of what has not left after all, or has lost its label; if there is one it counts."""
    match event:
        case LateShipmentRecorded():
            return tracked.with_parcel(replace(known, undone=False)), []
        case ShipmentUndone():
            at = event.undone_at
        case LabelVoided() if event.label_id == known.label_id:
            at = event.voided_at
        case LabelVoidRefused() if event.label_id == known.label_id and event.why != STAYS:
            at = event.refused_at
        case _:
            return tracked, []
    settled = settled_by(tracked, known, "undone", at)
    return tracked.with_parcel(replace(known, undone=True, exception_id=None)), settled


def _asked_to_correct(tracked: Tracked, event: CorrectionRequested, around: Around) -> tuple[Tracked, list[Event]]:
    """Fulfillment knows that the parcel has left, also one that left under a release that kept nothing of it here."""
    known = tracked.parcel(event.parcel_id) or Parcel(event.parcel_id, "", "", event.requested_at)
    if known.label_id is not None:
        return tracked, []
    there = tracked.with_parcel(replace(known, undone=False))
    wanted = Correction(event.parcel_id, event.company or "", event.number, event.requested_at, event.notify_customer)
    try:
        return correct(there, wanted, around)
    except SameNumber:
        return tracked, []
