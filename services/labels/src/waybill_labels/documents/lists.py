"""Lists for people who walk: what to pick, and what a carrier takes with it."""

from collections.abc import Mapping
from typing import Any, Final

from waybill_events import SlipLook
from waybill_labels.documents.setting import Page
from waybill_labels.documents.slips import again, paper, scannable, with_breaks, words

_ROOM_MM: Final = 65
"""How wide a code may be beside the name of its article."""


def pick_list(contents: Mapping[str, Any], look: SlipLook, copy: int = 1) -> Page:
    """What to pick, summed by where it lies."""
    said = words(look.language)
    rows = [{**with_breaks(row), "code": scannable(row["scans_as"], _ROOM_MM)} for row in contents["rows"]]
    return {
        **contents,
        "kind": "pick_list",
        "rows": rows,
        "words": said,
        "paper": paper(look.paper),
        "again": again(copy, said),
    }


def manifest(contents: Mapping[str, Any], look: SlipLook) -> Page:
    """What a carrier takes with it."""
    code, said = scannable(contents["number"]), words(look.language)
    return {**contents, "kind": "manifest", "code": code, "words": said, "paper": paper(look.paper), "again": ""}
