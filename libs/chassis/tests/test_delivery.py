"""The rules of delivery on a real broker and a real database, with the smallest possible service."""

import asyncio
import itertools
import os
import signal
import statistics
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
import time_machine
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from sqlalchemy import Column, Integer, MetaData, Table, Text, Uuid, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import topics
from waybill_chassis.consumer import PACE_S, Consumer, whole
from waybill_chassis.database import Database, dump
from waybill_chassis.delivery import VERSION_1, VERSION_2
from waybill_chassis.fold import Caused, TooLarge, Waiting, fold
from waybill_chassis.metrics import Metrics
from waybill_chassis.past import ChangedPast
from waybill_chassis.reading import Events, Intervention, NoLetter, NotHead, NotParked, Redriven, Tables, take_in
from waybill_chassis.records import Arrival, Batch, Fence, Place, Record, read, to_base64
from waybill_chassis.relay import PACE_S as RELAY_PACE_S
from waybill_chassis.relay import Relay, Wake, send_again
from waybill_chassis.sweep import Sweep
from waybill_chassis.table_topics import Rows, keep
from waybill_chassis.transaction import Begin, FenceLost, Fresh, OrderParked, StillDead, Transaction
from waybill_events import (
    Brand,
    Envelope,
    Event,
    ItemsFulfilled,
    LineUnits,
    OrderLine,
    OrderPlaced,
    Recipient,
    TrackingAdded,
    ids,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BRAND = UUID(int=3)
Publish = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]


@dataclass(frozen=True)
class Count:
    """Units sent so far."""

    units: int = 0


MOST = 1000
"""The database refuses more than this many units; the domain does not know of it."""
BACK = "UPDATE offsets SET next = :next, fingerprint = NULL WHERE topic = :topic AND partition = :partition RETURNING 1"


class Counts:
    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Count]:
        rows = await connection.execute(text("SELECT * FROM counts WHERE subject = ANY(:s)"), {"s": list(subjects)})
        return {row.subject: Count(row.units) for row in rows}

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Count]) -> None:
        await connection.execute(
            text("""
                INSERT INTO counts SELECT * FROM unnest(CAST(:s AS uuid[]), CAST(:u AS int[]))
                ON CONFLICT (subject) DO UPDATE SET units = excluded.units
            """),
            {"s": list(states), "u": [state.units for state in states.values()]},
        )


def count(state: Count | None, event: Event, _envelope: Envelope) -> tuple[Count | None, list[Event]]:
    """Count units; tell each shipment; refuse thirteen; before its order was placed a shipment is early."""
    match event:
        case OrderPlaced():
            return state or Count(), []
        case ItemsFulfilled():
            if state is None:
                raise Waiting(OrderPlaced)
            if event.lines[0].quantity == 13:
                raise ValueError("thirteen")
            return Count(state.units + event.lines[0].quantity), [told(event)]
        case _:
            raise AssertionError(event)


def told(event: ItemsFulfilled) -> TrackingAdded:
    return TrackingAdded(
        order_id=event.order_id,
        brand_id=BRAND,
        parcel_id=event.parcel_id,
        tracking_number=f"n{event.lines[0].quantity}",
        decided_by="nobody",
        added_at=NOON,
    )


def placed(order: UUID) -> OrderPlaced:
    return OrderPlaced(
        order_id=order,
        sale_id=order,
        brand_id=BRAND,
        reference="10001-01",
        number="10001",
        connection_id=BRAND,
        platform="csv",
        placed_at=NOON,
        recipient_version=1,
        lines=(OrderLine(line_id="1", quantity=1),),
    )


def shipped(order: UUID, units: int) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=BRAND,
        parcel_id=UUID(int=units),
        lines=(LineUnits(line_id="1", quantity=units),),
        shipped_at=NOON,
    )


settings = Table(
    "settings", MetaData(), Column("brand_id", Uuid, primary_key=True), Column("version", Integer), Column("name", Text)
)


async def put_settings(connection: AsyncConnection, rows: Rows) -> None:
    newest = [
        {"brand_id": brand.brand_id, "version": brand.version, "name": brand.name}
        for brand in rows.newest.values()
        if isinstance(brand, Brand)
    ]
    await keep(connection, settings, newest, rows.removed)


class Toy:
    """A service of two handlers and one table topic, built by hand."""

    def __init__(self, database: Database, bootstrap: str, group: str) -> None:
        self.database, self.bootstrap, self.group = database, bootstrap, group
        self.wake = Wake()
        self.relay = self.sender()
        self.begin = Begin(
            database,
            Counts(),
            source=f"waybill/{group}",
            handles=(OrderPlaced, ItemsFulfilled, Brand),
            wake=self.wake,
            waiting_limit_s=2.0,
        )
        self.events = Events(self.begin, self.take)
        self.tables = Tables(self.begin, put_settings)
        self.trouble: list[Exception] = []
        self.held: str | None = None
        self.consumer = self.reader()
        self.sweep = Sweep(
            database, Metrics(), self.relay, tables=self.tables, events=self.events, consumers=[self.consumer]
        )
        self.relaying: asyncio.Task[None] | None = None

    def sender(self) -> Relay:
        return Relay(
            self.database,
            self.bootstrap,
            self.wake,
            source=f"waybill/{self.group}",
            topics=["waybill.tracking"],
            limit=1000,
        )

    def reader(self) -> Consumer:
        return Consumer(
            database=self.database,
            bootstrap=self.bootstrap,
            group=self.group,
            topics=["waybill.orders", "waybill.fulfillment"],
            on_batch=self.events.on_batch,
            held=lambda: self.held,
            records=50,
            hop=lambda _seconds: None,
        )

    async def take(self, tx: Transaction[Count], fresh: Fresh) -> None:
        counts = await tx.load(fresh.subjects)
        outcome = fold(counts, fresh.inboxes, count)
        await tx.save(outcome.states)
        await tx.publish(outcome.events)
        await tx.keep(outcome)
        if self.trouble:
            raise self.trouble.pop()

    async def start(self) -> None:
        self.relaying = asyncio.create_task(self.relay.run())
        await self.consumer.start()

    async def stop(self) -> None:
        await self.consumer.stop()
        self.relay.stop()
        if self.relaying is not None:
            await self.relaying

    async def all(self, statement: str, **values: Any) -> list[Any]:
        async with self.database.begin() as connection:
            return list((await connection.execute(text(statement), values)).all())

    async def units(self, order: UUID) -> int | None:
        rows = await self.all("SELECT units FROM counts WHERE subject = :s", s=order)
        return rows[0].units if rows else None

    async def sent(self, order: UUID) -> list[tuple[int, str]]:
        """Sequence and number of what was told of an order."""
        rows = await self.all("SELECT headers, payload FROM sent WHERE key = :s ORDER BY id", s=order)
        return [
            (int(row.headers["ce_sequence"]), TrackingAdded.from_json(bytes(row.payload)).tracking_number)
            for row in rows
        ]

    def has(self, order: UUID, units: int) -> Callable[[], Awaitable[bool]]:
        async def true() -> bool:
            return await self.units(order) == units

        return true

    def counts(self, statement: str, wanted: int, **values: Any) -> Callable[[], Awaitable[bool]]:
        async def true() -> bool:
            return len(await self.all(statement, **values)) == wanted

        return true


async def prepared(database: Database) -> None:
    async with database.engine.begin() as connection:
        for statement in (
            *VERSION_1,
            *VERSION_2,
            f"CREATE TABLE counts (subject uuid PRIMARY KEY, units int NOT NULL CHECK (units <= {MOST}))",
            f"CREATE TABLE settings (brand_id uuid PRIMARY KEY, version int CHECK (version <= {MOST}), name text)",
        ):
            await connection.execute(text(statement))


