"""Corrections, feeds that follow, files of messages and parcels that nobody scans, on real servers."""

import asyncio
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
import uvicorn
from fastapi import FastAPI, Request, Response
from pydantic import HttpUrl, SecretStr
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_chassis.embedded.processes import free_ports
from waybill_events import Brand, ItemsFulfilled, LineUnits, Weekday
from waybill_tracking.app import build
from waybill_tracking.settings import Feed, Registration, Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
BRAND = UUID(int=7)
UPS, OTHER, MISTYPED = "1Z5R89390357567127", "1Z879E930346834440", "1Z5R89390357567126"


class Carrier:
    """A feed's own server: it answers what it is told to, and keeps what it was asked."""

    def __init__(self, port: int) -> None:
        self.url, self.asked, self.answers = f"http://127.0.0.1:{port}/trackers", list[Any](), [503, 200, 422]
        self.keys = set[str]()
        app = FastAPI()

        @app.post("/trackers")
        async def follow(request: Request) -> Response:
            self.asked.append(await request.json())
            self.keys.add(request.headers.get("authorization", ""))
            status = self.answers.pop(0) if self.answers else 200
            return Response("no such number", status)

        self.server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, ws="none"))


@pytest.fixture
async def carrier() -> AsyncGenerator[Carrier]:
    (port,) = free_ports(1)
    carrier = Carrier(port)
    serving = asyncio.create_task(carrier.server.serve())
    yield carrier
    carrier.server.should_exit = True
    await serving


@pytest.fixture
async def tracking(database: Database, start: Any, carrier: Carrier) -> httpx.AsyncClient:
    asks = Registration(url=HttpUrl(carrier.url), api_key=SecretStr("k"))
    feed = Feed(kind="easypost", secret=SecretStr("s"), carriers=("ups",), register_at=asks)

    class WithFeeds(Settings):
        feeds: dict[str, Feed] = {"carrier": feed}  # noqa: RUF012

    url = database.engine.url.render_as_string(hide_password=False)
    client: httpx.AsyncClient = await start(url, build, WithFeeds)
    return client


def shipped(order: UUID, number: str, at: datetime | None = None) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=BRAND,
        parcel_id=uuid4(),
        lines=(LineUnits(line_id="shirt", quantity=1),),
        company="UPS",
        number=number,
        shipped_at=at or datetime.now(UTC),
    )


async def parcel(tracking: httpx.AsyncClient, order: UUID) -> dict[str, Any]:
    answer = await tracking.get(f"/api/v1/orders/{order}")
    found: list[dict[str, Any]] = answer.json()["parcels"] if answer.status_code == 200 else [{}]
    return found[0]


async def told(database: Database, order: UUID) -> list[str]:
    async with database.begin() as connection:
        rows = await connection.execute(
            text("""
                SELECT headers->>'ce_type' AS type FROM (
                    SELECT id, key, headers FROM sent UNION ALL SELECT id, key, headers FROM outbox
                ) AS events WHERE key = :order ORDER BY id
            """),
            {"order": order},
        )
        return [row.type.split(".")[1] for row in rows]


