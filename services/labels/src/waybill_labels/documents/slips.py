"""Packing slips, in the languages of `words/`: another one is another file there."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from waybill_labels.documents.setting import DPI, Page, code_128, qr_code

_WORDS: Final = files("waybill_labels") / "documents" / "words"
_MODULES_MM: Final = (3 * 25.4 / DPI, 2 * 25.4 / DPI)
"""Of the thinnest bar: 0.38 mm, or 0.25 mm where a code is long; whole dots of a label printer, so that none is drawn
thinner than another. Thinner ones are not always read at 300 dots an inch."""
_ROOM_MM: Final = 100
"""How wide a code may be beside the brand."""
_WORD, _SKU = re.compile(r"(\S{30})(?=\S)"), re.compile(r"(\S{16})(?=\S)")
_MOST_BARS: Final = 66
"""Characters, all of them digits, that fit there as thin bars."""
_MOST_BYTES: Final = 800
"""In a 2D code, which is 40 mm wide then: the longest reference in any script."""


def slip(contents: Mapping[str, Any], copy: int = 1) -> Page:
    """A packing slip's pages, as many as it takes; `copy` counts how often it was printed."""
    said = words(*contents["languages"])
    return {
        **contents,
        "kind": "slip",
        "name": breakable(contents["reference"]),
        "code": scannable(contents["reference"]),
        "room": _ROOM_MM,
        "items": [with_breaks(item) for item in contents["items"]],
        "words": said,
        "paper": paper(contents["paper"]),
        "again": again(copy, said),
    }


def with_breaks(row: Mapping[str, Any]) -> dict[str, Any]:
    """An article whose name and SKU may be broken where they are longer than their columns."""
    return {**row, "title": _WORD.sub("\\1\u200b", row["title"]), "sku": breakable(row["sku"])}


def breakable(text: str) -> str:
    """A text without spaces that may be broken where it is longer than its column."""
    return _SKU.sub("\\1\u200b", text)


def again(copy: int, said: Mapping[str, str]) -> str:
    """What a page says that was printed before."""
    return "" if copy == 1 else f"{said['again']} ({copy})"


def paper(name: str) -> str:
    """A paper as Typst calls it."""
    return "us-letter" if name == "letter" else "a4"


def scannable(text: str, room_mm: float = _ROOM_MM) -> dict[str, Any] | None:
    """The bars of a reference or article where they fit, else a 2D code of it; None where there is none."""
    if text.isascii() and 0 < len(text) <= _MOST_BARS:
        for module in _MODULES_MM:
            bars = code_128(text, module)
            if bars["modules"] * module <= room_mm:
                return bars
    return qr_code(text, _MODULES_MM[0]) if 0 < len(text.encode()) <= _MOST_BYTES else None


@cache
def words(*languages: str) -> dict[str, str]:
    """What a slip says in the first of these languages that is there; in English where none is."""
    known = {each.name.removesuffix(".json"): each for each in _WORDS.iterdir() if each.name.endswith(".json")}
    chosen = next((known[each] for each in languages if each in known), known["en"])
    found: dict[str, str] = json.loads(chosen.read_text(encoding="utf-8"))
    return found
