"""What the on-call engineer asks of a service and tells it, over HTTP, on real services."""

import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from pydantic import PostgresDsn, SecretStr
from sqlalchemy import text

from waybill_chassis import topics
from waybill_chassis.database import Database, dump
from waybill_chassis.records import Headers, from_base64, to_base64
from waybill_events import Brand, Buyer, Envelope, ItemsFulfilled, LineUnits, SaleReceived, TrackingAdded, ids
from waybill_orders.app import build as build_orders
from waybill_orders.settings import Settings as OrdersSettings
from waybill_tracking.app import build
from waybill_tracking.settings import Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]
TOPIC = "waybill.fulfillment"
TOO_LONG = "1Z" * 150
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TOKEN = "a-token-for-tests"
BY_ANN = {"Waybill-Actor": "person:ann"}
WHY = {"why": "the carrier was mended"}


def shipped(order: UUID, number: str) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=UUID(int=7),
        parcel_id=ids.parcel_id(order, len(number)),
        lines=(LineUnits(line_id="shirt", quantity=1),),
        company="UPS",
        number=number,
        shipped_at=NOON,
    )


def a_sale(sale: UUID, brand: UUID | None) -> SaleReceived:
    return SaleReceived(
        sale_id=sale,
        connection_id=UUID(int=1),
        connection_code="acme",
        platform="acme",
        source_order_id="1",
        number="#1",
        placed_at=NOON,
        source_updated_at=NOON,
        default_brand_id=brand,
        buyer=Buyer(name="Ann Bee", email="ann@example.com"),
        lines=(),
    )


def url_of(database: Database) -> str:
    return database.engine.url.render_as_string(hide_password=False)


