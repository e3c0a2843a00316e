"""The pages for files of tracking numbers: upload, preview, progress, what did not go."""

from collections.abc import Callable
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.datastructures import UploadFile

from waybill_chassis.problems import Problem
from waybill_portal.api import Who
from waybill_portal.clients import Owner
from waybill_portal.domain.people import Viewer
from waybill_portal.pages.forms import key_of, read

CONFIRMABLE: Final = ("unknown-company", "wrong-check-digit", "other-carrier", "shipped-with-another")
UNDER_WAY: Final = ("applying", "undoing")
Render = Callable[..., str]


def routes(who: Who, fulfillment: Owner, render: Render) -> APIRouter:
    """Everything under /imports."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    reads, ships = Depends(who.reads), Depends(who.ships)

    @router.get("/imports")
    async def start(viewer: Annotated[Viewer, reads]) -> str:
        return render("imports.html", viewer=viewer, key=str(uuid4()), problem="")

    @router.post("/imports")
    async def upload(viewer: Annotated[Viewer, ships], request: Request) -> Response:
        async with request.form() as form:
            file, key = form.get("file"), str(form.get("key") or "")
            if not isinstance(file, UploadFile) or not file.filename:
                problem = Problem(422, "no-file", "Choose a file first.")
                return HTMLResponse(
                    render("imports.html", viewer=viewer, key=key, problem=problem.detail), problem.status
                )
            content, name = await file.read(), file.filename[:200]
        try:
            found = await fulfillment.upload(
                viewer, "/api/v1/imports", content, key_of({"key": key}), name="".join(filter(str.isprintable, name))
            )
        except Problem as problem:
            return HTMLResponse(
                render("imports.html", viewer=viewer, key=str(uuid4()), problem=problem.detail), problem.status
            )
        return RedirectResponse(f"/imports/{found['import_id']}", 303)

    @router.get("/imports/{import_id}")
    async def one(import_id: UUID, viewer: Annotated[Viewer, reads], request: Request) -> str:
        found = await fulfillment.ask(viewer, f"/api/v1/imports/{import_id}")
        shown = _shown(found)
        part = render("import_state.html", viewer=viewer, found=found, **shown)
        return part if "hx-request" in request.headers else render("import.html", viewer=viewer, found=found, part=part)

    @router.post("/imports/{import_id}/{what}")
    async def act(import_id: UUID, what: str, viewer: Annotated[Viewer, ships], request: Request) -> Response:
        if what not in {"apply", "undo"}:
            raise Problem(404, "not-found", f"Nobody can {what[:40]} a file. Go back to it.")
        given = await read(request)
        body: dict[str, Any] = {}
        if what == "apply":
            body = {
                "confirm": [code for code in CONFIRMABLE if given.get(f"confirm:{code}")],
                "notify_customer": bool(given.get("notify_customer")),
            }
        await fulfillment.command(viewer, f"/api/v1/imports/{import_id}/{what}", body, key_of(given))
        return RedirectResponse(f"/imports/{import_id}", 303)

    return router


def _shown(found: dict[str, Any]) -> dict[str, Any]:
    """What of a file is offered: doubts that may be confirmed, whether something can go, whether it is under way."""
    doubts = {code: found["codes"][code] for code in CONFIRMABLE if code in found["codes"] and found["counts"]["asks"]}
    can_go = found["state"] in {"previewed", "applied"} and bool(found["counts"]["ready"] or doubts)
    return {"doubts": doubts, "can_go": can_go, "under_way": found["state"] in UNDER_WAY}
