"""`waybill verify` on a whole Waybill that is made wrong in one place after the other: that, and only that, is found."""

import asyncio
import itertools
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from waybill_chassis.database import Database
from waybill_cli.home import SERVICES
from waybill_cli.verify.command import _checks
from waybill_cli.verify.databases import services
from waybill_cli.verify.walk import Progress, Walk
from waybill_events import Envelope, OrderLine, OrderPlaced
from waybill_simulators.shopify import an_order

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
SHIRT = {"title": "Shirt", "vendor": "", "sku": "TS", "price": "9.00", "quantity": 2}
UPS = {"tracking_company": "UPS", "tracking_number": "1Z12345E0205271686"}
INVARIANTS = {"sequences", "orders", "gaps", "tables", "outbox", "ledger", "labels", "projection"}
Until = Callable[..., Awaitable[None]]
Results = dict[str, dict[str, Any]]
_numbers = itertools.count(900_001)


@pytest.fixture(scope="module")
def stack(new_stack: Any) -> Generator[Any]:
    with new_stack("--no-demo") as stack:
        yield stack


async def verified(stack: Any, **changed: Any) -> Results:
    """What `waybill verify --json` prints, by invariant."""
    home = stack.home
    place = f"127.0.0.1:{home.port('postgres')}"
    away = changed.get("away", ())

    def url(name: str) -> str:
        where = "127.0.0.1:1" if name in away else place
        return f"postgresql+asyncpg://verify:{home.secret('database verify')}@{where}/{name}"

    silent = Progress(lambda _: None, lambda _: None, lambda _: None)
    walk = Walk(services(SERVICES, url, _checks()), changed.get("kafka", home.kafka), 60, silent)
    return {result.name: result.as_json() for result in await walk.run()}


async def broken(stack: Any) -> Results:
    """Only the invariants that do not hold."""
    return {name: result for name, result in (await verified(stack)).items() if result["holds"] is not True}


async def execute(stack: Any, service: str, *statements: str, **values: Any) -> None:
    database = stack.database(service)
    try:
        async with database.begin() as connection:
            for statement in statements:
                names = {name: value for name, value in values.items() if f":{name}" in statement}
                await connection.execute(text(statement), names)
    finally:
        await database.close()


@asynccontextmanager
async def doctored(
    stack: Any, service: str, table: str, key: str, order: UUID, *statements: str
) -> AsyncGenerator[None]:
    """Change the rows of an order, and put them back."""
    await execute(stack, service, f"CREATE TABLE kept AS SELECT * FROM {table} WHERE {key} = :order", order=order)
    await execute(stack, service, *statements, order=order)
    try:
        yield
    finally:
        await execute(
            stack,
            service,
            f"DELETE FROM {table} WHERE {key} = :order",
            f"INSERT INTO {table} SELECT * FROM kept",
            "DROP TABLE kept",
            order=order,
        )


Sell = Callable[[], Awaitable[UUID]]


@pytest.fixture
def sell(stack: Any, selling: Any, until: Until) -> Sell:
    """Sell two shirts and ship one of them; the order's id, once its number is tracked."""

    async def sell() -> UUID:
        number = next(_numbers)
        await selling.shop.tell(an_order(number, [SHIRT], NOON, address=ADDRESS))
        orders: list[dict[str, Any]] = []

        async def there() -> bool:
            orders[:] = await selling.orders(q=f"{number}-01")
            return bool(orders)

        await until(there)
        path = f"/api/v1/orders/{orders[0]['order_id']}"
        async with stack.client("fulfillment") as fulfillment:

            async def opened() -> bool:
                return (await fulfillment.get(path)).is_success

            await until(opened)
        shipment = {**UPS, "lines": [{"line_id": orders[0]["lines"][0]["line_id"], "quantity": 1}]}

        async def shipped() -> bool:
            key = {"Idempotency-Key": str(number)}
            answer = await selling.portal.post(f"{path}/shipments", json=shipment, headers=key)
            assert answer.status_code in {201, 503}, answer.text
            return bool(answer.is_success)

        await until(shipped)

        async def tracked() -> bool:
            (found,) = await selling.orders(q=f"{number}-01")
            return bool(found["parcels"] and found["parcels"][0]["tracking_url"])

        await until(tracked)
        return UUID(orders[0]["order_id"])

    return sell


