"""Real Shopify orders through the whole chain; they are read from WAYBILL_SAMPLES, never copied here."""

import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

SAMPLES = Path(os.environ.get("WAYBILL_SAMPLES", Path(__file__).parents[3] / "shared" / "data"))
FOLDER = SAMPLES / "platforms" / "shopify"
Until = Callable[..., Awaitable[None]]


def _order(path: Path) -> dict[str, Any] | None:
    wrapped: dict[str, Any] = json.loads(path.read_text())
    order: dict[str, Any] | None = wrapped.get("order") or next(iter(wrapped.get("orders", [])), None)
    return order


FILES = sorted(path for path in FOLDER.glob("*.json") if _order(path)) if FOLDER.is_dir() else []
needs_samples = pytest.mark.skipif(not FILES, reason=f"no Shopify samples in {FOLDER} (WAYBILL_SAMPLES)")


def ordered_and_open(order: dict[str, Any], line: dict[str, Any]) -> tuple[int, int]:
    """What Shopify's own fields say of a line: what was sold of it, and what is still to be sent."""
    quantity = line["quantity"]
    if order.get("cancelled_at"):
        return quantity, 0
    sent = sum(
        each["quantity"]
        for fulfillment in order.get("fulfillments") or []
        if fulfillment["status"] == "success"
        for each in fulfillment["line_items"]
        if each["id"] == line["id"]
    )
    return quantity, line.get("current_quantity", quantity) - sent


async def come_in(selling: Any, until: Until, order: dict[str, Any]) -> dict[str, Any]:
    answer = await selling.shop.tell(order)
    assert answer.json()["outcome"] == "sale", answer.text

    async def there() -> bool:
        return len(await selling.orders()) == 1

    await until(there)
    (found,) = await selling.orders()
    return dict((await selling.portal.get(f"/api/v1/orders/{found['order_id']}")).raise_for_status().json())


@needs_samples
@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_a_real_order_comes_in_with_its_lines_quantities_and_recipient(
    path: Path, selling: Any, until: Until
) -> None:
    order = _order(path)
    assert order is not None

    found = await come_in(selling, until, order)

    assert found["reference"] == f"{order['name'].removeprefix('#')}-01"
    assert {
        line["line_id"]: (line["sku"], line["quantity"], line["quantity"] - line["shipped"] - line["canceled"])
        for line in found["lines"]
    } == {str(line["id"]): (line["sku"] or "", *ordered_and_open(order, line)) for line in order["line_items"]}

    async def addressed() -> bool:
        return (await selling.portal.get(f"/api/v1/orders/{found['order_id']}")).json()["recipient"] is not None

    await until(addressed)
    found = (await selling.portal.get(f"/api/v1/orders/{found['order_id']}")).json()
    address, given = found["recipient"]["address"], order["shipping_address"]
    assert (address["name"], address["line1"], address["city"], address["postcode"], address["country"]) == (
        given["name"],
        given["address1"],
        given["city"],
        given["zip"],
        given["country_code"],
    )
    assert found["recipient"]["buyer"]["email"] == order["email"]
    assert "on hold: address" not in found["flags"]


@needs_samples
async def test_a_real_order_without_an_address_comes_in_held(selling: Any, until: Until) -> None:
    order = _order(FILES[0])

    found = await come_in(selling, until, {**(order or {}), "shipping_address": None})

    assert "on hold: address" in found["flags"]


@needs_samples
async def test_a_real_order_told_ten_times_is_one_sale(selling: Any, stack: Any, until: Until) -> None:
    order = _order(FILES[-1])
    assert order is not None
    for _ in range(9):
        assert (await selling.shop.tell(order)).is_success

    found = await come_in(selling, until, order)

    assert found["reference"].endswith("-01")
    told = await stack.scalar("orders", "SELECT count(*) FROM orders WHERE brand_id = :b", b=str(selling.brand))
    assert told == 1
