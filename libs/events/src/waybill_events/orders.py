"""What orders publishes on `waybill.orders`."""

from uuid import UUID

from waybill_events.model import (
    Code,
    Country,
    Event,
    Grams,
    Language,
    LineUnits,
    Money,
    Name,
    Quantity,
    Text,
    Time,
    Value,
    Version,
)
from waybill_events.sales import KnownShipment


class Hold(Value):
    """Why an order may not be worked on, and until when if that is known."""

    hold_id: UUID
    reason: Code
    release_at: Time | None = None


class SplitOrder(Value):
    """One order of a sale and the lines it took."""

    order_id: UUID
    brand_id: UUID
    reference: Name
    line_ids: tuple[Name, ...]


class LeftOut(Value):
    """A line that became no work, and why: `no-brand`, `nothing-to-ship`, `no-units`."""

    line_id: Name
    reason: Name


class SaleSplit(Event, topic="waybill.orders", subject="sale_id"):
    """A sale became orders, one for each brand; what became none is named."""

    sale_id: UUID
    connection_id: UUID
    source_order_id: Name
    number: Name
    orders: tuple[SplitOrder, ...]
    left_out: tuple[LeftOut, ...] = ()


class OrderLine(Value):
    """One line of an order; it is born with `shipped` and `canceled` units, the rest is open."""

    line_id: Name
    sku: Text = ""
    title: Text = ""
    quantity: Quantity
    portion: Text = ""
    shipped: Quantity = 0
    canceled: Quantity = 0
    barcode: Text = ""
    weight_g: Grams | None = None
    image_url: Text = ""
    unit_price: Money | None = None
    location: Text = ""
    """Where it lies, in the words of those who pick."""


class OrderPlaced(Event, topic="waybill.orders", subject="order_id", version=2):
    """A brand has an order to work on; who receives it stands on `waybill.recipients`."""

    order_id: UUID
    sale_id: UUID
    brand_id: UUID
    reference: Name
    number: Name
    connection_id: UUID
    platform: Name
    placed_at: Time
    paid_at: Time | None = None
    """When the payment had come as far as its connection wants it; None while it has not."""
    ship_by: Time | None = None
    """By when the platform wants it to leave, where it says so."""
    country: Country | None = None
    recipient_version: Version
    holds: tuple[Hold, ...] = ()
    lines: tuple[OrderLine, ...]
    shipments: tuple[KnownShipment, ...] = ()
    shipping_method: Text = ""
    test: bool = False
    language: Language = ""
    """The customer's, where the platform says so."""
    gift: bool = False
    """It is for somebody else, who is not to see prices."""
    replaces: UUID | None = None
    """The order of which something is sent again with this one; no platform knows of it as a sale."""


class OrderResent(Event, topic="waybill.orders", subject="order_id"):
    """What did not arrive of an order is sent again with another one."""

    order_id: UUID
    brand_id: UUID
    exception_id: UUID
    new_order_id: UUID
    reference: Name
    """What the new one is called."""
    lines: tuple[LineUnits, ...]
    resent_at: Time
