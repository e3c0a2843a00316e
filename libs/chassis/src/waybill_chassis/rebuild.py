"""Builds a generation of a projection from the log, beside the live one, and points to it once both stand level.

A process of its own does this, under a database role that can write to nothing but the generation it builds. What it
reads goes through the same functions as live reading does. All topics are partitioned by the same key, so that one
partition number holds whole lives: it is taken in by one transaction, or by a few where it is large. Each moves the
offsets of that generation, so it may be killed anywhere and goes on where it was.
"""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import gc
import multiprocessing
import time
from bisect import bisect_right
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from itertools import chain
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import LIVE, Database
from waybill_chassis.generations import Plan, live
from waybill_chassis.past import Partition
from waybill_chassis.reading import Events, Tables, take_in
from waybill_chassis.records import Record
from waybill_events import ids

CHUNK: Final = 16_000
"""About how many records one transaction takes in. In memory each takes some 6 kB, and all of them a second or two."""
CHUNK_BYTES: Final = 32_000_000
"""About how many bytes of values one transaction takes in, where values are large."""
_FETCH: Final = 4000
"""The most records that are taken from a topic at a time."""
NEAR: Final = 500
"""How far the generation may be behind the live one, in records, when it is brought level under the lock."""
ENOUGH: Final = 20
"""How many differences are told; all of them are counted."""
_PATIENCE_S: Final = 30.0
_LOOK_S: Final = 0.5


class NotLevel(RuntimeError):
    """The generation was not brought to where the live one stands, and so not pointed to; it can be tried again."""


@dataclass(frozen=True, slots=True)
class Readers:
    """How one service takes in what its projection is made of."""

    tables: Tables[Any]
    table_topics: Sequence[str]
    events: Events[Any]
    event_topics: Sequence[str]
    """In the order in which causes come before effects, so that little has to wait."""


@dataclass(slots=True)
class Comparison:
    """How the rows of two generations compare where they have taken in the same events."""

    equal: int = 0
    different: int = 0
    missing: int = 0
    """Rows that only one of them has, although both have taken in the same."""
    told: list[str] = field(default_factory=list[str])
    """The first differences, in words."""
    later: set[UUID] = field(default_factory=set[UUID])
    """Subjects that one of the two had taken in more of."""

    def tell(self, difference: str) -> None:
        """Keep a difference, if it is among the first."""
        if len(self.told) < ENOUGH:
            self.told.append(difference)

    def add(self, other: "Comparison") -> None:
        """Count another one in."""
        self.equal, self.different = self.equal + other.equal, self.different + other.different
        self.missing += other.missing
        self.told = [*self.told, *other.told][:ENOUGH]
        self.later = other.later


Compare = Callable[[AsyncConnection, str, str, set[UUID] | None], Awaitable[Comparison]]
"""(connection, live schema, built schema, only these subjects or all) -> how their rows compare."""


@dataclass(frozen=True, slots=True)
class Rebuild:
    """All that a rebuild needs; plain data and importable functions, since several processes take part in it."""

    database_url: str
    bootstrap: str
    plan: Plan
    readers: Callable[[Database], Readers]
    compare: Compare
    chunk: int = CHUNK
    """About how many records one transaction takes in."""
    patience_s: float = 60.0
    """How long live reading may take to come to where the new generation stands."""

    def database(self, generation: str) -> Database:
        """The database, seen from one generation."""
        return Database(self.database_url, size=2, generation=generation, silent_s=None)

    def topics(self) -> list[str]:
        """All topics that go into it."""
        return sorted(self.plan.ends)

    def planned(self) -> dict[Partition, int]:
        """Where each partition ended when it was planned."""
        return {(topic, number): end for topic, ends in self.plan.ends.items() for number, end in enumerate(ends)}


@dataclass(frozen=True, slots=True)
class Effort:
    """What it took to read: seconds by the clock, of the process that took longest, and of CPU, in all of them."""

    seconds: float
    cpu_s: float


Told = Callable[[int, int], None]
"""How many records of how many are taken in."""