@asynccontextmanager
async def producer(stack: Any) -> AsyncGenerator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=stack.home.kafka)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def write(stack: Any, order: UUID, sequence: int, event: OrderPlaced | None = None) -> None:
    """Write a numbered event of an order as the service `orders` would; without one of a type nobody knows."""
    id_ = uuid4()
    envelope = Envelope(
        id=id_,
        source="waybill/orders",
        type="waybill.SomethingNew.v1" if event is None else event.type_name(),
        time=NOON,
        subject=order,
        actor="test",
        causation_id=id_,
        sequence=sequence,
    )
    async with producer(stack) as sending:
        await sending.send_and_wait(
            "waybill.orders",
            value=b"{}" if event is None else event.to_json(),
            key=str(order).encode(),
            headers=envelope.headers(),
        )


async def test_its_role_sees_no_secret(stack: Any) -> None:
    home = stack.home
    password = home.secret("database verify")
    connectors = Database(
        f"postgresql+asyncpg://verify:{password}@127.0.0.1:{home.port('postgres')}/connectors", size=1
    )

    with pytest.raises(DBAPIError, match="permission denied"):
        async with connectors.begin() as connection:
            await connection.execute(text("SELECT secret FROM connections"))
    await connectors.close()


async def test_all_that_was_sold_and_shipped_is_in_order(stack: Any, sell: Sell) -> None:
    await sell()

    results = await verified(stack)

    assert results.keys() == INVARIANTS
    assert {name for name, result in results.items() if result["holds"]} == INVARIANTS, results
    assert results["orders"]["checked"]["OrderPlaced in the log"] == results["orders"]["checked"]["in portal"]
    assert results["ledger"]["checked"]["own events"] >= 1
    assert results["projection"]["checked"]["events"] >= 3


async def test_a_label_whose_money_is_not_where_the_log_has_it_is_found(
    stack: Any, sell: Sell, selling: Any, until: Until
) -> None:
    order = await sell()
    path = f"/api/v1/orders/{order}"
    parcel = (await selling.portal.post(f"{path}/parcels", json={"shipping": "platform"})).json()["parcels"][-1]

    async def told() -> bool:
        # Once the portal knows it, it has come to the log.
        shown = (await selling.portal.get(path)).json()["parcels"][-1]
        return bool(shown["label_state"] == "labeled")

    await until(told)
    fine = await verified(stack)
    async with doctored(
        stack, "labels", "labels", "order_id", order, "UPDATE labels SET state = 'refunded' WHERE order_id = :order"
    ):
        money = await broken(stack)
    async with doctored(
        stack, "labels", "labels", "order_id", order, "UPDATE labels SET state = 'dropped' WHERE order_id = :order"
    ):
        forgotten = await broken(stack)

    assert fine["labels"]["holds"], fine["labels"]
    assert fine["labels"]["checked"]["paid labels"] >= 1
    assert money.keys() == forgotten.keys() == {"labels"}
    assert "refunded" in money["labels"]["first"]["differences"][0]
    assert parcel["label"] == "pending"


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        (["UPDATE lines SET open = open + 1 WHERE order_id = :order"], "does not add up: 2 ordered, 2 open"),
        (
            ["UPDATE lines SET open = open - 1, shipped = shipped + 1 WHERE order_id = :order"],
            "has 2 shipped, 0 of them before; its parcels hold 1",
        ),
        (["UPDATE lines SET open = 0, canceled = 1 WHERE order_id = :order"], "is not what its events say"),
    ],
)
async def test_a_ledger_that_is_changed_behind_its_back_is_found(
    changes: list[str], says: str, stack: Any, sell: Sell
) -> None:
    order = await sell()
    await execute(stack, "fulfillment", "ALTER TABLE lines DROP CONSTRAINT IF EXISTS lines_check")

    async with doctored(stack, "fulfillment", "lines", "order_id", order, *changes):
        found = await broken(stack)

    assert found.keys() == {"ledger"}
    first = found["ledger"]["first"]
    assert says in first["says"]
    assert (first["service"], first["subject"]) == ("fulfillment", str(order))
    assert [event["type"] for event in first["events"]] == ["waybill.OrderPlaced.v2", "waybill.ItemsFulfilled.v2"]
    assert all(event["offset"] >= 0 and event["id"] for event in first["events"])


