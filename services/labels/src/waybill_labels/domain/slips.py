"""What stands on a packing slip."""

from typing import Any

from waybill_events import Address, Brand, BusinessAddress, Recipient
from waybill_labels.domain.orders import Order


def contents(order: Order, recipient: Recipient | None, brand: Brand) -> dict[str, Any]:
    """The data of the document; a recipient of None was erased."""
    return {
        "brand": brand.name,
        "from": lines_of_business(brand.ship_from),
        "reference": order.reference,
        "placed": order.placed_at.date().isoformat(),
        "method": order.shipping_method,
        "to": ["erased"] if recipient is None else lines_of_recipient(recipient.address),
        "note": "" if recipient is None else recipient.note,
        "items": [
            {"sku": item.sku, "title": item.title or item.sku, "quantity": f"{item.portion} {item.quantity}".strip()}
            for item in order.items
        ],
    }


def lines_of_business(address: BusinessAddress) -> list[str]:
    """A brand's address, a line each."""
    town = " ".join(part for part in (address.postcode, address.city, address.region) if part)
    return [part for part in (address.name, address.line1, address.line2, town, address.country or "") if part]


def lines_of_recipient(address: Address | None) -> list[str]:
    """A recipient's address, a line each."""
    if address is None:
        return ["no address yet"]
    town = " ".join(part for part in (address.postcode, address.city, address.region) if part)
    parts = (address.name, address.company, address.line1, address.line2, town, address.country or "")
    return [part for part in parts if part]
