"""Rows that a release before wrote are read by this one."""

from importlib import util
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from waybill_portal.domain import Order, Status, explained, flags, outcomes, status

STEP = Path(__file__).parents[1] / "migrations/generation/0002_evidence.py"
ORDER, PARCEL = UUID(int=1), UUID(int=5)


def a_parcel(**changed: Any) -> dict[str, Any]:
    said = {"parcel_id": str(PARCEL), "units": {"shirt": 1}, "carrier_name": "ups", "tracking_number": "1Z"}
    return {**said, "tracking_url": "", "shipped_at": "2026-03-01T12:00:00Z", **changed}


def a_row(*parcels: dict[str, Any], holds: tuple[str, ...] = ()) -> dict[str, Any]:
    """A state as the first generation had it."""
    line = {"line_id": "shirt", "sku": "", "title": "Shirt", "portion": "", "quantity": 3, "shipped": 1, "canceled": 0}
    return {
        "order_id": str(ORDER),
        "brand_id": str(ORDER),
        "reference": "10001-01",
        "number": "#10001",
        "platform": "shopify",
        "placed_at": "2026-03-01T12:00:00Z",
        "shipping_method": "",
        "holds": list(holds),
        "lines": [{**line, "image_url": ""}],
        "parcels": list(parcels),
        "applied": {"waybill/orders": 1},
    }


@pytest.fixture
def reshaped() -> Any:
    found = util.spec_from_file_location("step", STEP)
    assert found is not None
    assert found.loader is not None
    step = util.module_from_spec(found)
    found.loader.exec_module(step)
    return step.reshaped


def test_a_row_from_before_says_the_same_without_its_events(reshaped: Any) -> None:
    settled = a_parcel(carrier_name="UPS", tracking_url="https://ups/1Z")
    before = a_parcel(parcel_id=None, tracking_url="https://old/7", shipped_at=None)

    order = Order.model_validate(reshaped(a_row(settled, a_parcel(), before, holds=("address", "payment"))))

    assert status(order) is Status.PARTIALLY_SHIPPED
    assert flags(order) == ["on hold: address", "on hold: awaiting payment"]
    assert [(each.carrier_name, each.tracking_number, each.tracking_url) for each in order.parcels] == [
        ("UPS", "1Z", "https://ups/1Z"),
        ("ups", "1Z", ""),
        ("ups", "1Z", "https://old/7"),
    ]
    assert explained(order)[0].events == ()
    assert [each.event for each in outcomes(order)] == [None, None, None]
