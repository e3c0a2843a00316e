"""One transaction: the fence or the command's key, the locked streams, states, outbox, waiters, quarantine."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Generic, Protocol, TypeVar
from uuid import UUID

from sqlalchemy import Row as Row_
from sqlalchemy import and_, delete, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import Database, among, dump
from waybill_chassis.delivery import dead_letters, quarantine, rulings, waiters
from waybill_chassis.fold import FORK, Caused, Inbox, Outcome, Queued, Stream, TooLarge, Waiter
from waybill_chassis.records import (
    Arrival,
    Batch,
    DeadLetter,
    Fault,
    Place,
    Record,
    Row,
    envelope_of,
    from_base64,
    from_text,
    read,
    read_row,
    to_base64,
    to_text,
    version_of,
)
from waybill_chassis.relay import Wake
from waybill_chassis.table_topics import Rows
from waybill_events import MAX_BYTES, Envelope, InvalidEnvelope, ids

UNDECODABLE: Final = "Undecodable"
WAITED: Final = "WaitedTooLong"
S = TypeVar("S")


class FenceLost(Exception):
    """Another process has read on from where this one stands; whatever was decided here is void."""


class OrderParked(Exception):
    """The subject stands still until an operator redrives or discards what parked it."""

    def __init__(self, subject: UUID) -> None:
        super().__init__(f"{subject} is parked")
        self.subject = subject


class StillDead(ValueError):
    """A dead letter that does not decode today either; the message says why."""


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
        self,
        connection: AsyncConnection,
        store: Store[S],
        source: str,
        handles: Collection[str],
        limit_s: float,
        *,
        alone: bool = False,
    ) -> None:
        self.connection, self.store, self.source, self.handles = connection, store, source, handles
        self.limit_s, self.alone = limit_s, alone
        self.streams: dict[UUID, Stream] = {}
        self.rulings: dict[Place, bytes | None] = {}
        """What operators decided about records of this batch, and about those that waited for it."""
        self.published = 0

    async def pass_fence(self, batch: Batch) -> None:
        """Move each partition's offset from where this read began; raises FenceLost."""
        moved = await self.connection.execute(
            text("""
                WITH fences AS (
                    SELECT * FROM unnest(
                        CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:positions AS bigint[]),
                        CAST(:lasts AS bigint[]), CAST(:fingerprints AS bytea[])
                    ) AS f(topic, partition, position, last, fingerprint)
                ), locked AS (
                    SELECT topic, partition FROM offsets JOIN fences USING (topic, partition)
                    ORDER BY topic, partition FOR UPDATE OF offsets
                )
                UPDATE offsets SET next = fences.last + 1, fingerprint = fences.fingerprint
                FROM fences JOIN locked USING (topic, partition)
                WHERE offsets.topic = fences.topic AND offsets.partition = fences.partition
                  AND offsets.next = fences.position
                RETURNING EXISTS (
                    SELECT 1 FROM rulings WHERE rulings.topic = offsets.topic AND rulings.partition = offsets.partition
                      AND rulings."offset" BETWEEN fences.position AND fences.last
                ) AS ruled
            """),
            {
                "topics": [fence.last.topic for fence in batch.fences],
                "partitions": [fence.last.partition for fence in batch.fences],
                "positions": [fence.position for fence in batch.fences],
                "lasts": [fence.last.offset for fence in batch.fences],
                "fingerprints": [fence.last.fingerprint for fence in batch.fences],
            },
        )
        ruled = moved.scalars().all()
        if len(ruled) != len(batch.fences):
            raise FenceLost(f"{len(batch.fences) - len(ruled)} of {len(batch.fences)} partitions are another's now")
        if any(ruled):
            await self._load_rulings({fence.last.topic for fence in batch.fences})

    async def unseen(self, batch: Batch) -> Fresh:
        """Decode the batch, lock the stream of every subject in it, and sort it out by subject.

        What does not decode is buried as a dead letter; a subject that it names is parked.
        """
        arrivals: dict[UUID, list[Arrival]] = {}
        letters: list[DeadLetter] = []
        for record in batch.records:
            found = self._read(record)
            if isinstance(found, DeadLetter):
                letters.append(found)
                if found.subject is not None:
                    arrivals.setdefault(found.subject, []).append(_poison(found, found.subject))
            elif found is not None:
                arrivals.setdefault(found.subject, []).append(found)
        await self.bury(letters)
        await self.lock(arrivals)
        waiting = await self._waiters([subject for subject in arrivals if self.streams[subject].waiting])
        return Fresh(
            tuple(
                Inbox(self.streams[subject], tuple(waiting.get(subject, ())), tuple(arrived), refused=batch.refused)
                for subject, arrived in arrivals.items()
            )
        )

    async def rows(self, batch: Batch) -> Rows:
        """Decode a batch of table topics, where the highest version of a key wins and a tombstone removes it."""
        found: list[Row] = []
        letters: list[DeadLetter] = []
        for record in batch.records:
            row = DeadLetter(record, batch.refused.says, None) if batch.refused else self._read_row(record)
            if isinstance(row, DeadLetter):
                letters.append(row)
            elif row is not None:
                found.append(row)
        await self.bury(letters)
        await self._forget(found)
        return _newest(found)

    def unburied_rows(self, record: Record) -> Rows:
        """A dead letter of a table topic, read as if it had come just now; raises StillDead."""
        found = self._read_row(record)
        if isinstance(found, DeadLetter):
            raise StillDead(found.error)
        return _newest([] if found is None else [found])

    async def lock(self, subjects: Iterable[UUID], *, make: bool = True) -> None:
        """Lock the stream of each subject, in id order; those already held stay held.

        Where there is none it is made, unless only the known ones are wanted; who is alone makes it in the end.
        """
        wanted = sorted(set(subjects) - self.streams.keys(), key=_as_number)
        if not wanted:
            return
        if make and not self.alone:
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
        if make and self.alone:
            for subject in wanted:
                if subject not in self.streams:
                    self.streams[subject] = Stream(subject, new=True)

    async def early(self, subject: UUID) -> Fresh:
        """A locked subject with nothing but those who wait."""
        waiting = await self._waiters([subject])
        return Fresh((Inbox(self.streams[subject], tuple(waiting.get(subject, ()))),))

    async def parked(self, subject: UUID) -> Fresh:
        """A locked subject with its quarantine, to be tried again, and those who wait."""
        rows = await self.connection.execute(
            select(quarantine).where(quarantine.c.subject == subject).order_by(quarantine.c.id)
        )
        queue: list[Queued] = []
        await self._load_rulings()
        buried = await self._buried(subject)
        for row in rows:
            record = buried.get((row.topic, row.partition, row.offset)) or _record(row)
            arrival = self._kept(record, subject) or Arrival(record, subject, None)
            if row.cause == FORK and record.place not in self.rulings:
                arrival = replace(arrival, event=None, fault=Fault(FORK, row.error))
            queue.append(Queued(arrival, row.id))
        waiting = await self._waiters([subject])
        return Fresh((Inbox(self.streams[subject], tuple(waiting.get(subject, ())), queue=tuple(queue)),))

    async def unburied(self, record: Record) -> Fresh:
        """A dead letter, read as if it had come just now; raises StillDead, also for one that names no subject."""
        found = self._read(record)
        if isinstance(found, DeadLetter):
            raise StillDead(found.error)
        if found is None:
            return Fresh(())
        await self.lock([found.subject])
        waiting = await self._waiters([found.subject])
        return Fresh((Inbox(self.streams[found.subject], tuple(waiting.get(found.subject, ())), (found,)),))

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
            payload = event.to_json() if caused.value is None else caused.value
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
                    "topic": event.topic_of(self.source),
                    "key": event.subject,
                    "headers": envelope.texts(),
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
        released: set[Place] = set()
        if outcome.released:
            # Before others are parked: one may have left the quarantine to wait, and come back when its turn came.
            gone = await self.connection.execute(
                delete(quarantine)
                .where(quarantine.c.id.in_(outcome.released))
                .returning(quarantine.c.topic, quarantine.c.partition, quarantine.c.offset)
            )
            released = {(row.topic, row.partition, row.offset) for row in gone}
        if outcome.parked:
            rows = [
                {
                    **_place(parked.arrival),
                    "cause": None if parked.fault is None else parked.fault.cause,
                    "error": None if parked.fault is None else parked.fault.says,
                }
                for parked in outcome.parked
            ]
            await self.connection.execute(upsert(quarantine).on_conflict_do_nothing(), rows)
        for id_, fault in outcome.refused_again.items():
            subject = select(quarantine.c.subject).where(quarantine.c.id == id_).scalar_subquery()
            # It is the head now, whatever was said of others before.
            behind = update(quarantine).where(quarantine.c.subject == subject, quarantine.c.cause != FORK)
            await self.connection.execute(behind.values(cause=None, error=None))
            await self.connection.execute(
                update(quarantine).where(quarantine.c.id == id_).values(cause=fault.cause, error=fault.says)
            )
        if outcome.jumped:
            # Whoever reads it again, as a rebuild does, goes on without what is missing, too.
            accepted = [
                {
                    **dict(zip(("topic", "partition", "offset"), arrival.record.place, strict=True)),
                    "value": arrival.record.value,
                }
                for arrival in outcome.jumped
            ]
            await self.connection.execute(upsert(rulings).on_conflict_do_nothing(), accepted)
        settled = released - {parked.arrival.record.place for parked in outcome.parked}
        if settled:
            place = tuple_(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset)
            await self.connection.execute(delete(dead_letters).where(place.in_(sorted(settled))))

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

    async def _forget(self, found: Iterable[Row]) -> None:
        """Drop the dead letters of removed keys: read later they would bring back what was erased."""
        removals = [row.record for row in found if row.event is None]
        if removals:
            await self.connection.execute(
                text("""
                    DELETE FROM dead_letters USING unnest(
                        CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:offsets AS bigint[]),
                        CAST(:keys AS bytea[])
                    ) AS removal(topic, partition, "offset", key)
                    WHERE dead_letters.topic = removal.topic AND dead_letters.partition = removal.partition
                      AND dead_letters.key = removal.key AND dead_letters."offset" < removal."offset"
                """),
                {
                    "topics": [record.topic for record in removals],
                    "partitions": [record.partition for record in removals],
                    "offsets": [record.offset for record in removals],
                    "keys": [record.key for record in removals],
                },
            )

    async def close(self) -> None:
        """Write the streams that are new or changed, in one statement each; raises FenceLost for who is not alone."""
        new = [stream for stream in self.streams.values() if stream.new]
        if new:
            made = await self.connection.execute(
                text(f"""
                    INSERT INTO streams (subject, next_sequence, taken, parked, waiting) {_STREAMS}
                    ON CONFLICT DO NOTHING
                """),
                _columns(new),
            )
            if made.rowcount != len(new):
                raise FenceLost(f"another process has made {len(new) - made.rowcount} of {len(new)} streams meanwhile")
        changed = [stream for stream in self.streams.values() if stream.changed and not stream.new]
        if changed:
            await self.connection.execute(
                text(f"""
                    WITH n AS ({_STREAMS})
                    UPDATE streams SET next_sequence = n.next_sequence, taken = n.taken, parked = n.parked,
                        waiting = n.waiting
                    FROM n WHERE streams.subject = n.subject
                """),  # noqa: S608  # ours
                _columns(changed),
            )

    async def _load_rulings(self, topics: Collection[str] | None = None) -> None:
        query = select(rulings) if topics is None else select(rulings).where(rulings.c.topic.in_(topics))
        for row in await self.connection.execute(query):
            self.rulings[row.topic, row.partition, row.offset] = row.value

    def _read(self, record: Record) -> Arrival | DeadLetter | None:
        """Read a record as an operator ruled; None for one that is passed over and tells nothing."""
        if record.place not in self.rulings:
            return read(record, self.handles)
        if (ruled := self.rulings[record.place]) is not None:
            found = read(replace(record, value=ruled), self.handles)
            return replace(found, ruled=True) if isinstance(found, Arrival) else found
        try:
            envelope = envelope_of(record)
        except InvalidEnvelope:
            return None
        return Arrival(record, envelope.subject, envelope, ruled=True)

    def _read_row(self, record: Record) -> Row | DeadLetter | None:
        if record.place not in self.rulings:
            return read_row(record, self.handles)
        ruled = self.rulings[record.place]
        return None if ruled is None else read_row(replace(record, value=ruled), self.handles)

    def _kept(self, record: Record, subject: UUID) -> Arrival | None:
        """An event that was kept in a table."""
        found = self._read(record)
        return _poison(found, subject) if isinstance(found, DeadLetter) else found

    async def _buried(self, subject: UUID) -> dict[Place, Record]:
        """The records of a subject that did not decode, as the broker had them."""
        rows = await self.connection.execute(select(dead_letters).where(dead_letters.c.subject == subject))
        return {record.place: record for record in map(record_of_letter, rows)}

    def _number(self, subject: UUID) -> int:
        stream = self.streams[subject]
        number, stream.next_sequence, stream.changed = stream.next_sequence, stream.next_sequence + 1, True
        return number

    async def _waiters(self, subjects: Collection[UUID]) -> dict[UUID, list[Waiter]]:
        found: dict[UUID, list[Waiter]] = {}
        if not subjects:
            return found
        ruled = rulings.c["topic", "partition", "offset"]
        here = and_(*(waiters.c[place.name] == place for place in ruled))
        rows = await self.connection.execute(
            select(waiters, rulings.c.topic.is_not(None).label("ruled"), rulings.c.value.label("ruling"))
            .join(rulings, here, isouter=True)
            .where(among(waiters.c.subject, subjects))
            .order_by(waiters.c.id)
        )
        for row in rows:
            if row.ruled:
                self.rulings[row.topic, row.partition, row.offset] = row.ruling
            arrival = self._kept(_record(row), row.subject)
            if arrival is None:
                continue
            overdue = None
            if row.waited_s >= self.limit_s:
                missing = row.needs or "the events between"
                overdue = Fault.of(WAITED, f"waited {row.waited_s:.0f} s for {missing}")
            found.setdefault(row.subject, []).append(Waiter(arrival, row.needs, row.id, overdue))
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
        alone: bool = False,
    ) -> None:
        """`alone` says that nobody else writes to these subjects: their streams need not be there to be locked."""
        self.database, self.store, self.source, self.wake = database, store, source, wake
        self.waiting_limit_s, self.alone = waiting_limit_s, alone
        self.handles = frozenset(event.__name__ for event in handles)

    @asynccontextmanager
    async def __call__(self, batch: Batch) -> AsyncGenerator[Transaction[S]]:
        """One batch: past the fence, or FenceLost."""
        async with self._transaction(None) as tx:
            await tx.pass_fence(batch)
            yield tx

    @asynccontextmanager
    async def on(
        self, subject: UUID, brand: UUID | None = None, *, parked_too: bool = False
    ) -> AsyncGenerator[Transaction[S]]:
        """What is about one subject, which need not be known, over the rows of `brand`; raises OrderParked.

        `parked_too` is for those who get a parked subject going again.
        """
        async with self._transaction(brand) as tx:
            await tx.lock([subject])
            if tx.streams[subject].parked and not parked_too:
                raise OrderParked(subject)
            yield tx

    @asynccontextmanager
    async def on_known(self, subjects: Collection[UUID], brand: UUID | None) -> AsyncGenerator[Transaction[S]]:
        """Commands on several subjects, over the rows of `brand`; `tx.streams` has those that are known here."""
        async with self._transaction(brand) as tx:
            await tx.lock(subjects, make=False)
            yield tx

    @asynccontextmanager
    async def of_operator(self) -> AsyncGenerator[Transaction[S]]:
        """What is neither a batch nor about one subject that is known beforehand."""
        async with self._transaction(None) as tx:
            yield tx

    @asynccontextmanager
    async def _transaction(self, brand: UUID | None) -> AsyncGenerator[Transaction[S]]:
        async with self.database.begin(brand, writes=True) as connection:
            tx = Transaction(connection, self.store, self.source, self.handles, self.waiting_limit_s, alone=self.alone)
            yield tx
            await tx.close()
        if tx.published:
            self.wake.set()


