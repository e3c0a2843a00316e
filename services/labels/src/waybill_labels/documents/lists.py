"""Lists for people who walk: what to pick, and what a carrier takes with it."""

from collections.abc import Mapping
from typing import Any

from waybill_events import SlipLook
from waybill_labels.documents.setting import Page
from waybill_labels.documents.slips import again, paper, scannable, with_breaks, words


def pick_list(contents: Mapping[str, Any], look: SlipLook, copy: int = 1) -> Page:
    """What to pick, summed by where it lies."""
    said = words(look.language)
    rows = [{**with_breaks(row), "bars": scannable(row["scans_as"])} for row in contents["rows"]]
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
    bars, said = scannable(contents["number"]), words(look.language)
    return {**contents, "kind": "manifest", "bars": bars, "words": said, "paper": paper(look.paper), "again": ""}
