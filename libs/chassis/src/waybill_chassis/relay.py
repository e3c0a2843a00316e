"""The relay: sends outbox rows to Kafka in order, and moves them to `sent` once the broker has them.

It reads from the head of the table, never from a cursor: rows that commit late would be lost. One relay at a time owns
a range of buckets, by an advisory lock on the one connection that it reads and writes with; PostgreSQL drops that
connection, and so the lock, when it has been silent for LEASE.
"""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportPrivateUsage=false

import asyncio
import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from math import inf
from typing import Any, Final

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.structs import RecordMetadata
from sqlalchemy import Row, delete, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import logging
from waybill_chassis.database import Database
from waybill_chassis.delivery import idempotency, outbox
from waybill_chassis.past import ChangedPast, Partition, changed_since_sent
from waybill_events import ids

Wake = asyncio.Event
"""Set after a commit that wrote to the outbox."""

Landed = tuple[Row[Any], int, int]
"""A row, and the partition and offset that the broker gave it."""

LEASE: Final = "10s"
BEAT_S: Final = 1.0
ANSWER_S: Final = 8.0
"""How long the broker may take for a chunk."""
POLL_S: Final = 0.5
"""How long rows that another process wrote may lie before this one looks."""
LOOK_S: Final = 2.0
"""How often log and database are compared while they differ."""
CHUNK: Final = 2000
PACE_S: Final = 0.02
"""The least time from one chunk to the next while there is less to send than a chunk holds."""
BATCH_BYTES: Final = 262_144
RECORD_BYTES: Final = 1_000_000
"""What Kafka takes of one record by default; an event is smaller, so only what was put here by force is larger."""
KEPT_DAYS: Final = 7
HOUSEKEEPING_S: Final = 600.0
_LOCK: Final = 0x52656C61  # "Rela"
_log = logging.get(__name__)


class LeaseHeld(Exception):
    """Another relay owns these buckets; this one stands by."""


