"""What fulfillment publishes on `waybill.fulfillment`."""

from uuid import UUID

from waybill_events.model import Event, Filled, LineUnits, Time


class ItemsFulfilled(Event, topic="waybill.fulfillment", subject="order_id", version=2):
    """Units of an order left in a parcel, with the company and number that the brand typed, where it typed them."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    company: Filled | None = None
    """The carrier as the brand calls it; without one, the number may still tell."""
    number: Filled | None = None
    """Without one the parcel cannot be followed."""
    shipped_at: Time
    notify_customer: bool = False
