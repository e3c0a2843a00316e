"""Packing, canceling and holding by the buttons of an order's page, in a real browser."""

import io
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, expect
from pypdf import PdfReader

from waybill_simulators.shopify import an_order, canceled

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}; apt-get install chromium")
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
UPS_NUMBER = "1Z12345E0205271686"
MISTYPED = "1Z12345E0205271687"
Until = Callable[..., Awaitable[None]]


class Desk:
    """An order of three mugs, and pages of it."""

    def __init__(self, open_page: Any, selling: Any, stack: Any, until: Until) -> None:
        self.open_page, self.selling, self.stack, self.until = open_page, selling, stack, until
        self.order: dict[str, Any] = {}
        self.sold: dict[str, Any] = {}

    async def sell(self, number: int) -> "Desk":
        item = {"title": "Stoneware mug", "vendor": "", "sku": "MU", "price": "9.00", "quantity": 3}
        self.sold = an_order(number, [item], datetime.now(UTC), address=ADDRESS)
        await self.selling.shop.tell(self.sold)

        async def there() -> bool:
            self.order = next(iter(await self.selling.orders(q=f"{number}-01")), {})
            if not self.order:
                return False
            path = f"/api/v1/orders/{self.order['order_id']}"
            async with self.stack.client("fulfillment") as fulfillment:
                return bool((await fulfillment.get(path)).is_success)

        await self.until(there)
        return self

    async def page(self, tab: str = "summary", width: int = 1280) -> Page:
        page: Page = await self.open_page(f"/orders/{self.order['order_id']}?tab={tab}", width)
        return page


@pytest.fixture
def desk(open_page: Any, selling: Any, stack: Any, until: Until) -> Desk:
    return Desk(open_page, selling, stack, until)


async def more(page: Page) -> None:
    """Open the menu of the only parcel."""
    await page.locator("summary[aria-label^='More about parcel']").click()


async def test_units_are_packed_then_handed_over_then_undone_then_unpacked(desk: Desk) -> None:
    await desk.sell(801_001)
    page = await desk.page()
    await page.get_by_text("Edit quantities").click()
    await page.get_by_role("spinbutton").first.fill("2")

    await page.get_by_role("button", name="Pack only").click()
    await expect(page.get_by_role("status")).to_have_text("Packed.")
    parcels = await desk.page("shipments")
    await expect(parcels.get_by_text("Packed, not shipped yet")).to_be_visible()

    await parcels.get_by_role("button", name="Hand over without a number").click()
    await expect(parcels.locator(".badge").first).to_have_text("Partially shipped")

    await more(parcels)
    await parcels.get_by_role("button", name="Undo: it has not left").click()
    await expect(parcels.get_by_text("Packed, not shipped yet")).to_be_visible()

    await parcels.get_by_role("button", name="Unpack").click()
    await expect(parcels.get_by_text("Nothing has been shipped yet.")).to_be_visible()


async def test_a_packed_parcel_is_shipped_with_a_number(desk: Desk) -> None:
    await desk.sell(801_002)
    page = await desk.page()
    await page.get_by_role("button", name="Pack only").click()
    await expect(page.get_by_role("status")).to_have_text("Packed.")
    parcels = await desk.page("shipments")
    section = parcels.locator(".parcel")

    await section.get_by_label("Tracking company").fill("UPS")
    await section.get_by_label("Tracking number").fill(UPS_NUMBER)
    await section.get_by_role("button", name="Ship it").click()

    await expect(parcels.get_by_role("link", name=UPS_NUMBER)).to_be_visible()
    await expect(parcels.locator(".badge").first).to_have_text("Shipped")


async def test_the_menu_of_a_parcel_tracks_it_copies_its_link_and_closes_by_keyboard(desk: Desk) -> None:
    await desk.sell(801_009)
    path = f"/api/v1/orders/{desk.order['order_id']}/shipments"
    assert (await desk.selling.portal.post(path, json={"tracking_number": UPS_NUMBER})).status_code == 201
    page = await desk.page("shipments", 360)
    await page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    dots = page.locator("summary[aria-label='More about parcel 1']")

    await dots.focus()
    await page.keyboard.press("Enter")
    track = page.get_by_role("link", name="Track", exact=True)
    await expect(track).to_have_attribute("href", f"https://www.ups.com/track?tracknum={UPS_NUMBER}")
    await page.get_by_role("button", name="Copy the tracking link").click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == await track.get_attribute("href")
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360
    await page.keyboard.press("Escape")

    await expect(track).to_be_hidden()
    await expect(dots).to_be_focused()
    await dots.click()
    await page.get_by_role("heading", name="801009-01").click()
    await expect(track).to_be_hidden()


