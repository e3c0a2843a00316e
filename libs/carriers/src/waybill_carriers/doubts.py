"""What may be wrong with a number that somebody typed: a warning to confirm, never a wall."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Literal

from waybill_carriers.detection import detect
from waybill_carriers.names import by_name
from waybill_carriers.registry import Carrier


@dataclass(frozen=True, slots=True)
class Doubt:
    """A code that somebody may confirm, and a sentence that says what to do."""

    code: Literal["unknown-company", "wrong-check-digit", "other-carrier"]
    says: str


def doubt(number: str, company: str = "", own: Collection[str] = ()) -> Doubt | None:
    """What may be wrong with a number and the company that it is said to be of, the gravest first; None for nothing.

    A company stands for all carriers of its group: people write `DHL` for each of them. `own` are names of carriers
    that only the brand knows, about whose numbers nobody can say anything.
    """
    if is_own(company, own):
        return None
    named = by_name(company) if company else None
    if company and named is None:
        return Doubt("unknown-company", f"{company} is no carrier that is known here. Confirm it, or correct it.")
    guesses = detect(number, hint=company or None)
    mine = [guess for guess in guesses if named is None or _related(named, guess.carrier)]
    if any(guess.check_digit == "failed" for guess in mine[:1]):
        says = f"The check digit of {number} is not right for {mine[0].carrier.name}. A digit may be mistyped."
        return Doubt("wrong-check-digit", says)
    if named is not None and not mine and (others := [guess for guess in guesses if guess.check_digit == "passed"]):
        other = others[0].carrier.name
        return Doubt(
            "other-carrier", f"{number} is a number of {other}, not of {named.name}. Confirm it, or correct one."
        )
    return None


def is_own(company: str, own: Collection[str]) -> bool:
    """Whether a company is one of the brand's own carriers; case and spaces around it do not matter."""
    return bool(company) and company.strip().casefold() in {name.strip().casefold() for name in own}


def _related(named: Carrier, other: Carrier) -> bool:
    """Whether they are one, or of one group."""
    return named.code in {other.code, other.family} or named.family == other.code
