"""Notices that the past has changed: a log that lost its end or was made anew, a database older than its log."""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import time
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiokafka import AIOKafkaConsumer, TopicPartition
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import topics
from waybill_chassis.database import Database
from waybill_chassis.delivery import acknowledged
from waybill_chassis.records import Record
from waybill_events import TOPICS, Envelope, InvalidEnvelope

Partition = tuple[str, int]
_PATIENCE_S: Final = 10.0
_TAIL: Final = 100
"""How many of the newest records of a partition are compared: the last one alone would tell, were all of them ours."""
_SEE: Final = "; docs/runbook.md#a-changed-past says what to do"
"""At the end of what is said, once: a topic that was made anew says so for each of its partitions."""
_KEEPS_ALL: Final = {topic.name for topic in TOPICS if topic.kind == "log"}


class ChangedPast(Exception):
    """Log and database tell different stories; nothing may be written until somebody has decided which one holds."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How far a partition was read, and the fingerprint of the record before that."""

    next: int
    fingerprint: bytes | None


async def changed_before(bootstrap: str, marks: Mapping[Partition, Mark]) -> dict[Partition, str]:
    """What is not as it was when it was read, by partition; empty where all of it is."""
    ends = await topics.ends(bootstrap, {topic for topic, _ in marks})
    found: dict[Partition, str] = {}
    compare: dict[Partition, range] = {}
    for place, mark in marks.items():
        first, end = ends[place]
        name = f"{place[0]}[{place[1]}]"
        if end < mark.next:
            found[place] = (
                f"{name} ends at offset {end}, and this database has read it up to {mark.next}: "
                "the log is older than the database, or was made anew"
            )
        elif first > mark.next:
            found[place] = f"{name} begins at offset {first}: {mark.next} to {first - 1} are gone, and were never read"
        elif mark.fingerprint is not None and first < mark.next:
            compare[place] = range(mark.next - 1, mark.next)
        elif mark.fingerprint is not None and place[0] in _KEEPS_ALL:
            found[place] = f"{name} begins at offset {first}, although it keeps everything: the log was made anew"
    read = await _read(bootstrap, compare)
    for place in compare:
        mark, records = marks[place], read.get(place, [])
        # On other topics compaction or retention may have taken it.
        if (records or place[0] in _KEEPS_ALL) and [record.fingerprint for record in records] != [mark.fingerprint]:
            found[place] = (
                f"{place[0]}[{place[1]}] has another record at offset {mark.next - 1} than this database has read: "
                "the log lost its end and went on differently, or was made anew"
            )
    if found:
        found[next(reversed(found))] += _SEE
    return found


async def changed_since_sent(bootstrap: str, database: Database, source: str, own: Collection[str]) -> list[str]:
    """Where a service's own topics and its database tell different stories; empty where they agree."""
    if not own:
        return []
    async with database.begin() as connection:
        rows = await connection.execute(select(acknowledged).where(acknowledged.c.topic.in_(own)))
        last_sent = {(row.topic, row.partition): (row.offset, row.event_id) for row in rows}
    ends = await topics.ends(bootstrap, own)
    found: list[str] = []
    compare: dict[Partition, range] = {}
    for place, (first, end) in ends.items():
        offset, _ = last_sent.get(place, (-1, None))
        if end <= offset:
            found.append(
                f"{place[0]}[{place[1]}] ends at offset {end}, and the broker had taken ours up to {offset}: "
                "the log is older than this database and has lost events"
            )
        elif first < end:
            compare[place] = range(max(first, offset, end - _TAIL), end)
    read = await _read(bootstrap, compare)
    later: list[Record] = []
    for place, records in read.items():
        offset, event_id = last_sent.get(place, (-1, None))
        for record in records:
            if record.offset != offset:
                later.append(record)
            elif event_id is not None and _header(record, "ce_id") != event_id:
                found.append(
                    f"{place[0]}[{place[1]}] has another record at offset {offset} than this service sent: "
                    "the log lost its end and went on differently, or was made anew"
                )
    async with database.begin() as connection:
        unknown = await _never_sent(connection, source, later)
    if unknown:
        worst = min(unknown, key=lambda record: record.timestamp_ms)
        found.append(
            f"{worst.topic}[{worst.partition}] holds at offset {worst.offset} an event of this service, "
            f"{_header(worst, 'ce_type')} {_header(worst, 'ce_id')}, which its database never sent: "
            "the database is older than its log"
        )
    return [*found[:-1], found[-1] + _SEE] if found else []


async def _never_sent(connection: AsyncConnection, source: str, records: Iterable[Record]) -> list[Record]:
    """Those of our own that the database knows nothing of: by their number, else by their id."""
    mine: list[tuple[Record, Envelope]] = []
    for record in records:
        try:
            envelope = Envelope.from_headers(record.headers)
        except InvalidEnvelope:
            continue
        if envelope.source == source:
            mine.append((record, envelope))
    if not mine:
        return []
    subjects: list[UUID] = sorted({envelope.subject for _, envelope in mine})
    rows = await connection.execute(
        text("SELECT subject, next_sequence FROM streams WHERE subject = ANY(:subjects)"), {"subjects": subjects}
    )
    next_sequence: dict[UUID, int] = {row.subject: row.next_sequence for row in rows}
    rows = await connection.execute(
        text("""
            SELECT key, headers->>'ce_sequence' AS sequence, headers->>'ce_id' AS id FROM outbox
            WHERE key = ANY(:subjects)
            UNION ALL
            SELECT key, headers->>'ce_sequence', headers->>'ce_id' FROM sent WHERE key = ANY(:subjects)
        """),
        {"subjects": subjects},
    )
    written: dict[str, tuple[UUID, str]] = {row.id: (row.key, row.sequence) for row in rows}
    numbers = set(written.values())

    def known(envelope: Envelope) -> bool:
        if str(envelope.id) in written or envelope.sequence is None:
            return str(envelope.id) in written
        # Written too long ago to be in `sent`; unless the number was given to another event since.
        given = envelope.sequence < next_sequence.get(envelope.subject, 1)
        return given and (envelope.subject, str(envelope.sequence)) not in numbers

    return [record for record, envelope in mine if not known(envelope)]


async def _read(bootstrap: str, ranges: Mapping[Partition, range]) -> dict[Partition, list[Record]]:
    """The records in these ranges of offsets, as far as the broker has them; raises TimeoutError."""
    found: dict[Partition, list[Record]] = {place: [] for place in ranges}
    if not ranges:
        return found
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="none")
    await consumer.start()
    try:
        open_ = {TopicPartition(*place): wanted for place, wanted in ranges.items()}
        consumer.assign(list(open_))
        for place, wanted in open_.items():
            consumer.seek(place, wanted.start)
        end = time.monotonic() + _PATIENCE_S
        while open_:
            if time.monotonic() > end:
                raise TimeoutError(f"the broker did not show {sorted(open_)} within {_PATIENCE_S:.0f} s")
            for place, records in (await consumer.getmany(*open_, timeout_ms=200)).items():
                wanted = open_[place]
                found[place.topic, place.partition] += [
                    Record.of(record) for record in records if record.offset in wanted
                ]
            for place in list(open_):
                if await consumer.position(place) >= open_[place].stop:
                    del open_[place]
                    consumer.pause(place)
    finally:
        await consumer.stop()
    return found


def _header(record: Record, name: str) -> str | None:
    return next((value.decode(errors="replace") for key, value in record.headers if key == name and value), None)
