"""Puts whole batches into the log at once, and looks how many records have come out."""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import time
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from bench.events import Message
from bench.servers import PATIENCE_S, Failed
from waybill_events import ids

BATCH_BYTES: Final = 500_000


@dataclass(frozen=True, slots=True)
class Timed:
    """How many records came out, and in how many seconds."""

    count: int
    seconds: float

    @property
    def per_s(self) -> float:
        """The rate."""
        return self.count / self.seconds


class Log:
    """Puts whole batches in and counts what comes out, with as little work as possible while others are timed."""

    def __init__(self, producer: AIOKafkaProducer, consumer: AIOKafkaConsumer) -> None:
        self.producer, self.consumer = producer, consumer

    def packed(self, messages: Iterable[Message]) -> list[tuple[int, Any]]:
        """Record batches, encoded, each with its partition."""
        open_batches: dict[int, Any] = {}
        full: list[tuple[int, Any]] = []
        for key, value, headers in messages:
            place = ids.partition(key)
            record: dict[str, Any] = {"timestamp": None, "key": str(key).encode(), "value": value, "headers": headers}
            batch = open_batches.setdefault(place, self.producer.create_batch())
            if batch.append(**record) is None:
                full.append((place, batch))
                batch = open_batches[place] = self.producer.create_batch()
                batch.append(**record)
        # As a producer would leave them: round after round over the partitions.
        return [*full, *open_batches.items()]

    async def put(self, topic: str, batches: Sequence[tuple[int, Any]]) -> None:
        """Write batches, and wait until the broker has them."""
        sent = [await self.producer.send_batch(batch, topic, partition=place) for place, batch in batches]
        await asyncio.gather(*sent)

    async def send(self, topic: str, message: Message) -> None:
        """Write one record, without waiting until the broker has it."""
        key, value, headers = message
        await self.producer.send(topic, value=value, key=str(key).encode(), headers=headers)

    async def length(self, topic: str) -> int:
        """Records in a topic."""
        places = [TopicPartition(topic, number) for number in range(ids.PARTITIONS)]
        return sum((await self.consumer.end_offsets(places)).values())

    async def reaches(self, topic: str, count: int) -> float:
        """When (by the monotonic clock) the topic held `count` records; raises Failed when it stops growing before."""
        found, end = -1, 0.0
        while (now := await self.length(topic)) < count:
            if now > found:
                found, end = now, time.monotonic() + PATIENCE_S
            if time.monotonic() > end:
                raise Failed(f"{topic} holds {found} of {count} records, and no more for {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.02)
        return time.monotonic()

    async def through(self, source: str, batches: Sequence[tuple[int, Any]], target: str) -> Timed:
        """Put batches into `source`; from just before that until as many records more are in `target`."""
        before = await self.length(target)
        count = sum(batch.record_count() for _, batch in batches)
        began = time.monotonic()
        await self.put(source, batches)
        ended = await self.reaches(target, before + count)
        return Timed(count, ended - began)


@asynccontextmanager
async def log(bootstrap: str) -> AsyncGenerator[Log]:
    """A connection to the broker."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", max_batch_size=BATCH_BYTES)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    await producer.start()
    try:
        await consumer.start()
        try:
            yield Log(producer, consumer)
        finally:
            await consumer.stop()
    finally:
        await producer.stop()
