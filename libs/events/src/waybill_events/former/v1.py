"""Events as version 1 said them."""

from enum import StrEnum
from typing import Any, Final
from uuid import UUID

from waybill_events import fulfillment, ids, orders
from waybill_events.model import Country, Event, LineUnits, Name, Text, Time, Version
from waybill_events.requests import HoldReason
from waybill_events.sales import KnownShipment


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


class Hold(StrEnum):
    """Why an order may not be worked on."""

    ADDRESS = "address"
    PAYMENT = "payment"


_REASONS: Final = {Hold.ADDRESS: HoldReason.ADDRESS, Hold.PAYMENT: HoldReason.AWAITING_PAYMENT}


class OrderPlaced(Event, topic="waybill.orders", subject="order_id", version=1):
    """A brand has an order to work on; who receives it stands on `waybill.recipients`."""

    order_id: UUID
    sale_id: UUID
    brand_id: UUID
    reference: Name
    number: Name
    connection_id: UUID
    platform: Name
    placed_at: Time
    country: Country | None = None
    recipient_version: Version
    holds: tuple[Hold, ...] = ()
    lines: tuple[orders.OrderLine, ...]
    shipments: tuple[KnownShipment, ...] = ()
    shipping_method: Text = ""
    test: bool = False

    def upcast(self) -> orders.OrderPlaced:
        """A hold had no id of its own; it gets the one that an order born with it has."""
        holds = tuple(
            orders.Hold(hold_id=ids.hold_id(self.order_id, _REASONS[hold]), reason=_REASONS[hold])
            for hold in dict.fromkeys(self.holds)
        )
        said: dict[str, Any] = {name: getattr(self, name) for name in type(self).model_fields}
        said["holds"] = holds
        return orders.OrderPlaced(**said)