async def test_a_number_is_corrected_once_confirmed_and_the_former_is_kept(
    tracking: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    order, other = uuid4(), uuid4()
    left = shipped(order, MISTYPED)
    await publish(left, 1)
    await publish(shipped(other, OTHER), 1)
    path = f"/api/v1/orders/{order}/parcels/{left.parcel_id}/number"

    async def there() -> bool:
        return bool(await parcel(tracking, order)) and bool(await parcel(tracking, other))

    await until(there)
    body = {"tracking_company": "FedEx", "tracking_number": OTHER}
    asked = await tracking.post(path, json=body)
    wrong = await tracking.post(path.replace(str(left.parcel_id), str(uuid4())), json=body)
    confirmed = {**body, "confirm": asked.json()["confirm"]}
    answers = [await tracking.post(path, json=confirmed, headers={"Idempotency-Key": "k"}) for _ in range(3)]
    same = await tracking.post(path, json=confirmed)

    assert (asked.status_code, asked.json()["confirm"]) == (422, ["other-carrier", "number-in-use"])
    assert (wrong.status_code, wrong.json()["type"]) == (404, "urn:waybill:problem:unknown-parcel")
    assert [answer.status_code for answer in answers] == [200] * 3
    assert (same.status_code, same.json()["type"]) == (409, "urn:waybill:problem:same-number")
    shown = await parcel(tracking, order)
    assert (shown["carrier_name"], shown["tracking_number"], shown["following"]) == ("FedEx", OTHER, "not followed")
    assert shown["former"] == [{"carrier_name": "UPS", "tracking_number": MISTYPED}]
    assert shown["in_use_elsewhere"]
    assert await told(database, order) == ["TrackingAdded", "TrackingCorrected"]


async def test_a_feed_is_asked_to_follow_each_number_until_it_answers(
    tracking: httpx.AsyncClient, database: Database, carrier: Carrier, publish: Publish, until: Until
) -> None:
    first, second = uuid4(), uuid4()
    await publish(shipped(first, UPS), 1)

    async def was_asked() -> bool:
        return len(carrier.asked) == 1 and (await parcel(tracking, first))["feed_says"] == "HTTP 503"

    await until(was_asked)
    async with database.begin(writes=True) as connection:
        await connection.execute(text("UPDATE registrations SET next_at = now()"))

    async def follows() -> bool:
        return bool((await parcel(tracking, first))["following"] == "registered")

    await until(follows)
    await publish(shipped(second, OTHER), 1)

    async def refused() -> bool:
        return (await parcel(tracking, second)).get("following") == "refused"

    await until(refused)
    assert (await parcel(tracking, second))["feed_says"] == "HTTP 422: no such number"
    assert [each["tracker"]["tracking_code"] for each in carrier.asked] == [UPS, UPS, OTHER]
    assert carrier.keys == {"Basic azo="}


async def test_a_file_of_messages_is_taken_in_but_for_the_lines_that_cannot_be_read(
    tracking: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    order = uuid4()
    left, scanned, lost, there = (datetime.now(UTC) - timedelta(hours=ago) for ago in (4, 3, 2, 1))
    await publish(shipped(order, UPS, left), 1)
    lines = (
        "Tracking_Number,status,at,words",
        f'{UPS},in_transit,{scanned.isoformat()},"left, late"',
        f"{UPS},lost,{lost.isoformat()},",
        f"{UPS},delivered,{there.isoformat()},there",
    )
    path = "/api/v1/feeds/carrier/messages"
    answers = [await tracking.post(path, content="\r\n".join(lines)) for _ in range(2)]
    tracker = {"object": "Tracker", "tracking_code": UPS, "tracking_details": []}
    as_json = await tracking.post(path, content=f"{json.dumps(tracker)}\n\n{{}}\nno\n")
    no_file = await tracking.post(path, content=b"a,b\n1,2")
    unknown = await tracking.post("/api/v1/feeds/nobody/messages", content=b"")

    for answer in answers:
        assert (answer.json()["messages"], answer.json()["unreadable"]) == (2, 1)
        assert answer.json()["lines"][0]["line"] == 3
    assert (as_json.json()["messages"], [each["line"] for each in as_json.json()["lines"]]) == (0, [4])
    assert (no_file.status_code, no_file.json()["type"]) == (422, "urn:waybill:problem:unreadable-file")
    assert unknown.status_code == 404

    async def delivered() -> bool:
        return (await parcel(tracking, order)).get("status") == "delivered"

    await until(delivered)
    kinds = await told(database, order)
    assert kinds == ["TrackingAdded", "ParcelScanned", "TrackingUpdated", "ParcelDelivered"]


async def test_a_followed_parcel_that_nobody_scans_in_its_brands_hours_is_an_exception(
    tracking: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    now = datetime.now(UTC)
    brand = Brand(brand_id=BRAND, version=1, name="B", working_days=tuple(Weekday), unscanned_hours=24)
    await publish(brand)
    late, early, unfollowed = uuid4(), uuid4(), uuid4()

    async def known() -> bool:
        async with database.begin() as connection:
            return bool((await connection.execute(text("SELECT count(*) FROM brands"))).scalar_one())

    await until(known)
    await publish(shipped(early, OTHER, now - timedelta(hours=23)), 1)
    await publish(shipped(unfollowed, UPS, now - timedelta(hours=99)).model_copy(update={"company": "Bob"}), 1)
    await publish(shipped(late, UPS, now - timedelta(hours=25)), 1)

    async def raised() -> bool:
        return "ExceptionRaised" in await told(database, late)

    await until(raised)
    exception = (await parcel(tracking, late))["exception_id"]
    path = f"/api/v1/orders/{late}/exceptions/{exception}/resolve"
    wrong = await tracking.post(path, json={"choice": "sing"})
    right = await tracking.post(path, json={"choice": "carrier_asked"})
    again = await tracking.post(path, json={"choice": "carrier_asked"})

    assert (wrong.status_code, right.status_code, again.status_code) == (422, 200, 404)
    assert await told(database, late) == ["TrackingAdded", "ParcelUnscanned", "ExceptionRaised", "ExceptionResolved"]
    assert await told(database, early) == ["TrackingAdded"]
    assert await told(database, unfollowed) == ["TrackingAdded"]
