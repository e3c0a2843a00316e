"""Write docs/events: asyncapi.json and one JSON Schema for each event. With `--check`, fail when they are stale."""

import json
import sys
import tomllib
from pathlib import Path

from waybill_events import EVENTS
from waybill_events.documents import asyncapi, json_schema

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "docs/events"
RELEASE = tomllib.loads((ROOT / "libs/events/pyproject.toml").read_text())["project"]["version"]


def main(*, check: bool) -> int:
    """Write the files, or compare them; 1 when a file is stale."""
    wanted = {FOLDER / "asyncapi.json": asyncapi(EVENTS, RELEASE)}
    wanted |= {FOLDER / "schemas" / f"{event.type_name()}.json": json_schema(event) for event in EVENTS}
    texts = {path: json.dumps(document, indent=2) + "\n" for path, document in wanted.items()}
    present = {path for path in FOLDER.rglob("*.json") if path.is_file()}
    stale = [path for path in present | texts.keys() if not path.is_file() or path.read_text() != texts.get(path)]
    if check:
        for path in stale:
            print(f"{path.name} is stale: run `make docs`")
        return 1 if stale else 0
    for path in present - texts.keys():
        path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    print(f"{len(texts)} files in docs/events")
    return 0


if __name__ == "__main__":
    sys.exit(main(check="--check" in sys.argv))
