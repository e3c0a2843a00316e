"""How a service takes events in: a batch of the log, what waited, what is redriven; always by the same function."""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
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
from waybill_chassis.records import UNKNOWN_VERSION, Batch, Fault, Place, Record, from_base64
from waybill_chassis.table_topics import Rows
from waybill_chassis.transaction import Begin, Fresh, StillDead, Transaction, record_of_letter
from waybill_events import EVENTS, UnknownVersion

S = TypeVar("S")
T = TypeVar("T")
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


class NotHead(LookupError):
    """What was seen at the head of a quarantine has gone on; another event stands there now."""


class NoLetter(LookupError):
    """There is no such dead letter; perhaps somebody has settled it already."""


@dataclass(frozen=True, slots=True)
class Intervention:
    """What an operator does, and why."""

    actor: str
    why: str


_BY_NEWER_CODE: Final = Intervention(NEWER_CODE, "this code knows the version that was unknown")


@dataclass(frozen=True, slots=True)
class Redriven:
    """What became of a parked subject: how many events left its quarantine, how many stay, and why.

    Of a dead letter: whether it was taken in, and what is parked of its subject then, where it has one.
    """

    subject: UUID | None
    released: int
    left: int
    error: str | None


class _OnlyTried(Exception):
    """Rolls back what the database would have taken."""


@dataclass(slots=True)
class _Trial:
    """How far the events of a subject are tried: all of them, or `spared` and not the next, which is `refused`."""

    refused: Fault | None = None
    spared: int = 0
    for_good: bool = True
    events: int = 0
    """How many there were."""

    def of(self, fresh: Fresh) -> Fresh:
        """These events, as far as they are to be tried."""
        self.events = sum(len(inbox.queue) + len(inbox.waiters) + len(inbox.arrived) for inbox in fresh.inboxes)
        return Fresh(
            tuple(replace(inbox, refused=self.refused, spared=self.spared) for inbox in fresh.inboxes),
        )

    def end(self) -> None:
        """Called where all was written; raises _OnlyTried unless it is to stay."""
        if not self.for_good:
            raise _OnlyTried


async def _up_to_refusal(attempt: Callable[[_Trial], Awaitable[T]]) -> T:
    """Do all of it; where the database refuses the data, what comes before the first event that it refuses.

    `attempt` is one transaction. Which event it is can only be found by trying: by halves, since a queue may be long.
    """
    trial = _Trial()
    try:
        return await attempt(trial)
    except Exception as error:
        if (refused := refusal(error)) is None:
            raise
    taken, too_many = 0, trial.events
    while too_many - taken > 1:
        spared = (taken + too_many) // 2
        try:
            await attempt(_Trial(refused, spared, for_good=False))
        except _OnlyTried:
            taken = spared
        except Exception as error:
            if (now := refusal(error)) is None:
                raise
            refused, too_many = now, spared
    _log.warning("reading.refused_again", says=refused.says)
    return await attempt(_Trial(refused, taken))


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

        async def attempt(trial: _Trial) -> None:
            async with self.begin.on(subject) as tx:
                await self.take(tx, trial.of(await tx.early(subject)))
                trial.end()

        await _up_to_refusal(attempt)
        self.changed()

    async def redrive(
        self, subject: UUID, by: Intervention, value: bytes | None = None, *, head: Place | None = None
    ) -> Redriven:
        """Try the quarantine of a subject again, in its order and in one transaction, up to the first refusal.

        With `value` the event at its head says this instead, now and whenever its record is read again.
        What stays is parked with what was said now, by a handler or by the database. `head` is what somebody saw there.
        Raises NotParked, NotHead.
        """
        return await self._go_on(subject, by, "redrive" if value is None else "redrive-edited", value, head)

    async def discard(self, subject: UUID, by: Intervention) -> Redriven:
        """Pass over the event at the head of a quarantine, now and whenever it is read again; go on behind it."""
        return await self._go_on(subject, by, "discard", None, None)

    async def retry(self, place: Place, by: Intervention) -> Redriven:
        """Read a dead letter again that parks nobody; raises NoLetter, or StillDead.

        Where it is refused, by a handler or by the database, it parks its subject from now on.
        """

        async def attempt(trial: _Trial) -> Redriven:
            async with self.begin.of_operator() as tx:
                letter = await take_letter(tx.connection, place)
                fresh = await tx.unburied(record_of_letter(letter))
                await self.take(tx, trial.of(fresh))
                subject = next(iter(fresh.subjects), None)
                parked = [] if subject is None else await _queue(tx.connection, subject)
                found = Redriven(subject, 1, len(parked), _error(parked))
                await record_letter(tx.connection, by, "retry", letter, left=found.left, error=found.error)
                trial.end()
                return found

        found = await _up_to_refusal(attempt)
        self.changed()
        return found

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
            try:
                await self.redrive(subject, _BY_NEWER_CODE)
            except NotParked:
                # Another replica sweeps, too.
                continue
            except Exception:  # noqa: BLE001  # one that fails must not keep the others waiting
                _log.exception("reading.newer_version_failed", subject=str(subject))
        return len(ready)

    async def _go_on(
        self, subject: UUID, by: Intervention, action: str, value: bytes | None, head: Place | None
    ) -> Redriven:
        async def attempt(trial: _Trial) -> Redriven:
            async with self.begin.on(subject, parked_too=True) as tx:
                before = await _queue(tx.connection, subject)
                if not before:
                    raise NotParked(f"nothing of {subject} is parked here")
                if head not in {None, _place(before[0])}:
                    raise NotHead(f"another event stands at the head of {subject} now, look at it first")
                if action != "redrive":
                    await rule(tx.connection, _place(before[0]), value)
                await self.take(tx, trial.of(await tx.parked(subject)))
                after = await _queue(tx.connection, subject)
                stay = {_place(row) for row in after}
                released = [row for row in before if _place(row) not in stay]
                found = Redriven(subject, len(released), len(after), _error(after))
                await record(
                    tx.connection,
                    by,
                    action,
                    subject,
                    {
                        "head": _told(before[0]),
                        "released": [_told(row) for row in released],
                        "left": found.left,
                        "error": found.error,
                    },
                )
                trial.end()
                return found

        found = await _up_to_refusal(attempt)
        self.changed()
        return found


