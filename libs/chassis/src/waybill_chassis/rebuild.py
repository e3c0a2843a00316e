"""Builds a generation of a projection from the log, beside the live one, and points to it once both stand level.

A process of its own does this, under a database role that can write to nothing but the generation it builds. What it
reads goes through the same functions as live reading does. Each transaction moves the offsets of that generation, so it
may be killed anywhere and goes on where it was.
"""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import multiprocessing
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
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

BATCH: Final = 4000
"""The most records of one transaction."""
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

    def database(self, generation: str) -> Database:
        """The database, seen from one generation."""
        return Database(self.database_url, size=2, generation=generation)

    def topics(self) -> list[str]:
        """All topics that go into it."""
        return sorted(self.plan.ends)

    def planned(self) -> dict[Partition, int]:
        """Where each partition ended when it was planned."""
        return {(topic, number): end for topic, ends in self.plan.ends.items() for number, end in enumerate(ends)}


Told = Callable[[int, int], None]
"""How many records of how many are taken in."""


async def build(rebuild: Rebuild, processes: int, tell: Told) -> None:
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
                for share in done:
                    share.result()
                if len(done) == len(working):
                    return
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
            touched = await _advance(rebuild, built, ends)
            if (reached := await _offsets(built)) != ends:
                raise NotLevel(f"the live generation stands at {ends}, the new one at {reached}")
            found.add(await rebuild.compare(connection, former, rebuild.plan.name, found.later | touched))
            if found.later:
                raise NotLevel(f"rows of {len(found.later)} subjects do not stand level, such as {min(found.later)}")
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


def _share(rebuild: Rebuild, numbers: Sequence[int]) -> None:
    """One process's part of the work."""
    asyncio.run(_build_share(rebuild, numbers))


async def _build_share(rebuild: Rebuild, numbers: Sequence[int]) -> None:
    database = rebuild.database(rebuild.plan.name)
    try:
        ends = {place: end for place, end in rebuild.planned().items() if place[1] in numbers}
        await _advance(rebuild, database, ends)
    finally:
        await database.close()


async def _advance(rebuild: Rebuild, database: Database, ends: Mapping[Partition, int]) -> set[UUID]:
    """Take in what lies between where this generation stands and `ends`; the subjects that it was about."""
    readers = rebuild.readers(database)
    positions = await _offsets(database)
    touched: set[UUID] = set()
    async with _consumer(rebuild.bootstrap) as consumer:
        for number in sorted({number for _, number in ends}):
            for topic in (*readers.table_topics, *readers.event_topics):
                place = (topic, number)
                on_batch = readers.tables.on_batch if topic in readers.table_topics else readers.events.on_batch
                async for records in _read(consumer, place, positions[place], ends[place]):
                    await take_in(records, positions, on_batch)
                    touched |= _subjects(records)
                await _close(database, place, ends[place])
    return touched


async def _read(consumer: AIOKafkaConsumer, place: Partition, start: int, end: int) -> AsyncGenerator[list[Record]]:
    """A partition in batches, up to but without `end`; raises TimeoutError."""
    if start >= end:
        return
    partition = TopicPartition(*place)
    consumer.assign([partition])
    consumer.seek(partition, start)
    patience = time.monotonic() + _PATIENCE_S
    while await consumer.position(partition) < end:
        found = await consumer.getmany(partition, timeout_ms=1000, max_records=BATCH)
        if records := [Record.of(record) for record in found.get(partition, []) if record.offset < end]:
            yield records
            patience = time.monotonic() + _PATIENCE_S
        elif time.monotonic() > patience:
            raise TimeoutError(f"the broker shows nothing of {place[0]}[{place[1]}] for {_PATIENCE_S:.0f} s")


async def _close(database: Database, place: Partition, end: int) -> None:
    """Where compaction left nothing up to the end, the offset moves there by itself."""
    async with database.begin() as connection:
        await connection.execute(
            text("UPDATE offsets SET next = :end WHERE topic = :topic AND partition = :partition AND next < :end"),
            {"end": end, "topic": place[0], "partition": place[1]},
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
    )
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()
