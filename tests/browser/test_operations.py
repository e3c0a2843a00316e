"""The operators' pages in a real browser: an order that stands still for real goes on from the page."""

import json
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer
from playwright.async_api import expect
from sqlalchemy import text

from waybill_simulators.shopify import an_order

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}; apt-get install chromium")
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
MUG = {"title": "Stoneware mug", "vendor": "", "sku": "MU", "price": "9.00", "quantity": 2}
Until = Callable[..., Awaitable[None]]


@pytest.fixture
async def refusing(stack: Any) -> AsyncGenerator[Callable[[], Awaitable[None]]]:
    """A release of tracking whose database takes no parcel of DHL's, until it is mended."""

    async def execute(statement: str) -> None:
        database = stack.database("tracking")
        async with database.begin() as connection:
            await connection.execute(text(statement))
        await database.close()

    async def mend() -> None:
        await execute("ALTER TABLE parcels DROP CONSTRAINT IF EXISTS no_dhl")

    await execute("ALTER TABLE parcels ADD CONSTRAINT no_dhl CHECK (carrier <> 'dhl') NOT VALID")
    yield mend
    await mend()


async def stands_still(stack: Any, selling: Any, until: Until, number: int) -> dict[str, Any]:
    """An order that was shipped with DHL, and is parked in tracking."""
    await selling.shop.tell(an_order(number, [MUG], datetime.now(UTC), address=ADDRESS))
    reference = f"{number}-01"

    async def shipped() -> bool:
        found = [order for order in await selling.orders() if order["reference"] == reference]
        path = f"/api/v1/orders/{found[0]['order_id']}/shipments" if found else ""
        body = {"tracking_company": "DHL", "tracking_number": "1234567891"}
        return bool(found) and (await selling.portal.post(path, json=body)).is_success

    await until(shipped)
    order = next(order for order in await selling.orders() if order["reference"] == reference)
    async with stack.client("tracking") as tracking:

        async def parked() -> bool:
            found: dict[str, Any] = (await tracking.get(f"/ops/v1/quarantine/{order['order_id']}")).json()
            return bool(found["is_parked"])

        await until(parked)
    return order


async def test_an_order_that_stands_still_is_found_and_goes_on_from_the_page(
    open_page: Any, stack: Any, selling: Any, until: Until, refusing: Any
) -> None:
    await stands_still(stack, selling, until, 810_001)
    page = await open_page("/operations")
    await expect(page.get_by_role("region", name="Causes")).to_contain_text("violates check constraint")
    await page.get_by_role("link", name="810001-01").click()
    section = page.get_by_role("region", name="tracking")
    await expect(section).to_contain_text("Stands still in tracking")

    await section.get_by_label("Why").fill("a newer release runs")
    await section.get_by_role("button", name="Redrive in tracking").click()
    await expect(page.get_by_role("alert")).to_contain_text("1 stay: ")
    await refusing()
    await section.get_by_label("Why").fill("now it does")
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status")).to_contain_text("It goes on in tracking")
    await expect(page.get_by_text("It stands still nowhere")).to_be_visible()
    await page.goto("/operations?tab=done")
    row = page.get_by_role("row").filter(has_text="now it does")
    await expect(row).to_contain_text("810001-01")
    await expect(row).to_contain_text("Olga Market")


async def test_all_orders_of_one_cause_go_on_at_once(
    open_page: Any, stack: Any, selling: Any, until: Until, refusing: Any
) -> None:
    for number in (810_002, 810_003):
        await stands_still(stack, selling, until, number)
    page = await open_page("/operations")
    await page.get_by_role("link", name="2 orders, ItemsFulfilled in tracking").click()
    await refusing()

    await page.get_by_label("Why").fill("a newer release runs")
    await page.get_by_role("button", name="Redrive 2 orders").click()

    await expect(page.get_by_role("status")).to_have_text("2 of 2 go on.")
    await expect(page.get_by_text("Nothing stands still for this cause.")).to_be_visible()


