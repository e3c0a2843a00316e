"""One transaction: the fence or the command's key, the locked streams, states, outbox, waiters, quarantine."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID

from fastapi.responses import JSONResponse
from sqlalchemy import delete, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import Database, dump
from waybill_chassis.delivery import dead_letters, quarantine, waiters
from waybill_chassis.fold import Caused, Inbox, Outcome, Stream, TooLarge, Waiter
from waybill_chassis.records import (
    Arrival,
    Batch,
    DeadLetter,
    Record,
    Row,
    from_text,
    read,
    read_row,
    to_base64,
    to_text,
    version_of,
)
from waybill_chassis.relay import Wake
from waybill_chassis.table_topics import Rows
from waybill_events import MAX_BYTES, Envelope, Event, ids

S = TypeVar("S")
EarlierAnswer = Callable[[AsyncConnection], Awaitable[JSONResponse | None]]


class FenceLost(Exception):
    """Another process has read on from where this one stands; whatever was decided here is void."""


class OrderParked(Exception):
    """The subject stands still until an operator redrives or discards what parked it."""

    def __init__(self, subject: UUID) -> None:
        super().__init__(f"{subject} is parked")
        self.subject = subject


class Store(Protocol[S]):
    """How one kind of state is kept: bulk load and bulk save, nothing else."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, S]:
        """The states that exist, in one statement."""
        ...

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, S]) -> None:
        """Write all of them, in a number of statements that does not depend on how many there are."""
        ...