async def build(rebuild: Rebuild, processes: int, tell: Told) -> Effort:
    """Take in everything up to the planned ends; each process has partition numbers, and so subjects, of its own."""
    database = rebuild.database(rebuild.plan.name)
    ends = rebuild.planned()
    shares = [list(range(at, ids.PARTITIONS, processes)) for at in range(processes)]
    loop = asyncio.get_running_loop()
    with ProcessPoolExecutor(processes, multiprocessing.get_context("spawn")) as pool:
        working = [loop.run_in_executor(pool, _share, rebuild, numbers) for numbers in shares]
        try:
            while True:
                done, _ = await asyncio.wait(working, timeout=_LOOK_S, return_when=asyncio.FIRST_EXCEPTION)
                behind = _behind(await _offsets(database), ends)
                tell(rebuild.plan.records - behind, rebuild.plan.records)
                efforts = [share.result() for share in done]
                if len(done) == len(working):
                    return Effort(max(each.seconds for each in efforts), sum(each.cpu_s for each in efforts))
        finally:
            await database.close()
            for process in list(pool._processes.values()):  # noqa: SLF001  # one that failed ends the others
                if any(not share.done() for share in working):
                    process.terminate()


async def point(rebuild: Rebuild, *, accept: bool) -> tuple[Comparison, bool]:
    """Compare, bring both level under the lock, and point to the new one; whether that was done.

    Without `accept` a difference leaves the live generation where it is.
    """
    built, live_database = rebuild.database(rebuild.plan.name), rebuild.database(LIVE)
    try:
        # What was planned is read; live reading may be behind that in a topic which is held up.
        patience = time.monotonic() + rebuild.patience_s
        while _behind(await _offsets(live_database), await _offsets(built)) and time.monotonic() < patience:
            await asyncio.sleep(_LOOK_S)
        while _behind(await _offsets(built), await _offsets(live_database)) > NEAR:
            await _advance(rebuild, built, await _offsets(live_database))
        async with live_database.begin() as connection:
            former = await live(connection)
            found = await rebuild.compare(connection, former, rebuild.plan.name, None)
        if found.different + found.missing and not accept:
            return found, False
        async with live_database.begin() as connection:
            # Live reading holds it FOR SHARE: from here on nothing is in flight, and nobody waits but who writes.
            await connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
            await connection.execute(text("SELECT live FROM projection FOR UPDATE"))
            ends = await _offsets(live_database)
            touched: set[UUID] = set()
            await _advance(rebuild, built, ends, touched)
            if (reached := await _offsets(built)) != ends:
                place = min(place for place, end in ends.items() if reached.get(place) != end)
                raise NotLevel(
                    f"the live generation stands at offset {ends[place]} of {place[0]}[{place[1]}], the new one at "
                    f"{reached.get(place)}; is live reading held up? Run it again when that goes on"
                )
            found.add(await rebuild.compare(connection, former, rebuild.plan.name, found.later | touched))
            for subject in sorted(found.later):
                # Both have read the same: what one has taken in of it is parked or waits in the other.
                found.different += 1
                found.tell(
                    f"{subject} has taken in other events in each; `waybill quarantine show {subject}` says more"
                )
            if found.different + found.missing and not accept:
                return found, False
            await connection.execute(text("UPDATE projection SET live = :name"), {"name": rebuild.plan.name})
            await connection.execute(
                text("UPDATE generations SET pointed_at = now() WHERE name = :name"), {"name": rebuild.plan.name}
            )
        return found, True
    finally:
        await built.close()
        await live_database.close()


async def chunks(topics: Sequence[AsyncGenerator[list[Record]]], most: int) -> AsyncGenerator[list[Record]]:
    """Records of several topics, the oldest of all first, in chunks of about `most`.

    Within a chunk they come topic by topic, causes before effects. Over chunks the broker's time makes whole lives
    stay together and keeps effects behind their causes; where clocks are wrong, some events have to wait, no more.
    """
    ahead: list[list[Record]] = [[] for _ in topics]
    chunk: list[list[Record]] = [[] for _ in topics]
    count = size = 0
    while True:
        for at, topic in enumerate(topics):
            if not ahead[at]:
                ahead[at] = await anext(topic, [])
        if not any(ahead):
            break
        # Up to here everything is known of every topic; that one is used up, so this always gets on.
        nearest = min((at for at in range(len(ahead)) if ahead[at]), key=lambda at: ahead[at][-1].timestamp_ms)
        known_ms = ahead[nearest][-1].timestamp_ms
        for at, records in enumerate(ahead):
            end = len(records) if at == nearest else bisect_right(records, known_ms, key=_timestamp)
            chunk[at] += records[:end]
            count += end
            size += sum(len(record.value or b"") for record in records[:end])
            ahead[at] = records[end:]
        if count >= most or size >= CHUNK_BYTES:
            yield _emptied(chunk)
            count = size = 0
    if count:
        yield _emptied(chunk)


