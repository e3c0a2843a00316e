"""Packing slips, in the languages of `words/`: another one is another file there."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

from waybill_labels.documents.setting import DPI, Page, code_128

_WORDS: Final = files("waybill_labels") / "documents" / "words"
_MODULE_MM: Final = 3 * 25.4 / DPI
"""Of the thinnest bar: 0.38 mm, three whole dots of a label printer, so that none is drawn thinner than another."""
_LONGEST: Final = 20
"""Characters of a reference that has bars; a longer one would not fit beside the brand."""


def slip(contents: Mapping[str, Any], copy: int = 1) -> Page:
    """A packing slip's pages, as many as it takes; `copy` counts how often it was printed."""
    said = words(contents["language"])
    bars = scannable(contents["reference"])
    of_all = {"bars": bars, "words": said, "paper": paper(contents["paper"]), "again": again(copy, said)}
    return {**contents, "kind": "slip", **of_all}


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
def words(language: str) -> dict[str, str]:
    """What a slip says in a language; English for one that is not there."""
    known = {each.name.removesuffix(".json"): each for each in _WORDS.iterdir() if each.name.endswith(".json")}
    found: dict[str, str] = json.loads(known.get(language, known["en"]).read_text(encoding="utf-8"))
    return found
