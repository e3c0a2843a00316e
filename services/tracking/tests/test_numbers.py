"""Shipments in, numbers out, on a real database and a real broker."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import ItemsFulfilled, LineUnits, TrackingAdded
from waybill_events.former import v1
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


def shipped_v1(order: UUID, number: str) -> v1.ItemsFulfilled:
    """The same as a producer of an older release tells it."""
    return v1.ItemsFulfilled(
        order_id=order,
        brand_id=UUID(int=7),
        parcel_id=uuid4(),
        lines=(LineUnits(line_id="shirt", quantity=1),),
        tracking_company="UPS",
        tracking_number=number,
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


async def parked(database: Database, order: UUID) -> list[str | None]:
    """Why each event of an order stands still; None where it is only queued."""
    async with database.begin() as connection:
        rows = await connection.execute(
            text("SELECT error FROM quarantine WHERE subject = :order ORDER BY id"), {"order": order}
        )
        return [row.error for row in rows]


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


@pytest.mark.usefixtures("tracking")
async def test_old_and_new_producers_of_one_order_are_read_side_by_side(
    database: Database, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(shipped_v1(order, "1Z1"), 1)
    await publish(shipped(order, "1Z2"), 2)
    await publish(shipped_v1(order, ""), 3)
    await publish(shipped_v1(order, "1Z4"), 4)

    async def all_told() -> bool:
        return len(await told(database, order)) == 3

    await until(all_told)
    assert await told(database, order) == [(1, "1Z1"), (2, "1Z2"), (3, "1Z4")]


@pytest.mark.usefixtures("tracking")
async def test_a_version_of_the_future_stops_its_order_and_a_type_that_nobody_handles_stops_none(
    database: Database, publish: Publish, until: Until
) -> None:
    order, other = uuid4(), uuid4()
    await publish(shipped(order, "1Z1"), 1, type="waybill.ItemsFulfilled.v3")
    await publish(shipped_v1(order, "1Z2"), 2)
    await publish(shipped(other, "1Z3"), 1, type="waybill.ParcelAdmired.v3")
    await publish(shipped(other, "1Z4"), 2)

    async def other_told() -> bool:
        return await told(database, other) == [(1, "1Z4")]

    async def both_parked() -> bool:
        return len(await parked(database, order)) == 2

    await until(other_told)
    await until(both_parked)
    assert await parked(database, order) == [
        "waybill.ItemsFulfilled.v3 is not known here (known: v1, v2); it goes on when newer code starts",
        None,
    ]
    assert await told(database, order) == []
