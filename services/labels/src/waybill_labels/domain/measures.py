"""Weights and sizes as people say them; inside they are grams and millimeters. Pure."""

from typing import Final

from waybill_events import Box

_IN_INCHES: Final = frozenset({"US", "AS", "GU", "MP", "PR", "VI"})
"""Countries whose carriers measure boxes in inches: the United States and their territories."""
_OUNCE_G: Final = 28.349523125
_INCH_MM: Final = 25.4


def weight_in_words(grams: int) -> str:
    """Kilograms, and pounds and ounces as they are said in the United States."""
    pounds, ounces = divmod(round(grams / _OUNCE_G, 1), 16)
    return f"{grams / 1000:.8g} kg  {f'{pounds:.0f} lb ' if pounds else ''}{ounces:.1f} oz"


def size_in_words(box: Box, country: str | None) -> str:
    """Millimeters, and inches too where a parcel leaves from a country that counts in them."""
    sides = (box.length_mm, box.width_mm, box.height_mm)
    said = f"{' × '.join(map(str, sides))} mm"
    if country not in _IN_INCHES:
        return said
    return f"{said}  {' × '.join(f'{side / _INCH_MM:.1f}' for side in sides)} in"
