"""What travels beside an event: CloudEvents 1.0 attributes as Kafka headers (binary mode)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter, ValidationError

SPEC_VERSION: Final = "1.0"
MAX_SEQUENCE: Final = 2**31 - 1
_DIGITS: Final = len(str(MAX_SEQUENCE))
_AS_UUID: Final = TypeAdapter(UUID).validator.validate_python


class InvalidEnvelope(ValueError):
    """The headers of a record are no envelope; the message names the header and what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """Where an event comes from, what it is about, and what caused it.

    `sequence` counts from 1 without a gap per (source, subject); it is None on sales and table topics.
    `actor` is who acted: `person:…`, `token:…`, `platform:…` or `rule:…`.
    """

    id: UUID
    source: str
    type: str
    time: datetime
    subject: UUID
    actor: str
    causation_id: UUID
    sequence: int | None = None
    brand: UUID | None = None
    traceparent: str | None = None

    def headers(self) -> list[tuple[str, bytes]]:
        """The Kafka headers, in a fixed order."""
        return [(name, value.encode()) for name, value in self.texts().items()]

    def texts(self) -> dict[str, str]:
        """The same as text, for those who keep them."""
        attributes: dict[str, str | None] = {
            "ce_specversion": SPEC_VERSION,
            "ce_id": str(self.id),
            "ce_source": self.source,
            "ce_type": self.type,
            "ce_time": self.time.astimezone(UTC).isoformat().replace("+00:00", "Z"),
            "ce_subject": str(self.subject),
            "ce_brand": None if self.brand is None else str(self.brand),
            "ce_actor": self.actor,
            "ce_sequence": None if self.sequence is None else str(self.sequence),
            "ce_causationid": str(self.causation_id),
            "traceparent": self.traceparent,
        }
        return {name: value for name, value in attributes.items() if value is not None}

    @classmethod
    def from_headers(cls, headers: Iterable[tuple[str, bytes | None]]) -> "Envelope":
        """Read an envelope; raises InvalidEnvelope.

        Others' connectors may leave out `ce_actor` and `ce_causationid`: the actor is then the source and the cause
        the event itself.
        """
        given = _texts(headers)
        if (spec := given.get("ce_specversion")) != SPEC_VERSION:
            raise InvalidEnvelope(f"header ce_specversion is {spec!r}; this reader knows {SPEC_VERSION!r}")
        id_, source = _uuid(given, "ce_id"), _required(given, "ce_source")
        return cls(
            id=id_,
            source=source,
            type=_required(given, "ce_type"),
            time=_time(given),
            subject=_uuid(given, "ce_subject"),
            actor=given.get("ce_actor", f"source:{source}"),
            causation_id=_uuid(given, "ce_causationid") if "ce_causationid" in given else id_,
            sequence=_sequence(given),
            brand=_uuid(given, "ce_brand") if "ce_brand" in given else None,
            traceparent=given.get("traceparent"),
        )


def subject_of(headers: Iterable[tuple[str, bytes | None]]) -> UUID | None:
    """The subject in these headers, if it can be read, whatever else is wrong with them."""
    for name, value in headers:
        if name == "ce_subject" and value is not None:
            try:
                return UUID(value.decode())
            except ValueError:
                return None
    return None


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> dict[str, str]:
    texts: dict[str, str] = {}
    for name, value in headers:
        if "\x00" in name:
            raise InvalidEnvelope("the name of a header contains U+0000")
        if value is not None:
            if b"\x00" in value:
                raise InvalidEnvelope(f"header {name} contains U+0000")
            try:
                texts[name] = value.decode()
            except UnicodeDecodeError as error:
                raise InvalidEnvelope(f"header {name} is not UTF-8") from error
    return texts


def _required(given: dict[str, str], name: str) -> str:
    if not (value := given.get(name)):
        raise InvalidEnvelope(f"header {name} is missing")
    return value


def _uuid(given: dict[str, str], name: str) -> UUID:
    value = _required(given, name)
    try:
        # In a fifth of the time, but it knows fewer ways of writing one.
        found: UUID = _AS_UUID(value)
    except ValidationError:
        pass
    else:
        return found
    try:
        return UUID(value)
    except ValueError as error:
        raise InvalidEnvelope(f"header {name} is {value!r}, not a UUID") from error


def _time(given: dict[str, str]) -> datetime:
    value = _required(given, "ce_time")
    try:
        time = datetime.fromisoformat(value)
    except ValueError as error:
        raise InvalidEnvelope(f"header ce_time is {value!r}, not an RFC 3339 time") from error
    if time.tzinfo is None:
        raise InvalidEnvelope(f"header ce_time is {value!r}, without an offset")
    return time


def _sequence(given: dict[str, str]) -> int | None:
    if (value := given.get("ce_sequence")) is None:
        return None
    if not (value.isascii() and value.isdigit() and len(value) <= _DIGITS and 1 <= int(value) <= MAX_SEQUENCE):
        raise InvalidEnvelope(f"header ce_sequence is {value!r}, not a whole number from 1")
    return int(value)
