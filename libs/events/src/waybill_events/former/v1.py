"""Events as version 1 said them."""

from uuid import UUID

from waybill_events import fulfillment
from waybill_events.model import Event, LineUnits, Text, Time


class ItemsFulfilled(Event, topic="waybill.fulfillment", subject="order_id", version=1):
    """Units of an order left in a parcel, with the carrier and number that the brand typed."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    tracking_company: Text = ""
    tracking_number: Text = ""
    shipped_at: Time
    notify_customer: bool = False

    def upcast(self) -> fulfillment.ItemsFulfilled:
        """An empty text stood for nothing typed."""
        return fulfillment.ItemsFulfilled(
            order_id=self.order_id,
            brand_id=self.brand_id,
            parcel_id=self.parcel_id,
            lines=self.lines,
            company=self.tracking_company or None,
            number=self.tracking_number or None,
            shipped_at=self.shipped_at,
            notify_customer=self.notify_customer,
        )