@pytest.fixture
async def toy(database: Database, bootstrap: str) -> AsyncGenerator[Toy]:
    await prepared(database)
    toy = Toy(database, bootstrap, f"toy-{uuid4()}")
    await toy.start()
    yield toy
    await toy.stop()


@pytest.fixture
async def idle(database: Database, bootstrap: str) -> Toy:
    """One that reads and sends nothing."""
    await prepared(database)
    return Toy(database, bootstrap, f"toy-{uuid4()}")


async def raw(bootstrap: str, topic: str, key: bytes | None, value: bytes | None, **headers: str | bytes) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    pairs = [(name, text.encode() if isinstance(text, str) else text) for name, text in headers.items()]
    await producer.send_and_wait(topic, key=key, value=value, headers=pairs)
    await producer.stop()


def cause(order: UUID) -> Envelope:
    return Envelope(id=uuid4(), source="test", type="t", time=NOON, subject=order, actor="test", causation_id=order)


async def test_what_comes_twice_counts_once_and_is_told_in_order_once(toy: Toy, publish: Publish, until: Until) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    for sequence, units in ((1, 5), (1, 5), (2, 7), (1, 5), (2, 7), (3, 1)):
        await publish(shipped(order, units), sequence)

    await until(toy.has(order, 13))
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 3, s=order))
    assert await toy.sent(order) == [(1, "n5"), (2, "n7"), (3, "n1")]
    assert await toy.all("SELECT * FROM outbox") == []


async def test_what_a_handler_refuses_parks_its_subject_and_nothing_else(
    toy: Toy, publish: Publish, until: Until
) -> None:
    bad, good = uuid4(), uuid4()
    await publish(placed(bad), 1)
    await publish(placed(good), 1)
    await until(toy.counts("SELECT * FROM counts", 2))
    await publish(shipped(bad, 13), 1)
    await publish(shipped(bad, 1), 2)
    await publish(shipped(good, 2), 1)

    await until(toy.has(good, 2))
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 2, s=bad))
    assert await toy.units(bad) == 0
    first, second = await toy.all("SELECT * FROM quarantine WHERE subject = :s ORDER BY id", s=bad)
    assert (first.cause, first.error, second.cause, second.error) == ("ValueError", "ValueError: thirteen", None, None)
    with pytest.raises(OrderParked):
        async with toy.begin.on(bad):
            pass


async def test_an_early_event_waits_and_goes_on_by_itself(toy: Toy, publish: Publish, until: Until) -> None:
    order = uuid4()
    await publish(shipped(order, 5), 1)
    await publish(shipped(order, 6), 2)
    await until(toy.counts("SELECT * FROM waiters WHERE subject = :s", 2, s=order))

    await publish(placed(order), 1)

    await until(toy.has(order, 11))
    assert await toy.all("SELECT * FROM waiters WHERE subject = :s", s=order) == []


async def test_a_gap_in_a_sequence_is_waited_for(toy: Toy, publish: Publish, until: Until) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await publish(shipped(order, 7), 2)
    await until(toy.counts("SELECT * FROM waiters WHERE subject = :s", 1, s=order))

    await publish(shipped(order, 5), 1)

    await until(toy.has(order, 12))
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 2, s=order))
    assert await toy.sent(order) == [(1, "n5"), (2, "n7")]


async def test_an_event_that_waited_past_the_limit_is_parked(toy: Toy, publish: Publish, until: Until) -> None:
    order = uuid4()
    await publish(shipped(order, 5), 1)
    await until(toy.counts("SELECT * FROM waiters WHERE subject = :s", 1, s=order))

    async def parked() -> bool:
        await toy.sweep.once()
        return bool(await toy.all("SELECT * FROM quarantine WHERE subject = :s AND error LIKE 'waited%'", s=order))

    await until(parked)
    assert await toy.all("SELECT * FROM waiters WHERE subject = :s", s=order) == []


async def test_a_gap_that_a_redrive_accepts_is_accepted_whenever_it_is_read(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order = uuid4()
    began = await toy.all("SELECT topic, partition, next FROM offsets")
    await publish(placed(order), 1)
    await publish(shipped(order, 3), 3)

    async def parked() -> bool:
        await toy.sweep.once()
        return bool(await toy.all("SELECT * FROM quarantine WHERE subject = :s", s=order))

    await until(parked)
    await toy.events.redrive(order, Intervention("person:ann", "1 and 2 are lost"))
    assert await toy.units(order) == 3
    for table in ("streams", "counts"):
        await toy.all(f"DELETE FROM {table} WHERE subject = :s RETURNING 1", s=order)
    for place in began:
        await toy.all(BACK, **place._asdict())
    await toy.consumer.go_to_database()

    await until(toy.has(order, 3))
    assert await toy.all("SELECT * FROM waiters WHERE subject = :s", s=order) == []


async def test_the_head_of_a_queue_is_what_was_refused_last(toy: Toy, publish: Publish, until: Until) -> None:
    """3 waited too long for 2; now 2 is there and is refused: that is what must be mended or passed over."""
    order, ann = uuid4(), Intervention("person:ann", "to mend it")
    await publish(placed(order), 1)
    await publish(shipped(order, 1), 1)
    await publish(shipped(order, 3), 3)

    async def parked() -> bool:
        await toy.sweep.once()
        return bool(await toy.all("SELECT * FROM quarantine WHERE subject = :s", s=order))

    await until(parked)
    await publish(shipped(order, 13), 2)
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 2, s=order))
    ((wrong,),) = await toy.all('SELECT "offset" FROM quarantine WHERE subject = :s AND cause IS NOT NULL', s=order)
    place = ("waybill.fulfillment", ids.partition(order), wrong)

    refused = await toy.events.redrive(order, ann)
    with pytest.raises(NotHead, match="another event"):
        await toy.events.redrive(order, ann, shipped(order, 5).to_json(), head=place)
    gone_on = await toy.events.discard(order, ann)

    assert (refused.left, refused.error) == (2, "ValueError: thirteen")
    assert (gone_on.released, gone_on.left) == (2, 0)
    assert await toy.units(order) == 4


async def test_bytes_that_do_not_decode_are_kept_whole_and_park_what_they_name(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order, other = uuid4(), uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_source": "waybill/fulfillment",
        "ce_type": "waybill.ItemsFulfilled.v1",
        "ce_time": "2026-03-01T12:00:00Z",
        "ce_subject": str(order),
        "ce_sequence": "1",
    }
    await raw(toy.bootstrap, "waybill.fulfillment", str(order).encode(), b"\xff{", **headers)
    await raw(toy.bootstrap, "waybill.fulfillment", b"\xff", b"\x00\xff", nonsense="x")
    await publish(placed(other), 1)
    await publish(shipped(other, 1), 1)

    await until(toy.has(other, 1))
    await until(toy.counts("SELECT * FROM dead_letters", 2))
    (letter,) = await toy.all("SELECT * FROM dead_letters WHERE subject = :s", s=order)
    assert (bytes(letter.value), letter.topic) == (b"\xff{", "waybill.fulfillment")
    with pytest.raises(OrderParked):
        async with toy.begin.on(order):
            pass


async def test_whatever_fails_is_rolled_back_and_the_batch_comes_again(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order = uuid4()
    toy.trouble = [OSError("the database is away"), RuntimeError("a bug"), OSError("again")]
    await publish(placed(order), 1)
    await publish(shipped(order, 5), 1)

    await until(toy.has(order, 5))
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 1, s=order))
    assert toy.trouble == []
    assert await toy.sent(order) == [(1, "n5")]
    assert toy.consumer.problem is None


