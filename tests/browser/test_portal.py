"""The portal in a real browser, on pages that stay open."""

import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pypdfium2
import pytest
import zxingcpp
from PIL import Image
from playwright.async_api import expect

from waybill_simulators.shopify import an_order

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}; apt-get install chromium")
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
UPS_NUMBER = "1Z12345E0205271686"
Until = Callable[..., Awaitable[None]]


async def sell(selling: Any, until: Until, number: int, *, quantity: int = 2, **more: Any) -> dict[str, Any]:
    item = {"title": "Stoneware mug", "vendor": "", "sku": "MU", "price": "9.00", "quantity": quantity}
    await selling.shop.tell(an_order(number, [item], datetime.now(UTC), **{"address": ADDRESS, **more}))

    async def there() -> bool:
        return any(order["reference"] == f"{number}-01" for order in await selling.orders())

    await until(there)
    return next(order for order in await selling.orders() if order["reference"] == f"{number}-01")


def dots(pdf: bytes) -> Image.Image:
    """A page as a printer's dots."""
    image: Image.Image = pypdfium2.PdfDocument(pdf)[0].render(scale=203 / 72).to_pil()
    return image


async def test_a_new_order_appears_on_top_of_a_list_that_was_open(open_page: Any, selling: Any, until: Until) -> None:
    await sell(selling, until, 800_001)
    page = await open_page("/orders")
    await expect(page.get_by_role("link", name="800001-01", exact=True)).to_be_visible()

    await sell(selling, until, 800_002)

    await expect(page.locator("tbody tr").first).to_contain_text("800002-01")


async def test_shipping_shows_the_number_in_green_on_pages_that_were_open(
    open_page: Any, selling: Any, until: Until
) -> None:
    order = await sell(selling, until, 800_003)
    watching = await open_page("/orders?q=800003")
    details = await open_page(f"/orders/{order['order_id']}?tab=shipments")
    page = await open_page("/orders?q=800003")
    await page.get_by_role("link", name="800003-01", exact=True).click()
    await expect(page.get_by_text("1 High St")).to_be_visible()

    await page.get_by_label("Tracking company").fill("UPS")
    await page.get_by_label("Tracking number").fill(UPS_NUMBER)
    await page.get_by_role("button", name="Ship").click()

    await expect(page.get_by_role("status")).to_contain_text(f"Shipped with UPS {UPS_NUMBER}")
    for each in (watching, details):
        link = each.get_by_role("link", name=UPS_NUMBER)
        await expect(link).to_have_attribute("href", f"https://www.ups.com/track?tracknum={UPS_NUMBER}")
        red, green, blue = await link.evaluate("e => getComputedStyle(e).color.match(/\\d+/g).slice(0, 3).map(Number)")
        assert green > max(red, blue)
        assert "\u2713" in await link.evaluate("e => getComputedStyle(e, '::before').content")
    await expect(watching.locator("tbody tr").first).to_contain_text("Shipped")
    await expect(page.locator("section .badge").first).to_have_text("Shipped")


async def test_a_label_is_bought_from_the_list_and_tracking_is_one_click_away(
    open_page: Any, selling: Any, stack: Any, until: Until
) -> None:
    order = await sell(selling, until, 800_008)
    path = f"/api/v1/orders/{order['order_id']}"

    async def known() -> bool:
        async with stack.client("fulfillment") as fulfillment:
            return bool((await fulfillment.get(path)).is_success)

    await until(known)
    page = await open_page("/orders?q=800008")
    left = await page.locator("tbody tr td").evaluate_all("cells => cells.slice(0, 3).map(each => each.className)")

    async with page.context.expect_event("response", lambda response: response.url.endswith("/label.pdf")) as answered:
        await page.get_by_role("button", name="Buy the label of 800008-01").click()
    async with stack.client("portal") as portal:
        pdf = (await portal.get((await answered.value).url)).content

    number = page.locator("tbody .number")
    await expect(number).to_have_text(re.compile(r"^WB\d{16}$"))
    assert await number.text_content() in {found.text for found in zxingcpp.read_barcodes(dots(pdf))}
    assert await number.evaluate("e => getComputedStyle(e, '::before').content") in {"none", "normal"}
    again = page.get_by_role("link", name="Label of 800008-01")
    assert (await again.get_attribute("href") or "").endswith("/label.pdf")
    await page.get_by_role("link", name="Tracking of 800008-01").click()
    await expect(page.get_by_text("Packed, not shipped yet")).to_be_visible()
    assert left == ["tick", "do", "reference"]


async def test_part_of_an_order_ships_and_the_rest_is_still_offered(open_page: Any, selling: Any, until: Until) -> None:
    order = await sell(selling, until, 800_004, quantity=3)
    page = await open_page(f"/orders/{order['order_id']}")

    await page.get_by_text("Edit quantities").click()
    await page.get_by_role("spinbutton").fill("1")
    await page.get_by_label("Tracking number").fill(UPS_NUMBER)
    await page.get_by_role("button", name="Ship").click()

    await expect(page.locator("section .badge").first).to_have_text("Partially shipped")
    await page.reload()
    await expect(page.locator("#ship input[type=number]")).to_have_value("2")


async def test_a_refusal_names_the_line_and_keeps_what_was_typed(open_page: Any, selling: Any, until: Until) -> None:
    order = await sell(selling, until, 800_005, quantity=2)
    late = await open_page(f"/orders/{order['order_id']}")
    line = {"line_id": order["lines"][0]["line_id"], "quantity": 1}
    answer = await selling.portal.post(
        f"/api/v1/orders/{order['order_id']}/shipments", json={"lines": [line], "tracking_number": UPS_NUMBER}
    )
    assert answer.status_code == 201

    await late.get_by_label("Tracking number").fill("1Z999")
    await late.get_by_role("button", name="Ship").click()

    await expect(late.get_by_role("alert")).to_contain_text("Stoneware mug has 1 open unit, not 2")
    await expect(late.get_by_role("spinbutton")).to_be_visible()
    await expect(late.get_by_label("Tracking number")).to_have_value("1Z999")


async def test_an_order_on_hold_says_so_and_offers_no_form(open_page: Any, selling: Any, until: Until) -> None:
    order = await sell(selling, until, 800_006, address=None)

    page = await open_page(f"/orders/{order['order_id']}")

    await expect(page.get_by_text("This order is on hold (address)")).to_be_visible()
    await expect(page.get_by_role("button", name="Ship")).to_have_count(0)


@pytest.mark.parametrize("width", [360, 768, 1280])
async def test_nothing_is_cut_off_at_any_width(width: int, open_page: Any, selling: Any, until: Until) -> None:
    order = await sell(selling, until, 800_100 + width)
    for path in ("/orders", f"/orders/{order['order_id']}", f"/orders/{order['order_id']}?tab=shipments"):
        page = await open_page(path, width)

        wide = await page.evaluate("document.documentElement.scrollWidth")

        assert wide <= width, path


async def test_without_scripts_the_form_works_too(open_page: Any, stack: Any, selling: Any, until: Until) -> None:
    order = await sell(selling, until, 800_007)
    page = await open_page(f"/orders/{order['order_id']}", java_script_enabled=False)

    await page.get_by_label("Tracking number").fill(UPS_NUMBER)
    await page.get_by_role("button", name="Ship").click()

    await expect(page).to_have_url(f"{stack.home.url('portal')}/orders/{order['order_id']}?tab=shipments")
