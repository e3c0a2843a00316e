"""`check` today's events against every frozen sample and schema, or `freeze` the schemas of this release."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from waybill_events import EVENTS
from waybill_events.compatibility import Schema, schema_of, violations

EVENTS_LIB = Path(__file__).parents[2] / "libs/events"
GOLDEN = EVENTS_LIB / "golden"
RELEASE = tomllib.loads((EVENTS_LIB / "pyproject.toml").read_text())["project"]["version"]


def main(action: str) -> int:
    """Do `check` or `freeze`; the exit code is 1 when something is incompatible."""
    if action == "freeze":
        # Former versions were frozen when they were written.
        for event in EVENTS.written():
            _freeze(GOLDEN / event.__name__ / f"v{event.schema_version}", schema_of(event))
    samples = {name: _read(folder / "samples") for name, folder in _types()}
    schemas = {name: {k: json.loads(v) for k, v in _read(folder).items()} for name, folder in _types()}
    found = violations(EVENTS, samples, schemas, _validate)
    count = sum(map(len, samples.values()))
    for line in found:
        print(line)
    print(f"events: {count} samples of {len(samples)} types checked, {len(found)} incompatible")
    return 1 if found or not count else 0


def _freeze(folder: Path, schema: Schema) -> None:
    """Keep the schema of this release, unless an earlier one said the same."""
    path = folder / f"schema-{RELEASE}.json"
    if any(json.loads(frozen) == schema for name, frozen in _read(folder).items() if name != path.name):
        path.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(schema, indent=2) + "\n")


def _types() -> list[tuple[str, Path]]:
    return [(f"waybill.{folder.parent.name}.{folder.name}", folder) for folder in sorted(GOLDEN.glob("*/v*"))]


def _read(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.glob("*.json"))}


def _validate(schema: Schema, document: Any) -> list[str]:
    return [
        f"{'.'.join(map(str, error.path)) or 'value'}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(document)  # pyright: ignore[reportUnknownMemberType]
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
