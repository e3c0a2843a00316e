"""Which carrier do people mean? Names as they type them, and as platforms write them."""

import difflib
import re
import unicodedata
from typing import Final

from waybill_carriers.registry import CARRIERS, Carrier, post_named

_WORDS: Final = (
    "1day 2day 2nd 3day air airmail at ca canada class co commerce corp courier day de delivery domestic eco "
    "economy exp expedited express first freight gmbh gnd grd ground home inc international intl letter llc ltd "
    "mail media next of one overnight paket parcel parcels plus post premium prio priority rate return returns "
    "saver select service services shipping smartpost standard std the tracked two uk us usa worldwide"
)
"""What may follow a carrier's name: a service, a country, a form of company."""
_SERVICES: Final = frozenset(_WORDS.split())


def by_name(name: str) -> Carrier | None:
    """The carrier that people mean by `name`: its code, its name, another one it goes by, perhaps with a service."""
    words = re.findall(r"[^\W_]+", _plain(name))
    for count in range(len(words), 0, -1):
        if (found := _NAMED.get("".join(words[:count]))) is not None:
            return found if all(word in _SERVICES for word in words[count:]) else None
    return None


def suggest(name: str) -> tuple[Carrier, ...]:
    """The carriers whose names are most like this one, three at most: did you mean …?"""
    alike = difflib.get_close_matches("".join(re.findall(r"[^\W_]+", _plain(name))), _NAMED, n=6, cutoff=0.7)
    return tuple({_NAMED[each].name: _NAMED[each] for each in alike}.values())[:3]


def _plain(name: str) -> str:
    decomposed = unicodedata.normalize("NFKD", name[:200]).casefold()
    return "".join(character for character in decomposed if not unicodedata.combining(character)).replace(".", "")


def _named() -> dict[str, Carrier]:
    found: dict[str, Carrier] = {}
    for carrier in CARRIERS:
        for name in (carrier.code, carrier.name, *carrier.aliases):
            found.setdefault(
                "".join(re.findall(r"[^\W_]+", _plain(name))),
                (post_named(name) or carrier) if carrier.posts else carrier,
            )
    return found


_NAMED: Final = _named()
