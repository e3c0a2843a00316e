"""Boring events of one order, and a portal of its own; shared by the portal's tests."""

from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

from waybill_events import ItemsFulfilled, LineUnits, OrderLine, OrderPlaced, TrackingAdded
from waybill_portal.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UPS_PAGE = "https://www.ups.com/track?tracknum=1Z"


class AsOperator(Settings):
    hosts: tuple[str, ...] = ("service",)
    fulfillment_url: str = "http://127.0.0.1:1"


def placed(order: UUID, brand: UUID, reference: str, *, minutes: int = 0, title: str = "Shirt") -> OrderPlaced:
    return OrderPlaced(
        order_id=order,
        sale_id=uuid4(),
        brand_id=brand,
        reference=reference,
        number=f"#{reference[:-3]}",
        connection_id=uuid4(),
        platform="shopify",
        placed_at=NOON + timedelta(minutes=minutes),
        recipient_version=1,
        lines=(OrderLine(line_id="shirt", sku="TS-1", title=title, quantity=3),),
    )


def shipped(order: UUID, brand: UUID, units: int) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=brand,
        parcel_id=UUID(int=5),
        lines=(LineUnits(line_id="shirt", quantity=units),),
        company="ups",
        number="1Z",
        shipped_at=NOON,
    )


def tracked(order: UUID, brand: UUID) -> TrackingAdded:
    return TrackingAdded(
        order_id=order,
        brand_id=brand,
        parcel_id=UUID(int=5),
        carrier="ups",
        carrier_name="UPS",
        tracking_number="1Z",
        tracking_url=UPS_PAGE,
        decided_by="brand",
        added_at=NOON,
    )
