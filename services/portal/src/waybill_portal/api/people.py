"""People, tokens of programs, and the audit, for those who manage a brand; operators see to all of them.

Whoever makes something gives it its id, so that sending the same twice makes one.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import Database
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_portal import store
from waybill_portal.api.viewing import Who, digest, new_secret
from waybill_portal.domain.people import ASKS, LINK, SCOPES, Role, Scope, Viewer, mail_address
from waybill_portal.store.people import Person, Token

_NAME: Final = StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern=r"^[^\x00]*$")
Named = Annotated[str, _NAME]


class OfBrand(BaseModel):
    """What somebody is to a brand."""

    model_config = example(role="packer")

    role: Annotated[Role, Field(description="viewer, packer or manager")]


class NewPerson(BaseModel):
    """Somebody who is to be let in, and as what to which brand."""

    model_config = example(
        email="ann@acorn.example", name="Ann Bee", role="packer", brand_id="a0a0a0a0-0000-4000-8000-000000000001"
    )

    email: Annotated[str, Field(max_length=254)]
    name: Named
    role: Role
    brand_id: UUID | None = None
    """None: the brand of who asks. An operator is one of all brands."""


class PersonShown(BaseModel):
    """Somebody who may log in."""

    person_id: UUID
    email: str
    name: str
    is_operator: bool
    disabled: bool
    has_password: bool
    """Whether a password was chosen by the link yet."""
    roles: dict[UUID, Role]


class Link(BaseModel):
    """A link to choose a password with, to be handed over by whoever asked for it; it is good once."""

    path: str
    """Beneath the portal's own address."""
    expires_at: datetime


class NewToken(BaseModel):
    """A program that is to be let in."""

    model_config = example(name="Warehouse screen", scopes=["read"])

    name: Named
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    brand_id: UUID | None = None
    """None: the brand of who asks; an operator's: all of them."""


class TokenShown(BaseModel):
    """A program that may call, or might once."""

    model_config = ConfigDict(from_attributes=True)

    token_id: UUID
    name: str
    brand_id: UUID | None
    scopes: list[Scope]
    made_by: str
    made_at: datetime
    used_at: datetime | None
    revoked_at: datetime | None
    secret: str | None = None
    """What is sent as `Authorization: Bearer …`: told once, when it is made. If that answer was lost, make another."""


class Invited(BaseModel):
    """Somebody who was let in, and the link to choose a password with; null where there is a password already."""

    person: PersonShown
    link: Link | None


class Disabled(BaseModel):
    """Whether somebody is let in no more."""

    model_config = example(disabled=True)

    disabled: bool


class Me(BaseModel):
    """Who calls, what is allowed, and which brand is looked at; null: all of them."""

    actor: str
    name: str
    brand_id: UUID | None
    scopes: list[Scope]


class Command(BaseModel):
    """A command that came in."""

    model_config = ConfigDict(from_attributes=True)

    audit_id: int
    at: datetime
    actor: str
    name: str
    """Whom `actor` names; empty where that is nobody of this brand."""
    brand_id: UUID | None
    method: str
    path: str
    status: int | None
    """What it was answered; null while it is under way, and where the answer was lost."""


class Commands(BaseModel):
    """Some commands, and what to ask for to get those before them."""

    commands: list[Command]
    before: int | None