class NoState:
    """The store of a service whose subjects leave only events."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, None]:  # noqa: ARG002
        """Nothing."""
        return {}

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, None]) -> None:
        """There is nothing to write."""


@dataclass(frozen=True, slots=True)
class Fresh:
    """What of a batch has not been seen yet, by subject."""

    inboxes: tuple[Inbox, ...]

    @property
    def subjects(self) -> list[UUID]:
        """All subjects that the batch touches."""
        return [inbox.stream.subject for inbox in self.inboxes]


class Transaction(Generic[S]):
    """Everything that one batch or one command reads and writes."""

    def __init__(
        self, connection: AsyncConnection, store: Store[S], source: str, handles: Collection[str], limit_s: float
    ) -> None:
        self.connection, self.store, self.source, self.handles = connection, store, source, handles
        self.limit_s = limit_s
        self.streams: dict[UUID, Stream] = {}
        self.published = 0
        self.earlier: JSONResponse | None = None

    async def pass_fence(self, batch: Batch) -> None:
        """Move each partition's offset from where this read began; raises FenceLost."""
        moved = await self.connection.execute(
            text("""
                WITH fences AS (
                    SELECT * FROM unnest(
                        CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:positions AS bigint[]),
                        CAST(:lasts AS bigint[])
                    ) AS f(topic, partition, position, last)
                ), locked AS (
                    SELECT topic, partition FROM offsets JOIN fences USING (topic, partition)
                    ORDER BY topic, partition FOR UPDATE OF offsets
                )
                UPDATE offsets SET next = fences.last + 1 FROM fences JOIN locked USING (topic, partition)
                WHERE offsets.topic = fences.topic AND offsets.partition = fences.partition
                  AND offsets.next = fences.position
            """),
            {
                "topics": [fence.topic for fence in batch.fences],
                "partitions": [fence.partition for fence in batch.fences],
                "positions": [fence.position for fence in batch.fences],
                "lasts": [fence.last for fence in batch.fences],
            },
        )
        if moved.rowcount != len(batch.fences):
            raise FenceLost(f"{len(batch.fences) - moved.rowcount} of {len(batch.fences)} partitions are another's now")

    async def unseen(self, batch: Batch) -> Fresh:
        """Decode the batch, lock the stream of every subject in it, and sort it out by subject.

        What does not decode is buried as a dead letter; a subject that it names is parked.
        """
        arrivals: dict[UUID, list[Arrival]] = {}
        letters: list[DeadLetter] = []
        for record in batch.records:
            found = read(record, self.handles)
            if isinstance(found, DeadLetter):
                letters.append(found)
                if found.subject is not None:
                    arrivals.setdefault(found.subject, []).append(_poison(record, found.subject, found.error))
            else:
                arrivals.setdefault(found.subject, []).append(found)
        await self.bury(letters)
        await self.lock(arrivals)
        waiting = await self._waiters([subject for subject in arrivals if self.streams[subject].waiting])
        return Fresh(
            tuple(
                Inbox(self.streams[subject], tuple(waiting.get(subject, ())), tuple(arrived))
                for subject, arrived in arrivals.items()
            )
        )

    async def rows(self, batch: Batch) -> Rows:
        """Decode a batch of table topics, where the highest version of a key wins and a tombstone removes it."""
        newest: dict[UUID, Event] = {}
        removed: set[UUID] = set()
        letters: list[DeadLetter] = []
        for record in batch.records:
            match read_row(record, self.handles):
                case DeadLetter() as letter:
                    letters.append(letter)
                case Row(key=key, event=None):
                    newest.pop(key, None)
                    removed.add(key)
                case Row(key=key, event=Event() as event):
                    if key not in newest or version_of(newest[key]) < version_of(event):
                        newest[key] = event
                case _:
                    pass
        await self.bury(letters)
        return Rows(newest, removed)

    async def lock(self, subjects: Iterable[UUID]) -> None:
        """Make and lock the stream of each subject, in id order; those already held stay held."""
        wanted = sorted(set(subjects) - self.streams.keys())
        if not wanted:
            return
        await self.connection.execute(
            text("INSERT INTO streams (subject) SELECT unnest(CAST(:ids AS uuid[])) ON CONFLICT DO NOTHING"),
            {"ids": wanted},
        )
        rows = await self.connection.execute(
            text("SELECT * FROM streams WHERE subject = ANY(CAST(:ids AS uuid[])) ORDER BY subject FOR UPDATE"),
            {"ids": wanted},
        )
        for row in rows:
            taken = {source: (int(last[0]), str(last[1])) for source, last in row.taken.items()}
            self.streams[row.subject] = Stream(row.subject, row.next_sequence, taken, row.parked, row.waiting)

    async def waiters_of(self, subject: UUID) -> Fresh:
        """The subject with nothing but those who wait; for a command or the sweep."""
        waiting = await self._waiters([subject])
        return Fresh((Inbox(self.streams[subject], tuple(waiting.get(subject, ())), ()),))

    async def load(self, subjects: Collection[UUID]) -> dict[UUID, S]:
        """The states of these subjects, as far as they exist."""
        return await self.store.load(self.connection, subjects) if subjects else {}

    async def save(self, states: Mapping[UUID, S]) -> None:
        """Write the states."""
        if states:
            await self.store.save(self.connection, states)

    async def publish(self, events: Sequence[Caused], *, now: datetime | None = None) -> None:
        """Put events into the outbox, numbered per subject; raises TooLarge."""
        if not events:
            return
        await self.lock(caused.event.subject for caused in events if caused.event.sequenced)
        time = now or datetime.now(UTC)
        ordinals: dict[tuple[UUID, str, UUID], int] = {}
        rows: list[dict[str, Any]] = []
        for caused in events:
            event, cause = caused.event, caused.cause
            name = event.type_name()
            ordinal = ordinals[cause.id, name, event.subject] = ordinals.get((cause.id, name, event.subject), -1) + 1
            payload = event.to_json()
            if len(payload) > MAX_BYTES:
                raise TooLarge(
                    f"{name} about {event.subject} has {len(payload)} bytes; at most {MAX_BYTES} may be sent"
                )
            envelope = Envelope(
                id=ids.event_id(cause.id, name, event.subject, ordinal),
                source=self.source,
                type=name,
                time=time,
                subject=event.subject,
                actor=cause.actor,
                causation_id=cause.id,
                sequence=self._number(event.subject) if event.sequenced else None,
                brand=event.brand,
                traceparent=cause.traceparent,
            )
            rows.append(
                {
                    "bucket": ids.bucket(event.subject),
                    "topic": event.topic,
                    "key": event.subject,
                    "headers": to_text(envelope.headers()),
                    "payload": payload,
                }
            )
        await self.connection.execute(
            text("""
                INSERT INTO outbox (bucket, topic, key, headers, payload)
                SELECT * FROM unnest(
                    CAST(:buckets AS smallint[]), CAST(:topics AS text[]), CAST(:keys AS uuid[]),
                    CAST(:headers AS jsonb[]), CAST(:payloads AS bytea[])
                )
            """),
            {
                "buckets": [row["bucket"] for row in rows],
                "topics": [row["topic"] for row in rows],
                "keys": [row["key"] for row in rows],
                "headers": [dump(row["headers"]) for row in rows],
                "payloads": [row["payload"] for row in rows],
            },
        )
        self.published += len(rows)

    async def keep(self, outcome: Outcome[S]) -> None:
        """Store who waits and who is parked; their subjects stand still, their partitions go on."""
        if outcome.settled:
            await self.connection.execute(delete(waiters).where(waiters.c.id.in_(outcome.settled)))
        if outcome.waiting:
            rows = [
                {**_place(waiter.arrival), "value": waiter.arrival.record.value or b"", "needs": waiter.needs}
                for waiter in outcome.waiting
            ]
            await self.connection.execute(upsert(waiters).on_conflict_do_nothing(), rows)
        if outcome.parked:
            rows = [{**_place(parked.arrival), "error": parked.error} for parked in outcome.parked]
            await self.connection.execute(upsert(quarantine).on_conflict_do_nothing(), rows)

    async def bury(self, letters: Sequence[DeadLetter]) -> None:
        """Keep records that do not decode, whole."""
        rows = [
            {
                "topic": letter.record.topic,
                "partition": letter.record.partition,
                "offset": letter.record.offset,
                "key": letter.record.key,
                "headers": to_base64(letter.record.headers),
                "value": letter.record.value,
                "error": letter.error,
                "subject": letter.subject,
            }
            for letter in letters
        ]
        if rows:
            await self.connection.execute(upsert(dead_letters).on_conflict_do_nothing(), rows)

    async def close(self) -> None:
        """Write back the streams that changed, in one statement."""
        changed = [stream for stream in self.streams.values() if stream.changed]
        if changed:
            await self.connection.execute(
                text("""
                    UPDATE streams SET next_sequence = n.next_sequence, taken = n.taken, parked = n.parked,
                        waiting = n.waiting
                    FROM unnest(
                        CAST(:subjects AS uuid[]), CAST(:next AS int[]), CAST(:taken AS jsonb[]),
                        CAST(:parked AS bool[]), CAST(:waiting AS int[])
                    ) AS n(subject, next_sequence, taken, parked, waiting)
                    WHERE streams.subject = n.subject
                """),
                {
                    "subjects": [stream.subject for stream in changed],
                    "next": [stream.next_sequence for stream in changed],
                    "taken": [dump(stream.taken) for stream in changed],
                    "parked": [stream.parked for stream in changed],
                    "waiting": [stream.waiting for stream in changed],
                },
            )

    def _number(self, subject: UUID) -> int:
        stream = self.streams[subject]
        number, stream.next_sequence, stream.changed = stream.next_sequence, stream.next_sequence + 1, True
        return number

    async def _waiters(self, subjects: Collection[UUID]) -> dict[UUID, list[Waiter]]:
        found: dict[UUID, list[Waiter]] = {}
        if not subjects:
            return found
        rows = await self.connection.execute(
            select(waiters).where(waiters.c.subject.in_(subjects)).order_by(waiters.c.id)
        )
        for row in rows:
            record = Record(
                row.topic, row.partition, row.offset, str(row.subject).encode(), from_text(row.headers), row.value
            )
            arrival = read(record, self.handles)
            if isinstance(arrival, DeadLetter):
                arrival = _poison(record, row.subject, arrival.error)
            needs = row.needs
            if row.waited_s >= self.limit_s:
                missing = needs or "the events between"
                arrival = replace(arrival, event=None, error=f"waited {row.waited_s:.0f} s for {missing}")
                needs = needs or "nothing any more"
            found.setdefault(row.subject, []).append(Waiter(arrival, needs, row.id))
        return found


