"""Carriers' webhooks on a real database and a real broker."""

import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import ItemsFulfilled, LineUnits
from waybill_tracking.app import build
from waybill_tracking.settings import Feed, Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
SECRET = "a feed's secret"
LEFT = datetime.now(UTC) - timedelta(hours=20)
"""When the parcels left: not so long ago that a brand would miss a scan."""


class WithFeeds(Settings):
    feeds: dict[str, Feed] = {"carrier": Feed(kind="generic", secret=SecretStr(SECRET))}  # noqa: RUF012


def shipped(order: UUID, number: str) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=UUID(int=7),
        parcel_id=uuid4(),
        lines=(LineUnits(line_id="shirt", quantity=1),),
        company="UPS",
        number=number,
        shipped_at=LEFT,
    )


@pytest.fixture
async def tracking(database: Database, start: Any) -> httpx.AsyncClient:
    url = database.engine.url.render_as_string(hide_password=False)
    client: httpx.AsyncClient = await start(url, build, WithFeeds)
    return client


async def say(client: httpx.AsyncClient, number: str, *said: tuple[str, int], secret: str = SECRET) -> httpx.Response:
    """Statuses, and how many hours after the parcel left the carrier says that they were."""
    told = [{"status": status, "at": (LEFT + timedelta(hours=hour)).isoformat()} for status, hour in said]
    body = json.dumps({"tracking_number": number, "messages": told}).encode()
    signature = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return await client.post("/carriers/carrier/webhook", content=body, headers={"Waybill-Signature": signature})


async def told(database: Database, order: UUID) -> list[str]:
    """Names of all events about an order, in their order."""
    async with database.begin() as connection:
        rows = await connection.execute(
            text("""
                SELECT headers ->> 'ce_type' AS type, CAST(headers ->> 'ce_sequence' AS int) AS number FROM sent
                WHERE key = :order
                UNION ALL SELECT headers ->> 'ce_type', CAST(headers ->> 'ce_sequence' AS int) FROM outbox
                WHERE key = :order
            """),
            {"order": order},
        )
        return [row.type.split(".")[1] for row in sorted(rows, key=lambda row: row.number)]


async def count(database: Database, table: str) -> int:
    async with database.begin() as connection:
        found: int = (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()
        return found


async def test_a_parcel_is_followed_from_its_first_scan_to_its_delivery(
    tracking: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    order, number = uuid4(), f"1Z{uuid4().hex[:16].upper()}"
    await publish(shipped(order, number), 1)

    async def known() -> bool:
        return await told(database, order) == ["TrackingAdded"]

    await until(known)
    answer = await say(tracking, number.lower(), ("pre_transit", 8), ("in_transit", 9))
    assert (answer.status_code, answer.json()) == (200, {"messages": 2})

    async def moves() -> bool:
        return await told(database, order) == ["TrackingAdded", "ParcelScanned", "TrackingUpdated"]

    await until(moves)
    for _ in range(3):
        await say(tracking, number, ("delivered", 17), ("in_transit", 9))
    await say(tracking, number, ("out_for_delivery", 15))

    async def there() -> bool:
        return len(await told(database, order)) == 5

    await until(there)
    assert (await told(database, order))[3:] == ["TrackingUpdated", "ParcelDelivered"]
    assert await count(database, "messages") == 4


async def test_what_was_said_before_the_number_was_known_is_told_with_it(
    tracking: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    order, number = uuid4(), f"1Z{uuid4().hex[:16].upper()}"
    await say(tracking, number, ("in_transit", 9))

    await publish(shipped(order, number), 1)

    async def known() -> bool:
        return await told(database, order) == ["TrackingAdded", "ParcelScanned", "TrackingUpdated"]

    await until(known)


async def test_the_same_number_on_two_orders_moves_both(
    tracking: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    first, second, number = uuid4(), uuid4(), f"1Z{uuid4().hex[:16].upper()}"
    for order in (first, second):
        await publish(shipped(order, number), 1)
    await say(tracking, number, ("in_transit", 9))

    async def moved() -> bool:
        return all([len(await told(database, order)) == 3 for order in (first, second)])

    await until(moved)


async def test_a_wrong_signature_an_unknown_feed_and_an_unreadable_message_leave_nothing(
    tracking: httpx.AsyncClient, database: Database
) -> None:
    wrong = await say(tracking, "1Z7", ("in_transit", 9), secret="another")
    unknown = await tracking.post("/carriers/nobody/webhook", content=b"{}")
    unreadable = await say(tracking, "1Z7", ("lost at sea", 9))

    assert [(each.status_code, each.json()["type"].rpartition(":")[2]) for each in (wrong, unknown, unreadable)] == [
        (401, "wrong-signature"),
        (404, "unknown-feed"),
        (422, "unreadable-message"),
    ]
    assert (await count(database, "messages"), await count(database, "deliveries")) == (0, 0)
