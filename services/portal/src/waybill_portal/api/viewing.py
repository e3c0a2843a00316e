"""Who looks and acts: people by their session's cookie, programs by a token; routes say what one must be allowed."""

import hashlib
import re
import secrets
from collections.abc import Awaitable, Callable, Generator, Mapping
from contextlib import contextmanager
from typing import Annotated, Final
from urllib.parse import urlsplit

from fastapi import Header, Request
from starlette.types import ASGIApp, Message, Receive, Send
from starlette.types import Scope as Asgi

from waybill_chassis.commands import ACTOR
from waybill_chassis.database import Database
from waybill_chassis.problems import Problem
from waybill_portal import store
from waybill_portal.domain import grants
from waybill_portal.domain.people import ASKS, NAMELESS, SCOPES, Role, Scope, Viewer
from waybill_portal.store.people import Session

COOKIE: Final = "waybill-session"
SERVICE: Final = "token:service"
NOT_LOGGED_IN: Final = "not-logged-in"
_READS: Final = frozenset({"GET", "HEAD"})
_STATE: Final = "audit"


def digest(secret: str) -> bytes:
    """What is kept of a secret: who reads the database cannot use it. It is random, so that one round is enough."""
    return hashlib.sha256(secret.encode()).digest()


def new_secret() -> str:
    """256 bits, for a cookie, a link or a token."""
    return secrets.token_urlsafe(32)


_STATUS: Final[Mapping[type[grants.Refused], int]] = {
    grants.NotAllowed: 403,
    grants.Unknown: 404,
    grants.NotSo: 409,
    grants.NoSense: 422,
}


@contextmanager
def answered() -> Generator[None]:
    """Answer what somebody may not do with its problem."""
    try:
        yield
    except grants.Refused as refused:
        raise Problem(_STATUS[type(refused)], refused.code, str(refused)) from refused


class May:
    """A dependency: whoever calls, if things of this kind are allowed; what would change something is put on record."""

    def __init__(
        self, scope: Scope, recognize: Callable[[Request, str], Awaitable[Viewer]], database: Database
    ) -> None:
        self.scope, self.recognize, self.database = scope, recognize, database

    async def __call__(self, request: Request, authorization: Annotated[str, Header()] = "") -> Viewer:
        """Who it is; raises Problem 401, 403, and 422 for an actor that is none."""
        viewer = await self.recognize(request, authorization)
        if request.method not in _READS:
            async with self.database.begin() as connection:
                number = await store.people.put_audit(
                    connection, viewer.actor, viewer.brand, request.method, request.url.path[:500]
                )
            setattr(request.state, _STATE, number)
        request.state.viewer = viewer
        if not viewer.may(self.scope):
            raise Problem(403, "not-allowed", ASKS[self.scope])
        return viewer


class Who:
    """Lets people and programs in; `reads`, `ships`, `manages`, `operates` are what routes depend on."""

    def __init__(self, database: Database, token: str) -> None:
        self.database, self.token = database, token
        self.reads = May(Scope.READ, self.recognize, database)
        self.ships = May(Scope.SHIP, self.recognize, database)
        self.manages = May(Scope.MANAGE, self.recognize, database)
        self.operates = May(Scope.OPERATE, self._operator, database)

    def of(self, scope: Scope) -> May:
        """The one that asks for this."""
        return next(each for each in (self.reads, self.ships, self.manages, self.operates) if each.scope is scope)

    async def recognize(self, request: Request, authorization: str = "") -> Viewer:
        """Who calls; raises Problem 401 for nobody, 403 for another site's page and for somebody without a brand."""
        if authorization:
            actor = request.headers.get("waybill-actor", SERVICE)
            return await self._program(authorization.removeprefix("Bearer "), actor)
        secret = request.cookies.get(COOKIE, "")
        async with self.database.begin() as connection:
            found = await store.people.session(connection, digest(secret)) if secret else None
        if found is None:
            raise Problem(
                401,
                NOT_LOGGED_IN,
                "Log in first. A program sends its token as `Authorization: Bearer …`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        if request.method not in _READS:
            came_from_here(request)
        return _viewer(found)

    async def still(self, viewer: Viewer, request: Request) -> bool:
        """Whether whoever opened a page is let in still, and may do and looks at what was so then."""
        try:
            return await self.recognize(request, request.headers.get("authorization", "")) == viewer
        except Problem:
            return False

    async def _operator(self, request: Request, authorization: str = "") -> Viewer:
        """An operator's own pages are about all brands, whichever is looked at."""
        viewer = await self.recognize(request, authorization)
        return viewer.of_all_brands() if viewer.may(Scope.OPERATE) else viewer

    async def _program(self, token: str, actor: str) -> Viewer:
        """`actor` is for whom the service's own token speaks, such as somebody at a command line."""
        if secrets.compare_digest(token.encode(), self.token.encode()):
            if not re.fullmatch(ACTOR, actor):
                raise Problem(422, "bad-actor", "Waybill-Actor names nobody: write letters, digits and : . @ - alone.")
            return Viewer(actor, name=actor)
        async with self.database.begin() as connection:
            found = await store.people.token(connection, digest(token))
        if found is None:
            raise Problem(
                401,
                "unauthorized",
                "This token is none, or was revoked. Send a good one as `Authorization: Bearer …`, or none.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return Viewer(f"token:{found.token_id}", found.brand_id, frozenset(found.scopes), found.name)


def _viewer(session: Session) -> Viewer:
    person = session.person
    actor = f"person:{person.person_id}"
    if person.is_operator:
        return Viewer(actor, session.brand_id, SCOPES[Role.OPERATOR], person.name, session.names)
    if not person.roles:
        raise Problem(403, "no-brand", "No brand has let you in, or none does any more. Ask a manager of yours.")
    turned_to = session.brand_id if session.brand_id in person.roles else None
    brand_id = turned_to or min(person.roles)
    names = {mine: session.names.get(mine, NAMELESS) for mine in person.roles}
    return Viewer(actor, brand_id, SCOPES[person.roles[brand_id]], person.name, names)


def came_from_here(request: Request) -> None:
    """Raise Problem 403 for a command that another site's page has sent along with this browser's cookie.

    Browsers say where a request comes from; one that says neither is none, and has no business with a cookie.
    """
    site = request.headers.get("sec-fetch-site")
    try:
        origin = urlsplit(request.headers.get("origin", "")).netloc
    except ValueError:
        origin = ""
    here = site in {"same-origin", "none"} if site is not None else origin == request.headers.get("host")
    if not here:
        raise Problem(403, "cross-site", "This came from another site's page. Open the portal and do it there.")


class Audited:
    """Notes what each command was answered."""

    def __init__(self, app: ASGIApp, database: Database) -> None:
        self.app, self.database = app, database

    async def __call__(self, scope: Asgi, receive: Receive, send: Send) -> None:
        """Pass a request on, and note its status once it is answered."""
        status = 0

        async def watched(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        await self.app(scope, receive, watched)
        if status and (number := scope.get("state", {}).get(_STATE)) is not None:
            async with self.database.begin() as connection:
                await store.people.answer_audit(connection, number, status)
