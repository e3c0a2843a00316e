"""The log as the judge reads it, and how the rig writes records of its own to it.

Every record of the rig's that is no copy has a source that begins with `chaos/`, so that the judge knows it again.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, TypeVar
from uuid import UUID, uuid5

from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from waybill_chassis import topics
from waybill_chassis.records import Headers, Record
from waybill_cli import events
from waybill_events import Envelope, ids

T = TypeVar("T")
OURS: Final = "chaos/"
_TYPES: Final = {
    "waybill.sales": "SaleReceived",
    "waybill.orders": "OrderPlaced",
    "waybill.fulfillment": "ItemsFulfilled",
    "waybill.tracking": "TrackingAdded",
}
_PATIENCE_S: Final = 25.0
_COPIED: Final = 300 // ids.PARTITIONS
"""Records of each partition that are written again at once."""
_OVERSIZED: Final = 1_000_000
"""Bytes that a broker takes, and that no event may have."""
_UNREADABLE: Final[Sequence[Headers]] = (
    (("ce_specversion", b"1.0"), ("ce_id", b"\xff\xfe")),
    (("ce_specversion", b"0.3"),),
    (("ce_specversion", None), ("ce_id", b"no UUID")),
    (("ce_specversion", b"1.0"), ("ce_source", b"\x00")),
    (),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """One record of the log; without `source` where its headers are no envelope, without `data` where it is no event."""

    topic: str
    partition: int
    offset: int
    type: str
    subject: str
    source: str | None
    sequence: int | None
    id: str | None
    data: dict[str, Any] | None
    error: str | None

    @classmethod
    def of(cls, seen: events.Seen) -> "Entry":
        """What was read."""
        values = seen.as_json(None, personal=True)
        return cls(**{name: values[name] for name in cls.__slots__} | {"type": seen.name})

    @property
    def injected(self) -> bool:
        """Whether the rig made it."""
        return self.source is None or self.source.startswith(OURS)

    @property
    def place(self) -> str:
        """Where it is."""
        return f"{self.topic}/{self.partition}@{self.offset}"

    def __str__(self) -> str:
        return f"{self.place} {self.type} #{self.sequence} of {self.subject} from {self.source}, {self.id}"


async def read(bootstrap: str) -> list[Entry]:
    """The whole log, by partition and offset."""
    found = [Entry.of(seen) for seen in await events.newest(bootstrap, events.ALL, None)]
    return sorted(found, key=lambda entry: (entry.topic, entry.partition, entry.offset))


async def size(bootstrap: str, topic: str) -> int:
    """How many records a topic has had."""
    ends = await _when_there(partial(topics.ends, bootstrap, [topic]))
    return sum(end for _, end in ends.values())


def write(entries: Iterable[Entry]) -> str:
    """As JSON lines."""
    return "".join(json.dumps(asdict(entry), ensure_ascii=False) + "\n" for entry in entries)


def parse(lines: Iterable[str]) -> list[Entry]:
    """What `write` wrote."""
    return [Entry(**json.loads(line)) for line in lines]


@asynccontextmanager
async def _producer(bootstrap: str) -> AsyncGenerator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, request_timeout_ms=8000, max_request_size=2_000_000)
    try:
        await producer.start()
        yield producer
    finally:
        await producer.stop()


async def _when_there(do: Callable[[], Awaitable[T]]) -> T:
    """Read or write once the broker is there: other faults may have struck it."""
    end = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return await do()
        except KafkaError:
            if time.monotonic() > end:
                raise
            await asyncio.sleep(0.5)


async def copy(bootstrap: str, topic: str, variant: str, dice: random.Random) -> int:
    """Write records of a topic again: the newest, the oldest, or some backwards; how many."""
    chosen = await _when_there(partial(_some, bootstrap, topic, variant, dice))
    await _send(bootstrap, chosen[::-1] if variant == "backwards" else chosen)
    return len(chosen)


async def _some(bootstrap: str, topic: str, variant: str, dice: random.Random) -> list[Record]:
    """As many of each partition; no more is read of a log that a long run has made long."""
    async with events.open_reader(bootstrap) as reader:
        bounds: dict[TopicPartition, range] = {}
        for place, offsets in (await reader.bounds(events.places_of([topic]))).items():
            start = {"newest": max(0, len(offsets) - _COPIED), "oldest": 0}.get(variant)
            if start is None:
                start = dice.randint(0, max(0, len(offsets) - _COPIED))
            bounds[place] = offsets[start : start + _COPIED]
        return [record async for record in reader.between(bounds)]


async def poison(bootstrap: str, topic: str, subject: UUID, variant: str, dice: random.Random) -> str:
    """Write one record about `subject` that its readers cannot apply; what it is."""
    kind, name = variant.replace(" ", "-"), f"waybill.{_TYPES[topic]}.v1"
    value = b"{}"
    match variant:
        case "unknown version":
            name = f"waybill.{_TYPES[topic]}.v9"
        case "refused":
            # More is shipped of the only line than was ordered: no ledger can be opened with it.
            name, topic = "waybill.OrderPlaced.v1", "waybill.orders"
            value = json.dumps(_ghost(subject)).encode()
        case "U+0000":
            value = json.dumps({**_ghost(subject), "reference": "a\x00b"}).encode()
        case "oversized":
            value = b"x" * (_OVERSIZED - dice.randint(0, 1000))
        case "headers":
            kind = "headers"
        case _:
            value = bytes(dice.randrange(256) for _ in range(200))
    envelope = Envelope(
        id=uuid5(ids.NAMESPACE, f"chaos|{subject}|{dice.random()}"),
        source=f"{OURS}{kind}/{dice.randrange(2**32)}",
        type=name,
        time=datetime.now(UTC),
        subject=subject,
        actor="rule:chaos",
        causation_id=subject,
        sequence=1,
    )
    headers = tuple(envelope.headers()) if kind != "headers" else dice.choice(_UNREADABLE)
    key = str(subject).encode()
    await _send(bootstrap, [Record(topic, ids.partition(subject), 0, key, headers, value)])
    return f"{name} about {subject}"


async def _send(bootstrap: str, records: Sequence[Record]) -> None:
    """Write records to where they were, each after the one before it; once more if it is not known whether they are."""
    await _when_there(partial(_write, bootstrap, records))


async def _write(bootstrap: str, records: Sequence[Record]) -> None:
    async with _producer(bootstrap) as producer:
        flying = [
            await producer.send(
                record.topic,
                value=record.value,
                key=record.key,
                partition=record.partition,
                headers=list(record.headers),
            )
            for record in records
        ]
        for each in flying:
            await each


def _ghost(order: UUID) -> dict[str, Any]:
    return {
        "order_id": str(order),
        "sale_id": str(order),
        "brand_id": str(order),
        "reference": f"ghost-{order.hex[:12]}",
        "number": "ghost",
        "connection_id": str(order),
        "platform": "chaos",
        "placed_at": "2026-03-01T12:00:00Z",
        "recipient_version": 1,
        "lines": [{"line_id": "1", "quantity": 1, "shipped": 1, "canceled": 1}],
    }
