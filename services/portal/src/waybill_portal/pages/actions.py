"""What buttons on an order's page do: each is a command of the service that owns it, and leads back to the page."""

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from waybill_chassis.problems import Problem
from waybill_events import Address
from waybill_portal.api import Who
from waybill_portal.api.orders import RAISE
from waybill_portal.clients import Owner
from waybill_portal.domain.people import Viewer
from waybill_portal.pages.forms import key_of, label_wish, number, quantities, read, seen

Fields = Mapping[str, str]
Send = Callable[[Viewer, str, str, Any, Fields], Awaitable[Response]]
"""Send a command to its owner, on behalf of a viewer: the path, the body, the form; then go back to the order."""
_NOT_FOUND: Final = 404


def _nothing(_given: Fields) -> dict[str, Any]:
    return {}


_OF_PARCEL: Final[Mapping[str, tuple[str, Callable[[Fields], dict[str, Any]]]]] = {
    "unpack": ("fulfillment", _nothing),
    "hand-over": ("fulfillment", _nothing),
    "undo": ("fulfillment", _nothing),
    "report": ("fulfillment", lambda given: {"problem": given.get("problem", "")}),
    "ship": ("fulfillment", number),
    "number": ("tracking", number),
    "label": ("labels", label_wish),
}
"""What can be done with a parcel, who does it, and what the form says."""


def routes(who: Who, owners: Mapping[str, Owner], render: Callable[..., str]) -> APIRouter:
    """Every button of an order's page but the one that ships."""
    router = APIRouter(include_in_schema=False)
    ships, manages = Depends(who.ships), Depends(who.manages)

    async def send(viewer: Viewer, owner: str, path: str, body: Any, given: Fields) -> Response:
        await owners[owner].command(viewer, f"/api/v1{path}", body, key_of(given))
        order, _, what = path.removeprefix("/orders/").partition("/")
        return RedirectResponse(f"/orders/{order}?tab={'shipments' if what.startswith('parcels') else 'summary'}", 303)

    _add_parcels(router, ships, send, render)
    _add_returns(router, ships, manages, send)

    @router.post("/orders/{order_id}/cancellations")
    async def cancel(order_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
        given = await read(request)
        body = {"lines": quantities(given), "reason": given.get("reason", "")}
        return await send(viewer, "orders", f"/orders/{order_id}/cancellations", body, given)

    @router.post("/orders/{order_id}/amendments")
    async def amend(order_id: UUID, viewer: Annotated[Viewer, manages], request: Request) -> Response:
        given = await read(request)
        address = {name: given.get(name, "").strip() for name in Address.model_fields}
        body = {"address": {**address, "country": address["country"].upper() or None}, "note": given.get("note", "")}
        return await send(viewer, "orders", f"/orders/{order_id}/amendments", body, given)

    @router.post("/orders/{order_id}/holds")
    async def hold(order_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
        given = await read(request)
        body: dict[str, Any] = {"reason": given.get("reason", "")}
        if day := given.get("release_on", "").strip():
            body["release_at"] = _morning(day)
        return await send(viewer, "orders", f"/orders/{order_id}/holds", body, given)

    @router.post("/orders/{order_id}/holds/{hold_id}/release")
    async def release(order_id: UUID, hold_id: UUID, viewer: Annotated[Viewer, manages], request: Request) -> Response:
        given = await read(request)
        return await send(viewer, "orders", f"/orders/{order_id}/holds/{hold_id}/release", {}, given)

    @router.post("/orders/{order_id}/exceptions/{exception_id}/resolve")
    async def resolve(
        order_id: UUID, exception_id: UUID, viewer: Annotated[Viewer, manages], request: Request
    ) -> Response:
        given = await read(request)
        if (owner := given.get("owner", "")) not in RAISE:
            raise Problem(422, "no-such-owner", "The form does not say who raised it. Open the order again.")
        path = f"/orders/{order_id}/exceptions/{exception_id}/resolve"
        body = {"choice": given.get("choice", "")}
        if number := given.get("tracking_number", "").strip():
            body["tracking_number"] = number
        return await send(viewer, owner, path, body, given)

    return router


def _add_parcels(router: APIRouter, ships: Any, send: Send, render: Callable[..., str]) -> None:
    @router.post("/orders/{order_id}/parcels/{parcel_id}/{what}")
    async def parcel(
        order_id: UUID, parcel_id: UUID, what: str, viewer: Annotated[Viewer, ships], request: Request
    ) -> Response:
        if what not in _OF_PARCEL:
            raise Problem(_NOT_FOUND, "not-found", f"Nobody can {what} a parcel. Go back to the order.")
        given = await read(request)
        owner, body = _OF_PARCEL[what]
        path = f"/orders/{order_id}/parcels/{parcel_id}/{what}"
        try:
            return await send(viewer, owner, path, body(given), given)
        except Problem as problem:
            if problem.code != "confirm-number":
                raise
            confirm = ",".join(problem.more["confirm"])
            page = render(
                "confirm.html",
                viewer=viewer,
                says=seen(problem),
                path=path,
                given=given,
                confirm=confirm,
                order_id=order_id,
            )
            return HTMLResponse(page)


def _add_returns(router: APIRouter, ships: Any, manages: Any, send: Send) -> None:
    @router.post("/orders/{order_id}/returns")
    async def send_back(order_id: UUID, viewer: Annotated[Viewer, manages], request: Request) -> Response:
        given = await read(request)
        body = {
            "lines": quantities(given),
            "reason": given.get("reason", ""),
            "wants_label": bool(given.get("wants_label")),
        }
        return await send(viewer, "orders", f"/orders/{order_id}/returns", body, given)

    @router.post("/orders/{order_id}/returns/{return_id}/receive")
    async def receive(order_id: UUID, return_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
        given = await read(request)
        condition = given.get("condition", "")
        lines = [{**line, "condition": condition} for line in quantities(given)]
        path = f"/orders/{order_id}/returns/{return_id}/receive"
        return await send(viewer, "fulfillment", path, {"lines": lines}, given)

    @router.post("/orders/{order_id}/returns/{return_id}/close")
    async def close(order_id: UUID, return_id: UUID, viewer: Annotated[Viewer, manages], request: Request) -> Response:
        given = await read(request)
        return await send(viewer, "orders", f"/orders/{order_id}/returns/{return_id}/close", {}, given)


def _morning(day: str) -> str:
    """When a day begins, in UTC; raises Problem for what is no date."""
    try:
        return datetime.fromisoformat(day).replace(tzinfo=UTC).isoformat()
    except ValueError as error:
        raise Problem(422, "not-a-date", f"{day!r} is no date. Write one such as 2026-11-30.") from error
