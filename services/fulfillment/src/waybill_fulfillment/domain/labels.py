"""What labels tells of parcels that are packed, or no longer are."""

from typing import Final

from waybill_events import Event, LabelVoided, ManifestClosed
from waybill_fulfillment.domain.commands import hand_over
from waybill_fulfillment.domain.ledger import Ledger, raised
from waybill_fulfillment.domain.parcels import ParcelState

VOIDED: Final = "label_voided"
VOID_CHOICES: Final = ("carrier_asked", "other")
"""How a person settles a parcel that is on its way with a label that is void."""
KEPT_BACK: Final = "on_manifest"


def decide_manifest(ledger: Ledger, event: ManifestClosed) -> list[Event]:
    """The carrier takes with it what is on its list, so that leaves here; of a held order somebody has to pull it out.

    What was taken apart meanwhile is not on its way before the carrier scans it.
    """
    events: list[Event] = []
    for parcel_id in event.parcel_ids:
        parcel = ledger.parcel(parcel_id)
        if parcel is None:
            raise LookupError(f"order {ledger.order_id} has no parcel {parcel_id}, and yet it is on a manifest")
        if parcel.state is ParcelState.PACKED and parcel.labeled:
            if ledger.holds:
                choices = ("pulled_out", "other")
                events.append(raised(ledger, KEPT_BACK, parcel, choices, event.closed_at, units=parcel.units))
            else:
                events.append(hand_over(ledger, parcel, "manifest", event.closed_at))
    return events


def decide_void(ledger: Ledger, event: LabelVoided) -> list[Event]:
    """A parcel that has left with a label that is void by now is for somebody to look after."""
    parcel = ledger.parcel(event.parcel_id)
    if parcel is None or parcel.state is not ParcelState.SHIPPED:
        return []
    if not parcel.labeled or parcel.label_id != event.label_id:
        return []
    return [raised(ledger, VOIDED, parcel, VOID_CHOICES, event.voided_at, units=parcel.units)]
