"""Orders, parcels and labels with boring defaults."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from waybill_events import (
    Address,
    Box,
    Brand,
    BusinessAddress,
    Envelope,
    ItemsFulfilled,
    LineUnits,
    Money,
    OrderLine,
    OrderPlaced,
    ParcelPacked,
    ParcelUnpacked,
    Recipient,
    ids,
)
from waybill_labels.domain import Decided, Label, Offer, Order, Sale, Shipment, ask, on_event, sold

ORDER, BRAND = UUID(int=1), UUID(int=2)
FIRST: Final = ids.parcel_id(ORDER, 1)
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
USD: Final = Money(amount="7.35", currency="USD")
BOX: Final = Box(length_mm=300, width_mm=200, height_mm=120)
ACORN: Final = Brand(
    brand_id=BRAND,
    version=1,
    name="Acorn & Co",
    ship_from=BusinessAddress(line1="9 Mill Rd", city="Troy", region="NY", postcode="12180", country="US"),
    shipping="platform",
    default_box=BOX,
    default_weight_g=250,
)
SHIRT: Final = OrderLine(line_id="1", sku="TS-1", title="Shirt", quantity=3, canceled=1, weight_g=200)
GROUND: Final = Offer("simulated", "Simulated Carrier", "ground", "Ground", USD, 5)
EXPRESS: Final = Offer("simulated", "Simulated Carrier", "express", "Express", Money(amount="19", currency="USD"), 1)


def cause() -> Envelope:
    return Envelope(id=ORDER, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=ORDER)


def placed(order: UUID = ORDER, *lines: OrderLine) -> OrderPlaced:
    return OrderPlaced(
        order_id=order,
        sale_id=UUID(int=3),
        brand_id=BRAND,
        reference="10001-01",
        number="#10001",
        connection_id=UUID(int=4),
        platform="shopify",
        placed_at=NOON,
        recipient_version=1,
        lines=lines or (SHIRT,),
    )


def to(order: UUID = ORDER, *, version: int = 1, **changed: Any) -> Recipient:
    address: dict[str, Any] = {
        "name": "Ann Bee",
        "line1": "1 High St",
        "city": "Albany",
        "region": "NY",
        "postcode": "12203",
        "country": "US",
    }
    return Recipient(
        order_id=order, brand_id=BRAND, version=version, address=Address(**address | changed), note="Ring twice"
    )


def packed(order: UUID = ORDER, nth: int = 1, **changed: Any) -> ParcelPacked:
    said: dict[str, Any] = {
        "order_id": order,
        "brand_id": BRAND,
        "parcel_id": ids.parcel_id(order, nth),
        "lines": (LineUnits(line_id="1", quantity=2),),
        "shipping": "platform",
        "recipient_version": 1,
        "packed_at": NOON,
    }
    return ParcelPacked(**said | changed)


def unpacked(order: UUID = ORDER, nth: int = 1) -> ParcelUnpacked:
    return ParcelUnpacked(
        order_id=order,
        brand_id=BRAND,
        parcel_id=ids.parcel_id(order, nth),
        lines=(LineUnits(line_id="1", quantity=2),),
        unpacked_at=NOON,
    )


def left(order: UUID = ORDER, nth: int = 1, **changed: Any) -> ItemsFulfilled:
    said: dict[str, Any] = {
        "order_id": order,
        "brand_id": BRAND,
        "parcel_id": ids.parcel_id(order, nth),
        "lines": (LineUnits(line_id="1", quantity=2),),
        "shipped_at": NOON,
    }
    return ItemsFulfilled(**said | changed)


A_SHIPMENT: Final = Shipment(
    ACORN.ship_from,
    Address(name="Ann Bee", line1="1 High St", city="Albany", postcode="12203", country="US"),
    400,
    BOX,
    "10001-01",
)


def sale(nth: int = 1) -> Sale:
    return Sale(f"L{nth}", f"WB{nth}", f"https://carrier.example/WB{nth}", USD)


def hears(*told: Any, order: Order | None = None, lines: Sequence[OrderLine] = ()) -> Order:
    """An order that has come in, after these events."""
    for event in (placed(ORDER, *lines), *told) if order is None else told:
        order, _ = on_event(order, event, cause())
    assert order is not None
    return order


def the_label(order: Order, purchase: int = 1) -> Label:
    (label,) = (each for each in order.labels if each.purchase == purchase)
    return label


def asked(*told: Any) -> Order:
    """A label is wanted, and its carrier may have sold it."""
    return ask(hears(packed(), *told), ids.label_id(FIRST, 1), GROUND, A_SHIPMENT)


def bought(*sales: Sale) -> Decided:
    """It has."""
    return sold(asked(), ids.label_id(FIRST, 1), sales or (sale(),), NOON)
