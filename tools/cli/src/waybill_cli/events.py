"""Read the log as it is: every event of an order, or the newest of all."""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaConnectionError
from pydantic import BaseModel

from waybill_chassis import topics
from waybill_chassis.records import Record
from waybill_events import EVENTS, TOPICS, Envelope, Event, OrderPlaced, SaleSplit, ids, without_personal

ALL: Final = tuple(topic.name for topic in TOPICS)
LOGS: Final = tuple(topic.name for topic in TOPICS if topic.kind != "table")
Bounds = Mapping[TopicPartition, range]
"""Which offsets of each partition are to be read."""
_ORDERS: Final = "waybill.orders"
_POLL_MS: Final = 500
_PATIENCE_MS: Final = 30_000
_REMEMBERED: Final = 1_000_000
"""How many events `Hops` knows the time of; following may go on for weeks."""


class NotFound(LookupError):
    """No event of this order is in the log."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A record of the log; `event` None where it is a tombstone or does not decode (`error` then says why)."""

    record: Record
    envelope: Envelope | None
    event: Event | None
    error: str | None = None

    @classmethod
    def of(cls, record: Record) -> "Seen":
        """Read a record, whatever it holds."""
        if record.value is None:
            return cls(record, None, None)
        try:
            envelope = Envelope.from_headers(record.headers)
        except ValueError as error:
            return cls(record, None, None, str(error))
        try:
            return cls(record, envelope, EVENTS.decode(envelope.type, record.value))
        except (LookupError, ValueError) as error:
            return cls(record, envelope, None, str(error))

    @property
    def name(self) -> str:
        """The event's bare name."""
        if self.envelope is None:
            return "tombstone" if self.record.value is None else "unreadable"
        return self.envelope.type.removeprefix("waybill.").partition(".v")[0]

    @property
    def logged_at(self) -> datetime:
        """When the record was written."""
        return datetime.fromtimestamp(self.record.timestamp_ms / 1000, UTC)

    def as_json(self, hop_ms: int | None, *, personal: bool) -> dict[str, Any]:
        """One object for programs. Personal data is left out unless it is asked for."""
        envelope = self.envelope
        key = (self.record.key or b"").decode(errors="replace")
        return {
            "type": self.name if envelope is None else envelope.type,
            "subject": key if envelope is None else str(envelope.subject),
            "source": None if envelope is None else envelope.source,
            "sequence": None if envelope is None else envelope.sequence,
            "time": self.logged_at.isoformat() if envelope is None else envelope.time.isoformat(),
            "data": None if self.event is None else shown(self.event, personal=personal),
            # A record of a former version is shown as what it is to handlers.
            "data_type": None if self.event is None else self.event.type_name(),
            "id": None if envelope is None else str(envelope.id),
            "actor": None if envelope is None else envelope.actor,
            "causation_id": None if envelope is None else str(envelope.causation_id),
            "hop_ms": hop_ms,
            "topic": self.record.topic,
            "partition": self.record.partition,
            "offset": self.record.offset,
            "error": self.error,
        }


def shown(event: BaseModel, *, personal: bool) -> dict[str, Any]:
    """The event's fields, without those that name a person."""
    return event.model_dump(mode="json") if personal else without_personal(event)


async def of_order(bootstrap: str, name: str) -> list[Seen]:
    """Every event of an order and of its sale, causes before effects; raises NotFound.

    `name` is an order's reference, or the id of an order, or that of a sale: then all its orders are meant.
    """
    async with open_reader(bootstrap) as reader:
        subjects = await subjects_of(reader, name)
        bounds = await reader.bounds(places_of(LOGS, subjects))
        found = [
            seen
            async for seen in map_seen(reader.between(bounds))
            if seen.envelope is not None and seen.envelope.subject in subjects
        ]
    return in_order(found)


async def subjects_of(reader: "Reader", name: str) -> set[UUID]:
    """The ids of an order and its sale, or of a sale and its orders; raises NotFound."""
    subjects: set[UUID] = set()
    bounds = await reader.bounds([TopicPartition(_ORDERS, number) for number in range(ids.PARTITIONS)])
    async for seen in map_seen(reader.between(bounds)):
        match seen.event:
            case OrderPlaced(reference=reference, order_id=order, sale_id=sale):
                if name in {reference, str(order), str(sale)}:
                    subjects |= {order, sale}
            case SaleSplit(sale_id=sale):
                if name == str(sale):
                    subjects.add(sale)
            case _:
                pass
    if not subjects:
        raise NotFound(f"no order {name} is in the log; `waybill events tail` shows what is")
    return subjects


def places_of(names: Collection[str], subjects: Collection[UUID] | None = None) -> list[TopicPartition]:
    """The partitions of these topics, or those of them where something of these subjects may be."""
    numbers = range(ids.PARTITIONS) if subjects is None else {ids.partition(subject) for subject in subjects}
    return sorted(TopicPartition(name, number) for name in set(names) for number in numbers)


async def newest(bootstrap: str, names: Collection[str], limit: int | None) -> list[Seen]:
    """The newest records of these topics, oldest first; all of them without a limit."""
    async with open_reader(bootstrap) as reader:
        bounds = await reader.bounds(places_of(names))
        if limit is not None:
            bounds = {place: offsets[-limit:] for place, offsets in bounds.items()}
        found = [seen async for seen in map_seen(reader.between(bounds))]
    ordered = in_order(found)
    return ordered if limit is None else ordered[-limit:]