@pytest.fixture
async def tracking(database: Database, start: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(url_of(database), build, Settings)
    return client


class Ops:
    """A service's operators' API, with the waiting that tests need."""

    def __init__(self, client: httpx.AsyncClient, until: Until) -> None:
        self.client, self.until = client, until

    async def get(self, path: str, **query: Any) -> Any:
        answer = await self.client.get(f"/ops/v1{path}", params=query)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def post(self, path: str, **body: Any) -> httpx.Response:
        return await self.client.post(f"/ops/v1{path}", json=body, headers=BY_ANN)

    async def finds(self, path: str, found: int) -> Any:
        async def true() -> bool:
            return bool((await self.get(path))["found"] == found)

        await self.until(true)
        return await self.get(path)

    async def taken(self, order: UUID, number: int) -> None:
        async def true() -> bool:
            return bool((await self.get(f"/quarantine/{order}"))["taken"].get("waybill/fulfillment") == number)

        await self.until(true)


@pytest.fixture
async def ops(tracking: httpx.AsyncClient, until: Until) -> Ops:
    return Ops(tracking, until)


async def numbers_of(database: Database, order: UUID) -> list[str]:
    """What was told of an order, or is about to be."""
    async with database.begin() as connection:
        rows = await connection.execute(
            text("SELECT payload FROM sent WHERE key = :o UNION ALL SELECT payload FROM outbox WHERE key = :o"),
            {"o": order},
        )
        return [TrackingAdded.from_json(bytes(row.payload)).tracking_number for row in rows]


async def garbage(bootstrap: str, key: bytes, value: bytes, headers: list[tuple[str, bytes]]) -> str:
    """Write bytes that do not decode; their place."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    landed = await producer.send_and_wait(TOPIC, key=key, value=value, headers=headers)
    await producer.stop()
    return f"{TOPIC}/{landed.partition}/{landed.offset}"


def unreadable(order: UUID) -> list[tuple[str, bytes]]:
    """Headers that name an order; the bytes beside them say nothing."""
    return Envelope(
        id=uuid4(),
        source="waybill/fulfillment",
        type="waybill.ItemsFulfilled.v2",
        time=NOON,
        subject=order,
        actor="test",
        causation_id=uuid4(),
        sequence=1,
    ).headers()


async def test_what_is_parked_is_listed_by_cause_type_and_age(ops: Ops, publish: Publish) -> None:
    first, second = uuid4(), uuid4()
    await publish(shipped(first, TOO_LONG), 1)
    await publish(shipped(first, "1Z1"), 2)
    await publish(shipped(second, TOO_LONG + "1"), 1)

    found = await ops.finds("/quarantine", 2)

    by_subject = {one["subject"]: one for one in found["parked"]}
    assert by_subject.keys() == {str(first), str(second)}
    one = by_subject[str(first)]
    assert (one["type"], one["cause"], one["sequence"]) == ("waybill.ItemsFulfilled.v2", "ValidationError", "1")
    assert len({each["alike"] for each in found["parked"]}) == 1
    assert (await ops.get("/quarantine", cause="ValidationError"))["found"] == 2
    assert (await ops.get("/quarantine", type="ItemsFulfilled"))["found"] == 2
    assert len((await ops.get("/quarantine", limit=1))["parked"]) == 1
    for nothing in ({"cause": "KeyError"}, {"type": "OrderPlaced"}, {"older_than_s": 3600}):
        assert (await ops.get("/quarantine", **nothing))["parked"] == []


async def test_one_that_stands_still_tells_its_queue_and_what_was_taken_in(ops: Ops, publish: Publish) -> None:
    order = uuid4()
    await publish(shipped(order, TOO_LONG), 1)
    await publish(shipped(order, "1Z1"), 2)
    await ops.taken(order, 2)

    found = await ops.get(f"/quarantine/{order}")

    assert (found["known"], found["is_parked"], found["taken"]) == (True, True, {"waybill/fulfillment": 2})
    assert [(each["sequence"], each["cause"]) for each in found["parked"]] == [("1", "ValidationError"), ("2", None)]
    assert found["parked"][1]["data"]["number"] == "1Z1"
    nobody = await ops.get(f"/quarantine/{uuid4()}")
    assert (nobody["known"], nobody["is_parked"], nobody["parked"], nobody["waiting"]) == (False, False, [], [])


async def test_what_waits_is_listed_and_names_nobody_unless_asked(
    database: Database, start: Any, publish: Publish, until: Until
) -> None:
    ops = Ops(await start(url_of(database), build_orders, OrdersSettings), until)
    sale = uuid4()
    await publish(a_sale(sale, brand=uuid4()))

    (waiting,) = (await ops.finds("/waiting", 1))["waiting"]

    assert (waiting["subject"], waiting["needs"], waiting["type"]) == (
        str(sale),
        "waybill.brands",
        "waybill.SaleReceived.v1",
    )
    (shown,) = (await ops.get(f"/quarantine/{sale}"))["waiting"]
    assert shown["data"]["number"] == "#1"
    assert "Ann Bee" not in json.dumps(shown)
    assert "Ann Bee" in json.dumps(await ops.get(f"/quarantine/{sale}", personal=True))


async def test_what_is_redriven_as_it_was_is_refused_again_and_stays(ops: Ops, publish: Publish) -> None:
    order = uuid4()
    await publish(shipped(order, TOO_LONG), 1)
    await publish(shipped(order, "1Z1"), 2)
    await ops.taken(order, 2)

    answer = (await ops.post(f"/quarantine/{order}/redrive", **WHY)).json()

    assert (answer["subject"], answer["released"], answer["left"]) == (str(order), 0, 2)
    assert "at most 200 characters" in answer["error"]
    assert (await ops.get(f"/quarantine/{order}"))["is_parked"]


async def test_an_edited_event_is_taken_in_with_all_that_queued_behind_it(
    ops: Ops, database: Database, publish: Publish
) -> None:
    order = uuid4()
    await publish(shipped(order, TOO_LONG), 1)
    await publish(shipped(order, "1Z1"), 2)
    await ops.taken(order, 2)
    value = base64.b64encode(shipped(order, "1Z22").to_json()).decode()

    answer = await ops.post(f"/quarantine/{order}/redrive", value=value, why="it was written twice")

    assert (answer.json()["released"], answer.json()["left"]) == (2, 0)
    assert await numbers_of(database, order) == ["1Z22", "1Z1"]
    (done,) = (await ops.get("/interventions", subject=str(order)))["interventions"]
    assert (done["actor"], done["action"], done["why"]) == ("person:ann", "redrive-edited", "it was written twice")
    assert (await ops.get("/interventions", subject=str(uuid4())))["interventions"] == []
    assert (await ops.post(f"/quarantine/{order}/redrive", value="no base64!", **WHY)).status_code == 422


async def test_a_discarded_event_is_passed_over_and_what_queued_goes_on(
    ops: Ops, database: Database, publish: Publish
) -> None:
    order = uuid4()
    await publish(shipped(order, TOO_LONG), 1)
    await publish(shipped(order, "1Z1"), 2)
    await ops.taken(order, 2)

    answer = (await ops.post(f"/quarantine/{order}/discard", **WHY)).json()

    assert (answer["released"], answer["left"], answer["error"]) == (2, 0, None)
    assert await numbers_of(database, order) == ["1Z1"]
    again = await ops.post(f"/quarantine/{order}/discard", **WHY)
    assert (again.status_code, again.json()["type"]) == (404, "urn:waybill:problem:not-parked")


async def test_what_the_database_refuses_is_refused_again_until_the_database_takes_it(
    ops: Ops, database: Database, publish: Publish
) -> None:
    order = uuid4()
    async with database.begin() as connection:
        await connection.execute(text("ALTER TABLE parcels ADD CONSTRAINT no_ups CHECK (carrier <> 'ups')"))
    await publish(shipped(order, "1Z1"), 1)
    await ops.finds("/quarantine", 1)

    refused = await ops.post(f"/quarantine/{order}/redrive", **WHY)
    async with database.begin() as connection:
        await connection.execute(text("ALTER TABLE parcels DROP CONSTRAINT no_ups"))
    taken = await ops.post(f"/quarantine/{order}/redrive", **WHY)

    assert (refused.status_code, refused.json()["released"], refused.json()["left"]) == (200, 0, 1)
    assert "no_ups" in refused.json()["error"]
    assert (taken.json()["released"], taken.json()["left"]) == (1, 0)
    assert await numbers_of(database, order) == ["1Z1"]
    done = (await ops.get("/interventions", subject=str(order)))["interventions"]
    assert [(each["actor"], each["action"], each["why"]) for each in done] == [
        ("person:ann", "redrive", WHY["why"])
    ] * 2
    assert [(each["details"]["left"], each["details"]["error"]) for each in done] == [
        (0, None),
        (1, refused.json()["error"]),
    ]


async def test_dead_letters_are_shown_whole_and_only_rubbish_is_discarded(ops: Ops, bootstrap: str) -> None:
    place = await garbage(bootstrap, b"\xff", b"\x00\xff", [("from", b"a test")])
    await ops.finds("/dead-letters", 1)

    shown = await ops.get(f"/dead-letters/{place}")
    retried = await ops.post(f"/dead-letters/{place}/retry", **WHY)
    discarded = await ops.post(f"/dead-letters/{place}/discard", **WHY)

    assert base64.b64decode(shown["key"]) == b"\xff"
    assert base64.b64decode(shown["value"]) == b"\x00\xff"
    assert (shown["headers"], shown["subject"]) == ({"from": "a test"}, None)
    assert (retried.status_code, retried.json()["type"]) == (409, "urn:waybill:problem:still-dead")
    assert discarded.json() == {"released": 1, "left": 0, "error": None}
    gone = await ops.post(f"/dead-letters/{place}/retry", **WHY)
    assert (gone.status_code, gone.json()["type"]) == (404, "urn:waybill:problem:no-dead-letter")
    assert [each["action"] for each in (await ops.get("/interventions"))["interventions"]] == ["dead-letter-discard"]


async def test_a_dead_letter_that_names_an_order_parks_it_and_goes_with_its_queue(
    ops: Ops, database: Database, bootstrap: str, publish: Publish
) -> None:
    order = uuid4()
    place = await garbage(bootstrap, str(order).encode(), b"{", unreadable(order))
    await publish(shipped(order, "1Z2"), 2)
    await ops.taken(order, 2)
    assert [each["subject"] for each in (await ops.get("/dead-letters"))["dead_letters"]] == [str(order)]

    retried = (await ops.post(f"/dead-letters/{place}/retry", **WHY)).json()
    discarded = (await ops.post(f"/dead-letters/{place}/discard", **WHY)).json()

    assert (retried["released"], retried["left"]) == (0, 2)
    assert (discarded["released"], discarded["left"]) == (2, 0)
    assert await numbers_of(database, order) == ["1Z2"]
    assert (await ops.get("/dead-letters"))["dead_letters"] == []


async def test_a_row_of_an_unknown_version_is_taken_over_by_itself_once_the_version_is_known(
    database: Database, start: Any, publish: Publish, until: Until
) -> None:
    ops = Ops(await start(url_of(database), build_orders, OrdersSettings), until)
    brand = Brand(brand_id=uuid4(), version=1, name="Acorn")
    await publish(brand, type="waybill.Brand.v9")
    (letter,) = (await ops.finds("/dead-letters", 1))["dead_letters"]
    assert letter["error"].startswith("UnknownVersion: waybill.Brand.v9 is not known here")
    # The code that starts knows the version: here the version becomes one that is known.
    headers = [(name, value) for name, value in await headers_of(database) if name != "ce_type"]
    async with database.begin() as connection:
        await connection.execute(
            text("UPDATE dead_letters SET headers = CAST(:headers AS jsonb)"),
            {"headers": dump(to_base64([*headers, ("ce_type", b"waybill.Brand.v1")]))},
        )

    await ops.finds("/dead-letters", 0)

    async with database.begin() as connection:
        rows = await connection.execute(text("SELECT brand_id, version FROM brands"))
        assert [(row.brand_id, row.version) for row in rows] == [(brand.brand_id, 1)]
    (done,) = (await ops.get("/interventions"))["interventions"]
    assert (done["actor"], done["action"]) == ("rule:newer-code", "dead-letter-retry")


async def headers_of(database: Database) -> Headers:
    """Those of the only dead letter."""
    async with database.begin() as connection:
        return from_base64((await connection.execute(text("SELECT headers FROM dead_letters"))).scalar_one())


async def test_a_reader_is_rewound_within_what_the_log_holds_and_nothing_happens_twice(
    ops: Ops, database: Database, publish: Publish
) -> None:
    order = uuid4()
    partition = ids.partition(order)
    await publish(shipped(order, "1Z1"), 1)
    await publish(shipped(order, "1Z22"), 2)
    await ops.taken(order, 2)

    async def at() -> Any:
        offsets = (await ops.get("/offsets"))["offsets"]
        return next(each for each in offsets if (each["topic"], each["partition"]) == (TOPIC, partition))

    before = await at()
    moved = await ops.post("/offsets/rewind", topic=TOPIC, partition=partition, **WHY)
    await publish(shipped(order, "1Z333"), 3)
    await ops.taken(order, 3)

    assert (before["next"], before["end"], before["changed"]) == (before["first"] + 2, before["first"] + 2, None)
    assert moved.json()["moved"] == [
        {"topic": TOPIC, "partition": partition, "from": before["next"], "to": before["first"]}
    ]
    assert await numbers_of(database, order) == ["1Z1", "1Z22", "1Z333"]
    assert (await ops.get("/interventions"))["interventions"][0]["action"] == "rewind"
    for body, code in (
        ({"topic": TOPIC, "partition": partition, "offset": before["end"] + 9}, "no-such-offset"),
        ({"topic": TOPIC, "partition": 99}, "no-such-partition"),
        ({"topic": "waybill.sales"}, "not-read"),
    ):
        refused = await ops.post("/offsets/rewind", **body, **WHY)
        assert (refused.status_code, refused.json()["type"]) == (422, f"urn:waybill:problem:{code}")


async def test_a_whole_topic_is_rewound_where_no_partition_is_named(ops: Ops) -> None:
    moved = (await ops.post("/offsets/rewind", topic=TOPIC, **WHY)).json()["moved"]

    assert [each["partition"] for each in moved] == list(range(ids.PARTITIONS))


async def test_what_was_sent_is_sent_again_under_its_number(ops: Ops, publish: Publish) -> None:
    order = uuid4()
    await publish(shipped(order, "1Z1"), 1)

    async def sent() -> bool:
        found = await ops.get("/sent")
        return found["acknowledged"] != [] and found["outbox"] == []

    await ops.until(sent)
    (before,) = (await ops.get("/sent"))["acknowledged"]
    nothing = (await ops.post("/sent/again", topic="waybill.tracking", **WHY)).json()
    again = (await ops.post("/sent/again", topic="waybill.tracking", offset=0, **WHY)).json()

    async def sent_again() -> bool:
        found = await ops.get("/sent")
        return [each["offset"] for each in found["acknowledged"]] == [before["offset"] + 1]

    await ops.until(sent_again)
    assert (nothing["events"], again["events"]) == (0, 1)
    assert again["again"] == [
        {"topic": "waybill.tracking", "partition": ids.partition(order), "offset": 0, "events": 1}
    ]
    refused = await ops.post("/sent/again", topic=TOPIC, **WHY)
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:waybill:problem:not-ours")
    assert (await ops.post("/sent/again", topic="waybill.tracking", partition=99, **WHY)).status_code == 422


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/quarantine"),
        ("GET", "/waiting"),
        ("GET", "/dead-letters"),
        ("GET", "/offsets"),
        ("GET", "/sent"),
        ("GET", "/interventions"),
        ("POST", f"/quarantine/{UUID(int=7)}/redrive"),
        ("POST", f"/quarantine/{UUID(int=7)}/discard"),
        ("POST", "/offsets/rewind"),
        ("POST", "/sent/again"),
    ],
)
async def test_nothing_is_told_or_done_without_the_token(tracking: httpx.AsyncClient, method: str, path: str) -> None:
    answer = await tracking.request(method, f"/ops/v1{path}", headers={"Authorization": "Bearer wrong"}, json=WHY)

    assert answer.status_code == 401


@pytest.mark.parametrize("why", [None, "", "no", "a\x00b c"])
async def test_nothing_is_done_without_a_reason(ops: Ops, why: str | None) -> None:
    answer = await ops.post(f"/quarantine/{uuid4()}/redrive", **({} if why is None else {"why": why}))

    assert answer.status_code == 422


@asynccontextmanager
async def serving(url: str, bootstrap: str, until: Until, *, says: str) -> AsyncGenerator[Ops]:
    """Tracking, once it says this of itself."""
    app = build(Settings(database_url=url, kafka=bootstrap, token=TOKEN, port=1))
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as client,
    ):

        async def says_so() -> bool:
            return says in (await client.get("/health/ready")).text

        await until(says_so)
        yield Ops(client, until)


async def test_a_reader_whose_next_record_is_gone_goes_to_the_first_that_there_is_and_no_further(
    servers: Any, bootstrap: str, until: Until, publish: Publish
) -> None:
    url, order = await servers.database_url(), uuid4()
    place = TopicPartition(TOPIC, ids.partition(order))
    async with serving(url, bootstrap, until, says='"ready":true'):
        pass
    # While it is away two records come, and the first of them goes.
    await publish(shipped(order, "1Z1"), 1)
    await publish(shipped(order, "1Z22"), 2)
    first = (await topics.ends(bootstrap, [TOPIC]))[place][0] + 1
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records({place: RecordsToDelete(first)})
    await admin.close()

    async with serving(url, bootstrap, until, says="tell different stories") as ops:
        (changed,) = [each["changed"] for each in (await ops.get("/offsets"))["offsets"] if each["changed"]]
        beyond = await ops.post("/offsets/rewind", topic=TOPIC, partition=place.partition, offset=first + 1, **WHY)
        moved = await ops.post("/offsets/rewind", topic=TOPIC, partition=place.partition, **WHY)
        (waiting,) = (await ops.finds("/waiting", 1))["waiting"]

    assert f"begins at offset {first}: {first - 1} to {first - 1} are gone, and were never read" in changed
    assert (beyond.status_code, beyond.json()["type"]) == (422, "urn:waybill:problem:no-such-offset")
    assert [(each["from"], each["to"]) for each in moved.json()["moved"]] == [(first - 1, first)]
    assert (waiting["sequence"], waiting["needs"]) == ("2", None)


async def test_a_service_beside_a_changed_past_answers_and_comes_back_when_it_is_settled(
    servers: Any, bootstrap: str, until: Until, publish: Publish
) -> None:
    url, order = await servers.database_url(), uuid4()
    partition = ids.partition(order)
    database = Database(url)

    async def read() -> bool:
        return await numbers_of(database, order) == ["1Z1"]

    async with serving(url, bootstrap, until, says='"ready":true'):
        await publish(shipped(order, "1Z1"), 1)
        await until(read)
    # As if the log had been restored from a copy that was made before the last records.
    async with database.begin() as connection:
        await connection.execute(
            text("UPDATE offsets SET next = next + 5 WHERE topic = :t AND partition = :p"), {"t": TOPIC, "p": partition}
        )

    async with serving(url, bootstrap, until, says="tell different stories") as ops:
        changed = [each for each in (await ops.get("/offsets"))["offsets"] if each["changed"]]
        refused = await ops.post(f"/quarantine/{order}/redrive", **WHY)
        moved = await ops.post("/offsets/rewind", topic=TOPIC, partition=partition, **WHY)

        async def ready() -> bool:
            return (await ops.client.get("/health/ready")).is_success

        await until(ready)
        assert [each["partition"] for each in changed] == [partition]
        assert "the log is older than the database, or was made anew" in changed[0]["changed"]
        assert (refused.status_code, refused.json()["type"]) == (409, "urn:waybill:problem:changed-past")
        assert moved.status_code == 200, moved.text
        assert await numbers_of(database, order) == ["1Z1"]
    await database.close()


async def test_before_its_tables_are_there_a_service_tells_operators_why() -> None:
    nobody = "postgresql+asyncpg://nobody:secret@127.0.0.1:1/none"
    app = build(Settings(database_url=PostgresDsn(nobody), kafka="127.0.0.1:1", token=SecretStr(TOKEN), port=1))
    transport = httpx.ASGITransport(app)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://service", headers=headers) as client,
    ):
        answer = await client.get("/ops/v1/offsets")

    assert (answer.status_code, answer.headers["retry-after"]) == (503, "2")
    assert answer.json()["detail"].startswith("tracking ")
