"""What a service brings to `waybill verify`: how its tables are read, and how a row of its is judged by the log.

A service names its `Checks` as an entry point of the group `waybill.verify`. Readers get a read-only snapshot, judges
are pure.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import zip_longest
from typing import Any, Final, TypeGuard
from uuid import UUID

from sqlalchemy import Column, ColumnElement, Table
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.records import Arrival, Place, Record, read
from waybill_events import Event

ENTRY_POINTS: Final = "waybill.verify"
Within = Callable[[ColumnElement[UUID]], ColumnElement[bool]]
"""The condition on a key column that picks the rows to be read."""


@dataclass(frozen=True, slots=True)
class Kept:
    """The place of a record that waits or is in quarantine, and its event's id where it has one."""

    topic: str
    partition: int
    offset: int
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Version:
    """A row taken over from a table topic, or what such a record says; `digest` None: its content is not kept whole."""

    number: int
    digest: str | None


@dataclass(frozen=True, slots=True)
class Standing:
    """One subject as the database of one service had it in one snapshot."""

    subject: UUID
    offsets: Mapping[tuple[str, int], int]
    """How far each partition was read."""
    next_sequence: int = 1
    taken: Mapping[str, int] = field(default_factory=dict[str, int])
    parked: bool = False
    waiting: int = 0
    waiters: tuple[Kept, ...] = ()
    quarantine: tuple[Kept, ...] = ()
    row: Any = None
    """What the service's own tables hold of it, as JSON; None where there is nothing."""
    versions: Mapping[str, Version] = field(default_factory=dict[str, Version])
    """By table topic."""
    rulings: Mapping[Place, bytes | None] = field(default_factory=dict[Place, bytes | None])
    """What operators decided about records: another value, or (None) to pass over them."""
    buried: Collection[Place] = ()
    """Dead letters."""

    def has_read(self, record: Record) -> bool:
        """Whether the service has taken in what stands at this place."""
        return record.offset < self.offsets.get((record.topic, record.partition), 0)

    def keeps(self, arrival: Arrival) -> bool:
        """Whether it is a waiter or in quarantine, by its place or as the same event at another one."""
        place = arrival.record.place
        id_ = None if arrival.envelope is None else str(arrival.envelope.id)
        return any(
            (kept.topic, kept.partition, kept.offset) == place or (id_ is not None and kept.event_id == id_)
            for kept in (*self.waiters, *self.quarantine)
        )

    def passes_over(self, record: Record) -> bool:
        """Whether an operator decided that the service does without it."""
        return record.place in self.rulings and self.rulings[record.place] is None

    def decoded(self, arrival: Arrival, handled: Collection[str]) -> Arrival:
        """As the service reads it, with what an operator decided; without an event where it reads none."""
        record = arrival.record
        if self.passes_over(record):
            return arrival
        if (ruled := self.rulings.get(record.place)) is not None:
            record = replace(record, value=ruled)
        found = read(record, handled)
        return found if isinstance(found, Arrival) else arrival


@dataclass(frozen=True, slots=True)
class Broken:
    """How a rule is broken, and by which records of the log."""

    says: str
    records: tuple[Record, ...] = ()
    differences: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judgment:
    """What was looked at, and what was wrong with it."""

    counts: Mapping[str, int] = field(default_factory=dict[str, int])
    broken: Broken | None = None


Read = Callable[[AsyncConnection, Within], Awaitable[Mapping[UUID, Any]]]
ReadVersions = Callable[[AsyncConnection, Within], Awaitable[Mapping[UUID, Version]]]
Judge = Callable[[Standing, Sequence[Arrival]], Judgment]
"""(a subject that has a row, its records on all topics that keep everything) -> whether the row is right.

Each topic's records come in order, not yet decoded. Those behind what the snapshot had read are among them.
"""


async def _enter(_connection: AsyncConnection) -> None:
    """The database is used as it is."""


@dataclass(frozen=True, slots=True)
class Invariant:
    """A rule that only this service knows; `says` completes "verify sees that …"."""

    name: str
    says: str
    judge: Judge


@dataclass(frozen=True, slots=True)
class Checks:
    """All that one service brings."""

    opened_by: type[Event]
    """The event that gives a subject its row here."""
    read: Read
    """The rows of some subjects."""
    reads: tuple[Table | Column[Any], ...]
    """What all of this reads: the role of `waybill verify` may see no other column of the service's own."""
    invariants: tuple[Invariant, ...] = ()
    versions: Mapping[str, ReadVersions] = field(default_factory=dict[str, ReadVersions])
    """What is kept of table topics, by topic."""
    enter: Callable[[AsyncConnection], Awaitable[None]] = _enter
    """Called first in every snapshot of this service's database, as to choose a schema."""


def digest_of(value: Any) -> str:
    """A short name of a JSON value, which tells nothing of what it says."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def differences(here: Any, there: Any, path: str = "") -> Iterator[str]:
    """Where two JSON values differ: `lines[0].shipped is 3, by the log 2`."""
    if _is_object(here) and _is_object(there):
        for name in sorted({*here, *there}):
            yield from differences(here.get(name), there.get(name), f"{path}.{name}" if path else name)
    elif _is_list(here) and _is_list(there):
        for at, (one, other) in enumerate(zip_longest(here, there)):
            yield from differences(one, other, f"{path}[{at}]")
    elif here != there:
        yield f"{path or 'it'} is {_short(here)}, by the log {_short(there)}"


def _is_object(value: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _short(value: Any) -> str:
    text = "missing" if value is None else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 200 else f"{text[:199]}…"  # noqa: PLR2004  # what fits on a line or two