@dataclass(frozen=True, slots=True)
class People:
    """What managers and operators do about people and programs; whom they see, the database says."""

    database: Database

    async def every(self, viewer: Viewer) -> list[PersonShown]:
        """People of the brand that is looked at, or all."""
        async with self.database.begin(viewer.brand) as connection:
            return [_shown(each, viewer) for each in await store.people.every_person(connection)]

    async def put(self, viewer: Viewer, person_id: UUID, wanted: NewPerson) -> tuple[PersonShown, Link | None]:
        """Let somebody in; with a link where no password was chosen yet. Raises Problem 403, 409 and 422.

        An address says nothing about who has chosen its password: of those who are known already operators alone make
        more, and an operator only after another password was chosen by the link that this gives.
        """
        email = mail_address(wanted.email)
        if email is None:
            raise Problem(422, "no-mail-address", "This is no mail address. Correct it.", field="email")
        brand_id = _brand(viewer, wanted.role, wanted.brand_id)
        try:
            async with self.database.begin() as connection:
                found = await store.people.by_mail(connection, email)
                if found is None:
                    await store.people.put_person(connection, person_id, email, wanted.name)
                else:
                    person_id = found[0].person_id
                    await self._known(connection, viewer, person_id, wanted.role)
                await self._let_in(connection, person_id, brand_id, wanted.role)
                person = await _one(connection, person_id)
                link = None if person.has_password else await _link(connection, person_id)
        except IntegrityError as error:
            raise Problem(
                409, "id-taken", f"Somebody else has the id {person_id}. Make a new one, and send it again."
            ) from error
        return _shown(person, viewer), link

    async def _known(self, connection: AsyncConnection, viewer: Viewer, person_id: UUID, role: Role) -> None:
        """Somebody who is known becomes more; raises Problem 409."""
        if viewer.actor == f"person:{person_id}":
            raise Problem(409, "your-own", "Nobody changes what they are themselves. Ask somebody else.")
        if not viewer.may(Scope.OPERATE):
            raise Problem(
                409,
                "known-already",
                "Somebody with this address is known. Change the role in the list, or ask an operator to let them in.",
                field="email",
            )
        await store.people.end_link(connection, person_id)
        if role is Role.OPERATOR:
            await store.people.change_person(connection, person_id, password=None)
            await store.people.end_sessions(connection, person_id)

    async def _let_in(self, connection: AsyncConnection, person_id: UUID, brand_id: UUID | None, role: Role) -> None:
        if brand_id is None:
            await store.people.change_person(connection, person_id, is_operator=True)
        else:
            await store.people.put_role(connection, person_id, brand_id, role)

    async def put_role(self, viewer: Viewer, person_id: UUID, brand_id: UUID, role: Role | None) -> PersonShown:
        """Make somebody something else to a brand, or nothing any more; raises Problem 403, 404 and 409."""
        if role is Role.OPERATOR:
            raise Problem(422, "not-of-a-brand", "An operator is one of all brands. Choose viewer, packer or manager.")
        _brand(viewer, role or Role.VIEWER, brand_id)
        async with self.database.begin() as connection:
            person = await _one(connection, person_id)
            if viewer.brand is not None and viewer.brand not in person.roles:
                raise _unknown(person_id)
            if viewer.actor == f"person:{person_id}" and not person.is_operator:
                raise Problem(409, "your-own", "Nobody changes what they are themselves. Ask another manager.")
            if brand_id not in person.roles and not viewer.may(Scope.OPERATE):
                raise _unknown(person_id)
            if role is not None and brand_id not in person.roles:
                await store.people.end_link(connection, person_id)
            await store.people.put_role(connection, person_id, brand_id, role)
            if Scope.MANAGE not in SCOPES[role or Role.VIEWER]:
                await store.people.revoke_tokens_of(connection, f"person:{person_id}", brand_id)
            return _shown(await _one(connection, person_id), viewer)

    async def put_link(self, viewer: Viewer, person_id: UUID) -> Link:
        """A new link to choose a password with; raises Problem 403 and 404.

        A manager makes none for who belongs to others as well: it opens their doors, too.
        """
        async with self.database.begin() as connection:
            person = await _one(connection, person_id)
            if not viewer.may(Scope.OPERATE):
                if viewer.brand not in person.roles:
                    raise _unknown(person_id)
                if person.is_operator or len(person.roles) > 1:
                    raise Problem(403, "not-allowed", "This person belongs to other brands as well. Ask an operator.")
            return await _link(connection, person_id)

    async def disable(self, viewer: Viewer, person_id: UUID, disabled: bool) -> PersonShown:  # as stored
        """Let somebody in no more, at once, or again; raises Problem 404 and 409."""
        if viewer.actor == f"person:{person_id}":
            raise Problem(409, "your-own", "Nobody locks themselves out. Ask another operator.")
        async with self.database.begin() as connection:
            await _one(connection, person_id)
            at = datetime.now(UTC) if disabled else None
            await store.people.change_person(connection, person_id, disabled_at=at)
            await self._end(connection, person_id)
            return _shown(await _one(connection, person_id), viewer)

    async def end_operator(self, viewer: Viewer, person_id: UUID) -> PersonShown:
        """Make an operator one no more, who keeps what there is of roles; raises Problem 404 and 409."""
        if viewer.actor == f"person:{person_id}":
            raise Problem(409, "your-own", "Nobody changes what they are themselves. Ask another operator.")
        async with self.database.begin() as connection:
            await _one(connection, person_id)
            await store.people.change_person(connection, person_id, is_operator=False)
            await self._end(connection, person_id)
            return _shown(await _one(connection, person_id), viewer)

    async def _end(self, connection: AsyncConnection, person_id: UUID) -> None:
        """All that lets somebody in, and all programs that this person has let in."""
        await store.people.end_sessions(connection, person_id)
        await store.people.end_link(connection, person_id)
        await store.people.revoke_tokens_of(connection, f"person:{person_id}", None)

    async def every_token(self, viewer: Viewer) -> list[TokenShown]:
        """Programs of the brand that is looked at, or all, the newest first."""
        async with self.database.begin(viewer.brand) as connection:
            return [TokenShown.model_validate(each) for each in await store.people.every_token(connection)]

    async def names(self, viewer: Viewer) -> Mapping[str, str]:
        """What people and programs are called, by how they are named as actors."""
        async with self.database.begin(viewer.brand) as connection:
            return await store.people.names(connection)

    async def put_token(self, viewer: Viewer, token_id: UUID, wanted: NewToken) -> TokenShown:
        """Let a program in; its secret is told this once. Raises Problem 403 and 409."""
        if more := wanted.scopes - viewer.scopes:
            raise Problem(403, "not-allowed", f"You cannot give away what you may not do: {', '.join(sorted(more))}.")
        brand_id = wanted.brand_id or viewer.brand
        if viewer.brand is not None and brand_id != viewer.brand:
            raise Problem(403, "not-allowed", "This is another brand. Turn to it first.")
        if Scope.OPERATE in wanted.scopes and brand_id is not None:
            raise Problem(422, "not-of-a-brand", "What operates is of all brands. Leave out `operate`, or the brand.")
        scopes = wanted.scopes | {Scope.READ}
        secret = new_secret()
        now = datetime.now(UTC)
        token = Token(token_id, wanted.name, brand_id, scopes, viewer.actor, now, None, None)
        try:
            async with self.database.begin() as connection:
                await store.people.put_token(connection, token, digest(secret))
        except IntegrityError as error:
            raise Problem(
                409,
                "id-taken",
                f"There is a token {token_id} already, and its secret is told once. Revoke it and make another.",
            ) from error
        return TokenShown.model_validate(token).model_copy(update={"secret": secret})

    async def revoke_token(self, viewer: Viewer, token_id: UUID) -> None:
        """Let a program in no more, at once; raises Problem 404."""
        async with self.database.begin(viewer.brand) as connection:
            if not await store.people.revoke_token(connection, token_id):
                raise Problem(404, "unknown-token", f"There is no token {token_id} here.")

    async def audited(self, viewer: Viewer, before: int | None, limit: int) -> Commands:
        """Commands on the brand that is looked at, or all, the newest first."""
        async with self.database.begin(viewer.brand) as connection:
            rows = await store.people.audited(connection, before, limit + 1)
            names = await store.people.names(connection)
        found = [Command.model_validate({**row, "name": names.get(row["actor"], "")}) for row in rows[:limit]]
        return Commands(commands=found, before=found[-1].audit_id if len(rows) > limit else None)


