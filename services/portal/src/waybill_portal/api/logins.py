"""Letting people in: passwords, sessions, links to choose a password, and how often somebody may try."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import Database
from waybill_chassis.problems import Problem
from waybill_portal import store
from waybill_portal.api.viewing import digest, new_secret
from waybill_portal.domain.grants import Person
from waybill_portal.domain.people import TRIES, BadPassword, check_password, mail_address, too_many

_AT_ONCE: Final = 2
"""Passwords that are hashed at the same time: each takes 64 MiB and a core for a twentieth of a second."""
_LONGEST: Final = 1_000


class Passwords:
    """Argon2id, by the parameters of RFC 9106 that argon2-cffi holds for good today."""

    def __init__(self) -> None:
        self.hasher, self.room = PasswordHasher(), asyncio.Semaphore(_AT_ONCE)
        self.nobodys = self.hasher.hash(new_secret())

    async def hash(self, password: str) -> str:
        """The text that is kept of a password."""
        async with self.room:
            return await asyncio.to_thread(self.hasher.hash, password)

    async def fits(self, password: str, kept: str | None) -> bool:
        """Whether it is that password; where there is none it takes as long to say so."""
        async with self.room:
            with suppress(VerifyMismatchError):
                return await asyncio.to_thread(self.hasher.verify, kept or self.nobodys, password) and kept is not None
        return False

    def is_old(self, kept: str) -> bool:
        """Whether it was made with other parameters than those of today."""
        return self.hasher.check_needs_rehash(kept)


@dataclass(frozen=True, slots=True)
class Logins:
    """Opens and ends sessions."""

    database: Database
    passwords: Passwords

    async def log_in(self, email: str, password: str, address: str) -> str:
        """The secret of a new session; raises Problem 401, and 429 for who tries too often.

        It says the same whether there is nobody of that name or the password is another one.
        """
        typed = mail_address(email) or ""
        await self._count(typed, address)
        async with self.database.begin() as connection:
            found = await store.people.password_of(connection, typed)
        person, kept = found or (None, None)
        fits = await self.passwords.fits(password[:_LONGEST], kept)
        if person is None or kept is None or not fits or person.disabled:
            raise _wrong()
        new = await self.passwords.hash(password) if self.passwords.is_old(kept) else None
        async with self.database.begin() as connection:
            if not await store.people.lock(connection, person.person_id, kept):
                raise _wrong()
            await store.people.forget_tries(connection, typed, address)
            if new is not None:
                await store.people.change_person(connection, person.person_id, password=new)
            secret = new_secret()
            await store.people.open_session(connection, digest(secret), person.person_id, _first(person))
            await self._note(connection, person, "/login")
        return secret

    async def log_out(self, secret: str) -> None:
        """End a session."""
        async with self.database.begin() as connection:
            await store.people.end_session(connection, digest(secret))

    async def of_link(self, link: str) -> Person:
        """Whose link it is; raises Problem 404."""
        async with self.database.begin() as connection:
            return _good(await store.people.of_link(connection, digest(link)))

    async def choose(self, link: str, password: str, name: str = "") -> str:
        """Choose a password by a link, which is good once; the secret of a new session. Raises Problem 404 and 422.

        All other sessions of the person end.
        """
        person = await self.of_link(link)
        hashed = await self._checked(person, password)
        async with self.database.begin() as connection:
            _good(person if await store.people.use_link(connection, digest(link)) else None)
            await store.people.end_sessions(connection, person.person_id)
            named = {"name": name} if name else {}
            await store.people.change_person(connection, person.person_id, password=hashed, **named)
            secret = new_secret()
            await store.people.open_session(connection, digest(secret), person.person_id, _first(person))
            await self._note(connection, person, "/welcome")
        return secret

    async def change(self, person_id: UUID, secret: str, old: str, new: str, address: str) -> None:
        """Change one's own password; all other sessions end. Raises Problem 403, 422 and 429."""
        async with self.database.begin() as connection:
            found = await store.people.password_of(connection, person_id)
        if found is not None:
            await self._count(found[0].email, address)
        if found is None or not await self.passwords.fits(old[:_LONGEST], found[1]):
            raise Problem(403, "wrong-password", "This is not your password of now. Nothing was changed.")
        hashed = await self._checked(found[0], new)
        async with self.database.begin() as connection:
            if not await store.people.lock(connection, person_id, found[1]):
                raise Problem(409, "changed-meanwhile", "It was changed in another window. Log in with the new one.")
            await store.people.forget_tries(connection, found[0].email, address)
            await store.people.change_person(connection, person_id, password=hashed)
            await store.people.end_link(connection, person_id)
            await store.people.end_sessions(connection, person_id, but=digest(secret))

    async def turn_to(self, secret: str, brand_id: UUID | None) -> None:
        """Look at another brand; whether one may is seen to at each request."""
        async with self.database.begin() as connection:
            await store.people.turn_to(connection, digest(secret), brand_id)

    async def _count(self, email: str, address: str) -> None:
        """Count an attempt before anything is compared; raises Problem 429, and that one then counts for nobody."""
        async with self.database.begin() as connection:
            try_id = await store.people.put_try(connection, email, address)
        # By now those who came at the same time count each other.
        async with self.database.begin() as connection:
            if not too_many(await store.people.tried(connection, email, address)):
                return
            await store.people.drop_try(connection, try_id)
        minutes = int(TRIES.total_seconds() // 60)
        raise Problem(
            429,
            "too-many-attempts",
            f"That was tried too often. Wait {minutes} minutes, or have an operator give you a link.",
            headers={"Retry-After": str(int(TRIES.total_seconds()))},
        )

    async def _checked(self, person: Person, password: str) -> str:
        try:
            check_password(password, person.email)
        except BadPassword as error:
            raise Problem(422, "bad-password", str(error), field="password") from error
        return await self.passwords.hash(password)

    async def _note(self, connection: AsyncConnection, person: Person, path: str) -> None:
        actor = f"person:{person.person_id}"
        number = await store.people.put_audit(connection, actor, _first(person), "POST", path)
        await store.people.answer_audit(connection, number, 303)


def _first(person: Person) -> UUID | None:
    """The brand that is looked at first; an operator looks at all."""
    return None if person.is_operator or not person.roles else min(person.roles)


def _wrong() -> Problem:
    return Problem(401, "wrong-login", "Mail address and password do not fit. Check both, and try again.")


def _good(person: Person | None) -> Person:
    if person is None:
        raise Problem(
            404, "link-used-up", "This link was used, or is too old, or a newer one was made. Ask for another one."
        )
    return person