async def follow(bootstrap: str, names: Collection[str], after: Iterable[Seen]) -> AsyncGenerator[Seen]:
    """Records as they come, for ever; those in `after` are not repeated."""
    known = {seen.record.place for seen in after}
    async with open_reader(bootstrap) as reader:
        places = places_of(names)
        ends = await topics.ends(bootstrap, names)
        last: dict[tuple[str, int], int] = {}
        for topic, partition, offset in known:
            last[topic, partition] = max(last.get((topic, partition), -1), offset)
        starts = {place: last.get((place.topic, place.partition), ends[place][1] - 1) + 1 for place in places}
        async for seen in map_seen(reader.onwards(starts)):
            yield seen


def in_order(found: Sequence[Seen]) -> list[Seen]:
    """By the time of writing; of one moment, causes before effects, then by sequence."""
    by_id = {seen.envelope.id: seen for seen in found if seen.envelope is not None}

    def depth(seen: Seen) -> int:
        steps, at = 0, seen
        while at.envelope is not None and at.envelope.causation_id != at.envelope.id:
            cause = by_id.get(at.envelope.causation_id)
            if cause is None or steps > len(by_id):
                break
            steps, at = steps + 1, cause
        return steps

    def order(seen: Seen) -> tuple[int, int, int, int, tuple[str, int, int]]:
        rank = 0 if seen.name == SaleSplit.__name__ else 1
        sequence = 0 if seen.envelope is None else seen.envelope.sequence or 0
        return seen.record.timestamp_ms, depth(seen), rank, sequence, seen.record.place

    return sorted(found, key=order)


class Hops:
    """How long events took from the writing of their cause to their own."""

    def __init__(self, found: Iterable[Seen]) -> None:
        self.written: dict[UUID, int] = {}
        for seen in found:
            self._note(seen)

    def of(self, seen: Seen) -> int | None:
        """Milliseconds, where the cause was seen."""
        self._note(seen)
        cause = None if seen.envelope is None else seen.envelope.causation_id
        if seen.envelope is None or cause is None or cause == seen.envelope.id or cause not in self.written:
            return None
        return seen.record.timestamp_ms - self.written[cause]

    def _note(self, seen: Seen) -> None:
        if seen.envelope is not None:
            self.written[seen.envelope.id] = seen.record.timestamp_ms
            while len(self.written) > _REMEMBERED:
                del self.written[next(iter(self.written))]


class Reader:
    """Reads partitions without a group."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer

    async def bounds(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, range]:
        """What is in these partitions now."""
        firsts, ends = await self.consumer.beginning_offsets(places), await self.consumer.end_offsets(places)
        return {place: range(firsts[place], ends[place]) for place in places}

    async def since(self, bounds: Bounds, time: datetime) -> dict[TopicPartition, range]:
        """These bounds without what was written before `time`."""
        moment = int(time.timestamp() * 1000)
        found = await self.consumer.offsets_for_times(dict.fromkeys(bounds, moment)) if bounds else {}
        later: dict[TopicPartition, range] = {}
        for place, offsets in bounds.items():
            at = found.get(place)
            later[place] = range(offsets.stop if at is None else max(offsets.start, at.offset), offsets.stop)
        return later

    async def between(self, bounds: Bounds) -> AsyncGenerator[Record]:
        """The records within these bounds, in order within each partition."""
        open_ = {place for place, offsets in bounds.items() if offsets}
        if not open_:
            return
        self.consumer.assign(list(open_))
        for place in open_:
            self.consumer.seek(place, bounds[place].start)
        silent = 0
        while open_:
            fetched = await self.consumer.getmany(timeout_ms=_POLL_MS)
            silent = 0 if fetched else silent + _POLL_MS
            if silent >= _PATIENCE_MS:
                # To fetching, a broker that is away looks like an empty topic.
                raise KafkaConnectionError("the broker does not answer any more")
            for place, records in fetched.items():
                for record in records:
                    if record.offset < bounds[place].stop:
                        yield Record.of(record)
            for place in list(open_):
                if await self.consumer.position(place) >= bounds[place].stop:
                    open_.discard(place)
                    self.consumer.pause(place)

    async def onwards(self, starts: dict[TopicPartition, int]) -> AsyncGenerator[Record]:
        """From these offsets on, for ever."""
        self.consumer.assign(list(starts))
        for place, offset in starts.items():
            self.consumer.seek(place, offset)
        while True:
            for records in (await self.consumer.getmany(timeout_ms=500)).values():
                for record in records:
                    yield Record.of(record)


async def map_seen(records: AsyncGenerator[Record]) -> AsyncGenerator[Seen]:
    """What each record holds."""
    async for record in records:
        yield Seen.of(record)


@asynccontextmanager
async def open_reader(bootstrap: str) -> AsyncGenerator[Reader]:
    """A reader that leaves no trace in the broker."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none")
    try:
        await consumer.start()
        yield Reader(consumer)
    finally:
        await consumer.stop()
