"""How a service takes events in: a batch of the log, what waited, what is redriven; always by the same function."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Generic, TypeVar
from uuid import UUID

from sqlalchemy import RowMapping, delete, insert, select, text
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import logging
from waybill_chassis.database import refusal
from waybill_chassis.delivery import dead_letters, interventions, quarantine, rulings
from waybill_chassis.past import Partition
from waybill_chassis.records import UNKNOWN_VERSION, Batch, Place, Record
from waybill_chassis.table_topics import Rows
from waybill_chassis.transaction import Begin, Fresh, Transaction, record_of_letter
from waybill_events import EVENTS, UnknownVersion

S = TypeVar("S")
Take = Callable[[Transaction[S], Fresh], Awaitable[None]]
"""Decide on what is fresh, and write all that follows from it."""
Put = Callable[[AsyncConnection, Rows], Awaitable[None]]
"""Take over rows of table topics."""
OnBatch = Callable[[Batch], Awaitable[None]]
"""Take in a batch, all of it or (raising) nothing."""
NEWER_CODE: Final = "rule:newer-code"


_log = logging.get(__name__)


class NotParked(LookupError):
    """Nothing of this subject is parked, so there is nothing to redrive or discard."""


class NoLetter(LookupError):
    """There is no such dead letter; perhaps somebody has settled it already."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """What an operator does, and why."""

    actor: str
    why: str


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a parked subject: how many events left its quarantine, how many stay, and why."""

    subject: UUID
    released: int
    left: int
    error: str | None


def _nothing() -> None:
    """Nobody needs to be told."""


async def take_in(records: Sequence[Record], positions: dict[Partition, int], on_batch: OnBatch) -> None:
    """One transaction for all of them; where the database refuses the data, they are halved until it is found.

    `positions`, where the read of each partition began, follows.
    """
    batch = Batch.of(records, positions)
    try:
        await on_batch(batch)
    except Exception as error:
        if (refused := refusal(error)) is None:
            raise
        if len(records) > 1:
            middle = len(records) // 2
            await take_in(records[:middle], positions, on_batch)
            await take_in(records[middle:], positions, on_batch)
            return
        _log.warning("reading.refused", place=records[0].place, says=refused.says)
        await on_batch(replace(batch, refused=refused))
    for fence in batch.fences:
        place = fence.last.topic, fence.last.partition
        if place in positions:
            positions[place] = fence.last.offset + 1


class Events(Generic[S]):
    """A service's events; `take` decides, `changed` is told after each commit."""

    def __init__(self, begin: Begin[S], take: Take[S], changed: Callable[[], None] = _nothing) -> None:
        self.begin, self.take, self.changed = begin, take, changed

    async def on_batch(self, batch: Batch) -> None:
        """Take in a batch of the log."""
        async with self.begin(batch) as tx:
            await self.take(tx, await tx.unseen(batch))
        self.changed()

    async def on_early(self, subject: UUID) -> None:
        """Try again what of a subject had to wait; raises OrderParked."""
        try:
            async with self.begin.on(subject) as tx:
                await self.take(tx, await tx.early(subject))
        except Exception as error:
            if (refused := refusal(error)) is None:
                raise
            async with self.begin.on(subject) as tx:
                await self.take(tx, await tx.early(subject, refused))
        self.changed()

    async def redrive(self, subject: UUID, by: Intervention, value: bytes | None = None) -> Redriven:
        """Try the quarantine of a subject again, in its order and in one transaction, up to the first refusal.

        With `value` the event at its head says this instead, now and whenever its record is read again.
        Raises NotParked.
        """
        return await self._go_on(subject, by, "redrive" if value is None else "redrive-edited", value)

    async def discard(self, subject: UUID, by: Intervention) -> Redriven:
        """Pass over the event at the head of a quarantine, now and whenever it is read again; go on behind it."""
        return await self._go_on(subject, by, "discard", None)

    async def retry(self, place: Place, by: Intervention) -> None:
        """Read a dead letter again that names no subject; raises NoLetter, or StillDead."""
        async with self.begin.of_operator() as tx:
            letter = await take_letter(tx.connection, place, by, "retry")
            await self.take(tx, await tx.unburied(record_of_letter(letter)))
        self.changed()

    async def newer_versions(self) -> int:
        """Redrive what is parked for a version that this code knows; how many subjects there were."""
        async with self.begin.database.begin() as connection:
            rows = await connection.execute(
                select(quarantine.c.subject, quarantine.c.headers["ce_type"].astext.label("type"))
                .where(quarantine.c.cause == UNKNOWN_VERSION)
                .order_by(quarantine.c.id)
            )
            ready = {row.subject for row in rows if _known(row.type)}
        for subject in ready:
            await self.redrive(subject, Intervention(NEWER_CODE, "this code knows the version that was unknown"))
        return len(ready)

    async def _go_on(self, subject: UUID, by: Intervention, action: str, value: bytes | None) -> Redriven:
        async with self.begin.on(subject, parked_too=True) as tx:
            before = await _queue(tx.connection, subject)
            if not before:
                raise NotParked(f"nothing of {subject} is parked here")
            if action != "redrive":
                await rule(tx.connection, _place(before[0]), value)
            await self.take(tx, await tx.parked(subject))
            after = await _queue(tx.connection, subject)
            stay = {row["id"] for row in after}
            released = [row for row in before if row["id"] not in stay]
            await record(
                tx.connection,
                by,
                action,
                subject,
                {
                    "head": _told(before[0]),
                    "released": [_told(row) for row in released],
                    "left": len(after),
                    "error": after[0]["error"] if after else None,
                },
            )
        self.changed()
        error = next((row["error"] for row in after if row["error"]), None)
        return Redriven(subject, len(released), len(after), error)