async def test_one_click_packs_what_is_open_and_gives_its_label(desk: Desk) -> None:
    await desk.sell(801_003)
    page = await desk.page()

    async with page.context.expect_event("response", lambda response: response.url.endswith("/label.pdf")) as answered:
        await page.get_by_role("button", name="Download label").click()
    async with desk.stack.client("portal") as portal:
        pdf = (await portal.get((await answered.value).url)).content
    await page.get_by_role("link", name="Shipments").click()

    number = page.locator(".parcel .number")
    await expect(number).to_have_text(re.compile(r"^WB\d{16}$"))
    await expect(page.locator(".parcel")).to_contain_text("Simulated Carrier Ground, ")
    assert (await number.text_content()) in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()
    given = {}
    await more(page)
    async with desk.stack.client("portal") as portal:
        for name in ("For a label printer (ZPL)", "Packing slip of this parcel"):
            given[name] = await portal.get(await page.get_by_role("link", name=name).get_attribute("href") or "")
        as_given = await portal.get(str(given["For a label printer (ZPL)"].url).removesuffix(".zpl"))
    assert given["For a label printer (ZPL)"].content.startswith(b"^XA")
    assert "801003-01" in PdfReader(io.BytesIO(given["Packing slip of this parcel"].content)).pages[0].extract_text()
    assert as_given.content == pdf
    await page.get_by_role("button", name="Void label").click()
    await expect(page.locator(".parcel")).to_contain_text("Its label was given back")
    await page.get_by_role("button", name="Buy a label").click()
    await expect(page.get_by_role("button", name="Hand over with its label")).to_be_visible()
    await page.get_by_role("button", name="Hand over with its label").click()
    await expect(page.locator("section .badge").first).to_have_text("Shipped")


