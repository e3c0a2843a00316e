"""The pages about people, programs and what was done, for those who manage a brand."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, TypeVar
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from pydantic import ValidationError

from waybill_chassis.problems import Problem
from waybill_portal.api import Who
from waybill_portal.api.people import NewPerson, NewToken, People
from waybill_portal.domain.people import Role, Scope, Viewer
from waybill_portal.pages.forms import read

M = TypeVar("M", NewPerson, NewToken)
ROLES: Final = (Role.VIEWER, Role.PACKER, Role.MANAGER)
"""What somebody can be to one brand."""


class Desk:
    """What the pages show."""

    def __init__(self, people: People, render: Callable[..., str], brands: Callable[..., Awaitable[Any]]) -> None:
        self.people, self.render, self.brands = people, render, brands

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
            tokens=await self.people.every_token(viewer),
            brands=await self._brands(viewer),
            scopes=[scope for scope in Scope if scope in given_away],
            new_id=uuid4(),
            **{"problem": "", "made": None, **more},
        )

    async def _brands(self, viewer: Viewer) -> Mapping[UUID, str]:
        found: Mapping[str, str] = await self.brands(viewer)
        return {UUID(brand_id): name for brand_id, name in found.items()}


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
            wanted = _read(NewPerson, {**given, "brand_id": given.get("brand_id") or None})
            person, link = await desk.people.put(viewer, _id(given.get("person_id", "")), wanted)
        except Problem as problem:
            page = await desk.everybody(viewer, request, problem=problem.detail, given=given)
            return HTMLResponse(page, problem.status)
        done = "" if link else f"{person.name} is let in, and has a password already."
        return _secret(await desk.everybody(viewer, request, link=link, linked=person.name, done=done))

    @router.get("/people/audit")
    async def audited(
        viewer: Annotated[Viewer, manages], before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None
    ) -> str:
        found = await desk.people.audited(viewer, before, 100)
        return desk.render("audit.html", viewer=viewer, here="/people/audit", found=found)

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

    @router.post("/people/{person_id}/disabled")
    async def disable(person_id: UUID, viewer: Annotated[Viewer, operates], request: Request) -> Response:
        given = await read(request)
        try:
            await desk.people.disable(viewer, person_id, bool(given.get("disabled")))
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
            wanted = _read(NewToken, {"name": given.get("name", ""), "scopes": scopes})
            made = await desk.people.put_token(viewer, _id(given.get("token_id", "")), wanted)
        except Problem as problem:
            return HTMLResponse(await desk.programs(viewer, problem=problem.detail), problem.status)
        return _secret(await desk.programs(viewer, made=made))

    @router.post("/people/tokens/{token_id}/revoke")
    async def revoke(token_id: UUID, viewer: Annotated[Viewer, manages]) -> Response:
        await desk.people.revoke_token(viewer, token_id)
        return RedirectResponse("/people/tokens", 303)


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
