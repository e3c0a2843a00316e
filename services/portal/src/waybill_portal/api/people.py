"""Letting people in, and out: commands of those who manage a brand, and of operators, who see to all of them.

Whoever lets somebody in makes the id, so that sending the same twice makes one.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import Database
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_portal import store
from waybill_portal.api.viewing import Who, answered, digest, new_secret
from waybill_portal.domain import grants
from waybill_portal.domain.grants import Person
from waybill_portal.domain.people import LINK, Role, Scope, Viewer, mail_address

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


class Link(BaseModel):
    """A link to choose a password with, to be handed over by whoever asked for it; it is good once."""

    path: str
    """Beneath the portal's own address."""
    expires_at: datetime


class Invited(BaseModel):
    """Somebody who was let in, and the link to choose a password with; null where there is a password already."""

    person: Person
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


@dataclass(frozen=True, slots=True)
class People:
    """What managers and operators do about people.

    A person's row is locked before anything is decided about them, so that what is decided is still so when written.
    """

    database: Database

    async def every(self, viewer: Viewer) -> list[Person]:
        """People of the brand that is looked at, or all."""
        async with self.database.begin(viewer.brand) as connection:
            return [each.as_seen_by(viewer) for each in await store.people.every_person(connection)]

    async def put(self, viewer: Viewer, person_id: UUID, wanted: NewPerson) -> Invited:
        """Let somebody in; with a link where no password was chosen yet. Raises Problem 403, 409 and 422."""
        email = mail_address(wanted.email)
        if email is None:
            raise Problem(422, "no-mail-address", "This is no mail address. Correct it.", field="email")
        try:
            async with self.database.begin() as connection:
                known = await store.people.by_mail(connection, email)
                with answered():
                    grant = grants.let_in(viewer, known, wanted.role, wanted.brand_id)
                if known is None:
                    await store.people.put_person(connection, person_id, email, wanted.name)
                else:
                    person_id = known.person_id
                    # What was let in before opened fewer doors.
                    await store.people.end_link(connection, person_id)
                if grant.chooses_anew:
                    await store.people.change_person(connection, person_id, password=None)
                    await store.people.end_sessions(connection, person_id)
                if grant.brand_id is None:
                    await store.people.change_person(connection, person_id, is_operator=True)
                else:
                    await store.people.put_role(connection, person_id, grant.brand_id, grant.role)
                person = await _one(connection, person_id)
                link = None if person.has_password else await _link(connection, person_id)
        except IntegrityError as error:
            raise Problem(
                409, "id-taken", f"Somebody else has the id {person_id}. Make a new one, and send it again."
            ) from error
        return Invited(person=person.as_seen_by(viewer), link=link)

    async def put_role(self, viewer: Viewer, person_id: UUID, brand_id: UUID, role: Role | None) -> Person:
        """Make somebody something else to a brand, or nothing any more; raises Problem 403, 404, 409 and 422."""
        async with self.database.begin() as connection:
            person = await _one(connection, person_id)
            with answered():
                programs_go = grants.change_role(viewer, person, brand_id, role)
            if brand_id not in person.roles:
                await store.people.end_link(connection, person_id)
            await store.people.put_role(connection, person_id, brand_id, role)
            if programs_go:
                await store.people.revoke_tokens_of(connection, f"person:{person_id}", brand_id)
            return (await _one(connection, person_id)).as_seen_by(viewer)

    async def put_link(self, viewer: Viewer, person_id: UUID) -> Link:
        """A new link to choose a password with; raises Problem 403 and 404."""
        async with self.database.begin() as connection:
            person = await _one(connection, person_id)
            with answered():
                grants.make_link(viewer, person)
            return await _link(connection, person_id)

    async def disable(self, viewer: Viewer, person_id: UUID, *, disabled: bool) -> Person:
        """Let somebody in no more, at once, or again; raises Problem 404 and 409."""
        return await self._shut_out(viewer, person_id, disabled_at=datetime.now(UTC) if disabled else None)

    async def end_operator(self, viewer: Viewer, person_id: UUID) -> Person:
        """Make an operator one no more, who keeps what there is of roles; raises Problem 404 and 409."""
        return await self._shut_out(viewer, person_id, is_operator=False)

    async def _shut_out(self, viewer: Viewer, person_id: UUID, **changed: datetime | bool | None) -> Person:
        """Change somebody, and end all that lets them in, and all programs that they have let in."""
        async with self.database.begin() as connection:
            person = await _one(connection, person_id)
            with answered():
                grants.shut_out(viewer, person)
            await store.people.change_person(connection, person_id, **changed)
            await store.people.end_sessions(connection, person_id)
            await store.people.end_link(connection, person_id)
            await store.people.revoke_tokens_of(connection, f"person:{person_id}", None)
            return (await _one(connection, person_id)).as_seen_by(viewer)


