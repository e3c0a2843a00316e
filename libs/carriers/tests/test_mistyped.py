"""Numbers with one digit changed or two neighbors swapped, held against the check digits that the carriers publish."""

import json
import os
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle, pairwise
from pathlib import Path
from typing import Any, Final

import pytest

from waybill_carriers import CARRIERS, compact, detect

_CASES: Final = (
    Path(os.environ.get("WAYBILL_SAMPLES", Path(__file__).parents[4] / "shared" / "data")) / "tracking" / "cases.json"
)
_FORMATS: Final = [(carrier.code, each) for carrier in CARRIERS for each in carrier.formats]
_OWN: Final = [(code, compact(number)) for code, each in _FORMATS if each.check is not None for number in each.numbers]


def total(digits: str, weights: Sequence[int]) -> int:
    return sum(int(digit) * weight for digit, weight in zip(digits, cycle(weights), strict=False))


def gs1(digits: str) -> bool:
    """GS1 General Specifications, 7.9.1; USPS Publication 199, appendix on check digits."""
    return total(digits[::-1], (1, 3)) % 10 == 0


def gls(digits: str) -> bool:
    return (total(digits[::-1], (1, 3)) + 1) % 10 == 0


def doubled(digits: str) -> bool:
    """Every other digit before the check digit counts twice."""
    return (total(digits[:-1], (1, 2)) + int(digits[-1])) % 10 == 0


def ups(characters: str) -> bool:
    """Letters count 2 to 9, then 0 and 1, and so on."""
    return doubled(
        re.sub("[A-Z]", lambda letter: str("ABCDEFGHIJKLMNOPQRSTUVWXYZ".index(letter[0]) + 2)[-1], characters)
    )


def luhn(digits: str) -> bool:
    doubles = "0246813579"
    return sum(int(doubles[int(digit)] if at % 2 else digit) for at, digit in enumerate(digits[::-1])) % 10 == 0


def identcode(digits: str) -> bool:
    return (total(digits[:-1], (4, 9)) + int(digits[-1])) % 10 == 0


def express(digits: str) -> bool:
    """From the right the weights 1, 3, 7; modulo 11, a ten counts as zero."""
    return total(digits[-2::-1], (1, 3, 7)) % 11 % 10 == int(digits[-1])


def sevens(digits: str) -> bool:
    return int(digits[:-1]) % 7 == int(digits[-1])


def s10(digits: str) -> bool:
    """Universal Postal Union, S10-12, 6.2: the weighted sum and the check digit make a multiple of 11, or nearly."""
    left = -total(digits[:-1], (8, 6, 4, 2, 3, 5, 9, 7)) % 11
    return {0: 5, 10: 0}.get(left, left) == int(digits[-1])


def iso_7064(characters: str) -> bool:
    product = 36
    for character in characters[:-1]:
        product = ((product + int(character, 36)) % 36 or 36) * 2 % 37
    return (product + int(characters[-1], 36)) % 36 == 1


@dataclass(frozen=True)
class Rule:
    """What a carrier's check digit has to be; the groups of `form` are what it stands for, the check digit last."""

    code: str
    form: str
    holds: Callable[[str], bool]
    prefix: str = ""