@pytest.mark.parametrize(
    ("service", "table", "says"),
    [
        ("orders", "orders", "orders has no row of it, though it is the one who told"),
        ("labels", "slips", "labels has no row of it, though it has read past its OrderPlaced"),
        ("portal", "orders", "portal has no row of it, though it has read past its OrderPlaced"),
    ],
)
async def test_an_order_that_a_service_has_lost_is_found(
    service: str, table: str, says: str, stack: Any, sell: Sell
) -> None:
    order = await sell()

    async with doctored(stack, service, table, "order_id", order, f"DELETE FROM {table} WHERE order_id = :order"):
        found = await broken(stack)

    assert found.keys() == {"orders"}
    first = found["orders"]["first"]
    assert (first["says"], first["service"], first["subject"]) == (says, service, str(order))
    assert [event["type"] for event in first["events"]] == ["waybill.OrderPlaced.v2"]


async def test_an_order_that_the_log_does_not_know_is_found(stack: Any, sell: Sell) -> None:
    order, stranger = await sell(), uuid4()
    copy = "INSERT INTO slips SELECT :stranger, brand_id, reference, placed_at, shipping_method, lines FROM slips"

    await execute(stack, "labels", f"{copy} WHERE order_id = :order", order=order, stranger=stranger)
    found = await broken(stack)
    await execute(stack, "labels", "DELETE FROM slips WHERE order_id = :stranger", stranger=stranger)

    assert found.keys() == {"orders"}
    assert found["orders"]["first"]["says"] == "labels has a row that no OrderPlaced in the log accounts for"
    assert found["orders"]["first"]["subject"] == str(stranger)


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        ("state = jsonb_set(state, '{lines,0,shipped}', '2')", "state.lines[0].shipped is 2, by the log 1"),
        ("shipments = 'shipped'", 'shipments is "shipped", by the log "partially shipped"'),
        (
            "state = jsonb_set(state, '{applied,waybill/orders}', '5')",
            "state.applied.waybill/orders is 5, by the log 1",
        ),
    ],
)
async def test_a_row_of_the_portal_that_is_not_the_fold_of_the_log_is_found(
    change: str, differs: str, stack: Any, sell: Sell
) -> None:
    order = await sell()

    change = f"UPDATE orders SET {change} WHERE order_id = :order"
    async with doctored(stack, "portal", "orders", "order_id", order, change):
        found = await broken(stack)

    assert found.keys() == {"projection"}
    first = found["projection"]["first"]
    assert first["subject"] == str(order)
    assert differs in first["differences"]
    assert len(first["events"]) == 3


