"""Many parcels printed at once, from the list and by scanner, in a real browser; what fails is named and retried."""

import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from playwright.async_api import Page, expect
from pypdf import PdfReader

from waybill_simulators.shopify import an_order

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}; apt-get install chromium")
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
Until = Callable[..., Awaitable[None]]


async def sell(selling: Any, stack: Any, until: Until, *numbers: int) -> None:
    """Sell until every service knows of it."""
    item = {"title": "Stoneware mug", "vendor": "", "sku": "MU", "price": "9.00", "quantity": 1}
    for number in numbers:
        await selling.shop.tell(an_order(number, [item], datetime.now(UTC), address=ADDRESS))
    names = {f"{number}-01" for number in numbers}

    async def there() -> bool:
        mine = [order for order in await selling.orders() if order["reference"] in names]
        async with stack.client("fulfillment") as fulfillment:
            answers = [await fulfillment.get(f"/api/v1/orders/{order['order_id']}") for order in mine]
        return len(mine) == len(numbers) and all(answer.is_success for answer in answers)

    await until(there)


async def file_of(page: Page, stack: Any, link: str) -> bytes:
    """The bytes behind a link of a page; a browser without a window would show them in its own viewer."""
    address = await page.get_by_role("link", name=link).first.get_attribute("href")
    async with stack.client("portal") as portal:
        answer = (await portal.get(str(address))).raise_for_status()
    return bytes(answer.content)


def codes(pdf: bytes) -> list[set[str]]:
    document = pypdfium2.PdfDocument(pdf)
    found = [{code.text for code in zxingcpp.read_barcodes(page.render(scale=203 / 72).to_pil())} for page in document]
    document.close()
    return found


@pytest.mark.parametrize("width", [360, 1280])
async def test_selected_orders_are_labeled_and_printed_as_one_file_and_handed_over(
    width: int, open_page: Any, selling: Any, stack: Any, until: Until
) -> None:
    first, second, third, later = (83_000_000 + width * 10 + nth for nth in range(4))
    await sell(selling, stack, until, first, second, third)
    held = next(order for order in await selling.orders() if order["reference"] == f"{third}-01")
    await selling.portal.post(f"/api/v1/orders/{held['order_id']}/holds", json={"reason": "inventory"})
    page: Page = await open_page(f"/orders?q={str(first)[:-1]}", width)
    await expect(page.get_by_text("On hold: inventory")).to_be_visible()

    for number in (first, second, third):
        await page.get_by_label(f"Select {number}-01").check()
    await sell(selling, stack, until, later)
    await expect(page.get_by_role("link", name=f"{later}-01", exact=True)).to_be_visible()
    # The list has been drawn anew meanwhile.
    await expect(page.get_by_label(f"Select {first}-01")).to_be_checked()
    await expect(page.get_by_label(f"Select {later}-01")).not_to_be_checked()
    await page.get_by_text("Print what is selected").click()
    await page.get_by_label("In which order").select_option("reference")
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.get_by_role("button", name="Print", exact=True).click()

    await expect(page.get_by_text("2 of 3 printed, 4 pages.")).to_be_visible()
    await expect(page.get_by_text("The order is on hold (inventory).")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    read = codes(await file_of(page, stack, "Open the file (PDF)"))
    assert [sorted(name for name in page_ if name.endswith("-01")) for page_ in read] == [
        [f"{number}-01"] for number in (first, first, second, second)
    ]

    (hold,) = (await selling.portal.get(f"/api/v1/orders/{held['order_id']}")).json()["holds"]
    await selling.portal.post(f"/api/v1/orders/{held['order_id']}/holds/{hold['hold_id']}/release")

    async def released() -> bool:
        found = (await selling.portal.get(f"/api/v1/orders/{held['order_id']}")).json()
        async with stack.client("fulfillment") as fulfillment:
            ledger = (await fulfillment.get(f"/api/v1/orders/{held['order_id']}")).json()
        return not found["holds"] and not ledger["holds"]

    await until(released)
    await page.get_by_role("button", name="Retry what failed").click()
    await expect(page.get_by_text("1 of 1 printed, 2 pages.")).to_be_visible()
    await page.get_by_role("button", name="Print again").click()
    await expect(page.get_by_text("Printed again (2)")).to_be_visible()
    await expect(page.get_by_text("1 of 1 printed, 2 pages.")).to_be_visible()

    await page.get_by_role("link", name="Print", exact=True).first.click()
    brand = f"Brand {selling.brand.hex[:6]}"
    waits = page.locator("form.handed", has_text=f"3 labeled parcels of {brand} wait for Simulated Carrier")
    await waits.get_by_role("button", name="Close the manifest").click()

    async def left() -> bool:
        statuses = {order["reference"]: order["status"] for order in await selling.orders()}
        return [statuses[f"{number}-01"] for number in (first, second, third)] == ["shipped"] * 3

    await until(left)
    await page.reload()
    text = PdfReader(io.BytesIO(await file_of(page, stack, "Manifest "))).pages[0].extract_text()
    assert (brand in text, f"{first}-01" in text, "Parcels: 3" in text) == (True, True, True)
    assert await page.evaluate("document.documentElement.scrollWidth") <= width


async def test_what_is_scanned_is_printed_and_what_nobody_knows_is_named(
    open_page: Any, selling: Any, stack: Any, until: Until
) -> None:
    await sell(selling, stack, until, 84_000_001)
    page: Page = await open_page("/batches")
    await page.get_by_label("References or tracking numbers").fill("84000001-01\nNOBODY-7\n")
    await page.locator("select[name=prints]").select_option("slips")
    await page.get_by_role("button", name="Print", exact=True).click()

    await expect(page.get_by_text("1 of 2 printed, 1 page.")).to_be_visible()
    await expect(page.get_by_text("NOBODY-7")).to_be_visible()
    await expect(page.get_by_text("No order, parcel or label is called that here.")).to_be_visible()


async def test_printing_nothing_says_what_to_do(stack: Any) -> None:
    async with stack.client("portal") as portal:
        answer = await portal.post("/batches", data={"prints": "slips"}, headers={"Accept": "text/html"})

    assert answer.status_code == 422
    assert "Choose orders in the list first, or scan some here." in answer.text
