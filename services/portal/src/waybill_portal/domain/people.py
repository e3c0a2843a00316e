"""People and programs: what their roles let them do, and how often somebody may try to log in. Pure."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from enum import StrEnum
from typing import Final
from uuid import UUID


class Scope(StrEnum):
    """A kind of thing that somebody may do."""

    READ = "read"
    """Look at orders and documents."""
    SHIP = "ship"
    """Pack, label, ship, print, import tracking numbers, receive returns."""
    MANAGE = "manage"
    """Cancel, hold, amend, return, settle exceptions; the brand's settings, people and tokens."""
    OPERATE = "operate"
    """All brands, and what stands still in the services."""


class Role(StrEnum):
    """What somebody is to a brand; an operator is one to all of them."""

    VIEWER = "viewer"
    PACKER = "packer"
    MANAGER = "manager"
    OPERATOR = "operator"


SCOPES: Final[Mapping[Role, frozenset[Scope]]] = {
    Role.VIEWER: frozenset({Scope.READ}),
    Role.PACKER: frozenset({Scope.READ, Scope.SHIP}),
    Role.MANAGER: frozenset({Scope.READ, Scope.SHIP, Scope.MANAGE}),
    Role.OPERATOR: frozenset(Scope),
}
ASKS: Final[Mapping[Scope, str]] = {
    Scope.READ: "Ask a manager of the brand to let you look at it.",
    Scope.SHIP: "Viewers only look. Ask a manager of the brand to make you a packer.",
    Scope.MANAGE: "Only managers of the brand do this. Ask one of them.",
    Scope.OPERATE: "Only the marketplace's operators do this. Ask one of them.",
}
"""What to do where somebody may not."""
NAMELESS: Final = "A new brand"
"""What a brand is called until it has settings."""
SESSION: Final = timedelta(hours=14)
"""A session ends when nobody used it for so long: more than a working day with its pages open."""
LONGEST_SESSION: Final = timedelta(days=30)
LINK: Final = timedelta(days=7)
"""How long a link to choose a password is good."""
TRIES: Final = timedelta(minutes=15)
"""Within this time are attempts to log in counted."""
MOST_TRIES: Final[Mapping[str, int]] = {"here": 10, "address": 60, "account": 200}
"""Attempts for one account from one network address; from that address; for that account from anywhere.

The last one is high: a stranger who only knows somebody's mail address should not lock that person out.
"""
SHORTEST_PASSWORD: Final = 12
LONGEST_PASSWORD: Final = 200
_MAIL: Final = re.compile(r"[^\s@<>\"(),:;\\\[\]\x00-\x1f]{1,64}@[^\s@<>\"(),:;\\\[\]\x00-\x1f]{1,189}")


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who looks and acts. `brand` None stands for all brands, whom only an operator sees."""

    actor: str
    brand: UUID | None = None
    scopes: frozenset[Scope] = SCOPES[Role.OPERATOR]
    name: str = ""
    brands: Mapping[UUID, str] = field(default_factory=dict[UUID, str])
    """The names of the brands that the person may turn to; an operator may turn to any."""

    def may(self, scope: str) -> bool:
        """Whether things of this kind may be done."""
        return scope in self.scopes

    @property
    def looks_at(self) -> str:
        """The name of the brand that is looked at."""
        return "All brands" if self.brand is None else self.brands.get(self.brand, NAMELESS)

    def of_all_brands(self) -> "Viewer":
        """The same person, whichever brand is looked at."""
        return replace(self, brand=None)


class BadPassword(ValueError):
    """A password that is none; the message says what one must be."""


def mail_address(typed: str) -> str | None:
    """A mail address as it is compared, None where it cannot be one."""
    found = typed.strip().lower()
    return found if _MAIL.fullmatch(found) else None


def check_password(password: str, email: str) -> None:
    """Raise BadPassword for one that is too short or too easy to guess; NIST SP 800-63B asks for no mixture."""
    if len(password) < SHORTEST_PASSWORD:
        raise BadPassword(f"A password has {SHORTEST_PASSWORD} characters or more. A few words will do.")
    if len(password) > LONGEST_PASSWORD:
        raise BadPassword(f"A password has {LONGEST_PASSWORD} characters at most.")
    name = email.partition("@")[0]
    if len(set(password)) < SHORTEST_PASSWORD // 3 or password.lower() in {email, name * (len(password) // len(name))}:
        raise BadPassword("This one is too easy to guess. A few words will do.")


def too_many(tries: Mapping[str, int]) -> bool:
    """Whether somebody tried too often; `tries` as in MOST_TRIES, with this one."""
    return any(tries[name] > most for name, most in MOST_TRIES.items())
