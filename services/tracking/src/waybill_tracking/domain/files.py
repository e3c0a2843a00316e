"""Carrier messages by file: JSON Lines, each line as the feed's webhook says it, or CSV with a header."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from waybill_tracking.domain.feeds import Kind, Unreadable, messages
from waybill_tracking.domain.messages import Message

COLUMNS: Final = ("tracking_number", "status", "at", "code", "words", "estimated_delivery")
NEEDED: Final = COLUMNS[:3]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that says nothing that can be taken in, and why."""

    line: int
    says: str


def read_file(kind: Kind, content: bytes) -> tuple[list[Message], list[Wrong]]:
    """What the lines of a file say, and those that cannot be read; raises Unreadable where it is no such file."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Unreadable("the file is not UTF-8; save it as UTF-8") from error
    said: list[Message] = []
    wrong: list[Wrong] = []
    of_kind: Kind = kind if text.lstrip()[:1] == "{" else "generic"
    for line, body in _bodies(text):
        try:
            said += messages(of_kind, body)
        except Unreadable as error:
            wrong.append(Wrong(line, str(error)))
    return said, wrong


def _bodies(text: str) -> Iterator[tuple[int, bytes]]:
    """Each line as a webhook would say it, with its number in the file."""
    if text.lstrip()[:1] == "{":
        for at, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                yield at, line.encode()
        return
    lines = csv.DictReader(io.StringIO(text), restkey="", restval="")
    header = [name.strip().lower() for name in lines.fieldnames or ()]
    if missing := [name for name in NEEDED if name not in header]:
        raise Unreadable(f"the file has no column {missing[0]}; its columns are {', '.join(COLUMNS)}")
    lines.fieldnames = header
    try:
        for row in lines:
            cells = {name: row[name].strip() for name in COLUMNS if row.get(name)}
            number = cells.pop("tracking_number", "")
            yield lines.line_num, json.dumps({"tracking_number": number, "messages": [cells]}).encode()
    except csv.Error as error:
        raise Unreadable(f"the file is no CSV from line {lines.line_num} on: {error}") from error
