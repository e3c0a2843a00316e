"""What carriers say of a shipment, without the person it goes to or comes from: what events tell is kept for good."""

import re
from typing import Final

from waybill_events import Address, BusinessAddress
from waybill_labels.domain.orders import Shipment

UNKNOWN_TO: Final = "What its carrier said of that is not kept, since the recipient was erased."
_INSTEAD: Final = {
    "line1": "[street]",
    "line2": "[second line]",
    "company": "[company]",
    "name": "[name]",
    "city": "[city]",
}
_BY_CHARACTER: Final = {"postcode": "[postcode]", "phone": "[phone]"}
_BETWEEN_PARTS, _BETWEEN_CHARACTERS = r"[^\w\n]+", r"[^\w\n]*"
_LEAST: Final = 3
"""Letters of a part of a name that is looked for by itself."""


def impersonal(words: str, shipment: Shipment | None) -> str:
    """A carrier's words in which names, streets, cities, postcodes and phones of both addresses are only called that.

    It finds them as they were given, in any case and punctuation; a street that the carrier spells otherwise stays.
    """
    if shipment is None or shipment.erased:
        return UNKNOWN_TO
    patterns = {**_patterns(shipment.ship_from), **_patterns(shipment.ship_to)}
    for pattern in sorted(patterns, key=len, reverse=True):
        words = re.sub(rf"(?<!\w){pattern}(?!\w)", patterns[pattern], words)
    return words


def _patterns(address: Address | BusinessAddress) -> dict[str, str]:
    """What to look for, and what stands in its place."""
    found: dict[str, str] = {}
    for part in _parts(address.name):
        if len(part) >= _LEAST:
            # By itself it may be a word as well, which begins small.
            found[f"(?:{part}|{part.upper()})"] = "[name]"
    for name, instead in _INSTEAD.items():
        if parts := _parts(getattr(address, name, "")):
            found[f"(?i:{_BETWEEN_PARTS.join(parts)})"] = instead
    for name, instead in _BY_CHARACTER.items():
        if characters := "".join(_parts(getattr(address, name))):
            found[f"(?i:{_BETWEEN_CHARACTERS.join(characters)})"] = instead
    return found


def _parts(value: str) -> list[str]:
    return re.findall(r"\w+", value)