async def test_a_full_outbox_stops_reading_until_it_is_not(toy: Toy, publish: Publish, until: Until) -> None:
    order = uuid4()
    toy.held = "the outbox is full"
    await publish(placed(order), 1)

    async def says_so() -> bool:
        return "outbox is full" in (toy.consumer.problem or "")

    await until(says_so)
    assert await toy.units(order) is None
    toy.held = None

    await until(toy.has(order, 0))


async def test_a_restarted_reader_goes_on_where_the_database_says(toy: Toy, publish: Publish, until: Until) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await publish(shipped(order, 5), 1)
    await until(toy.has(order, 5))
    await toy.consumer.stop()
    await publish(shipped(order, 6), 2)

    toy.consumer = toy.reader()
    await toy.consumer.start()

    await until(toy.has(order, 11))


async def test_the_broker_knows_who_reads(toy: Toy, until: Until) -> None:
    """Its quotas, its logs and the rig's proxy tell readers apart by this name."""
    admin = AIOKafkaAdminClient(bootstrap_servers=toy.bootstrap)
    await admin.start()

    async def named() -> bool:
        (answer,) = await admin.describe_consumer_groups([f"waybill.{toy.group}"])
        ((_error, _group, _state, _kind, _protocol, members, *_),) = answer.groups
        return [member[1] for member in members] == [f"waybill.{toy.group}"]

    await until(named)
    await admin.close()


async def test_what_is_fetched_before_we_know_where_to_go_on_is_not_taken_for_what_follows(
    toy: Toy, publish: Publish, until: Until
) -> None:
    """The group's offset in Kafka lies ahead of the database's, and the database is slow to answer."""
    order = uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    await toy.consumer.stop()
    for sequence in range(1, 41):
        await publish(shipped(order, 1), sequence)
    place = TopicPartition("waybill.fulfillment", ids.partition(order))
    kafka = AIOKafkaConsumer(bootstrap_servers=toy.bootstrap, group_id=f"waybill.{toy.group}", enable_auto_commit=False)
    await kafka.start()
    kafka.assign([place])
    end = (await kafka.end_offsets([place]))[place]
    await kafka.commit({place: end - 20})
    await kafka.stop()
    reader = toy.reader()
    await reader._prepare()

    async with toy.database.engine.begin() as slow:
        await slow.execute(text("LOCK TABLE offsets IN ACCESS EXCLUSIVE MODE"))
        starting = asyncio.create_task(reader.broker.start())

        async def fetched_beyond() -> bool:
            client = reader.subscriber.consumer
            return client is not None and place in client.assignment() and await client.position(place) == end

        await until(fetched_beyond)
    await starting

    await until(toy.has(order, 40))
    await reader.stop()


async def test_a_batch_that_was_on_its_way_when_we_went_elsewhere_is_left_alone(idle: Toy) -> None:
    order, place = uuid4(), ("waybill.orders", 0)
    await idle.all("INSERT INTO offsets VALUES ('waybill.orders', 0, 0) RETURNING 1")
    late = ConsumerRecord(
        topic=place[0],
        partition=place[1],
        offset=500,
        timestamp=0,
        timestamp_type=0,
        key=str(order).encode(),
        value=placed(order).to_json(),
        checksum=None,
        serialized_key_size=0,
        serialized_value_size=0,
        headers=(),
    )
    reader = idle.reader()
    reader.positions, reader.seeks, reader.fetched = {place: 0}, {place: 1}, {}

    await reader._on_records([late])

    assert [row.next for row in await idle.all("SELECT next FROM offsets")] == [0]
    reader.fetched = {place: 1}
    await reader._on_records([late])
    assert [row.next for row in await idle.all("SELECT next FROM offsets")] == [501]


def test_numbers_on_a_topic_where_others_write_too_are_their_own_affair() -> None:
    order = uuid4()
    event = Recipient(order_id=order, brand_id=BRAND, version=1)
    envelope = Envelope(
        id=uuid4(),
        source="somebody",
        type=event.type_name(),
        time=NOON,
        subject=order,
        actor="test",
        causation_id=order,
        sequence=77,
    )
    record = Record(event.topic, 0, 0, str(order).encode(), tuple(envelope.headers()), event.to_json())

    found = read(record, {"Recipient"})

    assert isinstance(found, Arrival)
    assert found.envelope is not None
    assert found.envelope.sequence is None


@pytest.mark.parametrize(
    ("header", "value"),
    [
        ("ce_type", "waybill.OrderPlaced.v²"),
        ("ce_sequence", "9" * 5000),
        ("ce_sequence", "²"),
        ("a\x00b", "x"),
        ("ce_id", b"\xff\xfe"),
        ("reply_to", b"\xff\xfe"),
    ],
)
async def test_no_header_stops_a_partition(
    header: str, value: str | bytes, toy: Toy, publish: Publish, until: Until
) -> None:
    order = uuid4()
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(uuid4()),
        "ce_source": "waybill/orders",
        "ce_type": "waybill.OrderPlaced.v1",
        "ce_time": "2026-03-01T12:00:00Z",
        "ce_subject": str(order),
        "ce_sequence": "1",
        header: value,
    }
    await raw(toy.bootstrap, "waybill.orders", str(order).encode(), b"{}", **headers)
    other = next(key for key in iter(uuid4, None) if ids.partition(key) == ids.partition(order))
    await publish(placed(other), 1)

    await until(toy.has(other, 0))
    assert len(await toy.all("SELECT * FROM dead_letters")) == (header != "ce_type")


async def test_a_batch_that_is_lost_between_fetching_and_us_comes_again(
    toy: Toy, publish: Publish, until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    await toy.consumer.stop()
    lost: list[Any] = []

    async def fails_once(records: Any) -> Any:
        if not lost:
            lost.append(records)
            raise UnicodeDecodeError("utf-8", b"", 0, 1, "as a parser might")
        return await whole(records)

    monkeypatch.setattr("waybill_chassis.consumer.whole", fails_once)
    toy.consumer = toy.reader()
    await toy.consumer.start()
    await publish(shipped(order, 5), 1)
    await publish(shipped(order, 6), 2)

    await until(toy.has(order, 11))
    assert lost


async def test_a_relay_that_loses_its_lease_while_the_broker_is_away_goes_on(
    toy: Toy, servers: Any, until: Until
) -> None:
    """The producer starts for as long as the broker is stopped, and is dropped before it has done anything."""
    order, relay = uuid4(), toy.sender()
    toy.relay.stop()
    assert toy.relaying is not None
    await toy.relaying
    os.kill(servers.kafka.process.pid, signal.SIGSTOP)
    try:
        relaying = asyncio.create_task(relay.run())
        held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND objid = 1382378593"
        await until(toy.counts(held, 1))
        await toy.all(f"SELECT pg_terminate_backend(pid) FROM ({held}) AS held")
    finally:
        os.kill(servers.kafka.process.pid, signal.SIGCONT)
    await sent_by(toy, order, 1)

    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 1, s=order))
    assert not relaying.done()
    relay.stop()
    await relaying


async def test_a_sweep_tries_all_who_wait_even_where_one_of_them_fails(
    toy: Toy, publish: Publish, until: Until
) -> None:
    orders = [uuid4() for _ in range(3)]
    for order in orders:
        await publish(shipped(order, 5), 1)
    await until(toy.counts("SELECT DISTINCT subject FROM waiters WHERE subject = ANY(:s)", 3, s=orders))
    tried: list[UUID] = []

    async def fail(subject: UUID) -> None:
        tried.append(subject)
        raise OrderParked(subject) if subject == orders[0] else RuntimeError("a bug")

    toy.events.on_early = fail  # type: ignore[method-assign]
    await toy.sweep.once()

    assert set(tried) >= set(orders)


