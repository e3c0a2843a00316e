"""A record of the log, and what its bytes turned out to be."""

import base64
import hashlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Self
from uuid import UUID

from aiokafka import ConsumerRecord

from waybill_events import (
    EVENTS,
    TOPICS,
    Envelope,
    Event,
    InvalidEnvelope,
    Registry,
    Undecodable,
    UnknownType,
    UnknownVersion,
    subject_of,
)

Place = tuple[str, int, int]
"""Topic, partition, offset."""
Headers = tuple[tuple[str, bytes | None], ...]
UNKNOWN_VERSION: Final = "UnknownVersion"
"""The cause of those that go on when newer code starts."""
_PAGE: Final = 2000
_UNNUMBERED: Final = {topic.name for topic in TOPICS if topic.kind != "log"}


@dataclass(frozen=True, slots=True)
class Record:
    """A record as the broker keeps it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    headers: Headers
    value: bytes | None
    timestamp_ms: int = 0

    @classmethod
    def of(cls, raw: "ConsumerRecord[Any, Any]") -> Self:
        """Take over what aiokafka read."""
        headers: Iterable[tuple[str, bytes | None]] = raw.headers or ()
        return cls(raw.topic, raw.partition, raw.offset, raw.key, tuple(headers), raw.value, raw.timestamp or 0)

    @property
    def place(self) -> "Place":
        """Topic, partition, offset."""
        return self.topic, self.partition, self.offset

    @property
    def fingerprint(self) -> bytes:
        """16 bytes that another record, or the same one written again, does not have."""
        digest = hashlib.blake2b(digest_size=16)
        digest.update(repr((self.place, self.timestamp_ms, self.key, self.headers)).encode())
        digest.update(self.value or b"")
        return digest.digest()


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an event cannot be applied: `cause` is a stable name to group by, `says` the words for people."""

    cause: str
    says: str

    @classmethod
    def of(cls, cause: str, says: object) -> Self:
        """A fault in words that the database can store, whatever they quote, and no longer than a page."""
        words = str(says).encode(errors="replace").decode().replace("\x00", "�")
        return cls(cause, words[:_PAGE])


@dataclass(frozen=True, slots=True)
class Arrival:
    """One record of a subject, ready to be folded.

    Exactly one holds: `event` is there; `fault` says why the subject must be parked; neither: passed over.
    """

    record: Record
    subject: UUID
    envelope: Envelope | None
    event: Event | None = None
    fault: Fault | None = None
    ruled: bool = False
    """An operator has decided on it: what is missing before it will not come."""


@dataclass(frozen=True, slots=True)
class Row:
    """A record of a table topic: the newest settings of `key`, or with `event` None its removal."""

    record: Record
    key: UUID
    event: Event | None


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A record whose bytes do not decode; `subject` where its headers still name one."""

    record: Record
    error: str
    subject: UUID | None


def envelope_of(record: Record) -> Envelope:
    """What the headers say; raises InvalidEnvelope. On topics that are not numbered here it has no sequence."""
    envelope = Envelope.from_headers(record.headers)
    # Others write there too, and may count in their own way.
    return replace(envelope, sequence=None) if envelope.sequence and record.topic in _UNNUMBERED else envelope


def read(record: Record, handled: Collection[str], registry: Registry = EVENTS) -> Arrival | DeadLetter:
    """Decode a record of an event topic; `handled` are the names of the events that this reader acts on."""
    try:
        envelope = envelope_of(record)
    except InvalidEnvelope as error:
        return DeadLetter(record, str(error), subject_of(record.headers))
    if record.key != str(envelope.subject).encode():
        return DeadLetter(record, f"the key is not ce_subject, {envelope.subject}", envelope.subject)
    if _name(envelope.type) not in handled:
        return Arrival(record, envelope.subject, envelope)
    try:
        event = registry.decode(envelope.type, record.value or b"")
    except UnknownType:
        return Arrival(record, envelope.subject, envelope)
    except UnknownVersion as error:
        return Arrival(record, envelope.subject, envelope, fault=Fault.of(UNKNOWN_VERSION, error))
    except Undecodable as error:
        return DeadLetter(record, str(error), envelope.subject)
    if event.subject != envelope.subject or event.topic_of(envelope.source) != record.topic:
        return DeadLetter(record, f"{envelope.type} about {event.subject} came as {envelope.subject}", envelope.subject)
    return Arrival(record, envelope.subject, envelope, event)


def read_row(record: Record, handled: Collection[str], registry: Registry = EVENTS) -> Row | DeadLetter | None:
    """Decode a record of a table topic; None when it is of no interest."""
    if record.value is None:
        try:
            return Row(record, UUID((record.key or b"").decode()), None)
        except ValueError:
            return DeadLetter(record, "a tombstone whose key is not a UUID", None)
    found = read(record, handled, registry)
    if isinstance(found, DeadLetter):
        return found
    if found.fault is not None:
        return DeadLetter(record, f"{found.fault.cause}: {found.fault.says}", found.subject)
    return None if found.event is None else Row(record, found.subject, found.event)


def version_of(event: Event) -> int:
    """The version of a table topic's event."""
    version: int = getattr(event, "version", 0)
    return version


def to_text(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    """Headers that are known to be text, for a jsonb column."""
    return {name: value.decode() for name, value in headers if value is not None}


def from_text(headers: dict[str, str]) -> Headers:
    """The inverse of `to_text`."""
    return tuple((name, value.encode()) for name, value in headers.items())


def to_base64(headers: Iterable[tuple[str, bytes | None]]) -> list[tuple[str, str | None]]:
    """Headers of any bytes, for a jsonb column."""
    return [
        (name.replace("\x00", "�"), None if value is None else base64.b64encode(value).decode())
        for name, value in headers
    ]


def from_base64(headers: Iterable[tuple[str, str | None]]) -> Headers:
    """The inverse of `to_base64`."""
    return tuple((name, None if value is None else base64.b64decode(value)) for name, value in headers)


@dataclass(frozen=True, slots=True)
class Fence:
    """What one batch takes of one partition: from `position` on, up to and including the record `last`."""

    position: int
    last: Record


@dataclass(frozen=True, slots=True)
class Batch:
    """Records of several partitions, in order within each, and the fence of each.

    `refused` is what the database said when these records were tried before: they are one record then.
    """

    records: tuple[Record, ...]
    fences: tuple[Fence, ...]
    refused: Fault | None = None

    @classmethod
    def of(cls, records: Sequence[Record], positions: Mapping[tuple[str, int], int]) -> Self:
        """Group records by partition; `positions` says where the read of each began."""
        last = {(record.topic, record.partition): record for record in records}
        return cls(tuple(records), tuple(Fence(positions[place], last[place]) for place in sorted(last)))


def _name(type_: str) -> str:
    return type_.removeprefix("waybill.").partition(".v")[0]
