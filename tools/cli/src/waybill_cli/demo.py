"""Fill a new Waybill with two brands and what customers bought of them."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

import httpx

from waybill_cli.home import Home
from waybill_simulators import demo
from waybill_simulators.shopify import Shop

OPERATOR: Final = "olga@market.example"
MANAGER: Final = "ann@acorn.example"
PEOPLE: Final[tuple[dict[str, Any], ...]] = (
    {"email": OPERATOR, "name": "Olga Market", "role": "operator"},
    {"email": MANAGER, "name": "Ann Acorn", "role": "manager", "brand_id": str(demo.ACORN)},
    {"email": "pat@acorn.example", "name": "Pat Packer", "role": "packer", "brand_id": str(demo.ACORN)},
    {"email": "ben@birch.example", "name": "Ben Birch", "role": "manager", "brand_id": str(demo.BIRCH)},
)
"""Who is let in to look around; all by the same password, a secret of the home."""
PASSWORD: Final = "demo password"  # noqa: S105  # its name among the secrets
_PATIENCE_S: Final = 60


class DemoFailed(RuntimeError):
    """The demo data did not go through; the message says where."""


async def fill(home: Home) -> int:
    """Publish the brands, make the connection, send the sales; how many were new. Again changes nothing."""
    headers = {"Authorization": f"Bearer {home.secret('token')}"}
    async with (
        httpx.AsyncClient(base_url=home.url("portal"), headers=headers, timeout=30) as portal,
        httpx.AsyncClient(base_url=home.url("connectors"), headers=headers, timeout=30) as connectors,
    ):
        for brand_id, settings in demo.BRANDS.items():
            _well(await portal.put(f"/api/v1/brands/{brand_id}", json=settings))
        for person in PEOPLE:
            await let_in(portal, person, home.secret(PASSWORD))
        secret = home.secret("demo shop")
        now = datetime.now(UTC)
        connection = {
            "platform": "shopify",
            "code": "demo",
            "name": "Demo shop",
            "secret": secret,
            "default_brand_id": str(demo.ACORN),
            "start_date": (now - timedelta(days=60)).isoformat(),
        }
        _well(await connectors.put(f"/api/v1/connections/{demo.CONNECTION}", json=connection))
        shop = Shop(connectors, demo.CONNECTION, secret)
        told = [_well(await shop.tell(order, event_id=event_id)) for order, event_id in demo.sales(now)]
        await _arrived(portal)
        return sum(answer["first"] for answer in told)


async def let_in(portal: httpx.AsyncClient, person: dict[str, Any], password: str) -> None:
    """Let somebody in, and choose a password for them if none was chosen yet; raises DemoFailed."""
    invited = _well(await portal.put(f"/api/v1/people/{uuid4()}", json=person))
    if invited["link"] is None:
        return
    link = invited["link"]["path"].partition("link=")[2]
    chosen = {"link": link, "password": password, "name": person["name"]}
    answer = await portal.post("/welcome", data=chosen, headers={"Sec-Fetch-Site": "same-origin"})
    if not answer.is_redirect:
        raise DemoFailed(f"{person['email']} was not let in: the portal answered {answer.status_code}")


async def _arrived(portal: httpx.AsyncClient) -> None:
    """Wait until the newest sale is in the portal."""
    newest = max(order["order_number"] for order, _ in demo.sales(datetime.now(UTC)))
    for _ in range(_PATIENCE_S * 10):
        page = _well(await portal.get("/api/v1/orders", params={"q": f"{newest}-"}))
        if page["orders"]:
            return
        await asyncio.sleep(0.1)
    raise DemoFailed(f"the demo sales did not reach the portal within {_PATIENCE_S} s; `waybill status` says more")


def _well(answer: httpx.Response) -> Any:
    if not answer.is_success:
        raise DemoFailed(f"{answer.request.method} {answer.request.url} answered {answer.status_code}: {answer.text}")
    return answer.json()
