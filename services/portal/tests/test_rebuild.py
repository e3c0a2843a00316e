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

from waybill_chassis import topics
from waybill_chassis.database import LIVE, REFUSED, Database
from waybill_chassis.embedded import postgres
from waybill_chassis.records import UNKNOWN_VERSION as NEWER
from waybill_events import Address, Recipient, ids
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

    async def do(self, statement: str, **values: Any) -> None:
        async with self.database.begin() as connection:
            await connection.execute(text(statement), values)

    async def taken_in(self, generation: str) -> dict[str, list[Any]]:
        """All that a generation holds, without what only says when it was written."""
        at = 'topic, partition, "offset"'
        kept = f"{at}, subject, headers, value"
        columns = {
            "orders": ("*", "order_id"),
            "recipients": ("*", "order_id"),
            "streams": ("*", "subject"),
            "waiters": (f"{kept}, needs", at),
            "quarantine": (f"{kept}, cause, error, row_number() OVER (PARTITION BY subject ORDER BY id)", at),
            "dead_letters": (f"{kept}, key, error", at),
            "offsets": ("*", "topic, partition"),
        }
        return {
            table: [tuple(row) for row in await self.all(f"SELECT {wanted} FROM {generation}.{table} ORDER BY {order}")]
            for table, (wanted, order) in columns.items()
        }

    async def level(self) -> bool:
        """Whether the live generation has taken in all that there is."""
        read = {(row.topic, row.partition): row.next for row in await self.all("SELECT * FROM offsets")}
        ends = await topics.ends(self.bootstrap, {topic for topic, _ in read})
        return read == {place: end for place, (_, end) in ends.items()}

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
    orders = [ids.order_id(UUID(int=1), at) for at in range(count)]
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
            "/api/v1/orders", params={"brand_id": str(projection.brand), "shipments": "shipped"}
        )
        return len(answer.json()["orders"]) == 1

    await until(visible)
    assert await projection.all("SELECT 1 FROM g1.orders WHERE shipments = 'shipped'") == []
    assert (await projection.portal.get("/health/ready")).status_code == 200


@pytest.mark.parametrize(("topic", "chunk"), [("waybill.recipients", 16_000), ("waybill.tracking", 5)])
async def test_one_that_is_killed_goes_on_where_it_was_and_ends_in_the_same_rows(
    projection: Projection, publish: Publish, until: Until, topic: str, chunk: int
) -> None:
    await fill(projection, publish, until, 60)
    before = await projection.taken_in("g1")
    plan = await projection.plan()
    five = [{"topic": topic, "next": ends[5]} for topic, ends in plan["ends"].items()]

    async with projection.database.begin() as holding:
        await holding.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
        await holding.execute(
            # One that holds records of every topic: none are tracked in partition 6.
            text("SELECT 1 FROM g2.offsets WHERE topic = :topic AND partition = 7 FOR UPDATE"),
            {"topic": topic},
        )
        running = projection.start(plan, WAYBILL_CHUNK_RECORDS=str(chunk))

        async def begun() -> bool:
            rows = await projection.all("SELECT topic, next FROM g2.offsets WHERE partition = 5 ORDER BY topic")
            assert (await projection.portal.get("/api/v1/orders")).status_code == 200
            assert running.poll() is None
            return [dict(row._mapping) for row in rows] == five

        await until(begun, 90)
        os.killpg(running.pid, signal.SIGKILL)
        await asyncio.to_thread(running.communicate, timeout=30)
    assert await projection.live() == "g1"
    assert 0 < len(await projection.all("SELECT 1 FROM g2.orders")) < 60

    assert await projection.plan() == plan, "what was begun is gone on with"
    told = await projection.rebuild(WAYBILL_CHUNK_RECORDS=str(chunk))

    assert (told["pointed"], told["generation"]) == (True, "g2")
    assert await projection.taken_in("g2") == before


