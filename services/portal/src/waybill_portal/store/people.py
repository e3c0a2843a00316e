"""The SQL of people: who they are, what they are to brands, sessions, links, tokens, attempts, audit.

Whoever is not known yet is looked for in a transaction over all brands; a brand's own sees its own people alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, Text, cast, delete, func, insert, literal, select, text, true, update
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_portal.domain.grants import Person, Token
from waybill_portal.domain.people import LONGEST_SESSION, SESSION, TRIES, Role, Scope
from waybill_portal.tables import audit, brands, links, memberships, people, sessions, tokens, tries

_NOTED_EVERY: Final = text("interval '1 minute'")
"""How exactly it is known when a session or a token was used last."""


@dataclass(frozen=True, slots=True)
class Session:
    """A browser that is logged in, and the brand that it looks at; None: all of them."""

    person: Person
    brand_id: UUID | None
    names: Mapping[UUID, str]
    """What the brands are called that the person belongs to, or looks at."""


def _people() -> Select[Any]:
    """People with their roles, as far as the transaction sees them."""
    of = memberships.c.person_id == people.c.person_id
    roles = select(func.jsonb_object_agg(memberships.c.brand_id, memberships.c.role)).where(of)
    return select(people, roles.scalar_subquery().label("roles"))


def _person(row: Row[Any]) -> Person:
    roles: dict[str, str] = row.roles or {}
    return Person(
        row.person_id,
        row.email,
        row.name,
        row.is_operator,
        row.disabled_at is not None,
        row.password is not None,
        {UUID(brand_id): Role(role) for brand_id, role in roles.items()},
    )


async def every_person(connection: AsyncConnection) -> Sequence[Person]:
    """All whom this transaction may see, by name."""
    return [_person(row) for row in await connection.execute(_people().order_by(people.c.name, people.c.person_id))]


async def person(connection: AsyncConnection, person_id: UUID) -> Person | None:
    """One of them, who stays as is until this transaction ends."""
    return await _locked(connection, people.c.person_id == person_id)


async def by_mail(connection: AsyncConnection, email: str) -> Person | None:
    """Who has this address, and stays as is until this transaction ends."""
    return await _locked(connection, people.c.email == email)


async def _locked(connection: AsyncConnection, which: ColumnElement[bool]) -> Person | None:
    """The lock comes first: what is read in the same statement as it may be of before whoever held it."""
    locked = select(people.c.person_id).where(which).with_for_update()
    if (person_id := (await connection.execute(locked)).scalar_one_or_none()) is None:
        return None
    return _person((await connection.execute(_people().where(people.c.person_id == person_id))).one())


async def password_of(connection: AsyncConnection, which: UUID | str) -> tuple[Person, str | None] | None:
    """Somebody by id or by mail address, and Argon2's text of the password."""
    of = people.c.email == which if isinstance(which, str) else people.c.person_id == which
    row = (await connection.execute(_people().where(of))).one_or_none()
    return None if row is None else (_person(row), row.password)


async def put_person(connection: AsyncConnection, person_id: UUID, email: str, name: str) -> None:
    """Somebody new; the address must not be taken."""
    await connection.execute(insert(people).values(person_id=person_id, email=email, name=name))


async def change_person(connection: AsyncConnection, person_id: UUID, **values: Any) -> None:
    """Change columns of somebody."""
    await connection.execute(update(people).where(people.c.person_id == person_id).values(**values))


async def put_role(connection: AsyncConnection, person_id: UUID, brand_id: UUID, role: Role | None) -> None:
    """What somebody is to a brand from now on; None: nothing."""
    if role is None:
        of = (memberships.c.person_id == person_id) & (memberships.c.brand_id == brand_id)
        await connection.execute(delete(memberships).where(of))
        return
    values = {"person_id": person_id, "brand_id": brand_id, "role": role.value}
    await connection.execute(
        upsert(memberships)
        .values(values)
        .on_conflict_do_update(index_elements=["person_id", "brand_id"], set_={"role": role.value})
    )


async def put_link(connection: AsyncConnection, person_id: UUID, digest: bytes, expires_at: datetime) -> None:
    """A link to choose a password with; the one before it is good no more."""
    values = {"person_id": person_id, "digest": digest, "expires_at": expires_at}
    await connection.execute(
        upsert(links).values(values).on_conflict_do_update(index_elements=["person_id"], set_=values)
    )


