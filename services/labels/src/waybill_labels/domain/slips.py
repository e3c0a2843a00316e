"""What stands on a packing slip."""

from collections.abc import Iterator
from typing import Any

from waybill_chassis.postal import lines
from waybill_events import Brand, Recipient
from waybill_labels.domain.orders import Order, Parcel, Place


def contents(order: Order, recipient: Recipient | None, brand: Brand, parcel: Parcel | None = None) -> dict[str, Any]:
    """The data of the slip of a parcel, or of an order before it is packed; a recipient of None was erased."""
    look = brand.slip
    return {
        "brand": brand.name,
        "from": lines(brand.ship_from),
        "reference": order.reference,
        "placed": order.placed_at.date().isoformat(),
        "method": order.shipping_method,
        "to": _to(recipient),
        "note": "" if recipient is None else recipient.note,
        "gift": order.gift,
        "gift_message": "" if recipient is None else recipient.gift_message,
        "parcel": "" if parcel is None else str(parcel.number),
        "message": look.message,
        "color": look.color,
        "paper": look.paper,
        "languages": [order.language, look.language],
        "logo": look.logo and look.logo.content,
        "items": list(_items(order, parcel, prices=look.prices and not order.gift)),
    }


def _items(order: Order, parcel: Parcel | None, *, prices: bool) -> Iterator[dict[str, str]]:
    """What is in the parcel, and of its order what follows in another one."""
    gone = [each for each in order.parcels if each.place is not Place.UNPACKED]
    for item in order.items:
        here = item.quantity if parcel is None else parcel.units.get(item.line_id, 0)
        follows = 0 if parcel is None else item.quantity - sum(each.units.get(item.line_id, 0) for each in gone)
        if here > 0 or follows > 0:
            yield {
                "sku": item.sku,
                "title": item.title or item.sku,
                "quantity": f"{item.portion} {here}".strip(),
                "to_follow": str(follows) if follows > 0 else "",
                "price": item.unit_price if prices else "",
            }


def _to(recipient: Recipient | None) -> list[str]:
    if recipient is None:
        return ["erased"]
    return ["no address yet"] if recipient.address is None else lines(recipient.address)
