"""Whose number is it? Every carrier that writes such numbers, the likeliest first, with the evidence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from waybill_carriers.formats import Format, Shape, shape
from waybill_carriers.names import by_name
from waybill_carriers.numbers import compact
from waybill_carriers.registry import CARRIERS, Carrier, post_of

CheckDigit = Literal["passed", "failed", "none"]
_TYPO: Final = 12.0
"""Whose check digit does not hold stands behind all whose does: a mistyped number is rarer than any of them."""
_ALSO: Final = 6.0
"""What another carrier gives out first stays behind that one, also where a prefix narrows it down."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A carrier that writes such numbers. `evidence` are sentences, why it is one and why it stands where it does."""

    carrier: Carrier
    format: str
    check_digit: CheckDigit
    service: str | None
    country: str | None
    """ISO 3166-1 alpha-2, where the number names one."""
    url: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Form:
    carrier: Carrier
    format: Format
    shape: Shape


def detect(
    number: str, hint: str | None = None, brand_history: Mapping[str, int] | None = None
) -> tuple[Candidate, ...]:
    """The carriers that write such numbers, the likeliest first; none for what is no number of any.

    `hint` is a carrier's code or name as somebody typed it: where that is a candidate it comes first.
    `brand_history` says by code how many parcels the brand has sent with each carrier: where the number leaves it open,
    those that it uses come first.

    Each candidate stands once, with the format that fits best. A number says the more for a carrier the fewer numbers
    its format allows; a check digit that holds says ten times as much, one that does not speaks against it.
    """
    plain = compact(number)
    forms = _BY_LENGTH.get(len(plain), ())
    found: dict[str, tuple[float, Candidate]] = {}
    for form in forms:
        if form.shape.pattern.fullmatch(plain) is None or (candidate := _candidate(form, plain)) is None:
            continue
        weight = _weight(form, candidate.check_digit)
        known = found.get(form.carrier.code)
        if known is None or weight < known[0]:
            found[form.carrier.code] = weight, candidate
    named = None if hint is None else by_name(hint)
    return _ranked(list(found.values()), None if named is None else named.code, brand_history or {})


def _candidate(form: _Form, plain: str) -> Candidate | None:
    format_, carrier, parts = form.format, form.carrier, form.shape.parts
    country = plain[parts["country"]] if "country" in parts else None
    if country is not None and carrier.posts:
        post = post_of(country)
        if post is None:
            return None
        carrier = post
    check_digit: CheckDigit = "none"
    says = [f"has the form of {format_.name}"]
    if format_.check is not None:
        right = format_.check.digit_of(plain[parts["covered"]])
        check_digit = "passed" if right == plain[parts["check"]] else "failed"
        says.append(
            f"its check digit {right} is right" if check_digit == "passed" else f"its check digit should be {right}"
        )
    service = format_.services.get(plain[parts["service"]]) if "service" in parts else None
    if service is not None:
        says.append(f"its service is {service}")
    if country is not None:
        says.append(f"it was given in {country}")
    asked = plain[parts["asked"]] if "asked" in parts else plain
    return Candidate(carrier, format_.name, check_digit, service, country, carrier.page(asked), tuple(says))


def _weight(form: _Form, check_digit: CheckDigit) -> float:
    """The lower, the likelier: a logarithm."""
    weight = form.shape.size + (_ALSO if form.format.also else 0.0)
    if check_digit == "failed":
        return weight + _TYPO
    return weight - math.log10(form.format.check.one_in) if form.format.check is not None else weight


def _ranked(
    found: list[tuple[float, Candidate]], named: str | None, history: Mapping[str, int]
) -> tuple[Candidate, ...]:
    total = sum(history.values()) + len(found)

    def place(each: tuple[float, Candidate]) -> tuple[bool, float]:
        weight, candidate = each
        code = candidate.carrier.code
        return code != named, weight - math.log10((history.get(code, 0) + 1) / total)

    found.sort(key=place)
    return tuple(_with_reason(candidate, named, history) for _, candidate in found)


def _with_reason(candidate: Candidate, named: str | None, history: Mapping[str, int]) -> Candidate:
    code = candidate.carrier.code
    if code == named:
        return replace(candidate, evidence=(*candidate.evidence, "it was named"))
    if count := history.get(code):
        return replace(candidate, evidence=(*candidate.evidence, f"the brand has sent {count} parcels with it"))
    return candidate


def _by_length() -> dict[int, tuple[_Form, ...]]:
    found: dict[int, list[_Form]] = {}
    for carrier in CARRIERS:
        for format_ in carrier.formats:
            for written in format_.shapes:
                read = shape(written)
                found.setdefault(read.length, []).append(_Form(carrier, format_, read))
    return {length: tuple(forms) for length, forms in found.items()}


_BY_LENGTH: Final = _by_length()
