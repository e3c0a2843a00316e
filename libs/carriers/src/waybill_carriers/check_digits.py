"""Check digits: what the last character of a number must be, given those before it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import Final

_ALPHABET: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_VALUES: Final = {character: value for value, character in enumerate(_ALPHABET)}


@dataclass(frozen=True, slots=True)
class Check:
    """One algorithm: `digit_of` what it covers; by chance, one number in `one_in` passes."""

    name: str
    digit_of: Callable[[str], str]
    one_in: int


def weighted(*weights: int, prefix: str = "", value_of: Callable[[str], int] = int) -> Check:
    """Modulo 10: the weighted sum and the check digit make a multiple of ten; the weights repeat.

    `prefix` is covered as well, though not part of the number. This is the check digit of GS1 (weights 3 and 1, the
    last digit weighs 3; GS1 General Specifications, 7.9.1) and of most American carriers.
    """
    values = {character: value_of(character) for character in _ALPHABET if value_of is not int or character.isdigit()}

    def digit_of(covered: str) -> str:
        total = sum(
            values[character] * weight for character, weight in zip(prefix + covered, cycle(weights), strict=False)
        )
        return str(-total % 10)

    return Check(f"modulo 10, weights {', '.join(map(str, weights))}", digit_of, 10)


def ups_value(character: str) -> int:
    """What a character of a 1Z number counts: a digit itself, letters from A = 2, over and over through 9, 0, 1."""
    return int(character) if character.isdigit() else (ord(character) - 63) % 10


def _luhn(covered: str) -> str:
    total = 0
    for at, character in enumerate(reversed(covered)):
        tens, ones = divmod(int(character) * (1 if at % 2 else 2), 10)
        total += tens + ones
    return str(-total % 10)


LUHN: Final = Check("Luhn", _luhn, 10)
"""ISO/IEC 7812-1, annex B."""


def remainder(modulus: int) -> Check:
    """What the number before it leaves when divided by `modulus`; DHL Express air waybills: 7."""
    return Check(f"modulo {modulus}", lambda covered: str(int(covered) % modulus), modulus)


def weighted_11(weights: Sequence[int]) -> Check:
    """The weighted sum modulo 11, a ten counting as zero; FedEx Express and the numbers inside FedEx barcodes."""

    def digit_of(covered: str) -> str:
        total = sum(int(character) * weight for character, weight in zip(covered, weights, strict=True))
        return str(total % 11 % 10)

    return Check("modulo 11, then 10", digit_of, 10)


def _s10(covered: str) -> str:
    weights = (8, 6, 4, 2, 3, 5, 9, 7)
    left = 11 - sum(int(character) * weight for character, weight in zip(covered, weights, strict=True)) % 11
    return {10: "0", 11: "5"}.get(left, str(left))


S10: Final = Check("S10, modulo 11", _s10, 10)
"""Universal Postal Union, standard S10-12, 6.2."""


def _iso_7064(covered: str) -> str:
    left = 36
    for character in covered:
        left = (left + _VALUES[character]) % 36 or 36
        left = left * 2 % 37
    return _ALPHABET[(37 - left) % 36]


ISO_7064: Final = Check("ISO/IEC 7064, modulo 37, 36", _iso_7064, 36)
"""DPD Parcel Label Specification 2.4.1, 6.3."""
