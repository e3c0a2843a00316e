"""Boring events of one order, and a portal of its own; shared by the portal's tests."""

from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
from fastapi import FastAPI

from waybill_chassis.database import Database
from waybill_events import ItemsFulfilled, LineUnits, OrderLine, OrderPlaced, TrackingAdded
from waybill_portal.app import build
from waybill_portal.settings import Settings

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "four small brown boxes"
UPS_PAGE = "https://www.ups.com/track?tracknum=1Z"


class AsOperator(Settings):
    hosts: tuple[str, ...] = ("service",)
    fulfillment_url: str = "http://127.0.0.1:1"


def placed(order: UUID, brand: UUID, reference: str, *, minutes: int = 0, title: str = "Shirt") -> OrderPlaced:
    return OrderPlaced(
        order_id=order,
        sale_id=uuid4(),
        brand_id=brand,
        reference=reference,
        number=f"#{reference[:-3]}",
        connection_id=uuid4(),
        platform="shopify",
        placed_at=NOON + timedelta(minutes=minutes),
        recipient_version=1,
        lines=(OrderLine(line_id="shirt", sku="TS-1", title=title, quantity=3),),
    )


def shipped(order: UUID, brand: UUID, units: int) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=brand,
        parcel_id=UUID(int=5),
        lines=(LineUnits(line_id="shirt", quantity=units),),
        company="ups",
        number="1Z",
        shipped_at=NOON,
    )


def tracked(order: UUID, brand: UUID) -> TrackingAdded:
    return TrackingAdded(
        order_id=order,
        brand_id=brand,
        parcel_id=UUID(int=5),
        carrier="ups",
        carrier_name="UPS",
        tracking_number="1Z",
        tracking_url=UPS_PAGE,
        decided_by="brand",
        added_at=NOON,
    )


class Portal:
    """A portal, and browsers that somebody may log in with."""

    def __init__(self, service: httpx.AsyncClient, browsers: AsyncExitStack) -> None:
        self.service, self.browsers = service, browsers

    @property
    def app(self) -> FastAPI:
        transport: Any = self.service._transport
        app: FastAPI = transport.app
        return app

    async def browser(self, address: str = "10.0.0.1", **headers: str) -> httpx.AsyncClient:
        """One that nobody is logged in with, at some network address."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 1)),
            base_url="http://service",
            headers={"Sec-Fetch-Site": "same-origin", **headers},
        )
        return await self.browsers.enter_async_context(client)

    async def invite(self, email: str, role: str = "packer", brand: UUID | None = None) -> dict[str, Any]:
        body = {"email": email, "name": email.partition("@")[0].title(), "role": role}
        wanted = body if brand is None else {**body, "brand_id": str(brand)}
        answer = await self.service.put(f"/api/v1/people/{uuid4()}", json=wanted)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def let_in(self, email: str, role: str = "packer", brand: UUID | None = None) -> httpx.AsyncClient:
        """Somebody's browser after that person has chosen a password."""
        invited = await self.invite(email, role, brand)
        browser = await self.browser()
        link = invited["link"]["path"].partition("link=")[2]
        answer = await browser.post("/welcome", data={"link": link, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return browser


@asynccontextmanager
async def a_portal(database: Database, start: Any) -> AsyncGenerator[Portal]:
    """One on an empty database, and browsers to use it with."""
    client = await start(database.engine.url.render_as_string(hide_password=False), build, AsOperator)
    async with AsyncExitStack() as browsers:
        yield Portal(client, browsers)


async def log_in(browser: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await browser.post("/login", data={"email": email, "password": password, **more})