class Relay:
    """Sends what one service's outbox holds; several may run, one works."""

    def __init__(
        self, database: Database, bootstrap: str, wake: Wake, *, source: str, topics: Collection[str], limit: int
    ) -> None:
        self.database, self.bootstrap, self.wake, self.limit = database, bootstrap, wake, limit
        self.source, self.topics = source, topics
        self.changed: str | None = None
        """How the log of our own topics and this database differ; nothing may be written while they do."""
        self.stopping = asyncio.Event()
        self.problem: str | None = None
        """Why nothing is being sent, for /health/ready."""
        self.pause = 0.1
        """Seconds until the next try, while tries fail."""
        self.backlog = 0
        """Rows in the outbox; the sweep of each process counts them, whichever process sends."""

    @property
    def full(self) -> bool:
        """Whether more than the limit waits to be sent: nothing new should be written."""
        return self.backlog >= self.limit

    async def run(self) -> None:
        """Send until stopped; after any failure start again from the table with a new producer."""
        while not self.stopping.is_set():
            try:
                async with self._lease() as lease, self._producer() as producer:
                    await self.compare()
                    await self._work(lease, producer)
            except LeaseHeld:
                self.problem = None
                await self._idle(BEAT_S)
            except ChangedPast:
                self.problem = None
                await self._rest(LOOK_S)
            except Exception as error:  # noqa: BLE001  # whatever it was, the rows are still there
                self.problem = f"the relay cannot send: {type(error).__name__}: {error}".splitlines()[0][:300]
                _log.warning("relay.restarts", error=self.problem, pause_s=self.pause)
                await self._rest(self.pause)
                self.pause = min(self.pause * 2, 5.0)

    async def compare(self) -> None:
        """See that our topics hold what this database sent, and nothing of ours besides; raises ChangedPast."""
        found = await changed_since_sent(self.bootstrap, self.database, self.source, self.topics)
        changed = "; ".join(found) or None
        if changed != self.changed:
            _log.error("relay.changed_past", source=self.source, says=changed or "they agree again")
        self.changed = changed
        if changed is not None:
            raise ChangedPast(changed)

    def stop(self) -> None:
        """Finish the rows in flight and end."""
        self.stopping.set()
        self.wake.set()

    async def _work(self, lease: "_Lease", producer: AIOKafkaProducer) -> None:
        while not self.stopping.is_set():
            self.wake.clear()
            await lease.housekeeping()
            if rows := await lease.head():
                began = time.monotonic()
                await self._send(lease, producer, rows)
                self.problem, self.pause = None, 0.1
                if len(rows) < CHUNK:
                    await self._rest(began + PACE_S - time.monotonic())
            else:
                self.problem, self.pause = None, 0.1
                await self._idle(POLL_S)

    async def _send(self, lease: "_Lease", producer: AIOKafkaProducer, rows: Sequence[Row[Any]]) -> None:
        """Send rows, a batch of each partition in flight at a time; what the broker has is moved to `sent`.

        After a failure nothing more goes out, so that within a partition nothing overtakes what failed. The idempotent
        producer would wait for ever for a broker that is away: it is dropped with all that it still holds. What
        it may have sent is sent again, whether the broker has it or not: readers drop it by its sequence.
        """
        waiting: dict[Partition, list[Row[Any]]] = {}
        for row in rows:
            waiting.setdefault((row.topic, ids.partition(row.key)), []).append(row)
        while waiting:
            landed, failure = await _fly(producer, waiting)
            if failure is not None:
                await _drop(producer)
            if landed:
                await lease.move(landed)
            if failure is not None:
                raise failure
            waiting = {place: queue for place, queue in waiting.items() if queue}

    async def _rest(self, seconds: float) -> None:
        """Wait, whatever is written meanwhile."""
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), seconds)

    async def _idle(self, seconds: float) -> None:
        """Wait until something is written, or for a moment."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self.wake.wait(), seconds)
        if self.wake.is_set() and not self.stopping.is_set():
            self.wake.clear()

    @asynccontextmanager
    async def _producer(self) -> AsyncGenerator[AIOKafkaProducer]:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap, enable_idempotence=True, linger_ms=2, max_batch_size=BATCH_BYTES
        )
        try:
            await producer.start()
            yield producer
        except BaseException:
            await _drop(producer)
            raise
        await producer.stop()

    @asynccontextmanager
    async def _lease(self) -> AsyncGenerator["_Lease"]:
        """Own all buckets, or LeaseHeld."""
        engine = self.database.engine.execution_options(isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            try:
                await connection.execute(text(f"SET idle_session_timeout = '{LEASE}'"))
                held = await connection.execute(text("SELECT pg_try_advisory_lock(:lock)"), {"lock": _LOCK})
                if not held.scalar_one():
                    raise LeaseHeld
                lease = _Lease(connection)
                beating = asyncio.create_task(lease.beat())
                try:
                    yield lease
                finally:
                    beating.cancel()
                    with suppress(asyncio.CancelledError, SQLAlchemyError, OSError):
                        await beating
            finally:
                # The connection has settings and a lock of its own: it must not go back to the pool.
                await connection.invalidate()


async def _fly(
    producer: AIOKafkaProducer, waiting: dict[Partition, list[Row[Any]]]
) -> tuple[list[Landed], BaseException | None]:
    """Send the first batch of each partition, and take what landed out of `waiting`; what failed, if anything did."""
    failure: BaseException | None = None
    flying: dict[Partition, tuple[int, asyncio.Future[RecordMetadata]]] = {}
    try:
        async with asyncio.timeout(ANSWER_S):
            for place, queue in waiting.items():
                batch, count = _batch(producer, queue)
                flying[place] = count, await producer.send_batch(batch, place[0], partition=place[1])
    except (KafkaError, TimeoutError) as error:
        failure = error
    if flying:
        await asyncio.wait([answer for _, answer in flying.values()], timeout=ANSWER_S)
    landed: list[Landed] = []
    for place, (count, answer) in flying.items():
        if not answer.done():
            failure = failure or TimeoutError(f"the broker did not answer within {ANSWER_S:.0f} s")
        elif (refusal := answer.exception()) is not None:
            failure = refusal
        else:
            first = answer.result().offset
            landed += [(row, place[1], first + at) for at, row in enumerate(waiting[place][:count])]
            del waiting[place][:count]
    return landed, failure


def _batch(producer: AIOKafkaProducer, rows: Sequence[Row[Any]]) -> tuple[BatchBuilder, int]:
    """The first rows of a partition as one batch, and how many they are; raises MessageSizeTooLargeError."""
    batch, count = producer.create_batch(), 0
    for row in rows:
        headers = [(name, value.encode()) for name, value in row.headers.items()]
        size = len(row.payload or b"") + sum(len(name) + len(value) for name, value in headers)
        if size > RECORD_BYTES:
            if count:
                break
            raise MessageSizeTooLargeError(f"event {row.headers.get('ce_id')} has {size} bytes")
        if batch.append(timestamp=None, key=str(row.key).encode(), value=row.payload, headers=headers) is None:
            break
        count += 1
    batch.close()
    return batch, count


async def send_again(connection: AsyncConnection, topic: str, partition: int, offset: int) -> int:
    """Put what the broker had taken of a partition, from `offset` on, back where it was in the outbox; how many.

    They go out before everything that was written since, under the numbers that they had.
    """
    place = {"topic": topic, "partition": partition, "offset": offset}
    moved = await connection.execute(
        text("""
            WITH lost AS (
                DELETE FROM sent WHERE topic = :topic AND partition = :partition AND "offset" >= :offset RETURNING *
            )
            INSERT INTO outbox (id, bucket, topic, key, headers, payload, created_at) OVERRIDING SYSTEM VALUE
            SELECT id, get_byte(uuid_send(key), 0), topic, key, headers, payload, created_at FROM lost
        """),
        place,
    )
    await connection.execute(
        text('DELETE FROM acknowledged WHERE topic = :topic AND partition = :partition AND "offset" >= :offset'),
        place,
    )
    await connection.execute(
        text("""
            INSERT INTO acknowledged
            SELECT topic, partition, "offset", headers->>'ce_id' FROM sent
            WHERE topic = :topic AND partition = :partition ORDER BY "offset" DESC LIMIT 1
            ON CONFLICT DO NOTHING
        """),
        place,
    )
    return moved.rowcount


async def _drop(producer: AIOKafkaProducer) -> None:
    """End a producer without sending what it still holds; its own `stop` would wait until all of that is out."""
    if producer._closed:  # noqa: SLF001  # aiokafka has no public way to give up
        return
    producer._closed = True  # noqa: SLF001
    # Not by its own `close`, which awaits the task that it cancels: one that has not begun yet would cancel us, too.
    if (sending := producer._sender.sender_task) is not None:  # noqa: SLF001
        sending.cancel()
        await asyncio.wait([sending], timeout=ANSWER_S)
    with suppress(KafkaError, OSError, TimeoutError):
        async with asyncio.timeout(ANSWER_S):
            await producer.client.close()


class _Lease:
    """The connection that holds the lock; every statement of the relay goes through it, and so needs the lock."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.busy = asyncio.Lock()
        self.housekept = -inf

    async def beat(self) -> None:
        """Keep the lease; a failure shows at the next statement of the relay."""
        while True:
            await asyncio.sleep(BEAT_S)
            async with self.busy:
                await self.connection.execute(text("SELECT 1"))

    async def head(self) -> Sequence[Row[Any]]:
        """The oldest rows present."""
        async with self.busy:
            return (await self.connection.execute(select(outbox).order_by(outbox.c.id).limit(CHUNK))).all()

    async def move(self, landed: Sequence[Landed]) -> None:
        """Move rows that the broker has, with partition and offset, from `outbox` to `sent`, in one statement."""
        async with self.busy:
            await self.connection.execute(
                text("""
                    WITH acks AS (
                        SELECT * FROM unnest(
                            CAST(:ids AS bigint[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[])
                        ) AS a(id, partition, "offset")
                    ), moved AS (
                        DELETE FROM outbox USING acks WHERE outbox.id = acks.id
                        RETURNING outbox.id, topic, key, headers, payload, created_at, partition, "offset"
                    ), marked AS (
                        INSERT INTO acknowledged
                        SELECT DISTINCT ON (topic, partition) topic, partition, "offset", headers->>'ce_id' FROM moved
                        ORDER BY topic, partition, "offset" DESC
                        ON CONFLICT (topic, partition) DO UPDATE
                        SET "offset" = excluded."offset", event_id = excluded.event_id
                        WHERE excluded."offset" > acknowledged."offset"
                    )
                    INSERT INTO sent (id, topic, key, headers, payload, created_at, partition, "offset", sent_at)
                    SELECT id, topic, key, headers, payload, created_at, partition, "offset", now() FROM moved
                """),
                {
                    "ids": [row.id for row, _, _ in landed],
                    "partitions": [partition for _, partition, _ in landed],
                    "offsets": [offset for _, _, offset in landed],
                },
            )

    async def housekeeping(self) -> None:
        """Now and then: make the partitions of `sent` for today and tomorrow, drop those past their time.

        The days are the database's: it places the rows, and a service's clock may jump.
        """
        if time.monotonic() - self.housekept < HOUSEKEEPING_S:
            return
        async with self.busy:
            today = (await self.connection.execute(text("SELECT (now() AT TIME ZONE 'UTC')::date"))).scalar_one()
            for day in (today, today + timedelta(days=1)):
                await self.connection.execute(
                    text(
                        f"CREATE TABLE IF NOT EXISTS sent_{day:%Y%m%d} PARTITION OF sent"
                        f" FOR VALUES FROM ('{day}T00:00:00Z') TO ('{day + timedelta(days=1)}T00:00:00Z')"
                    )
                )
            names = await self.connection.execute(
                text("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'sent'::regclass")
            )
            oldest = f"sent_{today - timedelta(days=KEPT_DAYS):%Y%m%d}"
            for name in names.scalars().all():
                if name.rpartition(".")[2] < oldest:
                    await self.connection.execute(text(f"DROP TABLE {name}"))
            await self.connection.execute(
                delete(idempotency).where(idempotency.c.created_at < func.now() - timedelta(days=KEPT_DAYS))
            )
        self.housekept = time.monotonic()
