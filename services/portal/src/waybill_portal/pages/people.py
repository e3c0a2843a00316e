"""The pages about people, programs and what was done, for those who manage a brand."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from waybill_chassis.problems import Problem
from waybill_portal.api import Who
from waybill_portal.api.audit import Audit
from waybill_portal.api.people import NewPerson, People
from waybill_portal.api.tokens import NewToken, Tokens
from waybill_portal.domain import Order
from waybill_portal.domain.people import Role, Scope, Viewer
from waybill_portal.pages.forms import of_this_page, read

M = TypeVar("M", NewPerson, NewToken)
ROLES: Final = (Role.VIEWER, Role.PACKER, Role.MANAGER)
"""What somebody can be to one brand."""
DONE: Final[Mapping[str, str]] = {
    "shipments": "Ship",
    "parcels": "Pack",
    "unpack": "Unpack a parcel",
    "ship": "Ship a packed parcel",
    "hand-over": "Hand over a parcel",
    "undo": "Take back what was shipped",
    "report": "Say that a parcel is lost or damaged",
    "label": "Buy a label",
    "void": "Void a label",
    "batches": "Print",
    "again": "Print again",
    "manifests": "Close a manifest",
    "number": "Correct a number",
    "cancellations": "Cancel units",
    "holds": "Hold",
    "release": "Release a hold",
    "amendments": "Change address or note",
    "returns": "Open a return",
    "receive": "Receive a return",
    "close": "Close a return",
    "resolve": "Settle an exception",
    "imports": "Upload tracking numbers",
    "apply": "Ship what a file says",
    "people": "Let somebody in",
    "role": "Change a role",
    "roles": "Change a role",
    "link": "Make a link to choose a password",
    "operator": "Make an operator one no more",
    "no-operator": "Make an operator one no more",
    "disabled": "Lock out, or let in again",
    "tokens": "Let a program in",
    "revoke": "Revoke a token",
    "brands": "Change a brand's settings",
    "logo": "Change a logo",
    "cause": "Redrive all of a cause",
    "redrive": "Redrive",
    "discard": "Discard",
    "edit": "Redrive another event",
    "retry": "Retry a dead letter",
    "login": "Log in",
    "welcome": "Choose a password",
    "password": "Change the password",
    "brand": "Turn to a brand",
}
"""What a command does, by the last word of its address that is one of these."""


class Desk:
    """What the pages show."""

    def __init__(
        self,
        people: People,
        tokens: Tokens,
        audit: Audit,
        *,
        render: Callable[..., str],
        brands: Callable[[Viewer], Awaitable[Mapping[str, str]]],
        loaded: Callable[[Viewer, Sequence[UUID]], Awaitable[Sequence[Order]]],
    ) -> None:
        self.people, self.tokens, self.audit = people, tokens, audit
        self.render, self.brands, self.loaded = render, brands, loaded

    async def everybody(self, viewer: Viewer, request: Request, **more: Any) -> str:
        """Who is let in; with the link that was just made, if one was."""
        return self.render(
            "people.html",
            viewer=viewer,
            here="/people",
            people=await self.people.every(viewer),
            brands=await self._brands(viewer),
            roles=ROLES,
            new_id=uuid4(),
            address=str(request.base_url).rstrip("/"),
            **{"problem": "", "done": "", "link": None, "linked": "", "given": {}, **more},
        )

    async def programs(self, viewer: Viewer, **more: Any) -> str:
        """The programs that are let in; with the token that was just made, if one was."""
        given_away = viewer.scopes if viewer.brand is None else viewer.scopes - {Scope.OPERATE}
        return self.render(
            "tokens.html",
            viewer=viewer,
            here="/people/tokens",
            tokens=await self.tokens.every(viewer),
            brands=await self._brands(viewer),
            scopes=[scope for scope in Scope if scope in given_away],
            names=await self.audit.names(viewer),
            new_id=uuid4(),
            **{"problem": "", "made": None, **more},
        )

    async def _brands(self, viewer: Viewer) -> Mapping[UUID, str]:
        return {UUID(brand_id): name for brand_id, name in (await self.brands(viewer)).items()}


def routes(who: Who, desk: Desk) -> APIRouter:
    """Everything under /people."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    _add_programs(router, who, desk)
    _add_changes(router, who, desk)
    manages = Depends(who.manages)

    @router.get("/people")
    async def everybody(viewer: Annotated[Viewer, manages], request: Request) -> str:
        return await desk.everybody(viewer, request)

    @router.post("/people")
    async def let_in(viewer: Annotated[Viewer, manages], request: Request) -> Response:
        given = await read(request)
        try:
            of_this_page(viewer, given)
            wanted = _read(NewPerson, {**given, "brand_id": given.get("brand_id") or None})
            invited = await desk.people.put(viewer, _id(given.get("person_id", "")), wanted)
        except Problem as problem:
            page = await desk.everybody(viewer, request, problem=problem.detail, given=given)
            return HTMLResponse(page, problem.status)
        person = invited.person
        done = "" if invited.link else f"{person.name} is let in, and has a password already."
        return _secret(await desk.everybody(viewer, request, link=invited.link, linked=person.name, done=done))

    @router.get("/people/audit")
    async def audited(
        viewer: Annotated[Viewer, manages], before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None
    ) -> str:
        found = await desk.audit.commands(viewer, before, 100)
        about = {each.audit_id: order_in(each.path) for each in found.commands}
        orders = await desk.loaded(viewer, [order_id for order_id in {*about.values()} if order_id is not None])
        return desk.render(
            "audit.html",
            viewer=viewer,
            here="/people/audit",
            found=found,
            about=about,
            references={order.order_id: order.reference for order in orders},
            words={each.audit_id: done(each.path) for each in found.commands},
        )

    return router