async def test_copies_of_a_record_without_a_number_are_discarded_one_after_the_other(idle: Toy) -> None:
    """On sales topics others count in their own way, and what they count says nothing here, also once it is ruled on."""
    order = uuid4()
    headers = tuple(replace(cause(order), type="waybill.OrderPlaced.v9", sequence=1).headers())
    records = [Record("waybill.sales", 0, at, str(order).encode(), headers, b"{}") for at in (5, 6)]
    await idle.all("INSERT INTO offsets VALUES ('waybill.sales', 0, 5) RETURNING 1")
    await idle.events.on_batch(Batch.of(records, {("waybill.sales", 0): 5}))

    found = [await idle.events.discard(order, Intervention("person:ann", "a stray producer")) for _ in records]

    assert [(each.released, each.left) for each in found] == [(1, 1), (1, 0)]


async def test_what_leaves_the_quarantine_to_wait_and_is_refused_in_its_turn_is_parked_again(
    toy: Toy, bootstrap: str, publish: Publish, until: Until
) -> None:
    order = uuid4()
    headers = [(name, value.decode()) for name, value in replace(cause(order), sequence=1).headers()]
    await raw(
        bootstrap, "waybill.orders", str(order).encode(), b"{}", **dict(headers) | {"ce_type": "waybill.OrderPlaced.v1"}
    )
    await until(toy.counts("SELECT * FROM streams WHERE subject = :s AND parked", 1, s=order))
    await publish(shipped(order, 13), 1)
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 2, s=order))
    await publish(placed(order), 1)
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 3, s=order))

    found = await toy.events.discard(order, Intervention("person:ann", "a stray producer"))

    assert (found.released, found.left, found.error) == (2, 1, "ValueError: thirteen")
    assert await toy.units(order) == 0
    assert len(await toy.all("SELECT * FROM quarantine WHERE subject = :s AND cause = 'ValueError'", s=order)) == 1


async def test_the_sweep_counts_the_outbox_of_whichever_process_sends(idle: Toy) -> None:
    order = uuid4()
    async with idle.begin.on(order) as tx:
        await tx.publish([Caused(shipped(order, units), cause(order)) for units in range(1, 4)])

    await idle.sweep.once()

    assert idle.relay.backlog == 3
    assert not idle.relay.full


async def test_a_group_whose_offset_its_log_has_no_more_gets_one_that_it_has(idle: Toy, publish: Publish) -> None:
    order = uuid4()
    reader = idle.reader()
    await reader._prepare()
    for sequence in (1, 2):
        await publish(shipped(order, 5), sequence)
    place = TopicPartition("waybill.fulfillment", ids.partition(order))
    end = (await topics.ends(idle.bootstrap, [place.topic]))[place.topic, place.partition][1]
    admin = AIOKafkaAdminClient(bootstrap_servers=idle.bootstrap)
    await admin.start()
    await admin.delete_records({place: RecordsToDelete(end)})
    await admin.close()
    async with idle.database.begin(writes=True) as connection:
        await connection.execute(text("DELETE FROM offsets"))

    await reader._prepare()

    kafka = AIOKafkaConsumer(bootstrap_servers=idle.bootstrap, group_id=f"waybill.{idle.group}")
    await kafka.start()
    committed = await kafka.committed(place)
    await kafka.stop()
    assert committed == end


async def test_two_readers_share_the_work_and_each_event_counts_once(toy: Toy, publish: Publish, until: Until) -> None:
    orders = [uuid4() for _ in range(30)]
    for order in orders:
        await publish(placed(order), 1)
        await publish(shipped(order, 1), 1)
    second = toy.reader()
    await second.start()
    for order in orders:
        await publish(shipped(order, 2), 2)

    async def all_there() -> bool:
        return [await toy.units(order) for order in orders] == [3] * 30

    await until(all_there)

    async def shared() -> bool:
        return bool(toy.consumer.positions) and bool(second.positions)

    await until(shared)
    assert not toy.consumer.positions.keys() & second.positions.keys()
    await second.stop()
    for order in orders:
        await publish(shipped(order, 4), 3)

    async def all_taken_over() -> bool:
        return [await toy.units(order) for order in orders] == [7] * 30

    await until(all_taken_over)


async def test_small_batches_let_more_come_before_the_next(idle: Toy, publish: Publish, until: Until) -> None:
    order, began = uuid4(), list[float]()
    take_in = idle.consumer.on_batch

    async def bring_the_next(batch: Batch) -> None:
        began.append(time.monotonic())
        await publish(shipped(order, len(began)), len(began))
        await take_in(batch)

    idle.consumer.on_batch = bring_the_next
    await idle.start()
    await publish(placed(order), 1)
    await until(lambda: reached(began, 6))
    await idle.stop()

    assert statistics.median(after - before for before, after in itertools.pairwise(began)) >= PACE_S * 0.8


async def test_small_chunks_let_more_come_before_the_next(idle: Toy, until: Until) -> None:
    order, began = uuid4(), list[float]()
    send = idle.relay._send  # only watched

    async def bring_the_next(*arguments: Any) -> None:
        began.append(time.monotonic())
        await write(len(began))
        await send(*arguments)

    async def write(number: int) -> None:
        async with idle.begin.on(order) as tx:
            await tx.publish([Caused(told(shipped(order, number)), cause(order))])

    idle.relay._send = bring_the_next  # type: ignore[method-assign]
    await write(99)
    await idle.start()
    await until(lambda: reached(began, 6))
    await idle.stop()

    assert statistics.median(after - before for before, after in itertools.pairwise(began)) >= RELAY_PACE_S * 0.8


async def reached(found: list[float], count: int) -> bool:
    return len(found) >= count


async def test_whoever_lost_the_partition_writes_nothing(idle: Toy) -> None:
    order = uuid4()
    event = placed(order)
    envelope = Envelope(
        id=uuid4(),
        source="waybill/orders",
        type=event.type_name(),
        time=NOON,
        subject=order,
        actor="test",
        causation_id=order,
        sequence=1,
    )
    record = Record("waybill.orders", 0, 7, str(order).encode(), tuple(envelope.headers()), event.to_json())
    await idle.all("INSERT INTO offsets VALUES ('waybill.orders', 0, 5) RETURNING 1")

    with pytest.raises(FenceLost):
        await idle.events.on_batch(Batch((record,), (Fence(4, record),)))
    assert await idle.units(order) is None
    await idle.events.on_batch(Batch((record,), (Fence(5, record),)))

    assert await idle.units(order) == 0
    assert [row.next for row in await idle.all("SELECT next FROM offsets")] == [8]


async def test_who_writes_alone_and_comes_upon_another_writer_writes_nothing(idle: Toy) -> None:
    order, records = uuid4(), []
    for sequence, event in enumerate((placed(order), shipped(order, 5)), start=1):
        envelope = replace(cause(order), type=event.type_name(), sequence=sequence)
        headers = tuple((name, value) for name, value in envelope.headers())
        records.append(Record(event.topic, 0, 5, str(order).encode(), headers, event.to_json()))
    await idle.all(
        "INSERT INTO offsets SELECT unnest(ARRAY['waybill.orders', 'waybill.fulfillment']), 0, 5 RETURNING 1"
    )
    batch = Batch.of(records, dict.fromkeys([(record.topic, 0) for record in records], 5))
    alone = Begin(idle.database, Counts(), source="x", handles=(OrderPlaced, ItemsFulfilled), wake=Wake(), alone=True)

    async def beside_another(tx: Transaction[Count], fresh: Fresh) -> None:
        await idle.take(tx, fresh)
        await idle.all("INSERT INTO streams (subject) VALUES (:s) RETURNING 1", s=order)

    with pytest.raises(FenceLost):
        await Events(alone, beside_another).on_batch(batch)
    assert await idle.units(order) is None
    await Events(alone, idle.take).on_batch(batch)

    assert await idle.units(order) == 5
    assert [row.taken["test"][0] for row in await idle.all("SELECT * FROM streams")] == [2]


