"""Another generation of the projection is built beside the live one, by a process of its own, and pointed to."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from portal_builders import AsOperator, placed, shipped, tracked
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.ext.asyncio import create_async_engine

from waybill_chassis.database import LIVE, Database
from waybill_chassis.embedded import postgres
from waybill_events import Address, Recipient
from waybill_portal.app import build

Publish = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]
REBUILD = Path(sys.executable).with_name("waybill-portal-rebuild")
ROLE, PASSWORD = "portal_rebuild", "secret"
WHY = {"why": "a test"}


@dataclass
class Projection:
    """A portal at work, and the means to build its projection anew."""

    portal: httpx.AsyncClient
    database: Database
    bootstrap: str
    brand: UUID

    async def all(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.begin() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def rows(self) -> list[Any]:
        return [tuple(row) for row in await self.all("SELECT * FROM orders ORDER BY order_id")]

    async def live(self) -> str:
        ((name,),) = await self.all("SELECT live FROM projection")
        return str(name)

    async def plan(self) -> dict[str, Any]:
        answer = await self.portal.post("/ops/v1/projection/plan", json=WHY)
        assert answer.status_code == 200, answer.text
        planned: dict[str, Any] = answer.json()
        return planned

    def start(self, plan: dict[str, Any], **more: str) -> "subprocess.Popen[str]":
        url = self.database.engine.url.set(username=ROLE, password=PASSWORD)
        environment = {
            **os.environ,
            "WAYBILL_DATABASE_URL": url.render_as_string(hide_password=False),
            "WAYBILL_KAFKA": self.bootstrap,
            "WAYBILL_PLAN": json.dumps(plan),
            "WAYBILL_PROCESSES": "1",
            **more,
        }
        return subprocess.Popen(
            [REBUILD],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    async def rebuild(self, **more: str) -> dict[str, Any]:
        """All of it; what it told last."""
        running = self.start(await self.plan(), **more)
        told, failed = await asyncio.to_thread(running.communicate, timeout=90)
        assert running.returncode in {0, 1}, failed
        assert told, failed
        last: dict[str, Any] = json.loads(told.splitlines()[-1])
        assert last["pointed"] == (running.returncode == 0)
        return last


@pytest.fixture
async def projection(database: Database, servers: Any, bootstrap: str, start: Any) -> AsyncGenerator[Projection]:
    url = database.engine.url
    await postgres.provision_rebuilder(servers.postgres.url(), str(url.database), ROLE, PASSWORD)
    portal = await start(url.render_as_string(hide_password=False), build, AsOperator)
    seen = Database(url.render_as_string(hide_password=False), generation=LIVE)
    yield Projection(portal, seen, bootstrap, uuid4())
    await seen.close()


async def fill(projection: Projection, publish: Publish, until: Until, count: int) -> list[UUID]:
    """Orders of which every second one is shipped and tracked."""
    orders = [uuid4() for _ in range(count)]
    address = Address(name="Ann Bee", city="Troy")

    async def one(at: int, order: UUID) -> None:
        await publish(placed(order, projection.brand, f"{30_000 + at}-01", minutes=at), 1)
        await publish(Recipient(order_id=order, brand_id=projection.brand, version=1, address=address))
        if at % 2:
            await publish(shipped(order, projection.brand, 2), 1)
            await publish(tracked(order, projection.brand), 1)

    await asyncio.gather(*(one(at, order) for at, order in enumerate(orders)))

    async def there() -> bool:
        (row,) = await projection.all("""
            SELECT (SELECT count(*) FROM orders) AS orders, (SELECT count(*) FROM recipients) AS recipients,
                   (SELECT count(*) FROM orders WHERE state->'applied' ? 'waybill/tracking') AS tracked
        """)
        return bool(row.orders == count and row.recipients == count and row.tracked == count // 2)

    await until(there)
    return orders


async def test_a_rebuilt_projection_is_equal_and_reading_goes_on_in_it(
    projection: Projection, publish: Publish, until: Until
) -> None:
    orders = await fill(projection, publish, until, 40)
    before = await projection.rows()

    told = await projection.rebuild(WAYBILL_PROCESSES="2")

    assert (told["pointed"], told["generation"], told["different"], told["missing"]) == (True, "g2", 0, 0)
    assert told["equal"] == 80
    assert await projection.live() == "g2"
    assert await projection.rows() == before
    await publish(shipped(orders[0], projection.brand, 3), 1)

    async def visible() -> bool:
        answer = await projection.portal.get(
            "/api/v1/orders", params={"brand_id": str(projection.brand), "status": "shipped"}
        )
        return len(answer.json()["orders"]) == 1

    await until(visible)
    assert await projection.all("SELECT 1 FROM g1.orders WHERE status = 'shipped'") == []
    assert (await projection.portal.get("/health/ready")).status_code == 200


async def test_one_that_is_killed_goes_on_where_it_was_and_ends_in_the_same_rows(
    projection: Projection, publish: Publish, until: Until
) -> None:
    await fill(projection, publish, until, 60)
    before = await projection.rows()
    plan = await projection.plan()
    running = projection.start(plan)
    assert running.stdout is not None

    async def begun() -> bool:
        rows = await projection.all("SELECT count(*) AS rows FROM g2.orders")
        assert (await projection.portal.get("/api/v1/orders")).status_code == 200
        return bool(rows[0].rows)

    await until(begun, 90)
    os.killpg(running.pid, signal.SIGKILL)
    await asyncio.to_thread(running.communicate, timeout=30)
    assert await projection.live() == "g1"

    assert await projection.plan() == plan, "what was begun is gone on with"
    told = await projection.rebuild()

    assert (told["pointed"], told["generation"]) == (True, "g2")
    assert await projection.rows() == before


async def test_a_row_that_is_another_is_told_and_nothing_is_pointed_to_unless_that_is_accepted(
    projection: Projection, publish: Publish, until: Until
) -> None:
    orders = await fill(projection, publish, until, 6)
    before = await projection.rows()
    await projection.all("UPDATE orders SET status = 'canceled' WHERE order_id = :order RETURNING 1", order=orders[0])
    await projection.all("DELETE FROM recipients WHERE order_id = :order RETURNING 1", order=orders[1])

    told = await projection.rebuild()

    assert (told["pointed"], told["different"]) == (False, 1)
    assert told["told"] == [f'orders {orders[0]}: status is "canceled", by the log "not shipped"']
    assert await projection.live() == "g1"
    told = await projection.rebuild(WAYBILL_ACCEPT="true")
    assert (told["pointed"], told["different"], told["missing"]) == (True, 1, 1)
    assert await projection.rows() == before
    assert len(await projection.all("SELECT 1 FROM recipients")) == 6


async def test_what_comes_in_while_it_is_built_is_in_it(projection: Projection, publish: Publish, until: Until) -> None:
    await fill(projection, publish, until, 10)
    running = projection.start(await projection.plan())

    for at in range(200):
        await publish(placed(uuid4(), projection.brand, f"{40_000 + at}-01"), 1)
    await asyncio.to_thread(running.communicate, timeout=90)

    assert running.returncode == 0
    assert await projection.live() == "g2"

    async def all_there() -> bool:
        return len(await projection.rows()) == 210

    await until(all_there)


async def test_the_role_that_builds_can_write_nothing_that_is_sent_and_nothing_that_is_live(
    projection: Projection,
) -> None:
    await projection.plan()
    engine = create_async_engine(projection.database.engine.url.set(username=ROLE, password=PASSWORD))

    async def refused(statement: str) -> str:
        async with engine.begin() as connection:
            with pytest.raises(ProgrammingError) as told:
                await connection.execute(text(statement))
            return str(told.value.orig)

    outbox = "INSERT INTO outbox (bucket, topic, key, headers) VALUES (0, 't', gen_random_uuid(), '{}')"
    for statement in (outbox, "DELETE FROM sent", "DELETE FROM g1.orders", "DELETE FROM brands", "TABLE brands"):
        assert "permission denied" in await refused(statement)
    async with engine.begin() as connection:
        await connection.execute(text("SELECT set_config('waybill.scope', 'all', true)"))
        await connection.execute(text("DELETE FROM g2.orders"))
    await engine.dispose()


async def test_an_old_generation_is_kept_until_it_is_dropped_and_the_live_one_cannot_be(
    projection: Projection,
) -> None:
    await projection.rebuild()
    drop = "/ops/v1/projection/generations/{}/drop"

    kept = (await projection.portal.get("/ops/v1/projection/generations")).json()["generations"]
    refused = await projection.portal.post(drop.format("g2"), json=WHY)
    dropped = await projection.portal.post(drop.format("g1"), json=WHY)
    again = await projection.portal.post(drop.format("g1"), json=WHY)

    assert [(each["name"], each["live"]) for each in kept] == [("g1", False), ("g2", True)]
    assert [answer.status_code for answer in (refused, dropped, again)] == [409, 200, 409]
    assert refused.json()["type"] == "urn:waybill:problem:no-such-generation"
    told = await projection.rebuild()
    assert (told["pointed"], told["generation"]) == (True, "g3")


async def test_every_generation_has_the_same_tables_guards_and_indexes(projection: Projection) -> None:
    await projection.plan()

    async def shape(schema: str) -> list[Any]:
        statements = (
            """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
               WHERE table_schema = :schema ORDER BY 1, 2""",
            """SELECT tablename, replace(indexdef, :schema || '.', '') FROM pg_indexes
               WHERE schemaname = :schema ORDER BY indexname""",
            """SELECT tablename, policyname, qual FROM pg_policies WHERE schemaname = :schema ORDER BY 1, 2""",
            """SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class
               WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind = 'r' ORDER BY 1""",
            """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
               WHERE connamespace = CAST(:schema AS regnamespace) ORDER BY 2""",
        )
        found = [[tuple(row) for row in await projection.all(each, schema=schema)] for each in statements]
        return json.loads(json.dumps(found).replace(f"{schema}.", ""))

    assert await shape("g2") == await shape("g1")
    assert (await projection.all("SELECT * FROM g2.alembic_version")) == (
        await projection.all("SELECT * FROM g1.alembic_version")
    )
