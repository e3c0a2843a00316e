"""From the login to the first parcel, in a real browser."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, expect

from waybill_cli.demo import PASSWORD, let_in
from waybill_simulators.shopify import an_order

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no Chromium at {CHROMIUM}; apt-get install chromium")
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
SHIRT = {"title": "T-shirt", "vendor": "", "sku": "TS", "price": "9.00", "quantity": 1}
NUMBER = "1Z12345E0205271686"
Until = Callable[..., Awaitable[None]]


class Person:
    """Somebody at a mouse and a keyboard; each click, and each field that is filled, is one action."""

    def __init__(self) -> None:
        self.actions = 0

    async def click(self, what: Locator) -> None:
        self.actions += 1
        await what.click()

    async def type(self, where: Locator, text: str) -> None:
        self.actions += 1
        await where.fill(text)


async def employee(stack: Any, selling: Any, role: str) -> str:
    """Somebody new who works for the brand; the mail address."""
    person = {
        "email": f"{role}@{selling.brand.hex}.example",
        "name": role.title(),
        "role": role,
        "brand_id": str(selling.brand),
    }
    await let_in(selling.portal, person, stack.home.secret(PASSWORD))
    return person["email"]


async def sell(selling: Any, until: Until, number: int) -> dict[str, Any]:
    await selling.shop.tell(an_order(number, [SHIRT], datetime.now(UTC), address=ADDRESS))

    async def there() -> bool:
        return bool(await selling.orders())

    await until(there)
    found: dict[str, Any] = (await selling.orders())[0]
    return found


async def test_from_login_to_the_first_shipped_order_in_six_actions(
    open_page: Any, stack: Any, selling: Any, until: Until
) -> None:
    email = await employee(stack, selling, "packer")
    await sell(selling, until, 820_001)
    person, page = Person(), await open_page("/orders", who=None)

    await person.type(page.get_by_label("Mail address"), email)
    await person.type(page.get_by_label("Password"), stack.home.secret(PASSWORD))
    await person.click(page.get_by_role("button", name="Log in"))
    await person.click(page.get_by_role("link", name="Enter tracking of 820001-01"))
    await person.type(page.get_by_label("Tracking number"), NUMBER)
    await person.click(page.get_by_role("button", name="Ship", exact=True))

    await expect(page.get_by_role("status")).to_contain_text(NUMBER)
    assert person.actions <= 6


async def test_the_same_by_keyboard_alone(open_page: Any, stack: Any, selling: Any, until: Until) -> None:
    email = await employee(stack, selling, "packer")
    await sell(selling, until, 820_002)
    page = await open_page("/orders", who=None)

    await page.keyboard.type(email)
    await page.keyboard.press("Tab")
    await page.keyboard.type(stack.home.secret(PASSWORD))
    await page.keyboard.press("Enter")
    await page.get_by_role("link", name="Enter tracking of 820002-01").press("Enter")
    await page.get_by_label("Tracking number").press_sequentially(NUMBER)
    await page.keyboard.press("Enter")

    await expect(page.get_by_role("status")).to_contain_text(NUMBER)


async def test_a_viewer_sees_the_order_and_no_button_that_would_be_refused(
    open_page: Any, stack: Any, selling: Any, until: Until
) -> None:
    email = await employee(stack, selling, "viewer")
    order = await sell(selling, until, 820_003)

    page = await open_page("/orders", who=email)
    await expect(page.get_by_role("link", name="820003-01", exact=True)).to_be_visible()
    await expect(page.get_by_role("link", name="Enter tracking of 820003-01")).to_have_count(0)
    await page.goto(f"/orders/{order['order_id']}")

    await expect(page.get_by_text("You may look at it, not ship it.")).to_be_visible()
    await expect(page.get_by_role("button")).to_have_count(0)


async def test_what_was_typed_stays_where_the_session_has_ended(
    open_page: Any, complaints: list[str], selling: Any, until: Until
) -> None:
    order = await sell(selling, until, 820_004)
    page = await open_page(f"/orders/{order['order_id']}")
    await page.get_by_label("Tracking number").fill(NUMBER)
    cookies = await page.context.cookies()
    await page.context.clear_cookies()

    await page.get_by_role("button", name="Ship", exact=True).click()

    await expect(page.get_by_role("alert")).to_contain_text("Log in in another window")
    await expect(page.get_by_label("Tracking number")).to_have_value(NUMBER)
    assert any("401" in each for each in complaints)
    complaints.clear()
    await page.context.add_cookies(cookies)
    await page.get_by_role("button", name="Ship", exact=True).click()
    await expect(page.get_by_role("status")).to_contain_text(NUMBER)
    await expect(page.get_by_role("alert")).to_have_count(0)
