"""The carrier's first scan: a fact, hold or not, whatever anybody thought of the parcel before."""

from waybill_events import (
    Event,
    ItemsFulfilled,
    LateShipmentRecorded,
    ParcelScanned,
)
from waybill_fulfillment.domain.commands import unpack
from waybill_fulfillment.domain.labels import VOID_CHOICES, VOIDED
from waybill_fulfillment.domain.ledger import Ledger, raised, told
from waybill_fulfillment.domain.parcels import LabelState, Parcel, ParcelState, Units

CHOICES = ("return", "keep_and_bill", "other")
"""How a person settles units that are on their way and should not be."""


def decide_scan(ledger: Ledger, scan: ParcelScanned) -> list[Event]:
    """What follows: a packed parcel has left; of one that was taken apart, the units still open have.

    Of the others in it, those that are canceled are late, and those that are in another parcel are sent twice: both
    are for a person to settle.
    """
    parcel = ledger.parcel(scan.parcel_id)
    if parcel is None:
        raise LookupError(f"order {ledger.order_id} has no parcel {scan.parcel_id}, and yet it was scanned")
    if parcel.state is ParcelState.SHIPPED:
        return []
    if parcel.state is ParcelState.PACKED:
        void = [raised(ledger, VOIDED, parcel, VOID_CHOICES, scan.scanned_at, units=parcel.units)]
        return [_left(ledger, parcel, parcel.units, scan), *(void if parcel.label is LabelState.VOIDED else ())]
    events: list[Event] = []
    if again := _packed_again(ledger, parcel):
        events += unpack(ledger, again.parcel_id, scan.scanned_at)
        ledger = ledger.after(events, ledger.order_id)
    left = {line_id: min(units, ledger.lines[line_id].open) for line_id, units in parcel.units.items()}
    late = {
        line_id: min(units - left[line_id], ledger.lines[line_id].canceled - ledger.lines[line_id].late)
        for line_id, units in parcel.units.items()
    }
    twice = {line_id: units - left[line_id] - late[line_id] for line_id, units in parcel.units.items()}
    if any(left.values()):
        events.append(_left(ledger, parcel, left, scan))
    # Also without a late unit: it says that the parcel is on its way.
    if any(late.values()) or not any(left.values()):
        recorded = LateShipmentRecorded(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            parcel_id=parcel.parcel_id,
            lines=told(_some(late)),
            scanned_at=scan.scanned_at,
        )
        events.append(recorded)
    if any(late.values()):
        events.append(raised(ledger, "late_shipment", parcel, CHOICES, scan.scanned_at, units=_some(late)))
    if any(twice.values()):
        events.append(raised(ledger, "sent_twice", parcel, CHOICES, scan.scanned_at, units=_some(twice)))
    return events


def _packed_again(ledger: Ledger, parcel: Parcel) -> Parcel | None:
    """The same box, where a shipment was undone that had left all the same."""
    return next(
        (
            each
            for each in ledger.parcels
            if each.state is ParcelState.PACKED and each.moved_by == parcel.moved_by and each.units == parcel.units
        ),
        None,
    )


def _left(ledger: Ledger, parcel: Parcel, units: Units, scan: ParcelScanned) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        parcel_id=parcel.parcel_id,
        lines=told(_some(units)),
        company=parcel.tracking_company or None,
        number=parcel.tracking_number or None,
        shipped_at=scan.scanned_at,
        handed_over_by="scan",
    )


def _some(units: Units) -> Units:
    """Without the lines of which there is none."""
    return {line_id: count for line_id, count in units.items() if count}
