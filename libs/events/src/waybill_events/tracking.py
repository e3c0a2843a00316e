"""What tracking publishes on `waybill.tracking`."""

from enum import StrEnum
from typing import Literal
from uuid import UUID

from waybill_events.model import Code, Event, Name, Text, Time, Units


class CarrierStatus(StrEnum):
    """Where a parcel is, in the carrier's view. Words are added, never changed."""

    PRE_TRANSIT = "pre_transit"
    IN_TRANSIT = "in_transit"
    OUT_FOR_DELIVERY = "out_for_delivery"
    AVAILABLE_FOR_PICKUP = "available_for_pickup"
    ATTEMPTED = "attempted"
    DELIVERED = "delivered"
    EXCEPTION = "exception"
    RETURNED_TO_SENDER = "returned_to_sender"
    UNKNOWN = "unknown"


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
    service: Text = ""
    """The carrier's service, where the number names it."""
    feed: Text = ""
    """Which feed of carrier messages follows it; empty: nobody does."""
    warnings: tuple[Code, ...] = ()
    """`number_twice` where another parcel of the order has it, `number_in_use` where one of another order has."""
    notify_customer: bool = False
    added_at: Time


class TrackingCorrected(Event, topic="waybill.tracking", subject="order_id"):
    """A parcel's number or carrier was wrong and is this one; what carriers say of the former one is not about it."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    was: Name
    """The number that it had."""
    was_carrier_name: Text = ""
    carrier: Text = ""
    carrier_name: Text = ""
    tracking_number: Name
    tracking_url: Text = ""
    decided_by: Literal["brand", "format", "nobody"]
    service: Text = ""
    feed: Text = ""
    warnings: tuple[Code, ...] = ()
    notify_customer: bool = False
    corrected_at: Time


class ParcelUnscanned(Event, topic="waybill.tracking", subject="order_id"):
    """No carrier has scanned a parcel in the working hours in which its brand expects it."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    since: Time
    """When its number was entered."""
    hours: Units
    """The working hours that its brand waits."""
    told_at: Time


class ParcelScanned(Event, topic="waybill.tracking", subject="order_id"):
    """A carrier has seen a parcel for the first time."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    scanned_at: Time


class TrackingUpdated(Event, topic="waybill.tracking", subject="order_id"):
    """What a carrier says of a parcel has changed: its latest message by the carrier's own time."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    status: Code
    """One of `CarrierStatus`."""
    code: Text = ""
    words: Text = ""
    """The carrier's own code and words."""
    at: Time
    """The carrier's time of that message."""
    estimated_delivery: Time | None = None


class ParcelDelivered(Event, topic="waybill.tracking", subject="order_id"):
    """A parcel has arrived."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    delivered_at: Time