def _brand(viewer: Viewer, role: Role, wanted: UUID | None) -> UUID | None:
    """Of which brand somebody becomes something; None for an operator. Raises Problem 403 and 422."""
    if role is Role.OPERATOR:
        if not viewer.may(Scope.OPERATE):
            raise Problem(403, "not-allowed", ASKS[Scope.OPERATE])
        return None
    brand_id = wanted or viewer.brand
    if brand_id is None:
        raise Problem(422, "no-brand", "Of which brand? Give `brand_id`.", field="brand_id")
    if viewer.brand is not None and brand_id != viewer.brand:
        raise Problem(403, "not-allowed", "This is another brand. Turn to it first.")
    return brand_id


async def _one(connection: AsyncConnection, person_id: UUID) -> Person:
    found = await store.people.person(connection, person_id)
    if found is None:
        raise _unknown(person_id)
    return found


def _unknown(person_id: UUID) -> Problem:
    return Problem(404, "unknown-person", f"Nobody {person_id} is known here.")


async def _link(connection: AsyncConnection, person_id: UUID) -> Link:
    secret, expires_at = new_secret(), datetime.now(UTC) + LINK
    await store.people.put_link(connection, person_id, digest(secret), expires_at)
    return Link(path=f"/welcome?link={secret}", expires_at=expires_at)


