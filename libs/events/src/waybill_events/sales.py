"""What connectors publish on `waybill.sales`. Others' connectors may write here too, and leave `sequence` out."""

from collections import Counter
from enum import StrEnum
from typing import Literal
from uuid import UUID

from pydantic import Field, field_validator

from waybill_events.model import (
    Code,
    Currency,
    Event,
    Grams,
    Language,
    LineUnits,
    Money,
    Name,
    PersonalText,
    Quantity,
    Text,
    Time,
    Value,
)
from waybill_events.places import Address, Buyer


class Payment(StrEnum):
    """How far the customer's payment has come, in the words that the platforms share."""

    UNPAID = "unpaid"
    AUTHORIZED = "authorized"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    VOIDED = "voided"
    UNKNOWN = "unknown"


class SaleLine(Value):
    """One line of a sale. `quantity` counts whole units; of those, `shipped` and `canceled` are done with."""

    line_id: Name
    sku: Text = ""
    title: Text = ""
    quantity: Quantity
    portion: Text = ""
    """A fractional quantity as text (`1.5 ×`); the line then counts as one unit."""
    shipped: Quantity = 0
    canceled: Quantity = 0
    vendor: Text = ""
    barcode: Text = ""
    weight_g: Grams | None = None
    image_url: Text = ""
    unit_price: Money | None = None
    location: Text = ""
    """Where it lies, in the words of those who pick (`A-12-3`)."""
    requires_shipping: bool = True


class KnownShipment(Value):
    """A shipment that was made before the sale reached us; its number is not told back."""

    tracking_company: Text = ""
    tracking_number: Text = ""
    tracking_url: Text = ""
    lines: tuple[LineUnits, ...] = ()


class SaleReceived(Event, topic="waybill.sales", subject="sale_id", sequenced=False):
    """A customer bought something on a platform: the whole sale, as that platform tells it at the time."""

    sale_id: UUID
    connection_id: UUID
    connection_code: Name
    platform: Name
    source_order_id: Name
    number: Name
    """The platform's number as people read it (`#1001`)."""
    placed_at: Time
    source_updated_at: Time
    default_brand_id: UUID | None = None
    """The brand of every line that no rule claims."""
    payment: Payment = Payment.UNKNOWN
    ships_when: Literal["paid", "authorized", "always"] = "paid"
    """What the payment must have reached before the connection lets an order be worked on."""
    paid_at: Time | None = None
    """When the payment came as far as it has, where the platform says so."""
    ship_by: Time | None = None
    """By when the platform wants it to leave, where it says so."""
    canceled_at: Time | None = None
    cancel_reason: Code | None = None
    """Why the platform canceled it, or some of it, where it says."""
    test: bool = False
    currency: Currency | None = None
    total: Money | None = None
    shipping_method: Text = ""
    buyer: Buyer = Buyer()
    ship_to: Address | None = None
    note: PersonalText = ""
    language: Language = ""
    """The customer's, where the platform says so."""
    gift: bool = False
    """It is for somebody else, who is not to see prices."""
    gift_message: PersonalText = ""
    lines: tuple[SaleLine, ...] = Field(max_length=2000)
    shipments: tuple[KnownShipment, ...] = ()

    @field_validator("lines")
    @classmethod
    def _each_line_once(cls, lines: tuple[SaleLine, ...]) -> tuple[SaleLine, ...]:
        """Everything downstream keeps a line by its id."""
        twice = [line_id for line_id, times in Counter(line.line_id for line in lines).items() if times > 1]
        if twice:
            raise ValueError(f"line {twice[0]} comes more than once")
        return lines


class SaleChanged(SaleReceived, topic="waybill.sales", subject="sale_id", sequenced=False):
    """A sale has changed on its platform: the whole of it, as it is now. Units of a line are canceled for good."""


class SaleCanceled(Event, topic="waybill.sales", subject="sale_id", sequenced=False):
    """A sale was canceled on its platform as a whole, by a connector that does not tell the sale again."""

    sale_id: UUID
    connection_id: UUID
    reason: Code
    canceled_at: Time