async def test_events_of_a_rolled_back_transaction_are_never_sent(idle: Toy) -> None:
    order = uuid4()

    with pytest.raises(RuntimeError):
        await publish_and_fail(idle, order)

    assert await idle.all("SELECT * FROM outbox") == []
    async with idle.begin.on(order) as tx:
        assert tx.streams[order].next_sequence == 1


async def publish_and_fail(toy: Toy, order: UUID) -> None:
    async with toy.begin.on(order) as tx:
        await tx.publish([Caused(shipped(order, 1), cause(order))])
        raise RuntimeError


async def test_one_cause_twice_makes_the_same_event_ids(idle: Toy) -> None:
    order, why = uuid4(), cause(uuid4())
    async with idle.begin.on(order) as tx:
        await tx.publish([Caused(shipped(order, 1), why), Caused(shipped(order, 2), why)])

    rows = await idle.all("SELECT headers FROM outbox ORDER BY id")
    assert [row.headers["ce_id"] for row in rows] == [
        str(ids.event_id(why.id, ItemsFulfilled.type_name(), order, ordinal)) for ordinal in (0, 1)
    ]
    assert [row.headers["ce_sequence"] for row in rows] == ["1", "2"]


async def test_an_event_that_no_record_can_hold_is_refused_in_its_command(idle: Toy) -> None:
    order = uuid4()
    lines = tuple(LineUnits(line_id=f"{at:0>190}", quantity=1) for at in range(10_000))
    event = shipped(order, 1).model_copy(update={"lines": lines})

    with pytest.raises(TooLarge, match="at most 900000"):
        async with idle.begin.on(order) as tx:
            await tx.publish([Caused(event, cause(order))])


async def test_after_a_failed_send_nothing_later_overtakes_and_what_went_before_is_noted(
    idle: Toy, until: Until
) -> None:
    """A row that the broker refuses, put into the outbox by force: larger than any event may be."""
    order = uuid4()
    insert = """
        INSERT INTO outbox (bucket, topic, key, headers, payload)
        VALUES (0, :topic, :key, CAST(:headers AS jsonb), :payload) RETURNING id
    """
    rows = [("first", b"1"), ("huge", b"x" * 2_000_000), ("last", b"3")]
    numbers = [
        (await idle.all(insert, topic="waybill.labels", key=order, headers=dump({"name": name}), payload=payload))[0].id
        for name, payload in rows
    ]
    relaying = asyncio.create_task(idle.relay.run())

    async def stuck() -> bool:
        return idle.relay.problem is not None

    await until(stuck)
    await until(idle.counts("SELECT * FROM sent", 1))
    assert [row.id for row in await idle.all("SELECT id FROM outbox ORDER BY id")] == numbers[1:]
    await idle.all("DELETE FROM outbox WHERE id = :id RETURNING 1", id=numbers[1])

    async def well() -> bool:
        return idle.relay.problem is None

    await until(idle.counts("SELECT * FROM outbox", 0))
    await until(well)
    assert await values_of(idle.bootstrap, "waybill.labels", order) == [b"1", b"3"]
    idle.relay.stop()
    await relaying


async def values_of(bootstrap: str, topic: str, key: UUID) -> list[bytes]:
    """Every value of a key, from the log itself."""
    place = TopicPartition(topic, ids.partition(key))
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap)
    await consumer.start()
    consumer.assign([place])
    await consumer.seek_to_beginning(place)
    end = (await consumer.end_offsets([place]))[place]
    values: list[bytes] = []
    while await consumer.position(place) < end:
        records = (await consumer.getmany(timeout_ms=500)).get(place, [])
        values += [record.value for record in records if record.key == str(key).encode()]
    await consumer.stop()
    return values


async def test_of_two_relays_one_works_and_the_other_takes_over(toy: Toy, until: Until) -> None:
    second = toy.sender()
    other = asyncio.create_task(second.run())
    order = uuid4()

    async def tell(units: int) -> None:
        async with toy.begin.on(order) as tx:
            await tx.publish([Caused(told(shipped(order, units)), cause(order))])

    await tell(1)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 1, s=order))
    holders = """
        SELECT pid FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
        WHERE locktype = 'advisory' AND granted AND objid = 1382378593 AND datname = current_database()
    """
    assert len(await toy.all(holders)) == 1
    # The lock's connection is cut, as a failover or an idle timeout would.
    await toy.all(f"SELECT pg_terminate_backend(pid) FROM ({holders}) AS held")
    await tell(2)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 2, s=order))

    second.stop()
    await other
    await tell(3)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 3, s=order))
    assert await toy.sent(order) == [(1, "n1"), (2, "n2"), (3, "n3")]


async def test_a_subjects_events_keep_their_order_under_many_writers(toy: Toy, until: Until) -> None:
    order = uuid4()

    async def tell(units: int) -> None:
        async with toy.begin.on(order) as tx:
            await tx.publish([Caused(told(shipped(order, units)), cause(order))])

    await asyncio.gather(*(tell(units) for units in range(1, 101)))

    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 100, s=order))
    assert [sequence for sequence, _ in await toy.sent(order)] == list(range(1, 101))
    rows = await toy.all('SELECT "offset" FROM sent WHERE key = :s ORDER BY id', s=order)
    assert [row.offset for row in rows] == sorted(row.offset for row in rows)


OPERATOR = Intervention("person:ann", "the cause is fixed")


def same_partition(order: UUID, count: int) -> list[UUID]:
    """Other orders that share its partition."""
    return list(
        itertools.islice((key for key in iter(uuid4, None) if ids.partition(key) == ids.partition(order)), count)
    )


@pytest.mark.parametrize("units", [MOST + 1, 2**31 - 1])
async def test_what_only_the_database_refuses_is_found_in_its_batch_and_parked_alone(
    units: int, toy: Toy, publish: Publish, until: Until
) -> None:
    bad = uuid4()
    good = same_partition(bad, 20)
    for order in (*good, bad):
        await publish(placed(order), 1)
    await until(toy.counts("SELECT * FROM counts", 21))
    await toy.consumer.stop()
    for order in (*good[:10], bad, *good[10:]):
        await publish(shipped(order, 2), 1)
    await publish(shipped(bad, units), 2)
    await publish(shipped(bad, 3), 3)
    for order in good:
        await publish(shipped(order, 4), 2)
    toy.consumer = toy.reader()
    await toy.consumer.start()

    await until(toy.counts("SELECT * FROM counts WHERE subject = ANY(:s) AND units = 6", 20, s=good))
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 2, s=bad))
    assert await toy.units(bad) == 2
    assert [row.subject for row in await toy.all("SELECT DISTINCT subject FROM quarantine")] == [bad]
    (head,) = await toy.all("SELECT cause, error FROM quarantine WHERE subject = :s AND cause IS NOT NULL", s=bad)
    assert head.cause == "RefusedByDatabase"
    assert str(units) not in head.error, "what was refused may name a person"
    assert await toy.sent(bad) == [(1, "n2")]


