"""What stands on a packing slip."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from waybill_chassis.fold import Waiting
from waybill_events import (
    Address,
    Brand,
    BusinessAddress,
    Envelope,
    Event,
    OrderCanceled,
    OrderPlaced,
    Recipient,
)


@dataclass(frozen=True, slots=True)
class Item:
    """One line as it is packed; `portion` tells of a fractional quantity."""

    sku: str
    title: str
    quantity: int
    portion: str = ""
    line_id: str = ""


@dataclass(frozen=True, slots=True)
class Slip:
    """One order as it is packed: what is not canceled."""

    order_id: UUID
    brand_id: UUID
    reference: str
    placed_at: datetime
    shipping_method: str
    items: tuple[Item, ...]


def on_event(slip: Slip | None, event: Event, _envelope: Envelope) -> tuple[Slip | None, list[Event]]:
    """Note what an order holds, and leave out what is canceled of it."""
    match event:
        case OrderPlaced():
            return slip or placed(event), []
        case OrderCanceled():
            if slip is None:
                raise Waiting(OrderPlaced)
            return without(slip, event), []
        case _:
            raise AssertionError(event)


def placed(event: OrderPlaced) -> Slip:
    """An order as it was born."""
    items = tuple(
        Item(line.sku, line.title, line.quantity - line.canceled, line.portion, line.line_id)
        for line in event.lines
        if line.quantity > line.canceled
    )
    return Slip(event.order_id, event.brand_id, event.reference, event.placed_at, event.shipping_method, items)


def without(slip: Slip, event: OrderCanceled) -> Slip:
    """Less what is canceled, so that nobody packs it."""
    gone = {each.line_id: each.quantity for each in event.lines}
    items = (replace(item, quantity=item.quantity - gone.get(item.line_id, 0)) for item in slip.items)
    return replace(slip, items=tuple(item for item in items if item.quantity > 0))


def contents(slip: Slip, recipient: Recipient | None, brand: Brand) -> dict[str, Any]:
    """The data of the document; a recipient of None was erased."""
    return {
        "brand": brand.name,
        "from": _from(brand.ship_from),
        "reference": slip.reference,
        "placed": slip.placed_at.date().isoformat(),
        "method": slip.shipping_method,
        "to": ["erased"] if recipient is None else _to(recipient.address),
        "note": "" if recipient is None else recipient.note,
        "items": [
            {"sku": item.sku, "title": item.title or item.sku, "quantity": f"{item.portion} {item.quantity}".strip()}
            for item in slip.items
        ],
    }


def _from(address: BusinessAddress) -> list[str]:
    town = " ".join(part for part in (address.postcode, address.city, address.region) if part)
    return [part for part in (address.name, address.line1, address.line2, town, address.country or "") if part]


def _to(address: Address | None) -> list[str]:
    if address is None:
        return ["no address yet"]
    town = " ".join(part for part in (address.postcode, address.city, address.region) if part)
    parts = (address.name, address.company, address.line1, address.line2, town, address.country or "")
    return [part for part in parts if part]