def _share(rebuild: Rebuild, numbers: Sequence[int]) -> Effort:
    """One process's part of the work."""
    began_s, cpu_s = time.monotonic(), time.process_time()
    # What is read has no cycles, and looking for them among all that a chunk holds took nearly half of the time. What
    # else has some is looked for after each chunk, when there is little to look at.
    gc.freeze()
    gc.disable()
    asyncio.run(_build_share(rebuild, numbers))
    return Effort(time.monotonic() - began_s, time.process_time() - cpu_s)


async def _build_share(rebuild: Rebuild, numbers: Sequence[int]) -> None:
    database = rebuild.database(rebuild.plan.name)
    try:
        ends = {place: end for place, end in rebuild.planned().items() if place[1] in numbers}
        await _advance(rebuild, database, ends)
    finally:
        await database.close()


async def _advance(
    rebuild: Rebuild, database: Database, ends: Mapping[Partition, int], touched: set[UUID] | None = None
) -> None:
    """Take in what lies between where this generation stands and `ends`; `touched` gets the subjects it was about."""
    readers = rebuild.readers(database)
    positions = await _offsets(database)
    ways = (
        (readers.table_topics, readers.tables.on_batch),
        (readers.event_topics, readers.events.on_batch),
    )
    async with AsyncExitStack() as stack:
        # One for each topic: a consumer of several fetches nothing more while it holds unread records of one of them.
        consumers = {
            topic: await stack.enter_async_context(_consumer(rebuild.bootstrap))
            for topics, _ in ways
            for topic in topics
        }
        for number in sorted({number for _, number in ends}):
            for topics, on_batch in ways:
                places = [(topic, number) for topic in topics]
                read = [
                    _read(consumers[place[0]], place, positions[place], ends[place], rebuild.chunk) for place in places
                ]
                async for records in chunks(read, rebuild.chunk):
                    await take_in(records, positions, on_batch)
                    if touched is not None:
                        touched |= _subjects(records)
                    del records
                    gc.collect(1)
            await _close(database, {(topic, number): ends[topic, number] for topic in consumers})


def _emptied(parts: Sequence[list[Record]]) -> list[Record]:
    """All that was in them, which nobody else holds on to."""
    whole = list(chain.from_iterable(parts))
    for part in parts:
        part.clear()
    return whole


async def _read(
    consumer: AIOKafkaConsumer, place: Partition, start: int, end: int, most: int
) -> AsyncGenerator[list[Record]]:
    """A partition, up to but without `end`, not more than `most` at a time; raises TimeoutError."""
    if start >= end:
        return
    partition = TopicPartition(*place)
    consumer.assign([partition])
    consumer.seek(partition, start)
    patience = time.monotonic() + _PATIENCE_S
    while await consumer.position(partition) < end:
        found = await consumer.getmany(partition, timeout_ms=1000, max_records=min(most, _FETCH))
        if records := [Record.of(record) for record in found.get(partition, []) if record.offset < end]:
            if records[-1].offset + 1 == end:
                # A fetch that waits at the end of this partition would keep the next one waiting.
                consumer.pause(partition)
            yield records
            del records
            patience = time.monotonic() + _PATIENCE_S
        elif time.monotonic() > patience:
            raise TimeoutError(f"the broker shows nothing of {place[0]}[{place[1]}] for {_PATIENCE_S:.0f} s")


def _timestamp(record: Record) -> int:
    return record.timestamp_ms


async def _close(database: Database, ends: Mapping[Partition, int]) -> None:
    """Where compaction left nothing up to the end of a partition, its offset moves there by itself."""
    async with database.begin() as connection:
        await connection.execute(
            text("UPDATE offsets SET next = :end WHERE topic = :topic AND partition = :partition AND next < :end"),
            [{"end": end, "topic": topic, "partition": number} for (topic, number), end in ends.items()],
        )


async def _offsets(database: Database) -> dict[Partition, int]:
    async with database.begin() as connection:
        rows = await connection.execute(text("SELECT topic, partition, next FROM offsets"))
        return {(row.topic, row.partition): row.next for row in rows}


def _behind(here: Mapping[Partition, int], there: Mapping[Partition, int]) -> int:
    return sum(max(0, end - here.get(place, 0)) for place, end in there.items())


def _subjects(records: Iterable[Record]) -> set[UUID]:
    found: set[UUID] = set()
    for record in records:
        try:
            found.add(UUID((record.key or b"").decode()))
        except ValueError:
            continue
    return found


@asynccontextmanager
async def _consumer(bootstrap: str) -> AsyncGenerator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap,
        enable_auto_commit=False,
        auto_offset_reset="none",
        max_partition_fetch_bytes=8_000_000,
        # It rests so long once for each topic that it has not seen before.
        retry_backoff_ms=10,
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
