"""Packing slips, in the languages of `words/`: another one is another file there."""

import json
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from waybill_labels.documents.setting import DPI, Page, code_128

_WORDS: Final = files("waybill_labels") / "documents" / "words"
_MODULE_MM: Final = 3 * 25.4 / DPI
"""Of the thinnest bar: 0.38 mm, three whole dots of a label printer, so that none is drawn thinner than another."""
_WORD, _SKU = re.compile(r"(\S{30})(?=\S)"), re.compile(r"(\S{16})(?=\S)")
_LONGEST: Final = 20
"""Characters of a reference that has bars; a longer one would not fit beside the brand."""


def slip(contents: Mapping[str, Any], copy: int = 1) -> Page:
    """A packing slip's pages, as many as it takes; `copy` counts how often it was printed."""
    said = words(*contents["languages"])
    bars = scannable(contents["reference"])
    of_all = {"bars": bars, "words": said, "paper": paper(contents["paper"]), "again": again(copy, said)}
    items = [with_breaks(item) for item in contents["items"]]
    return {**contents, "kind": "slip", "items": items, **of_all}


def with_breaks(row: Mapping[str, Any]) -> dict[str, Any]:
    """An article whose name and SKU may be broken where they are longer than their columns."""
    return {**row, "title": _WORD.sub("\\1\u200b", row["title"]), "sku": _SKU.sub("\\1\u200b", row["sku"])}


def again(copy: int, said: Mapping[str, str]) -> str:
    """What a page says that was printed before."""
    return "" if copy == 1 else f"{said['again']} ({copy})"


def paper(name: str) -> str:
    """A paper as Typst calls it."""
    return "us-letter" if name == "letter" else "a4"


def scannable(text: str) -> dict[str, Any] | None:
    """The bars of a reference or article, where it has any."""
    return code_128(text, _MODULE_MM) if text and text.isascii() and len(text) <= _LONGEST else None


@cache
def words(*languages: str) -> dict[str, str]:
    """What a slip says in the first of these languages that is there; in English where none is."""
    known = {each.name.removesuffix(".json"): each for each in _WORDS.iterdir() if each.name.endswith(".json")}
    chosen = next((known[each] for each in languages if each in known), known["en"])
    found: dict[str, str] = json.loads(chosen.read_text(encoding="utf-8"))
    return found
