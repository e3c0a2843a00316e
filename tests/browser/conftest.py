"""A real browser; whatever it complains of fails the test."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from waybill_cli.demo import OPERATOR, PASSWORD

COOKIE = "waybill-session"
CHROMIUM = Path("/usr/bin/chromium")
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture(scope="session")
def sessions() -> dict[str, str]:
    return {}


@pytest.fixture
def complaints() -> list[str]:
    """What the browser complains of; a test that means it to do so clears it."""
    return []


@pytest.fixture
async def open_page(
    browser: Browser, stack: Any, sessions: dict[str, str], complaints: list[str]
) -> AsyncGenerator[Callable[..., Awaitable[Page]]]:
    """Open a page in a context of its own; whatever the browser complains of fails the test."""

    async def session(who: str) -> str:
        """Of somebody who has logged in; once for all tests, since a password takes its time."""
        if who not in sessions:
            given = {"email": who, "password": stack.home.secret(PASSWORD)}
            async with httpx.AsyncClient(base_url=stack.home.url("portal"), verify=False) as client:
                answer = await client.post("/login", data=given, headers={"Sec-Fetch-Site": "same-origin"})
            assert answer.is_redirect, answer.text
            sessions[who] = answer.cookies[COOKIE]
        return sessions[who]

    contexts: list[Any] = []

    async def open_page(path: str, width: int = 1280, who: str | None = OPERATOR, **more: Any) -> Page:
        """As an operator, as somebody else, or, with None, as nobody yet."""
        viewport: Any = {"width": width, "height": 800}
        context = await browser.new_context(viewport=viewport, base_url=stack.home.url("portal"), **more)
        contexts.append(context)
        if who is not None:
            await context.add_cookies([{"name": COOKIE, "value": await session(who), "url": stack.home.url("portal")}])
        page = await context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []
