"""Reads topics in batches with FastStream; the database, not Kafka, says how far.

After a failure each partition that is still ours is sought back to the database's offset, and the batch comes again.
"""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import asyncio
import logging as standard
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker, KafkaMessage
from faststream.kafka.message import FAKE_CONSUMER
from sqlalchemy import text

from waybill_chassis import logging, topics
from waybill_chassis.database import Database
from waybill_chassis.past import ChangedPast, Mark, Partition, changed_before
from waybill_chassis.reading import OnBatch, take_in
from waybill_chassis.records import Record
from waybill_chassis.transaction import FenceLost

_COMMIT_EVERY_S: Final = 5.0
PACE_S: Final = 0.05
"""The least time from one batch to the next while there is less to read than a batch holds.

Most of what a small batch costs is the same for a large one, so under load it is better to let a few more come; after a
rest nobody waits.
"""
_LOOK_S: Final = 5.0
_log = logging.get(__name__)


async def whole(records: Any) -> KafkaMessage:
    """The parser of every subscription: it looks at nothing.

    FastStream's own decodes each header; one that is not UTF-8 would make a whole batch vanish.
    """
    return KafkaMessage(raw_message=records, body=b"", consumer=FAKE_CONSUMER)  # pyright: ignore[reportCallIssue]


async def raw(message: KafkaMessage) -> Any:
    """The decoder of every subscription: records stay as the broker keeps them, one bad one cannot fail its batch.

    FastStream would run one that is no coroutine in a thread.
    """
    return message.raw_message


class Consumer(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka is untyped
    """One subscription of one service: some topics, one group, one transaction per batch."""

    def __init__(
        self,
        *,
        database: Database,
        bootstrap: str,
        group: str,
        topics: Collection[str],
        on_batch: OnBatch,
        held: Callable[[], str | None],
        records: int,
        hop: Callable[[float], None],
    ) -> None:
        self.database, self.bootstrap, self.group, self.topics = database, bootstrap, group, sorted(topics)
        self.on_batch, self.held = on_batch, held
        self.changed: dict[Partition, str] = {}
        """Partitions whose past is no longer what was read; nothing is taken in while there is one."""
        self.positions: dict[Partition, int] = {}
        """Where the next record of each partition of ours should come from."""
        self.seeks: dict[Partition, int] = {}
        """How often we went elsewhere in each partition; and as it was when the batch in hand was fetched:"""
        self.fetched: dict[Partition, int] = {}
        self.on_the_way: set[Partition] = set()
        """Partitions of a batch that was fetched and has not been handed over."""
        self.problems: dict[str, str] = {}
        self.started = False
        self.stopping = asyncio.Event()
        self.pause = 0.1
        self.committed_at = 0.0
        self.fetched_at = 0.0
        self.records = records
        self.hop = hop
        self.broker = KafkaBroker(
            bootstrap,
            client_id=f"waybill.{group}",
            logger=standard.getLogger("waybill_chassis.faststream"),
            log_level=standard.DEBUG,
            apply_types=False,
            graceful_timeout=30.0,
            allow_auto_create_topics=False,
        )
        self.subscriber = self.broker.subscriber(
            *self.topics,
            group_id=f"waybill.{group}",
            batch=True,
            max_records=records,
            batch_timeout_ms=100,
            parser=whole,
            decoder=raw,
            ack_policy=AckPolicy.MANUAL,
            auto_offset_reset="none",
            listener=self,
        )
        self.subscriber(self._on_records)
        self.fetch = self.subscriber.get_msg
        self.subscriber.get_msg = self._fetch  # type: ignore[method-assign]

    @property
    def problem(self) -> str | None:
        """Why reading does not go on; None when it does."""
        return "; ".join([*self.changed.values(), *self.problems.values()]) or None

    async def start(self) -> None:
        """See that the topics are there and still hold what was read of them, and begin to read; raises ChangedPast."""
        await self._prepare()
        self.changed = await changed_before(self.bootstrap, await self._marks([(topic, 0) for topic in self.topics]))
        if self.changed:
            raise ChangedPast("; ".join(self.changed.values()))
        try:
            await self.broker.start()
        except BaseException:
            # FastStream takes a consumer that failed to start for one that did.
            await self.broker.stop()
            raise
        self.started = True

    async def stop(self) -> None:
        """Finish the batch in hand, commit it, and leave the group."""
        self.stopping.set()
        await self.broker.stop()

    async def look(self) -> None:
        """Notice a broker that is away, which looks like an empty topic, and a past that changes while we read."""
        consumer = self._client()
        places = [TopicPartition(*place) for place in self.positions]
        if consumer is None or not places or not consumer.assignment().issuperset(places):
            return
        before = dict(self.positions)
        try:
            ends = await asyncio.wait_for(consumer.end_offsets(places), _LOOK_S)
            if self.changed or any(ends[place] < before[place.topic, place.partition] for place in places):
                await self._compare(list(before))
        except (KafkaError, TimeoutError) as error:
            self._report("broker", error)
        else:
            self.problems.pop("broker", None)

    async def go_to_database(self) -> None:
        """Read on from where the database says now, as after a rewind."""
        await self._seek_until_done(sorted(self.positions))
        await self._compare(sorted(self.positions))

    async def caught_up(self) -> bool:
        """Whether this group, whichever process reads, has taken in all that the topics hold now."""
        ends = await topics.ends(self.bootstrap, self.topics)
        known = await self._marks(ends)
        return all(place in known and known[place].next >= last for place, (_first, last) in ends.items())

    def lag(self) -> int:
        """Records not yet taken in, over the partitions that this process reads."""
        consumer = self._client()
        if consumer is None:
            return 0
        behind = 0
        assigned = consumer.assignment()
        for (topic, partition), position in self.positions.items():
            if (place := TopicPartition(topic, partition)) in assigned:
                behind += max(0, (consumer.highwater(place) or 0) - position)
        return behind

    async def on_partitions_revoked(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, revoked: Collection[TopicPartition]
    ) -> None:
        """Forget them: whoever reads them next is let in by the fence."""
        for place in revoked:
            self.positions.pop((place.topic, place.partition), None)
            self.changed.pop((place.topic, place.partition), None)
        self.problems.pop("batch", None)

    async def on_partitions_assigned(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, assigned: Collection[TopicPartition]
    ) -> None:
        """Go to where the database says; aiokafka would swallow a failure, so this tries until it works."""
        places = [(place.topic, place.partition) for place in assigned]
        await self._until_done("past", lambda: self._compare(places))
        await self._seek_until_done(places)

    async def _fetch(self, consumer: AIOKafkaConsumer) -> tuple["ConsumerRecord[Any, Any]", ...]:
        """What FastStream calls for the next batch; we note from where it was read."""
        if lost := self.on_the_way & self.positions.keys():
            # FastStream dropped it between fetching and us; reading on would jump over it.
            self._report("batch", RuntimeError("a batch was not handed over; it is fetched again"))
            self.on_the_way = set()
            await self._go_back(lost)
        await self._wait(self.fetched_at + PACE_S - time.monotonic())
        try:
            records = await self.fetch(consumer)
        except KafkaError as error:
            self._report("fetch", error)
            raise
        self.fetched = dict(self.seeks)
        self.on_the_way = {(record.topic, record.partition) for record in records}
        self.problems.pop("fetch", None)
        if 0 < len(records) < self.records // 2:
            self.fetched_at = time.monotonic()
        return records

    async def _on_records(self, records: Sequence["ConsumerRecord[Any, Any]"]) -> None:
        self.on_the_way = set()
        # Fetched before we went elsewhere, or no longer ours: it comes again, here or to another process.
        batch = [
            Record.of(each)
            for each in records
            if (place := (each.topic, each.partition)) in self.positions
            and self.fetched.get(place) == self.seeks.get(place)
            and each.offset >= self.positions[place]
        ]
        if not batch:
            return
        if (reason := "; ".join(self.changed.values()) or self.held()) is not None:
            self.problems["batch"] = f"{self.group} does not read: {reason}"
            await self._wait(1.0)
            await self._seek_back(batch)
            return
        try:
            await take_in(batch, self.positions, self.on_batch)
        except FenceLost as lost:
            _log.info("consumer.fence_lost", group=self.group, says=str(lost))
            await self._seek_back(batch)
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing was written; it is tried again
            await self._stumble("batch", error)
            await self._seek_back(batch)
        else:
            self.pause = 0.1
            self.problems.pop("batch", None)
            self.hop(max(0.0, time.time() - batch[0].timestamp_ms / 1000))
            await self._tell_kafka()

    async def _stumble(self, at: str, error: BaseException) -> None:
        self._report(at, error)
        _log.error("consumer.tries_again", group=self.group, at=at, pause_s=self.pause, exc_info=error)
        await self._wait(self.pause)
        self.pause = min(self.pause * 2, 10.0)

    async def _wait(self, seconds: float) -> None:
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), seconds)

    def _report(self, at: str, error: BaseException) -> None:
        says = str(error) or type(error).__name__
        self.problems[at] = f"{self.group} cannot read ({at}): {type(error).__name__}: {says}".splitlines()[0][:300]

    async def _seek_back(self, batch: Sequence[Record]) -> None:
        await self._go_back({(record.topic, record.partition) for record in batch} & self.positions.keys())

    async def _go_back(self, places: Collection[Partition]) -> None:
        for place in places:
            # Until it is known again where to go on, nothing of this partition may be taken in.
            del self.positions[place]
        await self._seek_until_done(sorted(places))

    async def _seek_until_done(self, places: Sequence[Partition]) -> None:
        await self._until_done("seek", lambda: self._seek(places))

    async def _until_done(self, what: str, do: Callable[[], Awaitable[None]]) -> None:
        """Try until it works: there is no other way on, and aiokafka would swallow a failure."""
        while not self.stopping.is_set():
            try:
                await do()
            except Exception as error:  # noqa: BLE001
                await self._stumble(what, error)
            else:
                self.problems.pop(what, None)
                return

    async def _compare(self, places: Sequence[Partition]) -> None:
        """See whether these partitions are still what was read of them."""
        known = await self._marks(places)
        found = await changed_before(self.bootstrap, {place: known[place] for place in places})
        for place in places:
            if (says := found.get(place)) is None:
                self.changed.pop(place, None)
            elif self.changed.get(place) != says:
                self.changed[place] = says
                _log.error("consumer.changed_past", group=self.group, says=says)
        if not self.changed:
            self.problems.pop("batch", None)

    async def _seek(self, places: Sequence[Partition]) -> None:
        consumer = self._client()
        if consumer is None or not places:
            return
        known = await self._marks(places)
        for topic, partition in places:
            place = TopicPartition(topic, partition)
            if place in consumer.assignment():
                consumer.seek(place, known[topic, partition].next)
                self.seeks[topic, partition] = self.seeks.get((topic, partition), 0) + 1
                self.positions[topic, partition] = known[topic, partition].next

    async def _tell_kafka(self) -> None:
        """Kafka's own offsets serve those who watch the lag; nothing here reads them."""
        now = time.monotonic()
        consumer = self._client()
        if consumer is not None and self.positions and now - self.committed_at >= _COMMIT_EVERY_S:
            self.committed_at = now
            with suppress(KafkaError):
                await consumer.commit({TopicPartition(*place): position for place, position in self.positions.items()})

    async def _prepare(self) -> None:
        await topics.check(self.bootstrap, self.topics)
        ends = await topics.ends(self.bootstrap, self.topics)
        async with self.database.begin(writes=True) as connection:
            await connection.execute(
                text("""
                    INSERT INTO offsets (topic, partition, next)
                    SELECT * FROM unnest(CAST(:topics AS text[]), CAST(:partitions AS int[]), CAST(:firsts AS bigint[]))
                    ON CONFLICT DO NOTHING
                """),
                {
                    "topics": [topic for topic, _ in ends],
                    "partitions": [partition for _, partition in ends],
                    "firsts": [first for first, _ in ends.values()],
                },
            )

        await self._give_group_offsets(ends)

    async def _give_group_offsets(self, ends: Mapping[Partition, tuple[int, int]]) -> None:
        """Give the group an offset in Kafka where it has none that the log still has.

        aiokafka goes there as soon as a partition is assigned, beside our own seek; where it cannot, it fails, and
        FastStream pauses for five seconds.
        """
        places = sorted(ends)
        known = await self._marks(places)
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self.bootstrap, group_id=f"waybill.{self.group}", enable_auto_commit=False
        )
        await consumer.start()
        try:
            partitions = [TopicPartition(*place) for place in places]
            consumer.assign(partitions)
            new: dict[TopicPartition, int] = {}
            for place in partitions:
                committed, (first, last) = await consumer.committed(place), ends[place.topic, place.partition]
                if committed is None or not first <= committed <= last:
                    new[place] = known[place].next
            if new:
                # A group at work refuses this; its members have done it then.
                with suppress(KafkaError):
                    await consumer.commit(new)
        finally:
            await consumer.stop()

    async def _marks(self, places: Collection[Partition]) -> dict[Partition, Mark]:
        """How far all partitions of the topics of these were read."""
        async with self.database.begin() as connection:
            rows = await connection.execute(
                text("SELECT topic, partition, next, fingerprint FROM offsets WHERE topic = ANY(:topics)"),
                {"topics": sorted({topic for topic, _ in places})},
            )
            return {(row.topic, row.partition): Mark(row.next, row.fingerprint) for row in rows}

    def _client(self) -> AIOKafkaConsumer | None:
        return self.subscriber.consumer
