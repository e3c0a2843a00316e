"""What fulfillment publishes on `waybill.fulfillment`."""

from uuid import UUID

from waybill_events.model import Event, LineUnits, Text, Time


class ItemsFulfilled(Event, topic="waybill.fulfillment", subject="order_id"):
    """Units of an order left in a parcel, with the carrier and number that the brand typed."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    tracking_company: Text = ""
    tracking_number: Text = ""
    shipped_at: Time
    notify_customer: bool = False