async def test_one_who_waited_and_is_refused_by_the_database_is_parked(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await publish(shipped(order, MOST + 1), 2)
    await until(toy.counts("SELECT * FROM waiters WHERE subject = :s", 1, s=order))
    await until(toy.has(order, 0))
    # The gap closes where no batch can see it: the waiter's turn comes in a sweep.
    await toy.all(
        "UPDATE streams SET taken = taken || CAST(:t AS jsonb) WHERE subject = :s RETURNING 1",
        t=dump({"waybill/fulfillment": [1, "x"]}),
        s=order,
    )

    await toy.sweep.once()

    (parked,) = await toy.all("SELECT cause FROM quarantine WHERE subject = :s", s=order)
    assert parked.cause == "RefusedByDatabase"
    assert await toy.all("SELECT * FROM waiters WHERE subject = :s", s=order) == []


async def parked(toy: Toy, publish: Publish, until: Until) -> UUID:
    """An order with five units, of which the second shipment was refused and two more queue behind it."""
    order = uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    for sequence, units in ((1, 5), (2, 13), (3, 7), (4, 1)):
        await publish(shipped(order, units), sequence)
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 3, s=order))
    return order


async def test_a_redrive_that_is_refused_again_changes_nothing(toy: Toy, publish: Publish, until: Until) -> None:
    order = await parked(toy, publish, until)

    found = await toy.events.redrive(order, OPERATOR)

    assert found == Redriven(order, 0, 3, "ValueError: thirteen")
    assert await toy.units(order) == 5


async def refused_in_line(toy: Toy, publish: Publish, until: Until) -> UUID:
    """An order with five units; parked are one of thirteen, of seven, one that the database refuses, and of one."""
    order = uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    for sequence, units in ((1, 5), (2, 13), (3, 7), (4, MOST), (5, 1)):
        await publish(shipped(order, units), sequence)
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 4, s=order))
    return order


@pytest.mark.parametrize(
    ("action", "value", "units"), [("discard", None, 12), ("redrive-edited", 1, 13), ("redrive-edited", MOST, 5)]
)
async def test_what_the_database_refuses_in_a_redrive_stays_with_what_it_said_and_what_goes_before_it_goes_on(
    action: str, value: int | None, units: int, toy: Toy, publish: Publish, until: Until
) -> None:
    order = await refused_in_line(toy, publish, until)

    if value is None:
        found = await toy.events.discard(order, OPERATOR)
    else:
        found = await toy.events.redrive(order, OPERATOR, shipped(order, value).to_json())

    released = 0 if value == MOST else 2
    assert (found.subject, found.released, found.left) == (order, released, 4 - released)
    assert "counts_units_check" in str(found.error)
    assert await toy.units(order) == units
    queue = await toy.all("SELECT cause, error FROM quarantine WHERE subject = :s ORDER BY id", s=order)
    assert [(row.cause, row.error) for row in queue[:1]] == [("RefusedByDatabase", found.error)]
    assert [row.cause for row in queue[1:]] == [None] * (3 - released)
    (done,) = await toy.all("SELECT * FROM interventions")
    assert (done.actor, done.action, done.why, done.subject) == ("person:ann", action, "the cause is fixed", order)
    assert (done.details["left"], done.details["error"]) == (4 - released, found.error)
    assert [each["error"] for each in (done.details["head"], *done.details["released"])][:1] == ["ValueError: thirteen"]


async def test_what_newer_code_knows_and_the_database_refuses_stays_and_holds_up_nobody(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    await publish(shipped(order, MOST + 1), 1, type="waybill.ItemsFulfilled.v9")
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 1, s=order))
    await knows(toy, order)

    await toy.sweep.once()
    await toy.sweep.once()

    (stays,) = await toy.all("SELECT cause FROM quarantine WHERE subject = :s", s=order)
    assert stays.cause == "RefusedByDatabase"
    (done,) = await toy.all("SELECT actor, details FROM interventions WHERE subject = :s", s=order)
    assert (done.actor, done.details["left"]) == ("rule:newer-code", 1)


async def knows(toy: Toy, order: UUID) -> None:
    """The code that starts knows the version: here the version becomes one that is known."""
    await toy.all(
        """
        UPDATE quarantine SET headers = headers || '{"ce_type": "waybill.ItemsFulfilled.v1"}'
        WHERE subject = :s RETURNING 1
        """,
        s=order,
    )


async def test_a_discarded_event_is_passed_over_and_what_queued_behind_goes_on(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order = await parked(toy, publish, until)

    found = await toy.events.discard(order, OPERATOR)

    assert found == Redriven(order, 3, 0, None)
    assert await toy.units(order) == 13
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 3, s=order))
    assert await toy.sent(order) == [(1, "n5"), (2, "n7"), (3, "n1")]
    (done,) = await toy.all("SELECT * FROM interventions")
    assert (done.actor, done.action, done.why, done.subject) == (
        "person:ann",
        "discard",
        "the cause is fixed",
        order,
    )
    assert done.details["head"]["error"] == "ValueError: thirteen"


async def test_an_edited_event_says_what_the_operator_made_of_it(toy: Toy, publish: Publish, until: Until) -> None:
    order = await parked(toy, publish, until)

    found = await toy.events.redrive(order, OPERATOR, shipped(order, 12).to_json())

    assert found == Redriven(order, 3, 0, None)
    assert await toy.units(order) == 25


async def test_what_an_operator_ruled_holds_when_the_log_is_read_again_from_nothing(
    toy: Toy, publish: Publish, until: Until
) -> None:
    discarded, edited = await parked(toy, publish, until), await parked(toy, publish, until)
    await toy.events.discard(discarded, OPERATOR)
    await toy.events.redrive(edited, OPERATOR, shipped(edited, 12).to_json())
    await toy.consumer.stop()
    await toy.all("DELETE FROM counts RETURNING 1")
    await toy.all("DELETE FROM streams RETURNING 1")
    await toy.all("DELETE FROM offsets RETURNING 1")

    toy.consumer = toy.reader()
    await toy.consumer.start()

    await until(toy.has(discarded, 13))
    await until(toy.has(edited, 25))
    assert await toy.all("SELECT * FROM quarantine WHERE subject = ANY(:s)", s=[discarded, edited]) == []


async def test_what_an_operator_ruled_holds_for_what_is_read_before_what_it_needs(
    toy: Toy, publish: Publish, until: Until
) -> None:
    began = await toy.all("SELECT topic, partition, next FROM offsets ORDER BY topic")
    discarded, edited = await parked(toy, publish, until), await parked(toy, publish, until)
    await toy.events.discard(discarded, OPERATOR)
    await toy.events.redrive(edited, OPERATOR, shipped(edited, 12).to_json())
    for table in ("streams", "counts"):
        await toy.all(f"DELETE FROM {table} RETURNING 1")

    async def read_again(topic: str) -> None:
        for place in began:
            if place.topic == topic:
                await toy.all(BACK, **place._asdict())
        await toy.consumer.go_to_database()

    await read_again("waybill.fulfillment")
    await until(toy.counts("SELECT * FROM waiters", 8))
    await read_again("waybill.orders")

    await until(toy.has(discarded, 13))
    await until(toy.has(edited, 25))
    assert await toy.all("SELECT * FROM quarantine") == []


async def test_nothing_parked_is_nothing_to_redrive(idle: Toy) -> None:
    with pytest.raises(NotParked):
        await idle.events.redrive(uuid4(), OPERATOR)


async def test_what_waits_for_newer_code_goes_on_by_itself_when_it_starts(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    await publish(shipped(order, 5), 1, type="waybill.ItemsFulfilled.v9")
    await publish(shipped(order, 6), 2)
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 2, s=order))
    await toy.sweep.once()
    assert len(await toy.all("SELECT * FROM quarantine WHERE subject = :s", s=order)) == 2
    await knows(toy, order)

    await toy.sweep.once()

    assert await toy.units(order) == 11
    (done,) = await toy.all("SELECT actor FROM interventions WHERE subject = :s", s=order)
    assert done.actor == "rule:newer-code"