async def test_a_row_of_the_portal_that_lags_behind_what_was_taken_in_is_found(stack: Any, sell: Sell) -> None:
    order = await sell()
    older = """
        UPDATE orders SET state = state #- '{applied,waybill/tracking}' || jsonb_build_object('parcels', jsonb_build_array(
            state->'parcels'->0 || '{"tracked"\\: null}'
        )) WHERE order_id = :order
    """

    async with doctored(stack, "portal", "orders", "order_id", order, older):
        found = await broken(stack)

    assert found.keys() == {"projection"}
    assert found["projection"]["first"]["says"] == "the row lacks an event that was taken in"
    assert [event["type"] for event in found["projection"]["first"]["events"]] == ["waybill.TrackingAdded.v1"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("UPDATE recipients SET version = 7 WHERE order_id = :order", "version 7, by waybill.recipients version 1"),
        ("DELETE FROM recipients WHERE order_id = :order", "no row, by waybill.recipients version 1"),
        (
            'UPDATE recipients SET recipient = recipient || \'{"note"\\: "to you"}\' WHERE order_id = :order',
            "version 1, by waybill.recipients version 1, and they do not say the same",
        ),
    ],
)
async def test_a_recipient_that_is_not_the_newest_is_found(change: str, says: str, stack: Any, sell: Sell) -> None:
    order = await sell()

    async with doctored(stack, "portal", "recipients", "order_id", order, change):
        found = await broken(stack)

    assert found.keys() == {"tables"}
    first = found["tables"]["first"]
    assert (first["says"], first["service"], first["subject"]) == (says, "portal", str(order))
    assert first["events"][0]["topic"] == "waybill.recipients"
    assert "Ann Bee" not in json.dumps(found)


async def test_a_hole_in_the_log_and_a_waiter_that_is_gone_are_found(stack: Any, sell: Sell, until: Until) -> None:
    order = await sell()
    await write(stack, order, 3)

    async def waits() -> bool:
        query = "SELECT count(*) FROM waiters WHERE subject = :order"
        return all([await stack.scalar(name, query, order=order) == 1 for name in ("fulfillment", "labels", "portal")])

    await until(waits)
    hole = await broken(stack)
    await execute(stack, "portal", "DELETE FROM waiters WHERE subject = :order", order=order)
    uncounted = await broken(stack)
    await execute(stack, "portal", "UPDATE streams SET waiting = 0 WHERE subject = :order", order=order)
    unnoticed = await broken(stack)
    await write(stack, order, 2)

    assert hole.keys() == {"sequences"}
    first = hole["sequences"]["first"]
    assert first["says"] == "waybill/orders has numbered up to 3; 2 are not in the log"
    assert [event["sequence"] for event in first["events"]] == [1, 3]
    assert uncounted.keys() == unnoticed.keys() == {"sequences", "gaps"}
    assert uncounted["gaps"]["first"]["says"] == "its stream counts 1 waiters, and there are 0"
    first = unnoticed["gaps"]["first"]
    assert first["says"].startswith("portal has read number 3 of waybill/orders, has taken in 1")
    assert [(event["topic"], event["sequence"]) for event in first["events"]] == [("waybill.orders", 3)]

    async def closed() -> bool:
        last = "SELECT taken->'waybill/orders'->0 FROM streams WHERE subject = :order"
        return all([await stack.scalar(name, last, order=order) == 2 for name in ("portal",)])

    await until(closed)
    assert (await broken(stack)).keys() == {"gaps"}
    await execute(
        stack,
        "portal",
        "UPDATE streams SET taken = jsonb_set(taken, '{waybill/orders,0}', '3') WHERE subject = :order",
        order=order,
    )
    assert await broken(stack) == {}


