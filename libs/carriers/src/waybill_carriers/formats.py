"""What numbers look like.

A shape is written as one reads a number, part by part:

    1Z (*6 service=*2 *7) check=#

- `1Z`            these characters
- `#7` `@2` `*6`  so many digits, letters, or either; one where no count stands
- `[0-5]` `[CD]3` characters of a set
- `777|778`       one of these, all of one length
- `service=*2`    a part with a name: `service` and `country` are looked up, `check` is the check digit
- `( … )`         what the check digit covers; without it, all that stands before it
- `< … >`         what a carrier's page is asked for; without it, the whole number

Every shape has one length, so that matching takes one look at each character, whatever is given, and every part has
its fixed place.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from waybill_carriers.check_digits import Check

_TOKEN: Final = re.compile(r"(?:(?P<name>[a-z]+)=)?(?P<what>[#@*]|\[[^]]+\]|[0-9A-Z]+(?:\|[0-9A-Z]+)*)(?P<count>\d*)")
_CLASSES: Final = {"#": ("[0-9]", 10), "@": ("[A-Z]", 26), "*": ("[0-9A-Z]", 36)}
_BEGINS: Final = {"(": "covered", "<": "asked"}
_ENDS: Final = {")": "covered", ">": "asked"}


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape, ready to match: `size` is the logarithm (base 10) of how many numbers have it, `parts` where each is."""

    pattern: re.Pattern[str]
    length: int
    size: float
    parts: Mapping[str, slice]


@dataclass(frozen=True, slots=True)
class Format:
    """One kind of number of a carrier."""

    name: str
    shapes: tuple[str, ...]
    source: str
    """Who says so."""
    numbers: tuple[str, ...] = ()
    """Numbers of this format that somebody published, for tests."""
    check: Check | None = None
    services: Mapping[str, str] = field(default_factory=dict[str, str])
    """What the part called `service` says."""
    also: bool = False
    """Whether these numbers are another carrier's first: whoever hands a parcel over keeps its number."""
    read: tuple[Shape, ...] = field(init=False, repr=False)
    """The shapes, ready to match."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "read", tuple(map(shape, self.shapes)))


def shape(written: str) -> Shape:
    """Read a shape; raises ValueError."""
    pattern, length, size = "", 0, 0.0
    parts: dict[str, slice] = {}
    began: dict[str, int] = {}
    for part in re.sub(r"([()<>])", r" \1 ", written).split():
        if part in _BEGINS:
            began[_BEGINS[part]] = length
        elif part in _ENDS:
            parts[_ENDS[part]] = slice(began[_ENDS[part]], length)
        else:
            if (token := _TOKEN.fullmatch(part)) is None:
                raise ValueError(f"{written}: {part} is no part of a shape")
            regex, width, many = _part(token["what"], token["count"])
            if token["name"]:
                parts[token["name"]] = slice(length, length + width)
            pattern, length, size = pattern + regex, length + width, size + many
    if "check" in parts:
        parts.setdefault("covered", slice(0, parts["check"].start))
    return Shape(re.compile(pattern), length, size, parts)


def _part(what: str, count: str) -> tuple[str, int, float]:
    """A regular expression, how long what it matches is, and the logarithm of how many that are."""
    times = int(count) if count else 1
    if what in _CLASSES:
        regex, many = _CLASSES[what]
    elif what.startswith("["):
        regex, many = what, sum(1 for code in range(128) if re.fullmatch(what, chr(code)))
    else:
        texts = (what + count).split("|")
        if len({len(text) for text in texts}) > 1:
            raise ValueError(f"{what}: the alternatives differ in length")
        return f"(?:{'|'.join(texts)})", len(texts[0]), math.log10(len(texts))
    return f"{regex}{{{times}}}", times, times * math.log10(many)