@pytest.mark.parametrize("chunk", [16_000, 3])
async def test_what_waits_is_parked_ruled_on_or_comes_twice_is_as_live_reading_left_it(
    projection: Projection, publish: Publish, until: Until, tombstone: Any, chunk: int
) -> None:
    early, held_up, late, poisoned, forked, newer, discarded, twice, erased = (
        ids.order_id(UUID(int=2), at) for at in range(9)
    )
    brand = projection.brand
    for at, order in enumerate((early, held_up, late, poisoned, forked, newer, discarded, twice, twice, erased)):
        await publish(placed(order, brand, f"{50_000 + at}-01"), 1)
    await until(projection.level)
    for order, version in ((twice, 2), (twice, 1), (erased, 1)):
        await publish(Recipient(order_id=order, brand_id=brand, version=version))
    await tombstone("waybill.recipients", erased)
    await tombstone("waybill.fulfillment", early)
    await publish(tracked(early, brand), 1)
    await publish(shipped(held_up, brand, 1), 2)
    await publish(tracked(late, brand), 1)
    await publish(shipped(newer, brand, 1), 1, type="waybill.ItemsFulfilled.v9")
    for order in (poisoned, discarded):
        await publish(placed(order, brand, "is no shipment"), 2, type="waybill.ItemsFulfilled.v2")
    await until(projection.level)
    assert (await projection.portal.post(f"/ops/v1/quarantine/{discarded}/discard", json=WHY)).status_code == 200
    for order in (late, poisoned, discarded, forked, twice, twice):
        await publish(shipped(order, brand, 1), 1)
    await publish(shipped(forked, brand, 2), 1, id=uuid4())
    await until(projection.level)
    await publish(tracked(poisoned, brand), 1)
    await until(projection.level)
    before = await projection.taken_in("g1")
    assert [len(before[table]) for table in ("orders", "recipients", "waiters", "dead_letters")] == [9, 1, 2, 2]
    assert sorted(str(row[6]) for row in before["quarantine"]) == ["Fork", "None", "None", "Undecodable", NEWER]

    told = await projection.rebuild(WAYBILL_CHUNK_RECORDS=str(chunk))

    assert told["pointed"]
    assert await projection.taken_in("g2") == before


@pytest.mark.parametrize("chunk", [16_000, 2])
async def test_what_only_the_database_refuses_is_parked_and_nothing_beside_it(
    projection: Projection, publish: Publish, until: Until, chunk: int
) -> None:
    orders = [order for at in range(90) if ids.partition(order := ids.order_id(UUID(int=3), at)) == 4]
    refuse = "ALTER TABLE {}.orders ADD CONSTRAINT not_this_one CHECK (number <> '#60002')"
    await projection.do(refuse.format("g1"))
    for at, order in enumerate(orders):
        await publish(placed(order, projection.brand, f"{60_000 + at}-01"), 1)
    await until(projection.level)
    for order in orders:
        await publish(shipped(order, projection.brand, 1), 1)
    await until(projection.level)
    before = await projection.taken_in("g1")
    assert [(row[3], row[6]) for row in before["quarantine"]] == [(orders[2], None), (orders[2], REFUSED)]

    await projection.plan()
    await projection.do(refuse.format("g2"))
    told = await projection.rebuild(WAYBILL_CHUNK_RECORDS=str(chunk))

    assert told["pointed"]
    assert await projection.taken_in("g2") == before


async def test_one_that_is_ahead_of_live_reading_is_pointed_to_once_that_has_caught_up(
    projection: Projection, publish: Publish, until: Until
) -> None:
    (order,) = await fill(projection, publish, until, 1)
    async with projection.database.begin() as holding:
        await holding.execute(text("SELECT 1 FROM offsets FOR UPDATE"))
        await publish(shipped(order, projection.brand, 2), 1)
        running = projection.start(await projection.plan(), WAYBILL_PATIENCE_S="0.1")
        _, says = await asyncio.to_thread(running.communicate, timeout=90)

    assert (running.returncode, await projection.live()) == (1, "g1")
    assert "waybill.fulfillment" in says
    assert "is live reading held up?" in says
    assert "Traceback" not in says
    assert (await projection.rebuild())["pointed"]
    assert await projection.live() == "g2"


async def test_one_who_is_parked_elsewhere_is_a_difference_that_can_be_accepted(
    projection: Projection, publish: Publish, until: Until
) -> None:
    """The live one was parked before the carrier was settled, as by a fault that is mended; the new one takes all in."""
    (order,) = await fill(projection, publish, until, 1)
    await projection.do("UPDATE streams SET parked = true WHERE subject = :s", s=order)
    await publish(shipped(order, projection.brand, 2), 1)
    await until(projection.level)

    last = await projection.rebuild()
    accepted = await projection.rebuild(WAYBILL_ACCEPT="true")

    assert (last["pointed"], last["different"]) == (False, 1)
    assert "taken in other events" in last["told"][0]
    assert accepted["pointed"]
    assert await projection.live() == "g2"


async def test_a_row_that_is_another_is_told_and_nothing_is_pointed_to_unless_that_is_accepted(
    projection: Projection, publish: Publish, until: Until
) -> None:
    orders = await fill(projection, publish, until, 6)
    before = await projection.rows()
    await projection.all(
        "UPDATE orders SET cancellations = 'canceled' WHERE order_id = :order RETURNING 1", order=orders[0]
    )
    await projection.all("DELETE FROM recipients WHERE order_id = :order RETURNING 1", order=orders[1])

    told = await projection.rebuild()

    assert (told["pointed"], told["different"]) == (False, 1)
    assert told["told"] == [f'orders {orders[0]}: cancellations is "canceled", by the log "none"']
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
