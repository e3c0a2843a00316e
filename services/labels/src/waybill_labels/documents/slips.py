"""Packing slips, in the languages of `words/`: another one is another file there."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from waybill_labels.documents.setting import Page, code_128

_WORDS: Final = files("waybill_labels") / "documents" / "words"
_MODULE_MM: Final = 0.33
"""Of the thinnest bar: 13 mil, which every scanner reads."""
_LONGEST: Final = 24
"""Characters of a reference that has bars; a longer one would not fit beside the brand."""


def slip(contents: Mapping[str, Any], copy: int = 1) -> Page:
    """A packing slip's pages, as many as it takes; `copy` counts how often it was printed."""
    said = words(contents["language"])
    return {
        **contents,
        "kind": "slip",
        "bars": scannable(contents["reference"]),
        "words": said,
        "again": again(copy, said),
    }


def again(copy: int, said: Mapping[str, str]) -> str:
    """What a page says that was printed before."""
    return "" if copy == 1 else f"{said['again']} ({copy})"


def scannable(text: str) -> dict[str, Any] | None:
    """The bars of a reference or article, where it has any."""
    return code_128(text, _MODULE_MM) if text and text.isascii() and len(text) <= _LONGEST else None


@cache
def words(language: str) -> dict[str, str]:
    """What a slip says in a language; English for one that is not there."""
    known = {each.name.removesuffix(".json"): each for each in _WORDS.iterdir() if each.name.endswith(".json")}
    found: dict[str, str] = json.loads(known.get(language, known["en"]).read_text(encoding="utf-8"))
    return found
