"""Who may let whom in, to what: decisions about people and programs. Pure.

A mail address says nothing about who has chosen the password of its account: whoever let that person in first may have.
So a manager lets in only who is not known yet, and nobody becomes an operator by a password from before.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Self
from uuid import UUID

from waybill_portal.domain.people import ASKS, SCOPES, Role, Scope, Viewer


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who may log in, and what that person is to brands."""

    person_id: UUID
    email: str
    name: str
    is_operator: bool
    disabled: bool
    has_password: bool
    """Whether a password was chosen by the link yet."""
    roles: Mapping[UUID, Role] = field(default_factory=dict[UUID, Role])

    def as_seen_by(self, viewer: Viewer) -> Self:
        """Of what somebody is to others, a brand learns nothing."""
        return replace(self, roles={of: role for of, role in self.roles.items() if viewer.brand in {None, of}})


@dataclass(frozen=True, slots=True)
class Token:
    """A program that may call the API, or might once."""

    token_id: UUID
    name: str
    brand_id: UUID | None
    """None: all brands."""
    scopes: tuple[Scope, ...]
    made_by: str
    made_at: datetime
    used_at: datetime | None = None
    revoked_at: datetime | None = None


class Refused(Exception):
    """What somebody may not do; it says what can be done instead."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


class NotAllowed(Refused):
    """For others to do."""


class NotSo(Refused):
    """Not as things are."""


class NoSense(Refused):
    """Nobody could do this."""


class Unknown(Refused):
    """Nobody of this id is there for whoever asks."""

    def __init__(self, person_id: UUID) -> None:
        super().__init__("unknown-person", f"Nobody {person_id} is known here.")


@dataclass(frozen=True, slots=True)
class Grant:
    """What somebody becomes: a role of a brand, or, where `brand_id` is None, an operator."""

    brand_id: UUID | None
    role: Role
    chooses_anew: bool
    """The password of before is good no more, nor are its sessions."""


def let_in(viewer: Viewer, known: Person | None, role: Role, brand_id: UUID | None) -> Grant:
    """What somebody becomes who is let in by mail address; raises Refused."""
    to = _brand(viewer, role, brand_id)
    if known is None:
        return Grant(to, role, chooses_anew=False)
    _not_oneself(viewer, known.person_id)
    if not viewer.may(Scope.OPERATE):
        raise NotSo(
            "known-already",
            "Somebody with this address is known. Change the role in the list, or ask an operator to let them in.",
        )
    return Grant(to, role, chooses_anew=role is Role.OPERATOR and not known.is_operator)


def change_role(viewer: Viewer, person: Person, brand_id: UUID, role: Role | None) -> bool:
    """Make somebody something else to a brand, or with None nothing any more; raises Refused.

    True: programs that this person has let in for the brand go as well.
    """
    if role is Role.OPERATOR:
        raise NoSense("not-of-a-brand", "An operator is one of all brands. Choose viewer, packer or manager.")
    _brand(viewer, role or Role.VIEWER, brand_id)
    if not viewer.may(Scope.OPERATE) and brand_id not in person.roles:
        raise Unknown(person.person_id)
    if not person.is_operator:
        _not_oneself(viewer, person.person_id)
    return Scope.MANAGE not in SCOPES[role or Role.VIEWER]


def make_link(viewer: Viewer, person: Person) -> None:
    """Raise Refused where somebody may not have others choose a password: it opens the doors of all their brands."""
    if viewer.may(Scope.OPERATE):
        return
    if viewer.brand not in person.roles:
        raise Unknown(person.person_id)
    if person.is_operator or len(person.roles) > 1:
        raise NotAllowed("not-allowed", "This person belongs to other brands as well. Ask an operator.")


def shut_out(viewer: Viewer, person: Person) -> None:
    """Raise Refused for who would lock themselves out."""
    _not_oneself(viewer, person.person_id)


def token_of(viewer: Viewer, scopes: Collection[Scope], brand_id: UUID | None) -> tuple[UUID | None, tuple[Scope, ...]]:
    """Of which brand a program may do what, whom somebody lets in; raises Refused."""
    if more := set(scopes) - viewer.scopes:
        says = f"You cannot give away what you may not do: {', '.join(sorted(more))}."
        raise NotAllowed("not-allowed", says)
    of = _own(viewer, brand_id)
    if Scope.OPERATE in scopes and of is not None:
        raise NoSense("not-of-a-brand", "What operates is of all brands. Leave out `operate`, or the brand.")
    return of, tuple(sorted({*scopes, Scope.READ}))


def _brand(viewer: Viewer, role: Role, wanted: UUID | None) -> UUID | None:
    """Of which brand somebody becomes something; None for an operator."""
    if role is Role.OPERATOR:
        if not viewer.may(Scope.OPERATE):
            raise NotAllowed("not-allowed", ASKS[Scope.OPERATE])
        return None
    brand_id = _own(viewer, wanted)
    if brand_id is None:
        raise NoSense("no-brand", "Of which brand? Give `brand_id`.")
    return brand_id


def _own(viewer: Viewer, wanted: UUID | None) -> UUID | None:
    """The brand that is meant, where somebody looks at that one or at all."""
    if viewer.brand is not None and wanted not in {None, viewer.brand}:
        raise NotAllowed("not-allowed", "This is another brand. Turn to it first.")
    return wanted or viewer.brand


def _not_oneself(viewer: Viewer, person_id: UUID) -> None:
    if viewer.actor == f"person:{person_id}":
        raise NotSo("your-own", "Nobody changes what they are themselves. Ask somebody else.")