class Tables(Generic[S]):
    """A service's table topics; `put` takes rows over."""

    def __init__(self, begin: Begin[S], put: Put, changed: Callable[[], None] = _nothing) -> None:
        self.begin, self.put, self.changed = begin, put, changed

    async def on_batch(self, batch: Batch) -> None:
        """Take over a batch."""
        async with self.begin(batch) as tx:
            await self.put(tx.connection, await tx.rows(batch))
        self.changed()

    async def retry(self, place: Place, by: Intervention) -> Redriven:
        """Read a dead letter again; what the database refuses stays one. Raises NoLetter, or StillDead."""
        try:
            async with self.begin.of_operator() as tx:
                letter = await take_letter(tx.connection, place)
                await self.put(tx.connection, tx.unburied_rows(record_of_letter(letter)))
                await record_letter(tx.connection, by, "retry", letter)
        except Exception as error:
            if (refused := refusal(error)) is None:
                raise
            return await self._stays(place, by, refused.says)
        self.changed()
        return Redriven(letter.subject, 1, 0, None)

    async def newer_versions(self) -> int:
        """Read again what became a dead letter for a version that this code knows; how many there were.

        Whatever was taken over of a key meanwhile stays where its version is higher.
        """
        async with self.begin.database.begin() as connection:
            rows = await connection.execute(
                select(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset, dead_letters.c.headers)
                .where(dead_letters.c.error.startswith(f"{UNKNOWN_VERSION}: "))
                .order_by(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset)
            )
            ready = [(row.topic, row.partition, row.offset) for row in rows if _known(_type(row.headers))]
        for place in ready:
            try:
                await self.retry(place, _BY_NEWER_CODE)
            except NoLetter:
                # Another replica sweeps, too.
                continue
            except StillDead as error:
                await self._stays(place, _BY_NEWER_CODE, str(error))
            except Exception:  # noqa: BLE001  # one that fails must not keep the others waiting
                _log.exception("reading.newer_version_failed", place=place)
        return len(ready)

    async def _stays(self, place: Place, by: Intervention, error: str) -> Redriven:
        async with self.begin.of_operator() as tx:
            letter = await take_letter(tx.connection, place)
            await tx.connection.execute(insert(dead_letters).values({**letter._asdict(), "error": error}))
            await record_letter(tx.connection, by, "retry", letter, left=1, error=error)
        return Redriven(letter.subject, 0, 1, error)


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


async def take_letter(connection: AsyncConnection, place: Place) -> Any:
    """Take a dead letter that parks nobody out of its table; raises NoLetter."""
    topic, partition, offset = place
    taken = await connection.execute(
        delete(dead_letters)
        .where(dead_letters.c.topic == topic, dead_letters.c.partition == partition, dead_letters.c.offset == offset)
        .returning(dead_letters)
    )
    if (letter := taken.one_or_none()) is None:
        raise NoLetter(f"no dead letter of {topic} {partition} {offset} is here")
    return letter


async def record_letter(
    connection: AsyncConnection, by: Intervention, action: str, letter: Any, *, left: int = 0, error: str | None = None
) -> None:
    """Note what an operator did with a dead letter, what it had said, and what is left with which error."""
    place = {"topic": letter.topic, "partition": letter.partition, "offset": letter.offset}
    details = {**place, "was": letter.error, "left": left, "error": error}
    await record(connection, by, f"dead-letter-{action}", letter.subject, details)


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


def _error(queue: Sequence[RowMapping]) -> str | None:
    return next((row["error"] for row in queue if row["error"]), None)


def _place(row: RowMapping) -> Place:
    return row["topic"], row["partition"], row["offset"]


def _told(row: RowMapping) -> dict[str, Any]:
    headers: dict[str, str] = row["headers"]
    told = {name: row[name] for name in ("topic", "partition", "offset", "error")}
    return {**told, "id": headers.get("ce_id"), "type": headers.get("ce_type")}


def _type(headers: Iterable[tuple[str, str | None]]) -> str | None:
    """The type that the headers of a dead letter name."""
    return next(
        (value.decode(errors="replace") for name, value in from_base64(headers) if name == "ce_type" and value), None
    )


def _known(type_name: str | None) -> bool:
    try:
        EVENTS.find(type_name or "")
    except UnknownVersion:
        return False
    except LookupError:
        return True
    return True
