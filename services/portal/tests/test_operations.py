"""The operators' pages while other services are away, and for those who are no operators."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer

from waybill_chassis.database import Database
from waybill_portal.app import build
from waybill_portal.settings import Settings

Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
NOWHERE = "http://127.0.0.1:1"
BEHIND = {"Accept": "text/html"}


class Alone(Settings):
    hosts: tuple[str, ...] = ("service",)
    connectors_url: str = NOWHERE
    orders_url: str = NOWHERE
    fulfillment_url: str = NOWHERE
    tracking_url: str = NOWHERE
    labels_url: str = NOWHERE


@pytest.fixture
async def portal(database: Database, start: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, Alone)
    return client


async def test_services_that_are_away_are_named_and_do_not_hide_the_others(
    portal: httpx.AsyncClient, bootstrap: str, until: Until
) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    landed = await producer.send_and_wait("waybill.fulfillment", key=b"x", value=b"\xff")
    await producer.stop()
    place = f"waybill.fulfillment/{landed.partition}/{landed.offset}"

    async def shown() -> bool:
        return place in (await portal.get("/operations?tab=letters")).text

    await until(shown)
    page = (await portal.get("/operations?tab=letters")).text
    for name in ("connectors", "orders", "fulfillment", "tracking", "labels"):
        assert f"{name} does not answer" in page
        assert f'href="/operations/services/{name}"' in page
    assert 'href="/operations/services/portal"' not in page


async def test_what_a_service_that_is_away_should_do_is_not_done_and_says_so(portal: httpx.AsyncClient) -> None:
    answer = await portal.post(
        f"/operations/quarantine/tracking/{uuid4()}/redrive", data={"why": "it was mended"}, headers=BEHIND
    )

    assert "tracking does not answer" in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/operations?tab=nothing",
        "/operations/services/nobody",
        "/operations/quarantine/nobody/00000000-0000-0000-0000-000000000001/edit",
        f"/operations/dead-letters/nobody/t/0/{2**40}",
        "/operations/cause?service=nobody&type=t&cause=c",
    ],
)
async def test_an_address_that_leads_nowhere_is_a_page_for_people(portal: httpx.AsyncClient, path: str) -> None:
    answer = await portal.get(path, headers=BEHIND)

    assert answer.status_code == 404
    assert "Go to what stands still." in answer.text


async def test_an_unknown_action_is_not_forwarded(portal: httpx.AsyncClient) -> None:
    answer = await portal.post(
        f"/operations/quarantine/portal/{uuid4()}/forget", data={"why": "because"}, headers=BEHIND
    )

    assert answer.status_code == 404