_STREAMS: Final = """
    SELECT * FROM unnest(
        CAST(:subjects AS uuid[]), CAST(:next AS int[]), CAST(:taken AS jsonb[]),
        CAST(:parked AS bool[]), CAST(:waiting AS int[])
    ) AS n(subject, next_sequence, taken, parked, waiting)
"""


def _columns(streams: Sequence[Stream]) -> dict[str, list[Any]]:
    """The values of `_STREAMS`."""
    return {
        "subjects": [stream.subject for stream in streams],
        "next": [stream.next_sequence for stream in streams],
        "taken": [dump(stream.taken) for stream in streams],
        "parked": [stream.parked for stream in streams],
        "waiting": [stream.waiting for stream in streams],
    }


def _as_number(subject: UUID) -> int:
    """Ids compare by number, the same order as PostgreSQL's, and numbers compare faster."""
    return subject.int


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


def _newest(found: Iterable[Row]) -> Rows:
    """The highest version of each key, and the keys that were removed."""
    rows = Rows({}, set())
    for row in found:
        if row.event is None:
            rows.newest.pop(row.key, None)
            rows.removed.add(row.key)
        elif row.key not in rows.newest or version_of(rows.newest[row.key]) < version_of(row.event):
            rows.newest[row.key] = row.event
    return rows


def record_of_letter(row: Row_[Any]) -> Record:
    """The record that a row of `dead_letters` keeps."""
    return Record(row.topic, row.partition, row.offset, row.key, from_base64(row.headers), row.value)


def _record(row: Row_[Any]) -> Record:
    return Record(row.topic, row.partition, row.offset, str(row.subject).encode(), from_text(row.headers), row.value)


def _poison(letter: DeadLetter, subject: UUID) -> Arrival:
    """A dead letter in its subject's line: it takes its place in the sequence and parks what follows."""
    try:
        envelope = envelope_of(letter.record)
    except InvalidEnvelope:
        envelope = None
    return Arrival(letter.record, subject, envelope, fault=Fault.of(UNDECODABLE, f"does not decode: {letter.error}"))