async def unreadable(toy: Toy, publish: Publish, until: Until) -> tuple[UUID, Place]:
    """An order without units, and a dead letter that names nobody."""
    order = uuid4()
    await raw(toy.bootstrap, "waybill.fulfillment", b"x", b"{}", nonsense="x")
    await publish(placed(order), 1)
    await until(toy.counts("SELECT * FROM dead_letters", 1))
    await until(toy.has(order, 0))
    (letter,) = await toy.all("SELECT * FROM dead_letters")
    return order, (letter.topic, letter.partition, letter.offset)


async def reads(toy: Toy, event: Event) -> None:
    """The code of today can read the dead letter: here its bytes become some that can be read."""
    headers = replace(cause(event.subject), source="waybill/fulfillment", type=event.type_name(), sequence=1).headers()
    await toy.all(
        "UPDATE dead_letters SET key = :key, headers = CAST(:headers AS jsonb), value = :value RETURNING 1",
        key=str(event.subject).encode(),
        headers=dump(to_base64(headers)),
        value=event.to_json(),
    )


async def test_a_dead_letter_that_names_no_subject_is_taken_in_once_it_can_be_read(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order, place = await unreadable(toy, publish, until)
    with pytest.raises(StillDead):
        await toy.events.retry(place, OPERATOR)
    assert len(await toy.all("SELECT * FROM dead_letters")) == 1
    await reads(toy, shipped(order, 5))

    found = await toy.events.retry(place, OPERATOR)

    assert found == Redriven(order, 1, 0, None)
    assert await toy.units(order) == 5
    assert await toy.all("SELECT * FROM dead_letters") == []
    with pytest.raises(NoLetter):
        await toy.events.retry(place, OPERATOR)


async def test_a_dead_letter_that_can_be_read_and_is_refused_by_the_database_parks_its_subject(
    toy: Toy, publish: Publish, until: Until
) -> None:
    order, place = await unreadable(toy, publish, until)
    await reads(toy, shipped(order, MOST + 1))

    found = await toy.events.retry(place, OPERATOR)

    assert (found.subject, found.released, found.left) == (order, 1, 1)
    assert await toy.all("SELECT * FROM dead_letters") == []
    (stays,) = await toy.all("SELECT cause, error FROM quarantine WHERE subject = :s", s=order)
    assert (stays.cause, stays.error) == ("RefusedByDatabase", found.error)
    (done,) = await toy.all("SELECT * FROM interventions")
    assert (done.actor, done.action, done.details["left"]) == ("person:ann", "dead-letter-retry", 1)
    assert done.details["error"] == found.error


async def test_a_dead_letter_is_redriven_with_the_headers_and_the_key_it_came_with(
    toy: Toy, publish: Publish, until: Until
) -> None:
    """Its key is not its subject: as long as that is so it must not be taken for a good one."""
    order = uuid4()
    await publish(placed(order), 1)
    await until(toy.has(order, 0))
    event = shipped(order, 5)
    headers = replace(cause(order), source="waybill/fulfillment", type=event.type_name(), sequence=1).headers()
    texts = {name: value.decode() for name, value in headers}
    await raw(toy.bootstrap, "waybill.fulfillment", b"another key", event.to_json(), **texts)
    await until(toy.counts("SELECT * FROM quarantine WHERE subject = :s", 1, s=order))

    found = await toy.events.redrive(order, OPERATOR)

    assert (found.left, await toy.units(order)) == (1, 0)
    await toy.events.discard(order, OPERATOR)
    await publish(shipped(order, 6), 2)
    await until(toy.has(order, 6))
    assert await toy.all("SELECT * FROM dead_letters WHERE subject = :s", s=order) == []


def a_brand(version: int) -> Brand:
    return Brand(brand_id=BRAND, version=version, name=f"Acorn {version}")


def row(offset: int, brand: Brand | None, schema: int = 1) -> Record:
    """A record of a table topic, or with None the removal of the brand."""
    if brand is None:
        return Record("waybill.brands", 0, offset, str(BRAND).encode(), (), None)
    headers = replace(cause(BRAND), type=f"waybill.Brand.v{schema}").headers()
    return Record("waybill.brands", 0, offset, str(BRAND).encode(), tuple(headers), brand.to_json())


async def take_over(toy: Toy, *records: Record) -> None:
    await toy.all("INSERT INTO offsets VALUES ('waybill.brands', 0, 0) ON CONFLICT DO NOTHING RETURNING 1")
    (read,) = await toy.all("SELECT next FROM offsets WHERE topic = 'waybill.brands'")
    await take_in(records, {("waybill.brands", 0): read.next}, toy.tables.on_batch)


async def rows_are_known(toy: Toy) -> None:
    """The code that starts knows the version: here the version becomes one that is known."""
    headers = replace(cause(BRAND), type="waybill.Brand.v1").headers()
    await toy.all("UPDATE dead_letters SET headers = CAST(:h AS jsonb) RETURNING 1", h=dump(to_base64(headers)))


@pytest.mark.parametrize(("unknown", "meanwhile", "name"), [(2, 3, "Acorn 3"), (4, 3, "Acorn 4"), (2, None, "Acorn 2")])
async def test_a_row_of_a_version_that_newer_code_knows_is_taken_over_then_unless_a_higher_one_was(
    unknown: int, meanwhile: int | None, name: str, idle: Toy
) -> None:
    await take_over(idle, row(1, a_brand(1)), row(2, a_brand(unknown), schema=9))
    if meanwhile is not None:
        await take_over(idle, row(3, a_brand(meanwhile)))
    await idle.sweep.once()
    assert len(await idle.all("SELECT * FROM dead_letters")) == 1
    await rows_are_known(idle)

    await idle.sweep.once()

    assert [each.name for each in await idle.all("SELECT * FROM settings")] == [name]
    assert await idle.all("SELECT * FROM dead_letters") == []
    (done,) = await idle.all("SELECT * FROM interventions")
    assert (done.actor, done.action) == ("rule:newer-code", "dead-letter-retry")


@pytest.mark.parametrize("together", [True, False])
async def test_a_row_that_was_removed_does_not_come_back_with_newer_code(together: bool, idle: Toy) -> None:
    buried, removal = row(2, a_brand(2), schema=9), row(3, None)
    for records in [(buried, removal)] if together else [(buried,), (removal,)]:
        await take_over(idle, *records)
    await take_over(idle, row(4, a_brand(3), schema=9))
    await rows_are_known(idle)

    await idle.sweep.once()

    assert [each.name for each in await idle.all("SELECT * FROM settings")] == ["Acorn 3"]
    assert len(await idle.all("SELECT * FROM interventions")) == 1


async def test_a_row_that_newer_code_cannot_take_over_is_tried_once(idle: Toy) -> None:
    await take_over(idle, row(1, a_brand(MOST + 1), schema=9))
    await take_over(idle, replace(row(2, a_brand(1), schema=9), value=b"{"))
    await rows_are_known(idle)

    await idle.sweep.once()
    await idle.sweep.once()

    errors = [each.error for each in await idle.all('SELECT error FROM dead_letters ORDER BY "offset"')]
    assert "settings_version_check" in errors[0]
    assert "Brand" in errors[1]
    done = await idle.all("SELECT details FROM interventions ORDER BY id")
    assert [(each.details["left"], each.details["error"]) for each in done] == [(1, error) for error in errors]


async def test_a_row_that_the_database_refuses_once_more_stays_a_dead_letter_with_what_it_said(idle: Toy) -> None:
    await take_over(idle, row(1, a_brand(MOST + 1)))

    found = await idle.tables.retry(("waybill.brands", 0, 1), OPERATOR)

    assert (found.subject, found.released, found.left) == (None, 0, 1)
    (stays,) = await idle.all("SELECT error FROM dead_letters")
    (done,) = await idle.all("SELECT * FROM interventions")
    assert (done.actor, done.why, done.details["error"]) == ("person:ann", "the cause is fixed", stays.error)


async def halted(toy: Toy) -> None:
    """Stop reading and sending, as a service that is shut down."""
    await toy.stop()
    toy.relaying = None


async def lost_end(bootstrap: str, topic: str, until: Until) -> None:
    """A topic made anew, as one whose disk was lost: deleted, and created empty."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_topics([topic])
    while topic in await admin.list_topics():
        await asyncio.sleep(0.02)
    await admin.close()
    await topics.create(bootstrap)

    async def there() -> bool:
        try:
            await topics.check(bootstrap, [topic])
        except topics.TopicsMissing:
            return False
        return True

    await until(there)


async def test_the_days_of_what_was_sent_are_those_of_the_database(toy: Toy, until: Until) -> None:
    """A service whose clock is ahead must neither drop what was sent today nor lack a place for it."""
    order = uuid4()
    await sent_by(toy, order, 1)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 1, s=order))
    toy.relay.stop()
    assert toy.relaying is not None
    await toy.relaying
    ahead = toy.sender()
    with time_machine.travel(datetime.now(UTC) + timedelta(days=10), tick=True):
        toy.relaying = asyncio.create_task(ahead.run())
        await sent_by(toy, order, 2)
        await until(toy.counts("SELECT * FROM sent WHERE key = :s", 2, s=order))
        ahead.stop()
        await toy.relaying


async def sent_by(toy: Toy, order: UUID, *units: int) -> None:
    for each in units:
        async with toy.begin.on(order) as tx:
            await tx.publish([Caused(told(shipped(order, each)), cause(order))])


async def test_a_reader_notices_a_topic_that_was_made_anew_and_takes_nothing_in(
    idle: Toy, publish: Publish, until: Until
) -> None:
    toy, order = idle, uuid4()
    await lost_end(toy.bootstrap, "waybill.fulfillment", until)
    await toy.start()
    await publish(placed(order), 1)
    await publish(shipped(order, 5), 1)
    await until(toy.has(order, 5))
    await halted(toy)
    await lost_end(toy.bootstrap, "waybill.fulfillment", until)

    with pytest.raises(
        ChangedPast, match=r"waybill.fulfillment\[\d+\] ends at offset 0, .* is older than the database"
    ):
        await toy.reader().start()

    # Written anew, the log reaches as far as before, with another record there.
    await publish(shipped(order, 7), 2)
    with pytest.raises(ChangedPast, match=r"has another record at offset 0 than this database has read"):
        await toy.reader().start()
    assert await toy.units(order) == 5


async def test_a_reader_at_work_that_finds_its_past_changed_takes_nothing_in_from_anywhere(
    toy: Toy, publish: Publish, until: Until
) -> None:
    """Its database says that it has read further than the log reaches, as after the loss of the log's end."""
    order, other = uuid4(), uuid4()
    await publish(placed(order), 1)
    await publish(shipped(order, 5), 1)
    await until(toy.has(order, 5))
    further = "UPDATE offsets SET next = next + :by WHERE topic = 'waybill.fulfillment' AND fingerprint IS NOT NULL"
    await toy.all(f"{further} RETURNING 1", by=100)

    await toy.consumer.go_to_database()

    assert "older than the database" in (toy.consumer.problem or "")
    await publish(placed(other), 1)

    async def says_so() -> bool:
        return "does not read" in (toy.consumer.problem or "")

    await until(says_so)
    assert await toy.units(other) is None
    # What was missing is there again.
    await toy.all(f"{further} RETURNING 1", by=-100)
    await toy.consumer.go_to_database()
    await until(toy.has(other, 0))
    assert toy.consumer.problem is None


async def test_a_rewound_reader_goes_on_and_drops_what_it_knows(toy: Toy, publish: Publish, until: Until) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await publish(shipped(order, 5), 1)
    await until(toy.has(order, 5))
    await toy.all("UPDATE offsets SET next = next - 1, fingerprint = NULL WHERE fingerprint IS NOT NULL RETURNING 1")

    await toy.consumer.go_to_database()

    await publish(shipped(order, 6), 2)
    await until(toy.has(order, 11))
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 2, s=order))