async def _one(connection: AsyncConnection, person_id: UUID) -> Person:
    found = await store.people.person(connection, person_id)
    if found is None:
        with answered():
            raise grants.Unknown(person_id)
    return found


async def _link(connection: AsyncConnection, person_id: UUID) -> Link:
    secret, expires_at = new_secret(), datetime.now(UTC) + LINK
    await store.people.put_link(connection, person_id, digest(secret), expires_at)
    return Link(path=f"/welcome?link={secret}", expires_at=expires_at)


def routes(who: Who, people: People) -> APIRouter:
    """People."""
    router = api_router("/api/v1")

    @router.get("/me")
    async def me(viewer: Annotated[Viewer, Depends(who.reads)]) -> Me:
        """Who calls, and what is allowed."""
        return Me(actor=viewer.actor, name=viewer.name, brand_id=viewer.brand, scopes=sorted(viewer.scopes))

    @router.get("/people")
    async def every(viewer: Annotated[Viewer, Depends(who.manages)]) -> list[Person]:
        """People of the brand that is looked at, or all."""
        return await people.every(viewer)

    @router.put("/people/{person_id}")
    async def put(person_id: UUID, wanted: NewPerson, viewer: Annotated[Viewer, Depends(who.manages)]) -> Invited:
        """Let somebody in. Who has the address already is given the role under the id that is known."""
        return await people.put(viewer, person_id, wanted)

    @router.put("/people/{person_id}/roles/{brand_id}")
    async def put_role(
        person_id: UUID, brand_id: UUID, wanted: OfBrand, viewer: Annotated[Viewer, Depends(who.manages)]
    ) -> Person:
        """Make somebody something else to a brand."""
        return await people.put_role(viewer, person_id, brand_id, wanted.role)

    @router.delete("/people/{person_id}/roles/{brand_id}")
    async def delete_role(person_id: UUID, brand_id: UUID, viewer: Annotated[Viewer, Depends(who.manages)]) -> Person:
        """Make somebody nothing to a brand any more; it works at once."""
        return await people.put_role(viewer, person_id, brand_id, None)

    @router.put("/people/{person_id}/link")
    async def put_link(person_id: UUID, viewer: Annotated[Viewer, Depends(who.manages)]) -> Link:
        """A new link to choose a password with; the one before it is good no more."""
        return await people.put_link(viewer, person_id)

    @router.put("/people/{person_id}/disabled")
    async def disable(person_id: UUID, wanted: Disabled, viewer: Annotated[Viewer, Depends(who.operates)]) -> Person:
        """Let somebody in no more, or again; it works at once."""
        return await people.disable(viewer, person_id, disabled=wanted.disabled)

    @router.delete("/people/{person_id}/operator")
    async def end_operator(person_id: UUID, viewer: Annotated[Viewer, Depends(who.operates)]) -> Person:
        """Make an operator one no more; it works at once."""
        return await people.end_operator(viewer, person_id)

    return router
