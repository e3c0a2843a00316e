"""Whose number is it? Every carrier that writes such numbers, the likeliest first, with the evidence."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal

from waybill_carriers.formats import Format, Shape
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

    Each candidate stands once, with the narrowest of the carrier's formats that fit: another one, with a check digit of
    its own, is no second chance for a mistyped number. A number says the more for a carrier the fewer numbers its
    format allows; a check digit that holds says ten times as much, one that does not puts it behind all others.
    """
    plain = compact(number)
    found: dict[str, tuple[float, Candidate]] = {}
    for form in _BY_LENGTH.get(len(plain), ()):
        code = form.carrier.code
        if code in found or form.shape.pattern.fullmatch(plain) is None:
            continue
        if (candidate := _candidate(form, plain)) is not None:
            found[code] = _weight(form, candidate.check_digit), candidate
    named = None if hint is None else by_name(hint)
    ranked = list(found.values())
    if len(ranked) > 1:
        ranked.sort(key=lambda each: _place(each[0], each[1], named, brand_history or {}))
    return tuple(_with_reason(candidate, named, brand_history or {}, len(ranked)) for _, candidate in ranked)


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
    if format_.also:
        says.append("such numbers are others' first")
    return Candidate(carrier, format_.name, check_digit, service, country, carrier.page(plain), tuple(says))


def _weight(form: _Form, check_digit: CheckDigit) -> float:
    """The lower, the likelier: a logarithm."""
    weight = form.shape.size + (_ALSO if form.format.also else 0.0)
    if check_digit == "failed":
        return weight + _TYPO
    return weight - math.log10(form.format.check.one_in) if form.format.check is not None else weight


def _place(
    weight: float, candidate: Candidate, named: Carrier | None, history: Mapping[str, int]
) -> tuple[bool, bool, float]:
    """What a candidate is sorted by, the lowest first."""
    code, family = candidate.carrier.code, candidate.carrier.family
    return (
        named is None or code != named.code,
        named is None or not family or family != named.family,
        weight - math.log10(history.get(code, 0) + 1),
    )


def _with_reason(candidate: Candidate, named: Carrier | None, history: Mapping[str, int], candidates: int) -> Candidate:
    """With what else speaks for it, or against it, where there are others."""
    code, reasons = candidate.carrier.code, list[str]()
    if named is not None and code == named.code:
        reasons.append("it was named")
    elif named is not None and candidate.carrier.family and candidate.carrier.family == named.family:
        reasons.append(f"{named.name} was named, and it is of that family")
    if count := history.get(code):
        reasons.append(f"the brand has sent {count} parcels with it")
    if candidates > 1 and candidate.check_digit == "failed":
        reasons.append("so it stands behind those whose check digit does not speak against them")
    return replace(candidate, evidence=(*candidate.evidence, *reasons)) if reasons else candidate


def _by_length() -> dict[int, tuple[_Form, ...]]:
    found: dict[int, list[_Form]] = {}
    for carrier in CARRIERS:
        for format_ in carrier.formats:
            for read in format_.read:
                found.setdefault(read.length, []).append(_Form(carrier, format_, read))
    return {length: tuple(sorted(forms, key=lambda form: form.shape.size)) for length, forms in found.items()}


_BY_LENGTH: Final = _by_length()
"""All forms of numbers by their length, the narrowest first."""