def _add_changes(router: APIRouter, who: Who, desk: Desk) -> None:
    manages, operates = Depends(who.manages), Depends(who.operates)

    @router.post("/people/{person_id}/role")
    async def role(person_id: UUID, viewer: Annotated[Viewer, manages], request: Request) -> Response:
        given = await read(request)
        brand_id = _id(given.get("brand_id", ""))
        try:
            chosen = Role(given["role"]) if given.get("role") else None
            await desk.people.put_role(viewer, person_id, brand_id, chosen)
        except ValueError as error:
            raise Problem(422, "no-such-role", "Choose one of the roles.") from error
        except Problem as problem:
            return HTMLResponse(await desk.everybody(viewer, request, problem=problem.detail), problem.status)
        return RedirectResponse("/people", 303)

    @router.post("/people/{person_id}/link")
    async def link(person_id: UUID, viewer: Annotated[Viewer, manages], request: Request) -> Response:
        try:
            made = await desk.people.put_link(viewer, person_id)
        except Problem as problem:
            return HTMLResponse(await desk.everybody(viewer, request, problem=problem.detail), problem.status)
        return _secret(await desk.everybody(viewer, request, link=made, linked="them"))

    @router.post("/people/{person_id}/no-operator")
    async def end_operator(person_id: UUID, viewer: Annotated[Viewer, operates], request: Request) -> Response:
        try:
            await desk.people.end_operator(viewer, person_id)
        except Problem as problem:
            return HTMLResponse(await desk.everybody(viewer, request, problem=problem.detail), problem.status)
        return RedirectResponse("/people", 303)

    @router.post("/people/{person_id}/disabled")
    async def disable(person_id: UUID, viewer: Annotated[Viewer, operates], request: Request) -> Response:
        given = await read(request)
        try:
            await desk.people.disable(viewer, person_id, disabled=bool(given.get("disabled")))
        except Problem as problem:
            return HTMLResponse(await desk.everybody(viewer, request, problem=problem.detail), problem.status)
        return RedirectResponse("/people", 303)


def _add_programs(router: APIRouter, who: Who, desk: Desk) -> None:
    manages = Depends(who.manages)

    @router.get("/people/tokens")
    async def programs(viewer: Annotated[Viewer, manages]) -> str:
        return await desk.programs(viewer)

    @router.post("/people/tokens")
    async def let_in(viewer: Annotated[Viewer, manages], request: Request) -> Response:
        given = await read(request)
        scopes = [name.removeprefix("scope:") for name in given if name.startswith("scope:")]
        try:
            of_this_page(viewer, given)
            wanted = _read(NewToken, {"name": given.get("name", ""), "scopes": scopes})
            made = await desk.tokens.put(viewer, _id(given.get("token_id", "")), wanted)
        except Problem as problem:
            return HTMLResponse(await desk.programs(viewer, problem=problem.detail), problem.status)
        return _secret(await desk.programs(viewer, made=made))

    @router.post("/people/tokens/{token_id}/revoke")
    async def revoke(token_id: UUID, viewer: Annotated[Viewer, manages]) -> Response:
        await desk.tokens.revoke(viewer, token_id)
        return RedirectResponse("/people/tokens", 303)


def order_in(path: str) -> UUID | None:
    """The order that a command's address is about."""
    parts = path.removeprefix("/api/v1").split("/")
    try:
        return UUID(parts[2]) if parts[1:2] == ["orders"] else None
    except (ValueError, IndexError):
        return None


def done(path: str) -> str:
    """What a command does, in words."""
    return next((DONE[part] for part in reversed(path.split("/")) if part in DONE), path)


def _secret(page: str) -> Response:
    """A page that shows a secret is kept by nobody."""
    return HTMLResponse(page, headers={"Cache-Control": "no-store"})


def _id(given: str) -> UUID:
    try:
        return UUID(given)
    except ValueError as error:
        raise Problem(422, "bad-id", "This form was not made by this page. Open it again.") from error


def _read(model: type[M], given: Mapping[str, Any]) -> M:
    try:
        return model.model_validate({name: value for name, value in given.items() if name in model.model_fields})
    except ValidationError as error:
        says = "; ".join(f"{found['loc'][0]}: {found['msg']}" for found in error.errors())
        raise Problem(422, "invalid-request", f"Correct these: {says}") from error