async def test_a_parked_order_is_counted_and_its_mark_must_be_right(stack: Any, until: Until) -> None:
    order, brand, sale = uuid4(), uuid4(), uuid4()
    await execute(
        stack,
        "orders",
        "INSERT INTO orders VALUES (:order, :brand, '1-01', :sale)",
        order=order,
        brand=brand,
        sale=sale,
    )
    too_much = OrderPlaced(
        order_id=order,
        sale_id=sale,
        brand_id=brand,
        reference="1-01",
        number="1",
        connection_id=uuid4(),
        platform="shopify",
        placed_at=NOON,
        recipient_version=1,
        lines=(OrderLine(line_id="shirt", quantity=1, shipped=2),),
    )
    await write(stack, order, 1, too_much)

    async def parked() -> bool:
        return bool(
            await stack.scalar("fulfillment", "SELECT count(*) FROM quarantine WHERE subject = :order", order=order)
        )

    await until(parked)
    results = await verified(stack)
    unpark = "UPDATE streams SET parked = false WHERE subject = :order"
    async with doctored(stack, "fulfillment", "streams", "subject", order, unpark):
        found = await broken(stack)
    async with stack.client("fulfillment") as fulfillment:
        answer = await fulfillment.post(f"/ops/v1/quarantine/{order}/discard", json={"why": "more than was ordered"})
    after = await verified(stack)

    assert {name for name, result in results.items() if result["holds"]} == INVARIANTS, results
    assert results["orders"]["checked"]["parked or waiting in fulfillment"] == 1
    assert answer.is_success, answer.text
    assert {name for name, result in after.items() if result["holds"]} == INVARIANTS, after
    assert after["orders"]["checked"]["discarded by an operator in fulfillment"] == 1
    assert found.keys() == {"gaps"}
    assert found["gaps"]["first"]["says"] == "1 events are in quarantine, and its stream is not parked"


async def test_an_event_that_nobody_sends_is_found(stack: Any) -> None:
    tracking, key = stack.home.processes()["tracking"], uuid4()
    stuck = """
        INSERT INTO outbox (bucket, topic, key, headers, created_at)
        VALUES (0, 'waybill.tracking', :key, '{"ce_type"\\: "waybill.TrackingAdded.v1"}', now() - interval '2 minutes')
    """

    os.kill(tracking.pid, signal.SIGSTOP)
    try:
        await execute(stack, "tracking", stuck, key=key)
        found = await broken(stack)
        await execute(stack, "tracking", "DELETE FROM outbox WHERE key = :key", key=key)
    finally:
        os.kill(tracking.pid, signal.SIGCONT)

    assert found.keys() == {"outbox"}
    first = found["outbox"]["first"]
    assert first["says"].startswith("waybill.TrackingAdded.v1 None for waybill.tracking has waited for 12")
    assert (first["service"], first["subject"]) == ("tracking", str(key))


async def test_what_cannot_be_read_is_said_and_the_rest_is_checked(stack: Any) -> None:
    without_labels = await verified(stack, away={"labels"})
    without_kafka = await verified(stack, kafka="127.0.0.1:1")

    assert {name for name, result in without_labels.items() if result["holds"]} == {"ledger", "projection"}
    assert "labels cannot be read" in without_labels["orders"]["not_checked"][0]
    assert without_labels["orders"]["checked"]["in portal"] >= 1
    assert {name for name, result in without_kafka.items() if result["holds"]} == {"outbox"}
    assert "Kafka does not answer" in without_kafka["sequences"]["not_checked"][0]


def test_people_read_a_report_and_programs_the_exit_status(stack: Any) -> None:
    waybill = Path(sys.executable).with_name("waybill")

    def run(*arguments: str) -> tuple[int, str]:
        ran = subprocess.run(
            [waybill, "verify", *arguments],
            env=stack.environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        return ran.returncode, ran.stdout + ran.stderr

    well, told = run()
    unknown, away = run("--json", "--kafka", "127.0.0.1:1")

    assert (well, unknown) == (0, 2), told + away
    assert told.count("✓") == len(INVARIANTS)
    assert "rows of waybill.recipients in portal" in told
    assert {json.loads(line)["invariant"] for line in away.splitlines()} == INVARIANTS


async def test_nothing_looks_wrong_while_sales_and_shipments_go_in(stack: Any, selling: Any, sell: Sell) -> None:
    enough = asyncio.Event()

    async def sell_on() -> None:
        while not enough.is_set():
            await sell()

    going_on = asyncio.gather(*(sell_on() for _ in range(4)))
    runs = [await broken(stack) for _ in range(3)]
    enough.set()
    await going_on

    assert runs == [{}] * 3
    assert len(await selling.orders()) >= 10
    assert await broken(stack) == {}
