"""A file of tracking numbers in a real browser: preview, ship, correct, take back."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from waybill_simulators.shopify import an_order

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}; apt-get install chromium")
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
FIRST, SECOND = "1Z5R89390357567127", "1Z879E930346834440"
Until = Callable[..., Awaitable[None]]


async def sell(selling: Any, stack: Any, until: Until, *numbers: int) -> None:
    item = {"title": "Stoneware mug", "vendor": "", "sku": "MU", "price": "9.00", "quantity": 1}
    for number in numbers:
        await selling.shop.tell(an_order(number, [item], datetime.now(UTC), address=ADDRESS))

    async def there() -> bool:
        orders = await selling.orders()
        async with stack.client("fulfillment") as fulfillment:
            answers = [await fulfillment.get(f"/api/v1/orders/{order['order_id']}") for order in orders]
        return len(orders) == len(numbers) and all(answer.is_success for answer in answers)

    await until(there)


@pytest.mark.parametrize("width", [360, 1280])
async def test_a_file_is_previewed_shipped_corrected_and_taken_back(
    width: int, open_page: Any, selling: Any, stack: Any, until: Until
) -> None:
    good, doubtful = 820_000 + width, 821_000 + width
    await sell(selling, stack, until, good, doubtful)
    rows = [
        "Order;Carrier;Tracking",
        f"{good}-01;ups;{FIRST}",
        f"#{doubtful};Ann's van;77",
        f"999999-01;UPS;{SECOND}",
    ]
    content = "\r\n".join(rows).encode("cp1252")
    page = await open_page("/imports", width)

    await page.get_by_label("CSV file").set_input_files(
        {"name": "monday.csv", "mimeType": "text/csv", "buffer": content}
    )
    await page.get_by_role("button", name="Upload and preview").click()

    await expect(page.get_by_text("3 rows, 1 ready to go, 1 to be confirmed, 1 to be corrected")).to_be_visible()
    await expect(page.get_by_text("No order is called 999999-01 here")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert [order["parcels"] for order in await selling.orders()] == [[], []]

    await page.get_by_label("unknown company").check()
    await page.get_by_role("button", name="Ship what can go").click()

    await expect(page.get_by_text("3 rows, 2 shipped, 1 to be corrected")).to_be_visible()
    async with page.expect_download() as downloading:
        await page.get_by_role("link", name="Rows that do not go (CSV)").click()
    path = await (await downloading.value).path()
    assert "unknown-reference" in path.read_text("utf-8-sig")

    async def shipped() -> bool:
        return [order["status"] for order in await selling.orders()] == ["shipped", "shipped"]

    await until(shipped)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("2 taken back")).to_be_visible()

    async def open_again() -> bool:
        return [order["status"] for order in await selling.orders()] == ["not shipped", "not shipped"]

    await until(open_again)
