"""The pages where people log in, choose a password, turn to another brand, and log out."""

from collections.abc import Awaitable, Callable, Mapping
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Annotated, Any, Final
from urllib.parse import quote, urlsplit
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from waybill_chassis.problems import Problem
from waybill_portal.api import Who
from waybill_portal.api.logins import Logins
from waybill_portal.api.viewing import COOKIE, came_from_here
from waybill_portal.domain.people import LONGEST_SESSION, SHORTEST_PASSWORD, Scope, Viewer
from waybill_portal.pages.forms import read

HOME: Final = "/orders"
Brands = Callable[[Viewer], Awaitable[Mapping[str, str]]]


def routes(who: Who, logins: Logins, render: Callable[..., str], brands: Brands) -> APIRouter:
    """Everything about one's own session; the first four are open to everybody."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _add_doors(router, logins, render)
    reads = Depends(who.reads)

    async def account(viewer: Viewer, problem: str = "", done: str = "") -> str:
        """The page of one's own account; an operator may turn to every brand."""
        own = {str(brand_id): name for brand_id, name in viewer.brands.items()}
        known = await brands(viewer.of_all_brands()) if viewer.may(Scope.OPERATE) else own
        return render(
            "account.html",
            viewer=viewer,
            brands={UUID(brand_id): name for brand_id, name in known.items()},
            problem=problem,
            done=done,
            shortest=SHORTEST_PASSWORD,
        )

    @router.get("/account")
    async def own(viewer: Annotated[Viewer, reads]) -> str:
        return await account(viewer)

    @router.post("/account/brand")
    async def turn(viewer: Annotated[Viewer, reads], request: Request) -> Response:
        given = (await read(request)).get("brand_id", "")
        try:
            brand_id = UUID(given) if given else None
        except ValueError as error:
            raise Problem(422, "bad-id", "This form was not made by this page. Open your account again.") from error
        if not viewer.may(Scope.OPERATE) and brand_id not in viewer.brands:
            raise Problem(403, "not-yours", "This brand has not let you in. Ask a manager of it.")
        await logins.turn_to(request.cookies.get(COOKIE, ""), brand_id)
        return RedirectResponse(HOME, 303)

    @router.post("/account/password")
    async def change(viewer: Annotated[Viewer, reads], request: Request) -> Response:
        given = await read(request)
        person_id = viewer.actor.partition(":")[2]
        if COOKIE not in request.cookies or "authorization" in request.headers:
            raise Problem(403, "not-allowed", "A program has no password. Log in as a person.")
        try:
            secret = request.cookies.get(COOKIE, "")
            await logins.change(UUID(person_id), secret, given.get("old", ""), given.get("new", ""), _address(request))
        except Problem as problem:
            return HTMLResponse(await account(viewer, problem.detail), problem.status)
        return HTMLResponse(await account(viewer, done="Changed. You are logged out everywhere else."))

    return router


def _add_doors(router: APIRouter, logins: Logins, render: Callable[..., str]) -> None:
    def page(status: int = 200, **given: Any) -> HTMLResponse:
        values = {"viewer": None, "next": HOME, "email": "", "problem": "", **given}
        return HTMLResponse(render("login.html", **values), status, headers={"Cache-Control": "no-store"})

    @router.get("/login")
    async def door(to: Annotated[str, Query(alias="next", max_length=2_000)] = HOME) -> Response:
        return page(next=_inside(to))

    @router.post("/login")
    async def log_in(request: Request) -> Response:
        came_from_here(request)
        given = await read(request)
        to, email = _inside(given.get("next", "")), given.get("email", "")
        try:
            secret = await logins.log_in(email, given.get("password", ""), _address(request))
        except Problem as problem:
            return page(problem.status, next=to, email=email, problem=problem.detail)
        return _let_in(request, secret, to)

    @router.get("/welcome")
    async def welcome(link: Annotated[str, Query(max_length=200)] = "") -> Response:
        person = await logins.of_link(link)
        values = {"viewer": None, "link": link, "person": person, "name": person.name, "problem": ""}
        html = render("welcome.html", **values, shortest=SHORTEST_PASSWORD)
        return HTMLResponse(html, headers={"Cache-Control": "no-store"})

    @router.post("/welcome")
    async def choose(request: Request) -> Response:
        came_from_here(request)
        given = await read(request)
        link, name = given.get("link", "")[:200], given.get("name", "").strip()[:100]
        try:
            secret = await logins.choose(link, given.get("password", ""), name)
        except Problem as problem:
            if problem.code != "bad-password":
                raise
            person = await logins.of_link(link)
            values = {"viewer": None, "link": link, "person": person, "name": name, "problem": problem.detail}
            return HTMLResponse(render("welcome.html", **values, shortest=SHORTEST_PASSWORD), problem.status)
        return _let_in(request, secret, HOME)

    @router.post("/logout")
    async def log_out(request: Request) -> Response:
        came_from_here(request)
        await logins.log_out(request.cookies.get(COOKIE, ""))
        gone = RedirectResponse("/login", 303)
        gone.delete_cookie(COOKIE, path="/")
        return gone


def _let_in(request: Request, secret: str, to: str) -> Response:
    """On to where somebody wanted to go, with the session's cookie: no script reads it, no other site sends it."""
    there = RedirectResponse(to, 303)
    there.set_cookie(
        COOKIE,
        secret,
        max_age=int(LONGEST_SESSION.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return there


def _inside(to: str) -> str:
    """Where somebody wanted to go, if that is a page of ours; a browser reads a backslash as a slash."""
    try:
        parts = urlsplit(to)
    except ValueError:
        return HOME
    inside = to.startswith("/") and not parts.netloc and not parts.scheme and to[1:2] not in {"/", "\\"}
    return to if inside and to.isprintable() else HOME


def _address(request: Request) -> str:
    """Where somebody is; who has one address of version 6 has all of its /64."""
    host = "" if request.client is None else request.client.host
    try:
        found = ip_address(host)
    except ValueError:
        return host
    return str(ip_network((int(found) >> 64 << 64, 64))) if isinstance(found, IPv6Address) else host


def to_login(request: Request) -> str:
    """The address of the login page, from where one comes back to this one."""
    path = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    return f"/login?next={quote(path, safe='')}"