async def test_another_service_is_chosen_for_a_parcel_whose_label_was_given_back(desk: Desk) -> None:
    await desk.sell(801_013)
    page = await desk.page()
    async with page.context.expect_event("response", lambda response: response.url.endswith("/label.pdf")):
        await page.get_by_role("button", name="Download label").click()
    await page.get_by_role("link", name="Shipments").click()
    await more(page)
    await page.get_by_role("button", name="Void label").click()
    await expect(page.locator(".parcel")).to_contain_text("Its label was given back")

    await page.set_viewport_size({"width": 390, "height": 844})
    await page.get_by_role("link", name="Choose a service").click()
    await expect(page.get_by_role("heading", name="A label for parcel 1 of 801013-01")).to_be_visible()
    await page.get_by_label("Weight, g").fill("2500")
    await page.get_by_role("button", name="Ask again").click()
    await expect(page.get_by_label("Weight, g")).to_have_value("2500")
    await expect(page.get_by_text("2.5 kg 5 lb 8.2 oz")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    await expect(page.locator(".rates li").first).to_contain_text("By your rule")
    await page.get_by_role("button", name="Buy Post").click()

    await expect(page.locator(".parcel")).to_contain_text("Simulated Carrier Post, ")
    async with desk.stack.client("labels") as labels:
        mine = (await labels.get(f"/api/v1/orders/{desk.order['order_id']}/labels")).json()["labels"]
    assert (mine[-1]["service"], mine[-1]["weight_g"]) == ("post", 2500)


async def test_a_label_of_which_its_carrier_says_nothing_is_looked_up_by_a_person(desk: Desk) -> None:
    await desk.sell(801_014)
    carrier = httpx.AsyncClient(
        base_url=desk.stack.home.url("carrier"),
        headers={"Authorization": f"Bearer {desk.stack.home.secret('carrier')}"},
    )
    async with carrier:
        await carrier.put("/v1/faults", json={"lose": 1, "lists": False})
        page = await desk.page("shipments")
        async with desk.stack.client("fulfillment") as fulfillment:
            path = f"/api/v1/orders/{desk.order['order_id']}/parcels"
            (await fulfillment.post(path, json={"shipping": "platform"})).raise_for_status()
        asks = page.locator("form.standing-hold", has_text="Label unclear")
        await expect(asks).to_contain_text("Look in your account there for 801014-01", timeout=60_000)
        await carrier.put("/v1/faults", json={})
        sold = (await carrier.get("/v1/labels")).json()["labels"][-1]

        await asks.get_by_label("Tracking number").fill(sold["tracking_number"])
        await asks.get_by_role("button", name="Sold", exact=True).click()
        await expect(asks).to_have_count(0)
        await page.get_by_role("link", name="Shipments").click()

        await expect(page.get_by_role("button", name="Hand over with its label")).to_be_visible()

        async def given_back() -> bool:
            books = (await carrier.get("/v1/labels")).json()["labels"]
            states = {each["tracking_number"]: each["state"] for each in books[-2:]}
            return bool(states.pop(sold["tracking_number"]) == "refunded" and list(states.values()) == ["sold"])

        await desk.until(given_back)


async def test_a_unit_is_canceled_and_the_rest_stays_to_be_shipped(desk: Desk) -> None:
    await desk.sell(801_003)
    page = await desk.page()

    await page.get_by_text("Cancel units").click()
    await page.locator("details form").first.get_by_role("spinbutton").fill("1")
    await page.get_by_label("Reason").first.select_option("inventory")
    await page.get_by_role("button", name="Cancel these units").click()

    await expect(page.get_by_text("Partly canceled")).to_be_visible()
    await page.reload()
    await expect(page.locator("#ship input[type=number]")).to_have_value("2")


async def test_an_order_is_held_and_released(desk: Desk) -> None:
    await desk.sell(801_004)
    page = await desk.page()

    await page.get_by_text("Hold", exact=True).click()
    await page.locator("form[action$='/holds']").get_by_label("Reason").select_option("fraud_risk")
    await page.get_by_role("button", name="Hold this order").click()

    await expect(page.locator(".badge", has_text="On hold: fraud risk")).to_be_visible()
    await page.get_by_role("button", name="Release").click()
    await expect(page.locator(".badge", has_text="On hold")).to_have_count(0)


async def test_another_address_is_shown_once_it_is_granted_and_no_more_taken_once_something_is_packed(
    desk: Desk,
) -> None:
    await desk.sell(801_006)
    page = await desk.page(width=360)
    await page.get_by_text("Change address or note").click()
    form = page.locator("form[action$='/amendments']")
    await expect(form.get_by_label("Street, or PO box")).to_have_value("1 High St")

    await form.get_by_label("Street, or PO box").fill("9 Oak St")
    await form.get_by_label("Note").fill("ring twice")
    await form.get_by_role("button", name="Change it").click()

    await expect(page.get_by_text("9 Oak St").first).to_be_visible()
    await expect(page.get_by_text("ring twice").first).to_be_visible()
    slip = await desk.selling.portal.get(f"/api/v1/orders/{desk.order['order_id']}/packing-slip.pdf")
    assert slip.status_code == 200
    assert (await desk.selling.portal.post(f"/api/v1/orders/{desk.order['order_id']}/parcels", json={})).is_success
    address = {"name": "Bo", "line1": "1 Elm St", "city": "Troy", "postcode": "12180", "country": "US"}
    path = f"/api/v1/orders/{desk.order['order_id']}"
    asked = await desk.selling.portal.post(f"{path}/amendments", json={"address": address})

    async def declined() -> bool:
        shown = (await desk.selling.portal.get(path)).json()
        found = {each["request_id"]: each for each in shown["requests"]}
        return found.get(asked.json()["request_id"], {}).get("why") == "packed"

    await desk.until(declined)


async def test_a_mistyped_number_is_asked_about_and_a_wrong_one_is_corrected(desk: Desk) -> None:
    await desk.sell(801_007)
    page = await desk.page()
    await page.get_by_label("Tracking company").first.fill("UPS")
    await page.get_by_label("Tracking number").first.fill(MISTYPED)
    await page.get_by_role("button", name="Ship", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("A digit may be mistyped.")
    await page.get_by_role("button", name="Ship all the same").click()
    await expect(page.get_by_role("status")).to_contain_text(f"Shipped with UPS {MISTYPED}")

    parcels = await desk.page("shipments", 360)
    await more(parcels)
    await parcels.get_by_text("Correct the number").click()
    form = parcels.locator("form[action$='/number']")
    await form.get_by_label("Tracking company").fill("FedEx")
    await form.get_by_label("Tracking number").fill(UPS_NUMBER)
    await form.get_by_role("button", name="Save it").click()
    await expect(parcels.get_by_role("alert")).to_contain_text("is a number of UPS, not of FedEx")
    await parcels.get_by_label("Tracking company").fill("UPS")
    await parcels.get_by_role("button", name="Take the corrected one").click()

    await expect(parcels.get_by_role("link", name=UPS_NUMBER)).to_be_visible()
    await expect(parcels.get_by_text(f"Was {MISTYPED} (UPS)")).to_be_visible()
    await expect(parcels.get_by_text("Not followed")).to_be_visible()


async def test_an_exception_is_settled_with_one_of_its_choices(desk: Desk) -> None:
    await desk.sell(801_005)
    path = f"/api/v1/orders/{desk.order['order_id']}/shipments"
    assert (await desk.selling.portal.post(path, json={"tracking_number": UPS_NUMBER})).status_code == 201
    gone = canceled(desk.sold, datetime.now(UTC) + timedelta(hours=1))
    await desk.selling.shop.tell(gone, topic="orders/cancelled")
    page = await desk.page()
    await expect(page.get_by_text("Refunded on its way: 3 × Stoneware mug")).to_be_visible()

    await page.get_by_role("button", name="Absorb").click()

    await expect(page.locator(".badge", has_text="Exception")).to_have_count(0)


async def test_units_come_back_by_condition_and_the_return_ends(desk: Desk) -> None:
    await desk.sell(801_008)
    path = f"/api/v1/orders/{desk.order['order_id']}/shipments"
    assert (await desk.selling.portal.post(path, json={"tracking_number": UPS_NUMBER})).status_code == 201
    page = await desk.page(width=360)
    await expect(page.locator(".badge").first).to_have_text("Shipped")
    await page.reload()

    await page.locator("summary", has_text="Return").click()
    form = page.locator("form[action$='/returns']")
    await form.get_by_role("spinbutton").fill("2")
    await form.get_by_label("Reason").select_option("damaged")
    await form.get_by_label("The customer needs a label").check()
    await form.get_by_role("button", name="Open a return").click()
    await expect(page.locator(".badge", has_text="Return open")).to_be_visible()
    label = page.get_by_role("link", name="Download return label")
    await expect(label).to_be_visible()
    async with desk.stack.client("portal") as portal:
        pdf = (await portal.get(str(await label.get_attribute("href")))).content
    assert "RETURN TO" in PdfReader(io.BytesIO(pdf)).pages[0].extract_text()

    arrival = page.locator("form[action$='/receive']")
    await arrival.get_by_role("spinbutton").fill("1")
    await arrival.get_by_label("Condition").select_option("damaged")
    await arrival.get_by_role("button", name="Receive").click()
    await expect(page.get_by_text("1 × Stoneware mug came back: damaged")).to_be_visible()
    await expect(page.locator(".badge", has_text="Return partly received")).to_be_visible()

    await page.locator("form[action$='/receive']").get_by_role("button", name="Close it").click()
    await expect(page.locator(".badge", has_text="Return closed")).to_be_visible()
    assert await page.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_of_the_work_is_cut_off_at_any_width(width: int, desk: Desk) -> None:
    await desk.sell(801_100 + width)
    path = f"/api/v1/orders/{desk.order['order_id']}"
    line = {"line_id": desk.order["lines"][0]["line_id"], "quantity": 1}
    assert (await desk.selling.portal.post(f"{path}/parcels", json={"lines": [line]})).status_code == 201
    assert (await desk.selling.portal.post(f"{path}/holds", json={"reason": "inventory"})).status_code == 202
    page = await desk.page("summary", width)
    await expect(page.locator(".badge", has_text="On hold: inventory")).to_be_visible()
    for summary in await page.locator("summary").all():
        await summary.click()

    for each in (page, await desk.page("shipments", width)):
        assert await each.evaluate("document.documentElement.scrollWidth") <= width
