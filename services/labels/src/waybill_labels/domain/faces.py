"""What stands on a label."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from waybill_chassis.postal import lines
from waybill_events import Brand
from waybill_labels.domain.measures import weight_in_words
from waybill_labels.domain.orders import COMING, Label, Order


def face(order: Order, label: Label, brand: Brand) -> dict[str, Any]:
    """The data of a label that was bought."""
    offer, sale, shipment = label.offer, label.sale, label.shipment
    assert offer is not None
    assert sale is not None
    assert shipment is not None
    parcel = order.parcel(label.parcel_id)
    assert parcel is not None
    ship_from = lines(shipment.ship_from)
    of_parcels = sum(1 for each in order.parcels if each.place != "unpacked")
    back = parcel.place in COMING
    which = f"Return {parcel.number}" if back else f"Parcel {parcel.number}"
    return {
        "carrier": offer.carrier_name,
        "service": offer.service_name or offer.service,
        "number": sale.tracking_number,
        "reference": order.reference,
        "weight": weight_in_words(shipment.weight_g),
        "from": ship_from if shipment.ship_from.name else [brand.name, *ship_from],
        "to": lines(shipment.ship_to),
        "about": [which + (f" of {of_parcels}" if of_parcels > 1 and not back else ""), _day(label)],
        "words": {"ship_to": "RETURN TO" if back else "SHIP TO", "tracking": "TRACKING NUMBER"},
    }


def on_list(number: str, opened: datetime, brand: Brand, labels: Sequence[tuple[Order, Label]]) -> dict[str, Any]:
    """The data of a carrier's list of labels, which bears its number."""
    offer = labels[0][1].offer if labels else None
    return {
        "number": number,
        "reference": number,
        "opened": opened.date().isoformat(),
        "carrier": "" if offer is None else offer.carrier_name,
        "from": [brand.name, *lines(brand.ship_from)],
        "rows": [
            {
                "number": "" if label.sale is None else label.sale.tracking_number,
                "reference": order.reference,
                "weight": "" if label.shipment is None else f"{label.shipment.weight_g / 1000:.3f}",
            }
            for order, label in labels
        ],
    }


def _day(label: Label) -> str:
    return "" if label.purchased_at is None else label.purchased_at.date().isoformat()
