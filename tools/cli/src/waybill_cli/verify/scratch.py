"""A file of its own for what databases and log say, sorted by subject, so that memory holds one subject at a time.

Of the log it holds one partition, of table topics only versions and digests: no personal data gets here.
"""

import heapq
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID

from waybill_chassis.checks import Version
from waybill_chassis.records import Record, from_text, to_text
from waybill_events import ids

_TABLES = """
    PRAGMA journal_mode = OFF;
    PRAGMA synchronous = OFF;
    CREATE TABLE standings (
        partition INTEGER, subject BLOB, service TEXT, data TEXT, PRIMARY KEY (partition, subject, service)
    ) WITHOUT ROWID;
    CREATE TABLE records (
        subject BLOB, topic TEXT, place INTEGER, headers TEXT, value BLOB, written INTEGER,
        PRIMARY KEY (subject, topic, place)
    ) WITHOUT ROWID;
    CREATE TABLE versions (
        subject BLOB, topic TEXT, place INTEGER, number INTEGER, digest TEXT, PRIMARY KEY (subject, topic, place)
    ) WITHOUT ROWID;
"""
Told = Mapping[str, Any]
"""What one service's snapshot holds of a subject, as JSON."""


@dataclass(slots=True)
class Subject:
    """All that is known of one subject."""

    id: UUID
    records: list[Record] = field(default_factory=list[Record])
    versions: dict[str, list[tuple[int, Version | None]]] = field(
        default_factory=dict[str, list[tuple[int, Version | None]]]
    )
    """By table topic, what each offset says; None is a tombstone."""
    standings: dict[str, Told] = field(default_factory=dict[str, Told])


class Scratch:
    """The file; it is gone when the folder is."""

    def __init__(self, folder: Path) -> None:
        self.file = sqlite3.connect(folder / "scratch.sqlite", isolation_level=None)
        self.file.executescript(_TABLES)

    def __enter__(self) -> Self:
        """Use it for a while."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        """Close the file."""
        self.file.close()

    def put_standings(self, service: str, told: Mapping[UUID, Told]) -> None:
        """Note what a snapshot holds."""
        self._write(
            "INSERT INTO standings VALUES (?, ?, ?, ?)",
            [(ids.partition(subject), subject.bytes, service, json.dumps(each)) for subject, each in told.items()],
        )

    def put_records(self, records: Iterable[Record]) -> None:
        """Note records of one partition whose keys are UUIDs and whose headers are text."""
        self._write(
            "INSERT INTO records VALUES (?, ?, ?, ?, ?, ?)",
            [
                (
                    UUID((record.key or b"").decode()).bytes,
                    record.topic,
                    record.offset,
                    json.dumps(to_text(record.headers)),
                    record.value,
                    record.timestamp_ms,
                )
                for record in records
            ],
        )

    def put_versions(self, versions: Iterable[tuple[UUID, str, int, Version | None]]) -> None:
        """Note what records of table topics say: key, topic, offset, version."""
        self._write(
            "INSERT INTO versions VALUES (?, ?, ?, ?, ?)",
            [
                (key.bytes, topic, place, said and said.number, said and said.digest)
                for key, topic, place, said in versions
            ],
        )

    def subjects(self, partition: int) -> Iterator[Subject]:
        """Everybody of one partition, by id; then its records are forgotten."""
        with (
            closing(self.file.execute("SELECT * FROM records ORDER BY subject, topic, place")) as records,
            closing(self.file.execute("SELECT * FROM versions ORDER BY subject, topic, place")) as versions,
            closing(
                self.file.execute(
                    "SELECT subject, service, data FROM standings WHERE partition = ? ORDER BY subject", (partition,)
                )
            ) as standings,
        ):
            everything = heapq.merge(records, versions, standings, key=itemgetter(0))
            for subject, rows in groupby(everything, key=itemgetter(0)):
                yield _subject(UUID(bytes=subject), partition, rows)
        self.file.execute("DELETE FROM records")
        self.file.execute("DELETE FROM versions")

    def _write(self, statement: str, rows: Iterable[tuple[Any, ...]]) -> None:
        self.file.execute("BEGIN")
        self.file.executemany(statement, rows)
        self.file.execute("COMMIT")


def _subject(id_: UUID, partition: int, rows: Iterable[tuple[Any, ...]]) -> Subject:
    found = Subject(id_)
    for row in rows:
        match row:
            case (_, topic, place, headers, value, written):
                found.records.append(
                    Record(topic, partition, place, str(id_).encode(), from_text(json.loads(headers)), value, written)
                )
            case (_, topic, place, number, digest):
                said = None if number is None else Version(number, digest)
                found.versions.setdefault(topic, []).append((place, said))
            case (_, service, data):
                found.standings[service] = json.loads(data)
            case _:
                raise AssertionError(row)
    return found