async def test_what_was_refused_is_discarded_after_a_question(
    open_page: Any, stack: Any, selling: Any, until: Until, refusing: Any
) -> None:
    order = await stands_still(stack, selling, until, 810_004)
    page = await open_page(f"/operations/orders/{order['order_id']}")
    asked: list[str] = []

    async def agree(dialog: Any) -> None:
        asked.append(dialog.message)
        await dialog.accept()

    page.on("dialog", agree)
    await page.get_by_label("Why").fill("it was never packed")
    await page.get_by_role("button", name="Discard the event").click()

    await expect(page.get_by_text("It stands still nowhere")).to_be_visible()
    await expect(page.get_by_role("table").last).to_contain_text("it was never packed")
    assert "for good" in asked[0]
    await refusing()


@pytest.mark.usefixtures("refusing")
@pytest.mark.parametrize("width", [360, 1280])
async def test_what_a_refused_event_says_is_changed_on_the_page(
    width: int, open_page: Any, stack: Any, selling: Any, until: Until
) -> None:
    order = await stands_still(stack, selling, until, 810_200 + width)
    page = await open_page(f"/operations/orders/{order['order_id']}", width)
    await page.get_by_role("link", name="Change what it says").click()
    written = page.get_by_label("What it should have said")
    await expect(written).to_have_value(re.compile(r'"company": "DHL"'))
    event = json.loads(await written.input_value())
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    button = page.get_by_role("button", name="Redrive it with this in tracking")
    await page.get_by_label("Why").fill("the scanner said DHL")

    await written.fill('{"company": "UPS",}')
    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("This is no JSON")
    await expect(page.get_by_role("alert")).to_contain_text("line 1 column 19")
    await expect(written).to_have_value('{"company": "UPS",}')
    await written.fill("[" * 20_000)
    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("This is no JSON: maximum recursion depth")
    await written.fill("{}")
    await button.click()
    await expect(page.get_by_role("alert")).to_contain_text("1 stay: does not decode")
    await written.fill(json.dumps({**event, "company": "UPS", "number": "1Z12345E0205271686"}, indent=2))
    await expect(page.get_by_label("Why")).to_have_value("the scanner said DHL")
    await button.click()

    await expect(page.get_by_role("status")).to_contain_text("It goes on in tracking")
    await expect(page).to_have_url(re.compile(f"/operations/orders/{order['order_id']}$"))
    await expect(page.get_by_role("table").last).to_contain_text("the scanner said DHL")

    async def told() -> bool:
        (found,) = await selling.orders(q=order["reference"])
        return bool(found["parcels"][0]["tracking_url"])

    await until(told)


async def test_a_dead_letter_is_shown_and_discarded(open_page: Any, stack: Any, until: Until) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=stack.home.kafka)
    await producer.start()
    landed = await producer.send_and_wait("waybill.fulfillment", key=b"x", value=b"\xff", headers=[("from", b"a test")])
    await producer.stop()
    place = f"waybill.fulfillment/{landed.partition}/{landed.offset}"
    async with (
        stack.client("orders") as orders,
        stack.client("labels") as labels,
        stack.client("tracking") as tracking,
        stack.client("portal") as portal,
    ):

        async def buried() -> bool:
            answers = [await each.get(f"/ops/v1/dead-letters/{place}") for each in (orders, labels, tracking, portal)]
            return all(answer.is_success for answer in answers)

        await until(buried)
    for left in (4, 3, 2, 1):
        page = await open_page("/operations?tab=letters")
        links = page.get_by_role("link", name=place)
        await expect(links).to_have_count(left)
        await links.first.click()
        await expect(page.get_by_text("a test")).to_be_visible()
        await page.get_by_label("Why").fill("a stray producer")
        await page.get_by_role("button", name="Discard it").click()

    await expect(page.get_by_role("link", name=place)).to_have_count(0)


@pytest.mark.parametrize("width", [360, 1280])
async def test_nothing_is_cut_off_at_any_width(
    width: int, open_page: Any, stack: Any, selling: Any, until: Until, refusing: Any
) -> None:
    order = await stands_still(stack, selling, until, 810_100 + width)
    tabs = [f"/operations?tab={tab}" for tab in ("parked", "waiting", "letters", "done", "services")]
    for path in (*tabs, f"/operations/orders/{order['order_id']}", "/operations/services/portal"):
        page = await open_page(path, width)

        wide = await page.evaluate("document.documentElement.scrollWidth")

        assert wide <= width, path
    await refusing()
    async with stack.client("tracking") as tracking:
        redriven = await tracking.post(f"/ops/v1/quarantine/{order['order_id']}/redrive", json={"why": "mended"})
    assert redriven.json()["left"] == 0
