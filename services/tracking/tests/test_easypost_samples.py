"""EasyPost's recorded answers through the webhook; they are read from WAYBILL_SAMPLES, never copied here."""

import hashlib
import hmac
import json
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
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
SAMPLES = Path(os.environ.get("WAYBILL_SAMPLES", Path(__file__).parents[4] / "shared" / "data"))
RECORDED = {path.name: path.read_bytes() for path in sorted((SAMPLES / "carriers").glob("easypost_*.json"))}
TRACKERS = [name for name, body in RECORDED.items() if json.loads(body).get("object") == "Tracker"]
DOCUMENTED = {
    "unknown": "unknown",
    "pre_transit": "pre_transit",
    "in_transit": "in_transit",
    "out_for_delivery": "out_for_delivery",
    "delivered": "delivered",
    "available_for_pickup": "available_for_pickup",
    "return_to_sender": "returned_to_sender",
    "failure": "exception",
    "cancelled": "exception",
    "error": "exception",
}
"""Every status of https://docs.easypost.com/docs/trackers, and our word for it."""
SECRET = "a feed's secret"
pytestmark = pytest.mark.skipif(not TRACKERS, reason=f"no EasyPost samples in {SAMPLES}/carriers (WAYBILL_SAMPLES)")


class WithFeed(Settings):
    feeds: dict[str, Feed] = {"easypost": Feed(kind="easypost", secret=SecretStr(SECRET))}  # noqa: RUF012


@pytest.fixture
async def tracking(database: Database, start: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, WithFeed)
    return client


async def say(tracking: httpx.AsyncClient, body: bytes, signed: bytes | None = None) -> httpx.Response:
    """Post a body with the signature of its bytes, or of others."""
    digest = hmac.new(SECRET.encode(), body if signed is None else signed, hashlib.sha256).hexdigest()
    headers = {"X-Hmac-Signature": f"hmac-sha256-hex={digest}", "Content-Type": "application/json"}
    return await tracking.post("/carriers/easypost/webhook", content=body, headers=headers)


async def kept(database: Database) -> list[tuple[str, datetime, str, str, str]]:
    async with database.begin() as connection:
        rows = await connection.execute(text("SELECT number, at, status, code, words FROM messages ORDER BY at, code"))
        return [(row.number, row.at, row.status, row.code, row.words) for row in rows]


async def deliveries(database: Database) -> set[bytes]:
    async with database.begin() as connection:
        return {row.body for row in await connection.execute(text("SELECT body FROM deliveries"))}


async def test_recorded_trackers_move_their_parcel_once_and_other_recordings_none(
    tracking: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    tracker = json.loads(RECORDED[TRACKERS[0]])
    details = [(datetime.fromisoformat(each["datetime"]), each) for each in tracker["tracking_details"]]
    number, order = tracker["tracking_code"], uuid4()
    left = ItemsFulfilled(
        order_id=order,
        brand_id=UUID(int=7),
        parcel_id=uuid4(),
        lines=(LineUnits(line_id="shirt", quantity=1),),
        company="USPS",
        number=number,
        shipped_at=details[0][0],
    )
    await publish(left, 1)

    answers = {name: await say(tracking, body) for name, body in RECORDED.items()}

    assert {name: (answer.status_code, answer.json()) for name, answer in answers.items()} == {
        name: (200, {"messages": len(details) if name in TRACKERS else 0}) for name in RECORDED
    }
    assert await kept(database) == [
        (number, at, DOCUMENTED[each["status"]], each["status_detail"], each["message"]) for at, each in details
    ]
    assert await deliveries(database) == set(RECORDED.values())

    async def told() -> bool:
        answer = await tracking.get(f"/api/v1/orders/{order}")
        return answer.status_code == 200 and answer.json()["parcels"][0]["status"] == DOCUMENTED[tracker["status"]]

    await until(told)


async def test_the_signature_of_a_recorded_tracker_is_of_its_bytes_not_of_what_they_say(
    tracking: httpx.AsyncClient, database: Database
) -> None:
    bodies = [RECORDED[name] for name in TRACKERS]

    again = [await say(tracking, body, signed=json.dumps(json.loads(body)).encode()) for body in bodies]
    forged = [await say(tracking, body.replace(b"EZ1", b"EZ2"), signed=body) for body in bodies]

    assert {answer.status_code for answer in (*again, *forged)} == {401}
    assert (await kept(database), await deliveries(database)) == ([], set())


async def test_each_status_that_easypost_documents_is_told_in_our_words(
    tracking: httpx.AsyncClient, database: Database
) -> None:
    """In an event, as its webhooks send them, around a recorded tracker."""
    tracker = json.loads(RECORDED[TRACKERS[0]])
    (frame, *_) = tracker["tracking_details"]
    tracker["tracking_details"] = [
        {**frame, "status": status, "status_detail": "status_update", "datetime": f"2025-02-07T{hour:02}:00:00Z"}
        for hour, status in enumerate(DOCUMENTED)
    ]
    event = {"object": "Event", "description": "tracker.updated", "mode": "test", "result": tracker}

    answer = await say(tracking, json.dumps(event).encode())

    assert answer.json() == {"messages": len(DOCUMENTED)}
    assert [(at, status) for _, at, status, _, _ in await kept(database)] == [
        (datetime(2025, 2, 7, hour, tzinfo=UTC), ours) for hour, ours in enumerate(DOCUMENTED.values())
    ]
