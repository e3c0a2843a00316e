"""What was checked, and the first thing that is wrong."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from waybill_chassis.checks import Broken
from waybill_chassis.records import Record
from waybill_events import Envelope, InvalidEnvelope


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that is broken, where and about whom."""

    broken: Broken
    service: str | None = None
    subject: UUID | None = None

    def as_json(self) -> dict[str, Any]:
        """One object for programs."""
        return {
            "says": self.broken.says,
            "service": self.service,
            "subject": None if self.subject is None else str(self.subject),
            "events": [event_of(record) for record in self.broken.records],
            "differences": list(self.broken.differences),
        }


@dataclass(slots=True)
class Result:
    """One invariant."""

    name: str
    says: str
    counts: Counter[str] = field(default_factory=Counter[str])
    violations: int = 0
    first: Finding | None = None
    not_checked: list[str] = field(default_factory=list[str])

    @property
    def holds(self) -> bool | None:
        """None where something could not be checked and nothing else was wrong."""
        if self.violations:
            return False
        return None if self.not_checked else True

    def add(self, counts: Mapping[str, int]) -> None:
        """Note what was looked at."""
        self.counts.update(counts)

    def broken(self, finding: Finding) -> None:
        """Note what is wrong."""
        self.violations += 1
        self.first = self.first or finding

    def as_json(self) -> dict[str, Any]:
        """One object for programs."""
        return {
            "invariant": self.name,
            "says": self.says,
            "holds": self.holds,
            "checked": dict(self.counts),
            "violations": self.violations,
            "first": None if self.first is None else self.first.as_json(),
            "not_checked": self.not_checked,
        }


def event_of(record: Record) -> dict[str, Any]:
    """Where a record is, and what its headers say it is."""
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    try:
        envelope = Envelope.from_headers(record.headers)
    except InvalidEnvelope:
        return {**place, "id": None, "type": None, "source": None, "sequence": None}
    return {
        **place,
        "id": str(envelope.id),
        "type": envelope.type,
        "source": envelope.source,
        "sequence": envelope.sequence,
    }
