"""Webhooks in, on a real database and a real broker."""

import base64
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_connectors.app import build
from waybill_connectors.settings import Settings

SECRET = "a-shop's-secret"


def an_order(**changed: Any) -> dict[str, Any]:
    return {
        "id": 450789469,
        "name": "#1001",
        "created_at": "2026-01-10T11:00:00-05:00",
        "updated_at": "2026-01-10T11:00:00-05:00",
        "financial_status": "paid",
        "currency": "USD",
        "total_price": "19.90",
        "test": False,
        "shipping_address": {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "country_code": "US"},
        "line_items": [{"id": 1, "sku": "", "quantity": 2, "title": "Mug", "price": "9.95"}],
        **changed,
    }


def signed(body: bytes, secret: str = SECRET) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return {"X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(), "X-Shopify-Topic": "orders/create"}


async def send(client: httpx.AsyncClient, connection: UUID, order: Any, **headers: str) -> httpx.Response:
    body = order if isinstance(order, bytes) else json.dumps(order).encode()
    return await client.post(f"/webhooks/{connection}", content=body, headers={**signed(body), **headers})


@pytest.fixture
async def connectors(database: Database, start: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, Settings)
    return client


@pytest.fixture
async def connection(connectors: httpx.AsyncClient) -> UUID:
    return await connect(connectors)


async def connect(connectors: httpx.AsyncClient, **changed: Any) -> UUID:
    id_ = uuid4()
    body = {
        "platform": "shopify",
        "code": f"s{id_.hex[:8]}",
        "name": "A shop",
        "secret": SECRET,
        "start_date": "2026-01-01T00:00:00Z",
        **changed,
    }
    answer = await connectors.put(f"/api/v1/connections/{id_}", json=body)
    assert answer.status_code == 200, answer.text
    return id_


async def sent(database: Database, topic: str = "waybill.sales") -> int:
    async with database.begin() as open_:
        return (
            await open_.execute(
                text(
                    "SELECT (SELECT count(*) FROM outbox WHERE topic = :t) + (SELECT count(*) FROM sent WHERE topic = :t)"
                ),
                {"t": topic},
            )
        ).scalar_one()


Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


async def test_a_signed_order_becomes_one_sale_that_kafka_acknowledged(
    connectors: httpx.AsyncClient, connection: UUID, database: Database, until: Until
) -> None:
    answer = await send(connectors, connection, an_order())

    assert (answer.status_code, answer.json()["outcome"]) == (200, "sale")

    async def acknowledged() -> bool:
        async with database.begin() as open_:
            return (await open_.execute(text("SELECT count(*) FROM sent"))).scalar_one() == 1

    await until(acknowledged)


async def test_the_same_delivery_ten_times_is_one_sale(
    connectors: httpx.AsyncClient, connection: UUID, database: Database
) -> None:
    answers = [await send(connectors, connection, an_order()) for _ in range(10)]

    assert [answer.json()["first"] for answer in answers] == [True, *[False] * 9]
    assert await sent(database) == 1


async def test_a_wrong_signature_leaves_nothing(
    connectors: httpx.AsyncClient, connection: UUID, database: Database
) -> None:
    body = json.dumps(an_order()).encode()

    answer = await connectors.post(f"/webhooks/{connection}", content=body, headers=signed(body, "another secret"))

    assert answer.status_code == 401
    assert answer.json()["type"] == "urn:waybill:problem:wrong-signature"
    assert await sent(database) == 0
    async with database.begin() as open_:
        assert (await open_.execute(text("SELECT count(*) FROM deliveries"))).scalar_one() == 0


async def test_an_order_that_cannot_be_read_is_kept_whole_and_says_why(
    connectors: httpx.AsyncClient, connection: UUID, database: Database
) -> None:
    order = an_order(line_items=[{"id": 7, "quantity": -1}])

    answer = await send(connectors, connection, order)

    assert answer.json()["outcome"] == "refused"
    assert "line 7" in answer.json()["reason"]
    async with database.begin() as open_:
        kept = (await open_.execute(text("SELECT body FROM deliveries"))).scalar_one()
    assert json.loads(kept) == order


async def test_a_sale_that_no_event_can_hold_is_kept_whole_and_says_why(
    connectors: httpx.AsyncClient, connection: UUID, database: Database
) -> None:
    lines = [{"id": at, "quantity": 1, "title": "x" * 3900} for at in range(300)]

    answer = await send(connectors, connection, an_order(line_items=lines))

    assert answer.json()["outcome"] == "refused"
    assert "at most 850000 can go on" in answer.json()["reason"]
    assert await sent(database) == 0


@pytest.mark.parametrize(
    ("order", "reason"),
    [
        (an_order(test=True), "a test order, and this connection takes none"),
        (
            an_order(created_at="2008-01-10T11:00:00Z", cancelled_at="2008-01-11T11:00:00Z"),
            "finished, and older than the connection's start date 2026-01-01",
        ),
    ],
)
async def test_what_is_not_to_become_work_is_ignored_and_says_why(
    order: dict[str, Any], reason: str, connectors: httpx.AsyncClient, connection: UUID, database: Database
) -> None:
    answer = await send(connectors, connection, order)

    assert (answer.json()["outcome"], answer.json()["reason"]) == ("ignored", reason)
    assert await sent(database) == 0


async def types(database: Database) -> list[str]:
    async with database.begin() as open_:
        rows = await open_.execute(
            text("""
                SELECT headers ->> 'ce_type' AS type FROM sent WHERE topic = 'waybill.sales'
                UNION ALL SELECT headers ->> 'ce_type' FROM outbox WHERE topic = 'waybill.sales'
            """)
        )
        return sorted(row.type for row in rows)


async def test_a_change_is_told_as_one_also_where_it_would_not_have_become_work(
    connectors: httpx.AsyncClient, connection: UUID, database: Database
) -> None:
    old = an_order(created_at="2025-01-01T00:00:00Z")
    later = {**old, "updated_at": "2026-02-01T00:00:00Z", "cancelled_at": "2026-02-01T00:00:00Z"}
    change = {"X-Shopify-Topic": "orders/cancelled"}

    before = await send(connectors, connection, {**later, "id": 77}, **change)
    first = await send(connectors, connection, old)
    canceled = await send(connectors, connection, later, **change)
    again = await send(connectors, connection, later, **change)

    assert [answer.json()["outcome"] for answer in (before, first, canceled, again)] == [
        "ignored",
        "sale",
        "sale",
        "sale",
    ]
    assert again.json()["first"] is False
    assert await types(database) == ["waybill.SaleChanged.v1", "waybill.SaleReceived.v1"]


async def test_a_topic_that_is_not_read_is_ignored(
    connectors: httpx.AsyncClient, connection: UUID, database: Database
) -> None:
    answer = await send(connectors, connection, an_order(), **{"X-Shopify-Topic": "carts/create"})

    assert (answer.json()["outcome"], await sent(database)) == ("ignored", 0)


async def test_bytes_that_are_no_json_are_refused_at_once(connectors: httpx.AsyncClient, connection: UUID) -> None:
    answer = await send(connectors, connection, b"{")

    assert (answer.status_code, answer.json()["type"]) == (400, "urn:waybill:problem:not-json")


async def test_an_unknown_connection_is_not_found(connectors: httpx.AsyncClient) -> None:
    assert (await send(connectors, uuid4(), an_order())).status_code == 404


async def test_a_body_past_the_limit_is_not_read_on(connectors: httpx.AsyncClient, connection: UUID) -> None:
    answer = await send(connectors, connection, b"x" * 2_000_001)

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:waybill:problem:too-large")


async def test_connections_need_the_token_and_never_show_their_secret(
    connectors: httpx.AsyncClient, connection: UUID
) -> None:
    refused = await connectors.get("/api/v1/connections", headers={"Authorization": "Bearer wrong"})
    shown = await connectors.get("/api/v1/connections")

    assert refused.status_code == 401
    assert [each["connection_id"] for each in shown.json()] == [str(connection)]
    assert SECRET not in shown.text


async def test_a_code_belongs_to_one_connection(connectors: httpx.AsyncClient) -> None:
    await connect(connectors, code="shop")

    answer = await connectors.put(
        f"/api/v1/connections/{uuid4()}",
        json={
            "platform": "shopify",
            "code": "shop",
            "name": "B",
            "secret": SECRET,
            "start_date": "2026-01-01T00:00:00Z",
        },
    )

    assert (answer.status_code, answer.json()["field"]) == (409, "code")
