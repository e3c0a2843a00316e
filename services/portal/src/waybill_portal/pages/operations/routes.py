"""Which page of the operators' is where."""

from typing import Annotated
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from waybill_portal.api import Who
from waybill_portal.domain.people import Viewer
from waybill_portal.pages.forms import read
from waybill_portal.pages.operations.desk import Cause, Desk


def routes(desk: Desk, who: Who) -> APIRouter:
    """Everything under /operations, only for the marketplace's operator."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    acting = Depends(who.operates)

    @router.get("/operations")
    async def overview(viewer: Annotated[Viewer, acting], request: Request, tab: str = "parked") -> HTMLResponse:
        return HTMLResponse(await desk.overview(viewer, tab, part="hx-request" in request.headers))

    @router.get("/operations/cause")
    async def cause(
        viewer: Annotated[Viewer, acting],
        service: str,
        type: str,  # noqa: A002  # its name outside
        cause: str,
        alike: str = "",
    ) -> str:
        return await desk.cause(viewer, Cause(service, type, cause, alike))

    @router.post("/operations/cause")
    async def redrive_cause(viewer: Annotated[Viewer, acting], request: Request) -> Response:
        given = await read(request)
        of = Cause(*(given.get(name, "") for name in ("service", "type", "cause", "alike")))
        return HTMLResponse(await desk.redrive_cause(viewer, of, given.get("why", "")))

    @router.get("/operations/orders/{subject}")
    async def one(subject: UUID, viewer: Annotated[Viewer, acting]) -> str:
        return desk.page(viewer, await desk.one(viewer, subject))

    @router.get("/operations/quarantine/{service}/{subject}/edit")
    async def editing(service: str, subject: UUID, viewer: Annotated[Viewer, acting]) -> str:
        desk.check(service)
        return desk.page(viewer, await desk.editing(viewer, service, subject))

    @router.post("/operations/quarantine/{service}/{subject}/edit")
    async def edit(service: str, subject: UUID, viewer: Annotated[Viewer, acting], request: Request) -> Response:
        desk.check(service)
        given = await read(request)
        text, why, head = given.get("value", ""), given.get("why", ""), given.get("head", "")
        says, problem = await desk.edit(viewer, service, subject, text, why=why, head=head)
        if problem:
            body = await desk.editing(viewer, service, subject, text=text, why=why, problem=says, of=head)
            return HTMLResponse(body if "hx-request" in request.headers else desk.page(viewer, body))
        order = f"/operations/orders/{subject}"
        if "hx-request" not in request.headers:
            return RedirectResponse(order, 303)
        return HTMLResponse(await desk.one(viewer, subject, done=says), headers={"HX-Push-Url": order})

    @router.post("/operations/quarantine/{service}/{subject}/{action}")
    async def act(
        service: str, subject: UUID, action: str, viewer: Annotated[Viewer, acting], request: Request
    ) -> Response:
        desk.check(service, action, {"redrive", "discard"})
        given = await read(request)
        says, problem = await desk.do(viewer, service, f"/quarantine/{subject}/{action}", given)
        if not problem and "hx-request" not in request.headers:
            return RedirectResponse(f"/operations/orders/{subject}", 303)
        body = await desk.one(viewer, subject, done="" if problem else says, problem=says if problem else "")
        return HTMLResponse(body if "hx-request" in request.headers else desk.page(viewer, body))

    @router.get("/operations/dead-letters/{service}/{topic}/{partition}/{offset}")
    async def letter(service: str, topic: str, partition: int, offset: int, viewer: Annotated[Viewer, acting]) -> str:
        desk.check(service)
        return desk.page(viewer, await desk.letter(viewer, service, f"{quote(topic, safe='')}/{partition}/{offset}"))

    @router.post("/operations/dead-letters/{service}/{topic}/{partition}/{offset}/{action}")
    async def act_on_letter(
        service: str,
        topic: str,
        partition: int,
        offset: int,
        action: str,
        viewer: Annotated[Viewer, acting],
        request: Request,
    ) -> Response:
        desk.check(service, action, {"retry", "discard"})
        place = f"{quote(topic, safe='')}/{partition}/{offset}"
        says, problem = await desk.do(viewer, service, f"/dead-letters/{place}/{action}", await read(request))
        if problem:
            return HTMLResponse(desk.page(viewer, await desk.letter(viewer, service, place, problem=says)))
        return RedirectResponse("/operations?tab=letters", 303)

    @router.get("/operations/services/{service}")
    async def service(service: str, viewer: Annotated[Viewer, acting]) -> str:
        desk.check(service)
        return await desk.service(viewer, service)

    return router