def _shown(person: Person, viewer: Viewer) -> PersonShown:
    """Of what somebody is to others, a brand learns nothing."""
    shown = PersonShown.model_validate(person, from_attributes=True)
    mine = {brand_id: role for brand_id, role in person.roles.items() if viewer.brand in {None, brand_id}}
    return shown.model_copy(update={"roles": mine})


def routes(who: Who, people: People) -> APIRouter:
    """People, tokens, audit."""
    router = api_router("/api/v1")

    @router.get("/me")
    async def me(viewer: Annotated[Viewer, Depends(who.reads)]) -> Me:
        """Who calls, and what is allowed."""
        return Me(actor=viewer.actor, name=viewer.name, brand_id=viewer.brand, scopes=sorted(viewer.scopes))

    @router.get("/people")
    async def every(viewer: Annotated[Viewer, Depends(who.manages)]) -> list[PersonShown]:
        """People of the brand that is looked at, or all."""
        return await people.every(viewer)

    @router.put("/people/{person_id}")
    async def put(person_id: UUID, wanted: NewPerson, viewer: Annotated[Viewer, Depends(who.manages)]) -> Invited:
        """Let somebody in. Who has the address already is given the role under the id that is known."""
        person, link = await people.put(viewer, person_id, wanted)
        return Invited(person=person, link=link)

    @router.put("/people/{person_id}/roles/{brand_id}")
    async def put_role(
        person_id: UUID, brand_id: UUID, wanted: OfBrand, viewer: Annotated[Viewer, Depends(who.manages)]
    ) -> PersonShown:
        """Make somebody something else to a brand."""
        return await people.put_role(viewer, person_id, brand_id, wanted.role)

    @router.delete("/people/{person_id}/roles/{brand_id}")
    async def delete_role(
        person_id: UUID, brand_id: UUID, viewer: Annotated[Viewer, Depends(who.manages)]
    ) -> PersonShown:
        """Make somebody nothing to a brand any more; it works at once."""
        return await people.put_role(viewer, person_id, brand_id, None)

    @router.put("/people/{person_id}/link")
    async def put_link(person_id: UUID, viewer: Annotated[Viewer, Depends(who.manages)]) -> Link:
        """A new link to choose a password with; the one before it is good no more."""
        return await people.put_link(viewer, person_id)

    @router.put("/people/{person_id}/disabled")
    async def disable(
        person_id: UUID, wanted: Disabled, viewer: Annotated[Viewer, Depends(who.operates)]
    ) -> PersonShown:
        """Let somebody in no more, or again; it works at once."""
        return await people.disable(viewer, person_id, wanted.disabled)

    @router.delete("/people/{person_id}/operator")
    async def end_operator(person_id: UUID, viewer: Annotated[Viewer, Depends(who.operates)]) -> PersonShown:
        """Make an operator one no more; it works at once."""
        return await people.end_operator(viewer, person_id)

    @router.get("/tokens")
    async def every_token(viewer: Annotated[Viewer, Depends(who.manages)]) -> list[TokenShown]:
        """Programs that may call, and those that might once."""
        return await people.every_token(viewer)

    @router.put("/tokens/{token_id}", status_code=201)
    async def put_token(
        token_id: UUID, wanted: NewToken, viewer: Annotated[Viewer, Depends(who.manages)]
    ) -> TokenShown:
        """Let a program in. Its secret is told this once."""
        return await people.put_token(viewer, token_id, wanted)

    @router.delete("/tokens/{token_id}", status_code=204, response_class=Response)
    async def revoke(token_id: UUID, viewer: Annotated[Viewer, Depends(who.manages)]) -> None:
        """Let a program in no more; it works at once."""
        await people.revoke_token(viewer, token_id)

    @router.get("/audit")
    async def audited(
        viewer: Annotated[Viewer, Depends(who.manages)],
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Commands:
        """Commands that came in, the newest first."""
        return await people.audited(viewer, before, limit)

    return router
