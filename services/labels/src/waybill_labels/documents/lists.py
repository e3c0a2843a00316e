"""Lists for people who walk: what to pick, and what a carrier takes with it."""

from collections.abc import Mapping
from typing import Any

from waybill_labels.documents.setting import Page
from waybill_labels.documents.slips import again, scannable, words


def pick_list(contents: Mapping[str, Any], language: str, paper: str, copy: int = 1) -> Page:
    """What to pick, summed by where it lies."""
    said = words(language)
    rows = [{**row, "bars": scannable(row["scans_as"])} for row in contents["rows"]]
    return {
        **contents,
        "kind": "pick_list",
        "rows": rows,
        "words": said,
        "paper": paper,
        "again": again(copy, said),
    }


def manifest(contents: Mapping[str, Any], language: str, paper: str) -> Page:
    """What a carrier takes with it."""
    number = scannable(contents["number"])
    return {**contents, "kind": "manifest", "bars": number, "words": words(language), "paper": paper, "again": ""}