class Begin(Generic[S]):
    """Opens transactions over one kind of state; wakes the relay after each commit that published."""

    def __init__(
        self,
        database: Database,
        store: Store[S],
        *,
        source: str,
        handles: Iterable[type],
        wake: Wake,
        waiting_limit_s: float = 3600.0,
    ) -> None:
        self.database, self.store, self.source, self.wake = database, store, source, wake
        self.waiting_limit_s = waiting_limit_s
        self.handles = frozenset(event.__name__ for event in handles)

    @asynccontextmanager
    async def __call__(self, batch: Batch) -> AsyncGenerator[Transaction[S]]:
        """One batch: past the fence, or FenceLost."""
        async with self._transaction(None) as tx:
            await tx.pass_fence(batch)
            yield tx

    @asynccontextmanager
    async def on(
        self, subject: UUID, brand: UUID | None = None, earlier_answer: EarlierAnswer | None = None
    ) -> AsyncGenerator[Transaction[S]]:
        """One command on one subject, over the rows of `brand`; raises OrderParked.

        Where the command was answered before, `tx.earlier` holds that answer, and nothing else is to be done.
        """
        async with self._transaction(brand) as tx:
            await tx.lock([subject])
            if earlier_answer is not None:
                tx.earlier = await earlier_answer(tx.connection)
            if tx.earlier is None and tx.streams[subject].parked:
                raise OrderParked(subject)
            yield tx

    @asynccontextmanager
    async def _transaction(self, brand: UUID | None) -> AsyncGenerator[Transaction[S]]:
        async with self.database.begin(brand) as connection:
            tx = Transaction(connection, self.store, self.source, self.handles, self.waiting_limit_s)
            yield tx
            await tx.close()
        if tx.published:
            self.wake.set()


def _place(arrival: Arrival) -> dict[str, Any]:
    record = arrival.record
    return {
        "subject": arrival.subject,
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "headers": {} if arrival.envelope is None else to_text(record.headers),
        "value": record.value,
    }


def _poison(record: Record, subject: UUID, error: str) -> Arrival:
    """A dead letter in its subject's line: it takes its place in the sequence and parks what follows."""
    try:
        envelope = Envelope.from_headers(record.headers)
    except ValueError:
        envelope = None
    return Arrival(record, subject, envelope, error=f"does not decode: {error}")
