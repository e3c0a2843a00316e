"""Two brands, and what customers bought of them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from waybill_simulators.shopify import an_order

ACORN: Final = UUID("a0a0a0a0-0000-4000-8000-000000000001")
BIRCH: Final = UUID("b1b1b1b1-0000-4000-8000-000000000002")
CONNECTION: Final = UUID("c2c2c2c2-0000-4000-8000-000000000003")

BRANDS: Final[dict[UUID, dict[str, Any]]] = {
    ACORN: {
        "name": "Acorn Apparel",
        "vendors": ["Acorn Apparel"],
        "sku_prefixes": ["AC-"],
        "ship_from": {
            "name": "Acorn Apparel",
            "line1": "9 Mill Road",
            "city": "Troy",
            "region": "NY",
            "postcode": "12180",
            "country": "US",
        },
        "time_zone": "America/New_York",
        "default_box": {"length_mm": 300, "width_mm": 220, "height_mm": 120},
        "default_weight_g": 350,
    },
    BIRCH: {
        "name": "Birch Ceramics",
        "vendors": ["Birch Ceramics"],
        "sku_prefixes": ["BI-"],
        "ship_from": {
            "name": "Birch Ceramics",
            "line1": "41 Kiln Street",
            "city": "Asheville",
            "region": "NC",
            "postcode": "28801",
            "country": "US",
        },
        "time_zone": "America/New_York",
        "default_box": {"length_mm": 300, "width_mm": 220, "height_mm": 120},
        "default_weight_g": 350,
    },
}

_SHIRT: Final = {"title": "Organic T-shirt, navy, M", "vendor": "Acorn Apparel", "sku": "AC-TS-NM", "price": "24.00"}
_SOCKS: Final = {"title": "Wool socks, 2 pairs", "vendor": "Acorn Apparel", "sku": "AC-SO-2", "price": "14.50"}
_HOOD: Final = {"title": "Hooded jacket, moss, L", "vendor": "Acorn Apparel", "sku": "AC-HJ-ML", "price": "79.00"}
_MUG: Final = {"title": "Stoneware mug, ash glaze", "vendor": "Birch Ceramics", "sku": "BI-MU-A", "price": "28.00"}
_BOWL: Final = {"title": "Serving bowl, 24 cm", "vendor": "Birch Ceramics", "sku": "BI-BO-24", "price": "52.00"}

_BASKETS: Final[tuple[tuple[tuple[dict[str, str], int], ...], ...]] = (
    ((_SHIRT, 2),),
    ((_MUG, 4),),
    ((_SHIRT, 1), (_SOCKS, 3)),
    ((_HOOD, 1), (_MUG, 2)),
    ((_BOWL, 1),),
    ((_SOCKS, 1),),
    ((_BOWL, 2), (_MUG, 6)),
    ((_SHIRT, 1), (_HOOD, 1), (_SOCKS, 2)),
    ((_MUG, 1),),
    ((_SHIRT, 3), (_BOWL, 1)),
)
_PEOPLE: Final = (
    ("Ada Marsh", "12 Harbor Lane", "Portland", "ME", "04101"),
    ("Ben Okafor", "780 Juniper Avenue, Apt 4", "Denver", "CO", "80206"),
    ("Chloé Durand", "5 Orchard Street", "New York", "NY", "10002"),
    ("Dmitri Volkov", "2201 Lakeview Drive", "Madison", "WI", "53703"),
    ("Elena Ruiz", "64 Mission Street", "San Antonio", "TX", "78205"),
)
_WITHOUT_ADDRESS: Final = 10005
_UNPAID: Final = 10008


def sales(now: datetime) -> Iterator[tuple[dict[str, Any], str]]:
    """Ten orders of the last days, oldest first, each with its event id.

    One of them has no address, one is not paid; some hold lines of both brands.
    """
    for at, basket in enumerate(_BASKETS):
        number = 10001 + at
        name, street, city, region, postcode = _PEOPLE[at % len(_PEOPLE)]
        address = {
            "name": name,
            "address1": street,
            "city": city,
            "province_code": region,
            "zip": postcode,
            "country_code": "US",
        }
        order = an_order(
            number,
            [{**item, "quantity": quantity} for item, quantity in basket],
            now - timedelta(hours=5 * (len(_BASKETS) - at), minutes=7 * at),
            address=None if number == _WITHOUT_ADDRESS else address,
            financial_status="pending" if number == _UNPAID else "paid",
        )
        yield order, f"demo-{number}"
