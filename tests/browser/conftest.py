"""A real browser; whatever it complains of fails the test."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

CHROMIUM = Path("/usr/bin/chromium")
expect.set_options(timeout=20_000)


@pytest.fixture(scope="session")
async def browser() -> AsyncGenerator[Browser]:
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.fixture
async def open_page(browser: Browser, stack: Any) -> AsyncGenerator[Callable[..., Awaitable[Page]]]:
    """Open a page in a context of its own; whatever the browser complains of fails the test."""
    complaints: list[str] = []
    contexts: list[Any] = []

    async def open_page(path: str, width: int = 1280) -> Page:
        context = await browser.new_context(viewport={"width": width, "height": 800}, base_url=stack.home.url("portal"))
        contexts.append(context)
        page = await context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        await page.goto(path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert complaints == []
