"""Each command of the runbook, in its order, on a Waybill in which that trouble was made for real."""

import asyncio
import json
import os
import re
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAlreadyExistsError
from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from waybill_chassis import topics
from waybill_cli import stack as processes
from waybill_events import Envelope, SaleLine, SaleReceived, ids
from waybill_simulators import demo

RUNBOOK: Final = Path(__file__).parents[2] / "docs" / "runbook.md"
NUMBER: Final = "1Z12345E0205271686"
Until = Callable[..., Awaitable[None]]
pytestmark = pytest.mark.timeout(900)


@dataclass(frozen=True)
class Step:
    """A comment that a reader does not see (`trouble`, `wait`, `says`, `exits`), or a block of commands."""

    kind: str
    says: str


def steps(markdown: str) -> Iterator[Step]:
    for comment, what, commands in re.findall(r"<!-- (\w+): (.+?) -->|```sh\n(.*?)```", markdown, re.DOTALL):
        yield Step(comment, what) if comment else Step("commands", commands)


@dataclass
class OnCall:
    """What an engineer types, and what happens meanwhile."""

    stack: Any
    until: Until
    folder: Path
    orders: dict[str, UUID]
    written: dict[str, str] = field(default_factory=dict[str, str])
    """What stands for something else in the text, such as the place of a record."""
    output: str = ""

    def type(self, commands: str, exits: int) -> None:
        for example, real in self.written.items():
            commands = commands.replace(example, real)
        editor = self.folder / "editor"
        environment = {
            **self.stack.environment,
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "EDITOR": str(editor),
        }
        ran = subprocess.run(
            ["bash", "-e", "-c", commands],
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        self.output = ran.stdout + ran.stderr
        assert ran.returncode == exits, f"{commands}\n{self.output}"

    async def ship(self, reference: str, company: str, number: str, units: int | None = None) -> None:
        order = self.orders[reference]
        async with self.stack.client("fulfillment") as fulfillment:
            path = f"/api/v1/orders/{order}"
            body: dict[str, Any] = {"tracking_company": company, "tracking_number": number}
            if units is not None:
                lines = (await fulfillment.get(path)).raise_for_status().json()["lines"]
                body["lines"] = [{"line_id": lines[0]["line_id"], "quantity": units}]
            (await fulfillment.post(f"{path}/shipments", json=body)).raise_for_status()

    async def execute(self, service: str, *statements: str) -> None:
        database = self.stack.database(service)
        async with database.begin() as connection:
            for statement in statements:
                await connection.execute(text(statement))
        await database.close()

    async def found(self, service: str, path: str, wanted: int) -> None:
        """Wait until a service has so many."""
        async with self.stack.client(service) as client:

            async def true() -> bool:
                return bool((await client.get(f"/ops/v1{path}")).raise_for_status().json()["found"] == wanted)

            await self.until(true)

    async def to_send(self, service: str, wanted: int) -> None:
        async with self.stack.client(service) as client:

            async def true() -> bool:
                outbox = (await client.get("/ops/v1/sent")).raise_for_status().json()["outbox"]
                return sum(each["events"] for each in outbox) == wanted

            await self.until(true)

    async def say(self, topic: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> Any:
        producer = AIOKafkaProducer(bootstrap_servers=self.stack.home.kafka)
        await producer.start()
        try:
            return await producer.send_and_wait(topic, key=key, value=value, headers=headers)
        finally:
            await producer.stop()

    # What the runbook calls trouble.

    async def a_number_that_is_too_long(self) -> None:
        """A release of fulfillment that writes the number of this order twenty times."""
        await self.execute(
            "fulfillment",
            f"""
            CREATE FUNCTION too_long() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.payload := convert_to(
                    replace(convert_from(NEW.payload, 'UTF8'), '{NUMBER}', repeat('{NUMBER} ', 20)), 'UTF8');
                RETURN NEW;
            END $$
            """,
            f"""
            CREATE FUNCTION too_long_here() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                NEW.tracking_number := repeat('{NUMBER} ', 20);
                RETURN NEW;
            END $$
            """,
            "CREATE TRIGGER too_long BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION too_long()",
            "CREATE TRIGGER too_long BEFORE INSERT ON parcels FOR EACH ROW EXECUTE FUNCTION too_long_here()",
        )
        await self.ship("10001-01", "UPS", NUMBER)
        await self.found("tracking", "/quarantine", 1)
        await self.execute("fulfillment", "DROP TRIGGER too_long ON outbox", "DROP TRIGGER too_long ON parcels")

    async def a_release_that_refuses_a_carrier(self) -> None:
        """A release of tracking whose database takes no parcel of DHL's."""
        await self.execute("tracking", "ALTER TABLE parcels ADD CONSTRAINT no_dhl CHECK (carrier <> 'dhl')")
        for reference in ("10002-01", "10003-01", "10006-01"):
            await self.ship(reference, "DHL", "1234567891")
        await self.found("tracking", "/quarantine", 3)

    async def the_release_is_mended(self) -> None:
        await self.execute("tracking", "ALTER TABLE parcels DROP CONSTRAINT no_dhl")

    async def a_sale_that_is_too_large(self) -> None:
        """Another maker's connector sends a sale whose order no record can hold."""
        lines = [SaleLine(line_id=f"line {at}", title="shirt " * 600, quantity=1) for at in range(250)]
        await self.sell(a_sale("990001", *lines))
        await self.found("orders", "/quarantine", 1)

    async def sell(self, sale: SaleReceived) -> None:
        """What another maker's connector sends."""
        id_ = uuid4()
        envelope = Envelope(
            id=id_,
            source="acme/connector",
            type=sale.type_name(),
            time=sale.placed_at,
            subject=sale.sale_id,
            actor="platform:acme",
            causation_id=id_,
        )
        await self.say("waybill.sales", str(sale.sale_id).encode(), sale.to_json(), envelope.headers())

    async def a_record_that_the_log_has_lost(self) -> None:
        """The broker acknowledged the first event of an order, and lost it: the second one comes without it."""
        order = self.orders["10007-01"]
        await self.execute(
            "fulfillment",
            f"""
            CREATE FUNCTION lost() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF NEW.key = '{order}' AND NEW.headers->>'ce_sequence' = '1' THEN
                    INSERT INTO sent (id, topic, key, headers, payload, created_at, partition, "offset", sent_at)
                    VALUES (NEW.id, NEW.topic, NEW.key, NEW.headers, NEW.payload, NEW.created_at,
                            {ids.partition(order)}, 0, now());
                    RETURN NULL;
                END IF;
                RETURN NEW;
            END $$
            """,
            "CREATE TRIGGER lost BEFORE INSERT ON outbox FOR EACH ROW EXECUTE FUNCTION lost()",
        )
        await self.ship("10007-01", "UPS", NUMBER, units=1)
        await self.ship("10007-01", "UPS", NUMBER, units=1)
        for service in ("tracking", "portal"):
            await self.found(service, "/waiting", 1)
        await self.execute("fulfillment", "DROP TRIGGER lost ON outbox")

    async def bytes_that_no_one_can_read(self) -> None:
        landed = await self.say(
            "waybill.fulfillment", b"load-test-7", b"\x00\xff\x13 not an event", [("from", b"load-test")]
        )
        self.written["waybill.fulfillment/3/17"] = f"waybill.fulfillment/{landed.partition}/{landed.offset}"
        for service in ("tracking", "portal"):
            await self.found(service, "/dead-letters", 1)

    async def the_broker_is_away(self) -> None:
        self.stack.home.processes()["kafka"].kill()
        await self.ship("10009-01", "UPS", NUMBER)
        await self.to_send("fulfillment", 1)

    async def a_topic_is_made_anew(self) -> None:
        home = self.stack.home
        for name in ("tracking", "portal"):
            await self.stop(name)
        admin = AIOKafkaAdminClient(bootstrap_servers=home.kafka)
        await admin.start()
        await admin.delete_topics(["waybill.tracking"])
        await admin.close()

        async def made() -> bool:
            try:
                return "waybill.tracking" in await topics.create(home.kafka)
            except TopicAlreadyExistsError:
                return False

        await self.until(made)
        says = await asyncio.to_thread(self.stack.run, "up", fails=True)
        assert "tracking, portal changed nothing yet: log and database tell different stories" in " ".join(says.split())
        assert set(home.processes()) >= {"tracking", "portal"}

    async def a_database_is_restored_to_an_earlier_copy(self) -> None:
        """The copy is from before a number was added, which the portal has read."""
        await self.copy("tracking")
        await self.ship("10004-01", "UPS", NUMBER)
        async with self.stack.client("portal") as portal:

            async def read() -> bool:
                answer = await portal.get(f"/ops/v1/quarantine/{self.orders['10004-01']}")
                return "waybill/tracking" in answer.raise_for_status().json()["taken"]

            await self.until(read)
        await self.to_send("tracking", 0)
        await self.stop("tracking")
        await self.on_server(
            "ALTER DATABASE tracking RENAME TO tracking_newest", "ALTER DATABASE tracking_earlier RENAME TO tracking"
        )
        says = await asyncio.to_thread(self.stack.run, "up", fails=True)
        assert "tracking changed nothing yet: log and database tell different stories" in " ".join(says.split())

    async def the_newest_state_is_restored(self) -> None:
        """While the service runs: it loses its connections, and finds another database when it makes new ones."""
        await self.on_server("DROP DATABASE tracking WITH (FORCE)", "ALTER DATABASE tracking_newest RENAME TO tracking")

    async def a_service_that_sends_nothing_is_restored(self) -> None:
        """The copy of labels is from before an order that came since."""
        await self.copy("labels")
        sale = a_sale("990002", SaleLine(line_id="1", title="Organic T-shirt", quantity=1))
        await self.sell(sale)
        order = ids.order_id(sale.sale_id, 1)

        async def has_slip() -> bool:
            slips = "SELECT count(*) FROM slips WHERE order_id = :order"
            return bool(await self.stack.scalar("labels", slips, order=order))

        await self.until(has_slip)
        await self.stop("labels")
        await self.on_server("DROP DATABASE labels", "ALTER DATABASE labels_earlier RENAME TO labels")
        assert not await has_slip()
        await asyncio.to_thread(self.stack.run, "up")
        await self.until(has_slip)

    async def stop(self, service: str) -> None:
        home = self.stack.home
        assert await asyncio.to_thread(home.processes()[service].stop, patience=30)
        home.remember(service, None)

    async def copy(self, service: str) -> None:
        """Copy a service's database as it is now, and go on."""
        await self.stop(service)
        await self.on_server(f"CREATE DATABASE {service}_earlier TEMPLATE {service} OWNER {service}")
        await asyncio.to_thread(self.stack.run, "up")

    async def on_server(self, *statements: str) -> None:
        """What whoever looks after the database server does."""
        home = self.stack.home
        password = (home.folder / "postgres-password").read_text()
        server = create_async_engine(
            f"postgresql+asyncpg://postgres:{password}@127.0.0.1:{home.port('postgres')}/postgres",
            isolation_level="AUTOCOMMIT",
            poolclass=NullPool,
        )
        async with server.connect() as connection:
            for statement in statements:
                await connection.execute(text(statement))

    # For what the runbook waits.

    async def nothing_waits(self) -> None:
        for service in ("tracking", "portal"):
            await self.found(service, "/waiting", 0)

    async def outboxes_are_empty(self) -> None:
        for name in processes.SERVICES:
            await self.to_send(name, 0)

    async def everything_is_ready(self) -> None:
        not_ready: dict[str, str] = {}

        async def true() -> bool:
            not_ready.clear()
            for name in processes.SERVICES:
                async with self.stack.client(name) as client:
                    answer = await client.get("/health/ready")
                if answer.status_code != 200:
                    not_ready[name] = answer.text
            return not not_ready

        try:
            await self.until(true)
        except AssertionError as error:
            raise AssertionError(not_ready) from error
        await self.outboxes_are_empty()


def a_sale(number: str, *lines: SaleLine) -> SaleReceived:
    now, connection = datetime.now(UTC), uuid4()
    return SaleReceived(
        sale_id=ids.sale_id(connection, number),
        connection_id=connection,
        connection_code="acme",
        platform="acme",
        source_order_id=number,
        number=f"#{number}",
        placed_at=now,
        source_updated_at=now,
        default_brand_id=demo.ACORN,
        lines=lines,
    )


EDITOR: Final = """#!/bin/sh
exec "{python}" - "$1" <<'PROGRAM'
import json, sys
event = json.load(open(sys.argv[1]))
event["number"] = event["number"].split()[0]
json.dump(event, open(sys.argv[1], "w"))
PROGRAM
"""


@pytest.fixture
def own_stack(new_stack: Any) -> Iterator[Any]:
    with new_stack() as stack:
        yield stack


@pytest.fixture
async def on_call(own_stack: Any, until: Until, tmp_path: Path) -> OnCall:
    editor = tmp_path / "editor"
    editor.write_text(EDITOR.format(python=sys.executable))
    editor.chmod(0o755)
    orders: dict[str, UUID] = {}

    async def all_there() -> bool:
        async with own_stack.client("portal") as portal, own_stack.client("fulfillment") as fulfillment:
            page = (await portal.get("/api/v1/orders", params={"limit": 200})).raise_for_status().json()
            orders.update({order["reference"]: UUID(order["order_id"]) for order in page["orders"]})
            asked = [await fulfillment.get(f"/api/v1/orders/{order}") for order in orders.values()]
            return len(orders) >= 12 and all(each.is_success for each in asked)

    await until(all_there)
    return OnCall(own_stack, partial(until, patience_s=90), tmp_path, orders)


async def test_each_command_of_the_runbook_does_what_it_says(on_call: OnCall) -> None:
    exits, typed = 0, 0
    for step in steps(RUNBOOK.read_text()):
        match step.kind:
            case "trouble" | "wait":
                await getattr(on_call, step.says.replace("-", "_"))()
            case "exits":
                exits = int(step.says)
            case "says":
                assert step.says in " ".join(on_call.output.split()), f"{step.says}\n{on_call.output}"
            case _:
                await asyncio.to_thread(on_call.type, step.says, exits)
                exits, typed = 0, typed + 1

    shown = [json.loads(line) for line in on_call.stack.run("quarantine", "show", "10001-01", "--json").splitlines()]
    assert typed > 15
    assert not any(each["is_parked"] or each["waiting"] for each in shown)
    assert await number_of(on_call, "10001-01") == NUMBER
    assert await number_of(on_call, "10009-01") == NUMBER


def test_every_command_of_the_runbook_is_in_a_block_that_is_run() -> None:
    markdown = RUNBOOK.read_text()

    fences = re.findall(r"^```(.*)$", markdown, re.MULTILINE)
    blocks = [step for step in steps(markdown) if step.kind == "commands"]
    offered = {
        "list",
        "waiting",
        "show",
        "redrive",
        "discard",
        "retry",
        "offsets",
        "rewind",
        "again",
        "interventions",
        "verify",
    }
    typed = {word for block in blocks for word in block.says.split()}

    assert set(fences) == {"sh", ""}
    assert len(fences) == 2 * len(blocks)
    assert offered <= typed


async def number_of(on_call: OnCall, reference: str) -> str:
    async with on_call.stack.client("portal") as portal:
        answer = await portal.get(f"/api/v1/orders/{on_call.orders[reference]}")
        number: str = answer.raise_for_status().json()["parcels"][0]["tracking_number"]
        return number
