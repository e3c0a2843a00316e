"""Shipments in, numbers out, on a real database and a real broker."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import ItemsFulfilled, LineUnits, TrackingAdded
from waybill_tracking.app import build
from waybill_tracking.settings import Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


def shipped(order: UUID, number: str) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=UUID(int=7),
        parcel_id=uuid4(),
        lines=(LineUnits(line_id="shirt", quantity=1),),
        company="UPS",
        number=number,
        shipped_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
    )


@pytest.fixture
async def tracking(database: Database, start: Any) -> None:
    await start(database.engine.url.render_as_string(hide_password=False), build, Settings)


async def told(database: Database, order: UUID) -> list[tuple[int, str]]:
    """Sequence and number of every TrackingAdded that Kafka has of an order."""
    async with database.begin() as connection:
        rows = await connection.execute(
            text("SELECT headers, payload FROM sent WHERE key = :order ORDER BY id"), {"order": order}
        )
        return [
            (int(row.headers["ce_sequence"]), TrackingAdded.from_json(bytes(row.payload)).tracking_number)
            for row in rows
        ]


@pytest.mark.usefixtures("tracking")
async def test_two_parcels_of_an_order_are_told_once_each_in_order_whatever_comes_twice(
    database: Database, publish: Publish, until: Until
) -> None:
    order, other = uuid4(), uuid4()
    first, second = shipped(order, "1Z1"), shipped(order, "1Z2")
    await publish(first, 1)
    await publish(first, 1)
    await publish(second, 2)
    await publish(first, 1)
    await publish(shipped(other, "1Z3"), 1)

    async def all_told() -> bool:
        return len(await told(database, order)) + len(await told(database, other)) == 3

    await until(all_told)
    assert await told(database, order) == [(1, "1Z1"), (2, "1Z2")]