async def of_link(connection: AsyncConnection, digest: bytes) -> Person | None:
    """Whose link it is, if it is good still."""
    query = _people().join(links, links.c.person_id == people.c.person_id)
    good = (links.c.digest == digest) & (links.c.expires_at > func.now()) & people.c.disabled_at.is_(None)
    row = (await connection.execute(query.where(good))).one_or_none()
    return None if row is None else _person(row)


async def end_link(connection: AsyncConnection, person_id: UUID) -> None:
    """No link of this person is good any more."""
    await connection.execute(delete(links).where(links.c.person_id == person_id))


async def use_link(connection: AsyncConnection, digest: bytes) -> bool:
    """Use up a link; False where somebody has used it meanwhile."""
    return bool((await connection.execute(delete(links).where(links.c.digest == digest))).rowcount)


async def lock(connection: AsyncConnection, person_id: UUID, password: str | None) -> bool:
    """Keep somebody's password as it is until this is written; False where it is another one by now, or locked out."""
    good = (people.c.person_id == person_id) & (people.c.password == password) & people.c.disabled_at.is_(None)
    query = select(people.c.person_id).where(good).with_for_update()
    return (await connection.execute(query)).first() is not None


async def open_session(connection: AsyncConnection, digest: bytes, person_id: UUID, brand_id: UUID | None) -> None:
    """A browser is logged in; sessions that are over are forgotten."""
    await connection.execute(delete(sessions).where(~_is_open()))
    await connection.execute(insert(sessions).values(digest=digest, person_id=person_id, brand_id=brand_id))


def _is_open() -> Any:
    return (sessions.c.seen_at > func.now() - SESSION) & (sessions.c.opened_at > func.now() - LONGEST_SESSION)


async def session(connection: AsyncConnection, digest: bytes) -> Session | None:
    """Whose session it is, if it is still good; that it was used is noted."""
    is_stale = (sessions.c.seen_at < func.now() - _NOTED_EVERY).label("is_stale")
    belongs = select(memberships.c.brand_id).where(memberships.c.person_id == people.c.person_id)
    mine = brands.c.brand_id.in_(belongs) | (brands.c.brand_id == sessions.c.brand_id)
    called = select(func.jsonb_object_agg(brands.c.brand_id, brands.c.brand["name"])).where(mine)
    query = _people().add_columns(sessions.c.brand_id, is_stale, called.scalar_subquery().label("called"))
    query = query.join(sessions, sessions.c.person_id == people.c.person_id)
    good = (sessions.c.digest == digest) & people.c.disabled_at.is_(None) & _is_open()
    row = (await connection.execute(query.where(good))).one_or_none()
    if row is None:
        return None
    if row.is_stale:
        await connection.execute(update(sessions).where(sessions.c.digest == digest).values(seen_at=func.now()))
    names: dict[str, str] = row.called or {}
    return Session(_person(row), row.brand_id, {UUID(brand_id): name for brand_id, name in names.items()})


async def turn_to(connection: AsyncConnection, digest: bytes, brand_id: UUID | None) -> None:
    """A session looks at this brand from now on."""
    await connection.execute(update(sessions).where(sessions.c.digest == digest).values(brand_id=brand_id))


async def end_session(connection: AsyncConnection, digest: bytes) -> None:
    """A browser is logged out."""
    await connection.execute(delete(sessions).where(sessions.c.digest == digest))


async def end_sessions(connection: AsyncConnection, person_id: UUID, but: bytes = b"") -> None:
    """All browsers of a person are logged out, but for one."""
    of = (sessions.c.person_id == person_id) & (sessions.c.digest != but)
    await connection.execute(delete(sessions).where(of))


async def put_try(connection: AsyncConnection, email: str, address: str) -> int:
    """Somebody tries to log in; the number of this attempt."""
    await connection.execute(delete(tries).where(tries.c.at < func.now() - TRIES))
    new = insert(tries).values(email=email, address=address).returning(tries.c.try_id)
    try_id: int = (await connection.execute(new)).scalar_one()
    return try_id


async def drop_try(connection: AsyncConnection, try_id: int) -> None:
    """An attempt that was refused unheard counts for nobody."""
    await connection.execute(delete(tries).where(tries.c.try_id == try_id))


async def tried(connection: AsyncConnection, email: str, address: str) -> dict[str, int]:
    """How often that was tried lately, as in MOST_TRIES."""
    same_mail, same_address = tries.c.email == email, tries.c.address == address
    row = await connection.execute(
        select(
            func.count().filter(same_mail & same_address).label("here"),
            func.count().filter(same_address).label("address"),
            func.count().filter(same_mail).label("account"),
        ).where(same_mail | same_address)
    )
    return dict(row.mappings().one())


