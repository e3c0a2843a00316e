"""The wheel of the last release and that of today, each in an interpreter of its own, read what the other writes."""

import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from waybill_events import EVENTS

LIBRARY = Path(__file__).parents[1]
GOLDEN = LIBRARY / "golden"
OLD = "0.1.0"
V1, V2 = "waybill.ItemsFulfilled.v1", "waybill.ItemsFulfilled.v2"
SHIPPED: dict[str, Any] = {
    "order_id": "bd3b9ef6-88b3-57d6-aba3-2ff435ab80a8",
    "brand_id": "0b0b0b0b-0000-4000-8000-0000000000b1",
    "parcel_id": "8c7e39a4-e605-5937-b072-fd0c87d5ea28",
    "lines": [{"line_id": "1", "quantity": 1}],
    "shipped_at": "2026-03-01T09:30:00Z",
    "notify_customer": True,
}
UNCHANGED = [
    (event.type_name(), json.loads(sample.read_text()))
    for event in EVENTS.written()
    if (folder := GOLDEN / event.__name__ / f"v{event.schema_version}").joinpath(f"schema-{OLD}.json").exists()
    for sample in sorted((folder / "samples").iterdir())
]
"""Samples of what both releases write."""
WRITES = """
import json, sys
from datetime import UTC, datetime
from uuid import UUID
import waybill_events
from waybill_events import EVENTS, Envelope, Event

class ParcelAdmired(Event, topic="waybill.fulfillment", subject="order_id"):
    order_id: UUID

classes = {event.type_name(): event for event in (*EVENTS, ParcelAdmired)}
at = datetime(2026, 3, 1, 12, tzinfo=UTC)
records = []
for type_name, fields in json.load(sys.stdin):
    event = classes[type_name].model_validate(fields)
    id_ = event.subject
    envelope = Envelope(id=id_, source="test", type=type_name, time=at, subject=id_, actor="test", causation_id=id_)
    headers = [(name, value.decode()) for name, value in envelope.headers()]
    records.append({"headers": headers, "value": event.to_json().decode()})
json.dump([waybill_events.__file__, records], sys.stdout)
"""
READS = """
import json, sys
import waybill_events
from waybill_events import EVENTS, Envelope, UnknownType, UnknownVersion

found = []
for record in json.load(sys.stdin):
    envelope = Envelope.from_headers((name, value.encode()) for name, value in record["headers"])
    try:
        event = EVENTS.decode(envelope.type, record["value"].encode())
    except (UnknownType, UnknownVersion) as error:
        found.append([type(error).__name__, str(error)])
    else:
        found.append([event.type_name(), event.model_dump(mode="json")])
json.dump([waybill_events.__file__, found], sys.stdout)
"""


@dataclass(frozen=True)
class Release:
    """A wheel, unpacked; it runs without a word of the tree that the tests stand in."""

    folder: Path

    @classmethod
    def of(cls, wheel: Path, folder: Path) -> "Release":
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder)
        return cls(folder)

    def write(self, events: list[tuple[str, Any]]) -> list[dict[str, Any]]:
        """Records, as a producer of this release sends them."""
        records: list[dict[str, Any]] = self._run(WRITES, events)
        return records

    def read(self, records: list[dict[str, Any]]) -> list[list[Any]]:
        """Of each record the type and the fields that a consumer of this release meets, or what was raised."""
        found: list[list[Any]] = self._run(READS, records)
        return found

    def _run(self, program: str, given: Any) -> Any:
        ran = subprocess.run(
            [sys.executable, "-c", program],
            input=json.dumps(given),
            check=True,
            capture_output=True,
            text=True,
            cwd=self.folder,
            env={**os.environ, "PYTHONPATH": str(self.folder)},
        )
        imported, answer = json.loads(ran.stdout)
        assert Path(imported).parent == self.folder / "waybill_events"
        return answer


@pytest.fixture(scope="module")
def new_wheel(wheel_of: Callable[[Path], Path]) -> Path:
    return wheel_of(LIBRARY)


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Release:
    return Release.of(GOLDEN / f"wheels/waybill_events-{OLD}-py3-none-any.whl", tmp_path_factory.mktemp("old"))


@pytest.fixture(scope="module")
def new(new_wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Release:
    return Release.of(new_wheel, tmp_path_factory.mktemp("new"))


def test_what_the_old_release_writes_the_new_one_reads_as_its_newest_version(old: Release, new: Release) -> None:
    written = old.write(
        [
            (V1, {**SHIPPED, "tracking_company": "UPS", "tracking_number": "1Z77"}),
            (V1, {**SHIPPED, "tracking_company": "Royal Mail"}),
            (V1, SHIPPED),
        ]
    )

    read = new.read(written)

    assert read == [
        [V2, {**SHIPPED, "company": "UPS", "number": "1Z77", "handed_over_by": "number"}],
        [V2, {**SHIPPED, "company": "Royal Mail", "number": None, "handed_over_by": "number"}],
        [V2, {**SHIPPED, "company": None, "number": None, "handed_over_by": "number"}],
    ]


def test_the_old_release_tells_a_version_to_wait_for_from_a_type_to_pass_over(old: Release, new: Release) -> None:
    """The one parks its order until newer code starts, the other costs a reader nothing."""
    written = new.write(
        [
            (V2, {**SHIPPED, "company": "UPS", "number": "1Z77"}),
            ("waybill.ParcelAdmired.v1", {"order_id": SHIPPED["order_id"]}),
        ]
    )

    read = old.read(written)

    assert read == [
        ["UnknownVersion", f"{V2} is not known here (known: v1); it goes on when newer code starts"],
        ["UnknownType", "waybill.ParcelAdmired.v1"],
    ]


def test_what_did_not_change_is_read_by_either_release_from_either(old: Release, new: Release) -> None:
    types = [type_name for type_name, _ in UNCHANGED]

    assert "waybill.SaleReceived.v1" in types
    assert [type_name for type_name, _ in new.read(old.write(UNCHANGED))] == types
    assert [type_name for type_name, _ in old.read(new.write(UNCHANGED))] == types


def test_what_the_old_release_writes_fits_the_schemas_that_were_frozen_with_it(old: Release) -> None:
    for record in old.write([*UNCHANGED, (V1, SHIPPED)]):
        _, name, version = dict(record["headers"])["ce_type"].split(".")
        frozen = json.loads((GOLDEN / name / version / f"schema-{OLD}.json").read_text())

        Draft202012Validator(frozen).validate(json.loads(record["value"]))


def test_the_new_wheel_imports_alone(new_wheel: Path, alone: Callable[..., str]) -> None:
    """Someone else's connector installs this and pydantic, nothing more."""
    needed = ("pydantic", "pydantic_core", "annotated_types", "typing_inspection", "typing_extensions.py")

    printed = alone(new_wheel, "import waybill_events as e; print(len(list(e.EVENTS)))", *needed)

    assert int(printed) == len(list(EVENTS))
