"""What tracking publishes on `waybill.tracking`."""

from typing import Literal
from uuid import UUID

from waybill_events.model import Event, Name, Text, Time


class TrackingAdded(Event, topic="waybill.tracking", subject="order_id"):
    """A parcel has a number, its carrier is settled, and where known a page to follow it on."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    carrier: Text = ""
    """Our code of the carrier (`ups`), empty where it is none that we know."""
    carrier_name: Text = ""
    tracking_number: Name
    tracking_url: Text = ""
    decided_by: Literal["brand", "format", "nobody"]
    """Whose word the carrier is: the brand's choice, the number's format, or nobody's (unknown)."""
    added_at: Time


class ParcelScanned(Event, topic="waybill.tracking", subject="order_id"):
    """A carrier has seen a parcel for the first time."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    scanned_at: Time