RULES: Final = (
    Rule("ups", r"1Z([0-9A-Z]{15}\d)", ups),
    Rule("ups", r"[AHJKTV](\d{10})", doubled),
    Rule("usps", r"(?:420\d{5}(?:\d{4})?)?(9[2-5]\d{20}(?:\d{4})?)", gs1),
    Rule("usps", r"(?:420\d{5}(?:\d{4})?)?(91\d{20})", gs1),
    Rule("usps", r"(\d\d[0-8]\d{17})", gs1),
    Rule("usps", r"(\d\d9\d{17})", gs1, prefix="91"),
    Rule("usps", r"[A-Z]{2}(\d{9})US", s10),
    Rule("fedex", r"(\d{12})", express),
    Rule("fedex", r"(\d{15})", gs1),
    Rule("fedex", r"96\d{5}(\d{15})", gs1),
    Rule("fedex", r"(0[0124]\d{16})", gs1),
    Rule("fedex", r"(?:96\d\d|[0-8]\d{3})\d{16}(\d{14})", express),
    Rule("fedex", r"3\d{15}(\d{12})\d{4}", express),
    Rule("fedex", r"(?:420\d{5})?(926129\d{16})", gs1),
    Rule("fedex", r"(61\d{18})", gs1, prefix="92"),
    Rule("ontrac", r"C(\d{14})", doubled, prefix="4"),
    Rule("ontrac", r"D(\d{14})", doubled, prefix="5"),
    Rule("old_dominion", r"((?:072|777|778|780|80\d)\d{8})", luhn),
    Rule("canada_post", r"(\d{16})", gs1),
    Rule("canada_post", r"[A-Z]{2}(\d{9})CA", s10),
    Rule("purolator", r"([0-5]\d{11})", luhn),
    Rule("dhl", r"(\d{10,11})", sevens),
    Rule("dhl_parcel_de", r"(0034043\d{13})", gs1),
    Rule("dhl_parcel_de", r"(\d{12})", identcode),
    Rule("dpd", r"(\d{27}[0-9A-Z])", iso_7064),
    Rule("dpd", r"(\d{14}[0-9A-Z])", iso_7064),
    Rule("gls", r"(\d{12})", gls),
    Rule("postnl", r"[A-Z]{2}(\d{9})NL", s10),
    Rule("bpost", r"[A-Z]{2}(\d{9})BE", s10),
    Rule("s10", r"[A-Z]{2}(\d{9})[A-Z]{2}", s10),
)
"""As in jkeen/tracking_number_data and the specifications named by the registry, without a word of the registry's."""


def verdicts(code: str, number: str) -> list[bool]:
    """What each of the carrier's rules that is about such numbers says of this one."""
    found = [(rule, re.fullmatch(rule.form, number)) for rule in RULES if rule.code == code]
    return [rule.holds(rule.prefix + match[1]) for rule, match in found if match is not None]


def changes(number: str) -> Iterator[str]:
    for at, character in enumerate(number):
        if character.isdigit():
            yield from (number[:at] + digit + number[at + 1 :] for digit in "0123456789" if digit != character)
    for at, (first, second) in enumerate(pairwise(number)):
        if first != second:
            yield number[:at] + second + first + number[at + 2 :]


def missed(code: str, number: str) -> list[tuple[str, list[str]]]:
    """The changes that the carrier's rules tell, and what `detect` says of its check digit where it does not."""
    found: list[tuple[str, list[str]]] = []
    for changed in changes(number):
        said = [candidate.check_digit for candidate in detect(changed) if candidate.carrier.code == code]
        held = verdicts(code, changed)
        if (held and not any(held) and said != ["failed"]) or (not held and "passed" in said):
            found.append((changed, list(said)))
    return found


@pytest.mark.parametrize(("code", "number"), _OWN)
def test_whatever_a_published_check_digit_can_tell_has_failed(code: str, number: str) -> None:
    assert verdicts(code, number) == [True]

    assert missed(code, number) == []


def test_a_number_has_a_published_check_digit_where_its_format_has_one() -> None:
    ruled = {
        (code, each.name): {len(verdicts(code, compact(number))) for number in each.numbers} for code, each in _FORMATS
    }

    assert ruled == {
        (code, each.name): {int(each.check is not None)} if each.numbers else set() for code, each in _FORMATS
    }


@pytest.mark.skipif(not _CASES.exists(), reason=f"no {_CASES} (WAYBILL_SAMPLES)")
def test_whatever_a_published_check_digit_can_tell_of_others_numbers_has_failed() -> None:
    cases: list[dict[str, Any]] = json.loads(_CASES.read_text())
    valid = [(case["courier_code"], compact(case["number"])) for case in cases if case["valid"]]

    assert [(code, number) for code, number in valid if not all(verdicts(code, number))] == []
    assert {(code, number): wrong for code, number in valid if (wrong := missed(code, number))} == {}


def test_a_twenty_digit_number_of_usps_has_one_check_digit_alone() -> None:
    """A DUNS in it: the twenty digits are checked; a mailer id, which begins with 9: with the 91 that was left out."""
    holding = {
        begin: [digit for digit in "0123456789" if detect(f"{begin}{digit}", "usps")[0].check_digit == "passed"]
        for begin in ("7112345678912345678", "7196901075600307738")
    }

    assert holding == {"7112345678912345678": ["7"], "7196901075600307738": ["5"]}