class Tables(Generic[S]):
    """A service's table topics; `put` takes rows over."""

    def __init__(self, begin: Begin[S], put: Put, changed: Callable[[], None] = _nothing) -> None:
        self.begin, self.put, self.changed = begin, put, changed

    async def on_batch(self, batch: Batch) -> None:
        """Take over a batch."""
        async with self.begin(batch) as tx:
            await self.put(tx.connection, await tx.rows(batch))
        self.changed()

    async def retry(self, place: Place, by: Intervention) -> None:
        """Read a dead letter again; raises NoLetter, or StillDead."""
        async with self.begin.of_operator() as tx:
            letter = await take_letter(tx.connection, place, by, "retry")
            await self.put(tx.connection, tx.unburied_rows(record_of_letter(letter)))
        self.changed()


async def rule(connection: AsyncConnection, place: Place, value: bytes | None) -> None:
    """Keep what an operator decided about a record."""
    topic, partition, offset = place
    ruling = {"topic": topic, "partition": partition, "offset": offset, "value": value}
    await connection.execute(
        upsert(rulings).values(ruling).on_conflict_do_update(constraint="rulings_pkey", set_={"value": value})
    )


async def record(
    connection: AsyncConnection, by: Intervention, action: str, subject: UUID | None, details: Mapping[str, Any]
) -> None:
    """Note what an operator did, in the transaction that does it."""
    await connection.execute(
        insert(interventions).values(actor=by.actor, action=action, why=by.why, subject=subject, details=dict(details))
    )


async def take_letter(connection: AsyncConnection, place: Place, by: Intervention, action: str) -> Any:
    """Take a dead letter that names no subject out of its table; raises NoLetter."""
    topic, partition, offset = place
    taken = await connection.execute(
        delete(dead_letters)
        .where(dead_letters.c.topic == topic, dead_letters.c.partition == partition, dead_letters.c.offset == offset)
        .returning(dead_letters)
    )
    if (letter := taken.one_or_none()) is None:
        raise NoLetter(f"no dead letter of {topic} {partition} {offset} is here")
    await record(
        connection,
        by,
        f"dead-letter-{action}",
        letter.subject,
        {"topic": topic, "partition": partition, "offset": offset, "error": letter.error},
    )
    return letter


async def _queue(connection: AsyncConnection, subject: UUID) -> list[RowMapping]:
    """What is parked of a subject, what was refused first."""
    rows = await connection.execute(
        text("""
            SELECT id, topic, partition, "offset", headers, cause, error FROM quarantine
            WHERE subject = :subject ORDER BY cause IS NULL, id
        """),
        {"subject": subject},
    )
    return list(rows.mappings())


def _place(row: RowMapping) -> Place:
    return row["topic"], row["partition"], row["offset"]


def _told(row: RowMapping) -> dict[str, Any]:
    headers: dict[str, str] = row["headers"]
    told = {name: row[name] for name in ("topic", "partition", "offset", "error")}
    return {**told, "id": headers.get("ce_id"), "type": headers.get("ce_type")}


def _known(type_name: str | None) -> bool:
    try:
        EVENTS.find(type_name or "")
    except UnknownVersion:
        return False
    except LookupError:
        return True
    return True