async def forget_tries(connection: AsyncConnection, email: str, address: str) -> None:
    """It was that person: what was mistyped before counts no more."""
    await connection.execute(delete(tries).where((tries.c.email == email) & (tries.c.address == address)))


async def put_token(connection: AsyncConnection, token: Token, digest: bytes) -> None:
    """A program may call from now on."""
    await connection.execute(
        insert(tokens).values(
            token_id=token.token_id,
            digest=digest,
            name=token.name,
            brand_id=token.brand_id,
            scopes=[*token.scopes],
            made_by=token.made_by,
            made_at=token.made_at,
        )
    )


async def every_token(connection: AsyncConnection) -> Sequence[Token]:
    """All that this transaction may see, the newest first."""
    rows = await connection.execute(select(tokens).order_by(tokens.c.made_at.desc(), tokens.c.token_id))
    return [_token(row) for row in rows]


async def token(connection: AsyncConnection, digest: bytes) -> Token | None:
    """The token, if it is still good; that it was used is noted."""
    good = (tokens.c.digest == digest) & tokens.c.revoked_at.is_(None)
    row = (await connection.execute(select(tokens).where(good))).one_or_none()
    if row is None:
        return None
    lately = tokens.c.used_at > func.now() - _NOTED_EVERY
    await connection.execute(update(tokens).where(good, lately.is_not(True)).values(used_at=func.now()))
    return _token(row)


def _token(row: Row[Any]) -> Token:
    return Token(
        row.token_id,
        row.name,
        row.brand_id,
        tuple(Scope(scope) for scope in row.scopes),
        row.made_by,
        row.made_at,
        row.used_at,
        row.revoked_at,
    )


async def revoke_token(connection: AsyncConnection, token_id: UUID) -> bool:
    """A program may call no more; False where this transaction sees no such token."""
    statement = (
        update(tokens)
        .where(tokens.c.token_id == token_id)
        .values(revoked_at=func.coalesce(tokens.c.revoked_at, func.now()))
    )
    return bool((await connection.execute(statement)).rowcount)


async def revoke_tokens_of(connection: AsyncConnection, maker: str, brand_id: UUID | None) -> None:
    """Revoke what somebody has made for a brand, or with None all of it, and what those programs have made."""
    more = select(tokens.c.token_id, tokens.c.made_by).where(
        tokens.c.brand_id == brand_id if brand_id is not None else true()
    )
    made = more.where(tokens.c.made_by == maker).cte("made", recursive=True)
    made = made.union(more.join(made, tokens.c.made_by == literal("token:") + cast(made.c.token_id, Text)))
    ended = tokens.c.token_id.in_(select(made.c.token_id)) & tokens.c.revoked_at.is_(None)
    await connection.execute(update(tokens).where(ended).values(revoked_at=func.now()))


async def put_audit(connection: AsyncConnection, actor: str, brand_id: UUID | None, method: str, path: str) -> int:
    """A command came in; its number."""
    values = {"actor": actor, "brand_id": brand_id, "method": method, "path": path}
    audit_id: int = (await connection.execute(insert(audit).values(values).returning(audit.c.audit_id))).scalar_one()
    return audit_id


async def answer_audit(connection: AsyncConnection, audit_id: int, status: int) -> None:
    """What that command was answered."""
    await connection.execute(update(audit).where(audit.c.audit_id == audit_id).values(status=status))


async def audited(connection: AsyncConnection, before: int | None, limit: int) -> Sequence[Mapping[str, Any]]:
    """Commands, the newest first; `before` is the number of the last one of the page before it."""
    query = select(audit).order_by(audit.c.audit_id.desc()).limit(limit)
    rows = await connection.execute(query if before is None else query.where(audit.c.audit_id < before))
    return [{**row} for row in rows.mappings()]


async def names(connection: AsyncConnection) -> Mapping[str, str]:
    """The names of people and tokens by how they are named as actors, as far as this transaction may see them."""
    found = {
        f"person:{each.person_id}": each.name
        for each in await connection.execute(select(people.c.person_id, people.c.name))
    }
    of_tokens = await connection.execute(select(tokens.c.token_id, tokens.c.name))
    return found | {f"token:{each.token_id}": each.name for each in of_tokens}
