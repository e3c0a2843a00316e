"""`check` today's events against every frozen sample and schema, or `freeze` the schemas of this release."""

import json
import sys
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator

from waybill_events import EVENTS
from waybill_events.compatibility import Schema, schema_of, violations

GOLDEN = Path(__file__).parents[2] / "libs/events/golden"
RELEASE = "0.1.0"


def main(action: str) -> int:
    """Do `check` or `freeze`; the exit code is 1 when something is incompatible."""
    if action == "freeze":
        for event in EVENTS:
            path = _folder(event.__name__, event.schema_version) / f"schema-{RELEASE}.json"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(schema_of(event), indent=2) + "\n")
    samples = {name: _read(folder / "samples") for name, folder in _types()}
    schemas = {name: {k: json.loads(v) for k, v in _read(folder).items()} for name, folder in _types()}
    found = violations(EVENTS, samples, schemas, _validate)
    count = sum(map(len, samples.values()))
    for line in found:
        print(line)
    print(f"events: {count} samples of {len(samples)} types checked, {len(found)} incompatible")
    return 1 if found or not count else 0


def _folder(name: str, version: int) -> Path:
    return GOLDEN / name / f"v{version}"


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