async def test_a_service_notices_that_its_database_is_older_than_its_log(toy: Toy, until: Until) -> None:
    order = uuid4()
    await sent_by(toy, order, 1, 2)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 2, s=order))
    await halted(toy)
    # As a backup would have it that was taken after the first of the two.
    await toy.all("UPDATE streams SET next_sequence = 2 WHERE subject = :s RETURNING 1", s=order)
    await toy.all("DELETE FROM sent WHERE headers->>'ce_sequence' = '2' RETURNING 1")
    await toy.all('UPDATE acknowledged SET "offset" = "offset" - 1, event_id = NULL RETURNING 1')

    with pytest.raises(ChangedPast, match=r"which its database never sent: the database is older than its log"):
        await toy.sender().compare()

    relay = toy.sender()
    relaying = asyncio.create_task(relay.run())
    await sent_by(toy, order, 3)

    async def says_so() -> bool:
        return relay.changed is not None

    await until(says_so)
    assert len(await toy.all("SELECT * FROM outbox")) == 1
    relay.stop()
    await relaying


async def test_a_service_with_an_empty_database_does_not_write_beside_its_old_log(toy: Toy, until: Until) -> None:
    order = uuid4()
    await sent_by(toy, order, 1)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 1, s=order))
    await halted(toy)
    for table in ("streams", "sent", "acknowledged"):
        await toy.all(f"DELETE FROM {table} RETURNING 1")

    with pytest.raises(ChangedPast, match="the database is older than its log"):
        await toy.sender().compare()


async def test_what_went_out_and_was_not_noted_before_a_crash_is_no_changed_past(toy: Toy, until: Until) -> None:
    order = uuid4()
    await sent_by(toy, order, 1)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 1, s=order))
    await halted(toy)
    (row,) = await toy.all("SELECT * FROM sent")
    await toy.all(
        """
        INSERT INTO outbox (bucket, topic, key, headers, payload)
        SELECT 0, topic, key, headers, payload FROM sent RETURNING 1
        """
    )
    for table in ("sent", "acknowledged"):
        await toy.all(f"DELETE FROM {table} RETURNING 1")

    await toy.sender().compare()

    relay = toy.sender()
    relaying = asyncio.create_task(relay.run())
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 1, s=order))
    relay.stop()
    await relaying
    assert await values_of(toy.bootstrap, row.topic, order) == [bytes(row.payload)] * 2


async def test_what_the_log_has_lost_is_sent_again_in_its_old_order_before_anything_newer(
    toy: Toy, until: Until
) -> None:
    order = uuid4()
    await sent_by(toy, order, 1, 2, 3)
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 3, s=order))
    await halted(toy)
    await lost_end(toy.bootstrap, "waybill.tracking", until)
    with pytest.raises(ChangedPast, match="the log is older than this database and has lost events"):
        await toy.sender().compare()
    await sent_by(toy, order, 4)

    async with toy.database.begin() as connection:
        put_back = await send_again(connection, "waybill.tracking", ids.partition(order), 0)

    assert put_back == 3
    relay = toy.sender()
    relaying = asyncio.create_task(relay.run())
    await until(toy.counts("SELECT * FROM sent WHERE key = :s", 4, s=order))
    relay.stop()
    await relaying
    assert await toy.sent(order) == [(1, "n1"), (2, "n2"), (3, "n3"), (4, "n4")]
    assert [
        TrackingAdded.from_json(value).tracking_number
        for value in await values_of(toy.bootstrap, "waybill.tracking", order)
    ] == ["n1", "n2", "n3", "n4"]
