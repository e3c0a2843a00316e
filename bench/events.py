"""Events as their owners send them, made beforehand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final
from uuid import UUID

from waybill_events import (
    Address,
    Buyer,
    Envelope,
    Event,
    ItemsFulfilled,
    LineUnits,
    Money,
    OrderLine,
    OrderPlaced,
    Payment,
    Recipient,
    SaleLine,
    SaleReceived,
    TrackingAdded,
    ids,
)
from waybill_simulators.shopify import an_order

COMPANY: Final = "UPS"
NUMBER: Final = "1Z12345E0205271686"
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
BRAND: Final = UUID("a0a0a0a0-0000-4000-8000-000000000001")
CONNECTION: Final = UUID("c2c2c2c2-0000-4000-8000-000000000003")
_BUYER: Final = Buyer(name="Ada Marsh", email="ada@example.com")
_ADDRESS: Final = Address(
    name="Ada Marsh", line1="12 Harbor Lane", city="Portland", region="ME", postcode="04101", country="US"
)
_SHIRTS: Final = ("10001", "AC-TS-NM", "Organic T-shirt, navy, M", 2)
_SOCKS: Final = ("10002", "AC-SO-2", "Wool socks, 2 pairs", 1)

Message = tuple[UUID, bytes, list[tuple[str, bytes]]]
"""Key, value, headers."""


def order(number: int) -> UUID:
    """The one order of the sale that people call `number`."""
    return ids.order_id(ids.sale_id(CONNECTION, source_id(number)), 1)


def source_id(number: int) -> str:
    """What the simulated shop calls a sale."""
    return str(an_order(number, (), NOON, address=None)["id"])


@lru_cache(maxsize=2)
def shipments(count: int) -> Sequence[Message]:
    """`count` shipments, each of another order, as fulfillment sends them; the same again in every round."""
    return tuple(message(_shipment(order(number))) for number in range(count))


def numbers_added(count: int) -> list[Message]:
    """`count` numbers, each of another order, as tracking sends them."""
    return [message(_number(order(number))) for number in range(count)]


def orders_placed(count: int) -> list[Message]:
    """`count` orders, as orders sends them."""
    return [message(_placed(number)) for number in range(count)]


def placed_beside(number: int) -> Message:
    """A second order of a sale, so that the sale's number alone does not say which is meant."""
    first = _placed(number)
    second = {"order_id": ids.order_id(first.sale_id, 2), "reference": f"{number}-02"}
    return message(first.model_copy(update=second))


def recipients(count: int) -> list[Message]:
    """Who receives them."""
    return [message(_recipient(number), None) for number in range(count)]


def sales(first: int, count: int) -> list[Message]:
    """`count` sales of one order with two lines each, as another connector may publish them."""
    return [message(_sale(number), None) for number in range(first, first + count)]


def _shipment(order_id: UUID) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order_id,
        brand_id=BRAND,
        parcel_id=ids.parcel_id(order_id, 1),
        lines=tuple(LineUnits(line_id=id_, quantity=units) for id_, _, _, units in (_SHIRTS, _SOCKS)),
        company=COMPANY,
        number=NUMBER,
        shipped_at=NOON,
    )


def _number(order_id: UUID) -> TrackingAdded:
    return TrackingAdded(
        order_id=order_id,
        brand_id=BRAND,
        parcel_id=ids.parcel_id(order_id, 1),
        carrier="ups",
        carrier_name="UPS",
        tracking_number=NUMBER,
        tracking_url=f"https://www.ups.com/track?tracknum={NUMBER}",
        decided_by="brand",
        added_at=NOON,
    )


def _sale(number: int) -> SaleReceived:
    return SaleReceived(
        sale_id=ids.sale_id(CONNECTION, source_id(number)),
        connection_id=CONNECTION,
        connection_code="bench",
        platform="shopify",
        source_order_id=source_id(number),
        number=f"#{number}",
        placed_at=NOON + timedelta(seconds=number),
        source_updated_at=NOON + timedelta(seconds=number),
        default_brand_id=BRAND,
        payment=Payment.PAID,
        currency="USD",
        total=Money(amount="62.50", currency="USD"),
        shipping_method="Standard",
        buyer=_BUYER,
        ship_to=_ADDRESS,
        lines=tuple(
            SaleLine(line_id=id_, sku=sku, title=title, quantity=units) for id_, sku, title, units in (_SHIRTS, _SOCKS)
        ),
    )


def _placed(number: int) -> OrderPlaced:
    return OrderPlaced(
        order_id=order(number),
        sale_id=ids.sale_id(CONNECTION, source_id(number)),
        brand_id=BRAND,
        reference=f"{number}-01",
        number=f"#{number}",
        connection_id=CONNECTION,
        platform="shopify",
        placed_at=NOON + timedelta(seconds=number),
        country="US",
        recipient_version=1,
        lines=tuple(
            OrderLine(line_id=id_, sku=sku, title=title, quantity=units) for id_, sku, title, units in (_SHIRTS, _SOCKS)
        ),
        shipping_method="Standard",
    )


def _recipient(number: int) -> Recipient:
    return Recipient(order_id=order(number), brand_id=BRAND, version=1, address=_ADDRESS, buyer=_BUYER)


def message(event: Event, sequence: int | None = 1) -> Message:
    """An event as its owner's relay sends it."""
    id_ = ids.event_id(event.subject, event.type_name(), event.subject, sequence or 0)
    envelope = Envelope(
        id=id_,
        source=event.topic.replace(".", "/"),
        type=event.type_name(),
        time=datetime.now(UTC),
        subject=event.subject,
        actor="token:bench",
        causation_id=id_,
        sequence=sequence,
        brand=event.brand,
    )
    return event.subject, event.to_json(), envelope.headers()
