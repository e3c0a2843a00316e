"""One hop, plain and by the chassis: an event in, a row kept, an event out."""

import asyncio
import sys
import time
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import text

from bench.events import Message, shipments
from bench.load import Log
from bench.servers import PATIENCE_S, Failed, Replica, Servers, fresh_topics, opened, running, settled, spent, stop
from waybill_chassis.database import Database
from waybill_events import Topic

SOURCE: Final = "waybill.fulfillment"
TARGET: Final = "waybill.tracking"
PLAIN_SOURCE: Final = "bench.plain.source"
PLAIN_TARGET: Final = "bench.plain.target"
_PLAIN_TOPICS: Final = tuple(Topic(name, "bench", "log", "") for name in (PLAIN_SOURCE, PLAIN_TARGET))


@dataclass(frozen=True, slots=True)
class Hop:
    """A hop at work, on empty topics and an empty database."""

    url: str
    replicas: Sequence[Replica]


@dataclass(frozen=True, slots=True)
class Measured:
    """The rate of a hop, and the CPU that an event took, in microseconds: of service, database and broker."""

    per_s: float
    cpu_us: dict[str, float]


@asynccontextmanager
async def chassis(servers: Servers, processes: int = 1, **settings: str) -> AsyncGenerator[Hop]:
    """The tracking service: the smallest of all, and a real one."""
    await fresh_topics(servers.kafka.bootstrap)
    url = await servers.database()
    replicas = servers.start("tracking", url, processes, **settings)
    async with running(replicas):
        await settled(servers.kafka.bootstrap, "waybill.tracking", processes)
        yield Hop(url, replicas)


@asynccontextmanager
async def plain(servers: Servers, processes: int = 1) -> AsyncGenerator[Hop]:
    """What `plain.py` holds."""
    await fresh_topics(servers.kafka.bootstrap, _PLAIN_TOPICS)
    url = await servers.database()
    script = str(Path(__file__).with_name("plain.py"))
    command = [sys.executable, script, url, servers.kafka.bootstrap, PLAIN_SOURCE, PLAIN_TARGET]
    replicas: list[Replica] = []
    try:
        # The first one makes the table; two at a time would both try.
        for members in range(1, processes + 1):
            replicas.append(Replica("plain", servers.spawn(command, "plain")))
            await settled(servers.kafka.bootstrap, "plain", members)
        yield Hop(url, replicas)
    finally:
        await asyncio.to_thread(stop, [replica.process for replica in replicas])


async def measure_chassis(servers: Servers, log: Log, count: int, processes: int = 1, **settings: str) -> Measured:
    """Take `count` events through; raises Failed when a row or a record is missing or too many."""
    warm, events = _events(count)
    async with chassis(servers, processes, **settings) as hop:
        await log.through(SOURCE, log.packed(warm), TARGET)
        measured = await _measure(servers, hop, log, events, (SOURCE, TARGET))
        await check_chassis(log, hop.url, len(warm) + count)
    return measured


async def measure_plain(servers: Servers, log: Log, count: int, processes: int = 1) -> Measured:
    """The same through the plain hop."""
    warm, events = _events(count)
    async with plain(servers, processes) as hop:
        await log.through(PLAIN_SOURCE, log.packed(warm), PLAIN_TARGET)
        measured = await _measure(servers, hop, log, events, (PLAIN_SOURCE, PLAIN_TARGET))
        total = len(warm) + count
        await check_rows(log, hop.url, PLAIN_TARGET, total, {"parcels": total})
    return measured


async def check_chassis(log: Log, url: str, count: int) -> None:
    """See that every event has left its row, its stream, its event in `sent` and in the log, once, and nothing else."""
    full = dict.fromkeys(("parcels", "streams", "sent"), count)
    empty = dict.fromkeys(("outbox", "waiters", "quarantine", "dead_letters"), 0)
    await check_rows(log, url, TARGET, count, {**full, **empty})


async def check_rows(log: Log, url: str, topic: str, count: int, rows: Mapping[str, int]) -> None:
    """See that `topic` holds `count` records and each table its rows; raises Failed."""
    end = time.monotonic() + PATIENCE_S
    async with opened(url) as database:
        for table, wanted in rows.items():
            while (found := await _rows(database, table)) != wanted:
                # The relay notes in `sent` what it has sent, a moment later.
                if time.monotonic() > end:
                    raise Failed(f"{table} holds {found} rows, not {wanted}")
                await asyncio.sleep(0.1)
    if (found := await log.length(topic)) != count:
        raise Failed(f"{topic} holds {found} records, not {count}")


def _events(count: int) -> tuple[Sequence[Message], Sequence[Message]]:
    """Some to warm up with, so that every cache is filled and every process of a group has its partitions; then all."""
    warm = max(count // 20, 100)
    events = shipments(count + warm)
    return events[:warm], events[warm:]


async def _measure(
    servers: Servers, hop: Hop, log: Log, events: Sequence[Message], topics: tuple[str, str]
) -> Measured:
    before = servers.cpu_s({"service": hop.replicas})
    timed = await log.through(topics[0], log.packed(events), topics[1])
    after = servers.cpu_s({"service": hop.replicas})
    return Measured(timed.per_s, spent(before, after, timed.count))


async def _rows(database: Database, table: str) -> int:
    async with database.begin() as connection:
        found: int = (await connection.execute(text(f"SELECT count(*) FROM {table}"))).scalar_one()  # noqa: S608  # ours
        return found
