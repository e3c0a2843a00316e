"""Download Label: one click packs what is open, has a label bought for it, and gives the file."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from waybill_chassis.problems import Problem
from waybill_portal.api import Who
from waybill_portal.clients import Owner
from waybill_portal.domain.people import Viewer
from waybill_portal.pages.forms import MEASURES, key_of, read

LOOK_S: Final = 0.2
PATIENCE_S: Final = 10.0
"""How long somebody who clicked waits for the label; after that its parcel tells when it is there."""
_CANNOT_BE: Final = 422
_UNDER_WAY: Final = frozenset({"wanted", "asked"})


def routes(who: Who, owners: Mapping[str, Owner], render: Callable[..., str]) -> APIRouter:
    """The buttons of an order's page that are about labels."""
    router = APIRouter(include_in_schema=False)
    reads, ships = Depends(who.reads), Depends(who.ships)
    fulfillment, labels = owners["fulfillment"], owners["labels"]

    @router.post("/orders/{order_id}/label")
    async def download(order_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
        given = await read(request)
        ledger = await fulfillment.ask(viewer, f"/api/v1/orders/{order_id}")
        parcel_id = _left_to_label(ledger)
        if parcel_id is None:
            wanted = {"shipping": "platform"}
            path = f"/api/v1/orders/{order_id}/parcels"
            ledger = await fulfillment.command(viewer, path, wanted, key_of(given))
            parcel_id = ledger["parcels"][-1]["parcel_id"]
        if await _bought(labels, viewer, order_id, parcel_id):
            return RedirectResponse(f"/api/v1/orders/{order_id}/parcels/{parcel_id}/label.pdf", 303)
        return RedirectResponse(f"/orders/{order_id}?tab=shipments", 303)

    @router.get("/orders/{order_id}/parcels/{parcel_id}/service")
    async def choose(order_id: UUID, parcel_id: UUID, viewer: Annotated[Viewer, reads], request: Request) -> Response:
        asked = {name: request.query_params.get(name, "").strip() for name in MEASURES}
        path, found, problem = f"/api/v1/orders/{order_id}/parcels/{parcel_id}/rates", None, ""
        try:
            found = await labels.ask(viewer, path, **{name: said for name, said in asked.items() if said})
        except Problem as error:
            if error.status != _CANNOT_BE:
                raise
            problem = error.detail
        given = {"weight_g": found["weight_g"], **found["box"]} if found else asked
        page = render(
            "service.html",
            viewer=viewer,
            order_id=order_id,
            parcel_id=parcel_id,
            found=found,
            problem=problem,
            given=given,
            key=uuid4(),
        )
        return HTMLResponse(page)

    @router.post("/orders/{order_id}/labels/{label_id}/void")
    async def void(order_id: UUID, label_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
        given = await read(request)
        await labels.command(viewer, f"/api/v1/orders/{order_id}/labels/{label_id}/void", None, key_of(given))
        return RedirectResponse(f"/orders/{order_id}?tab=shipments", 303)

    return router


def _left_to_label(ledger: Mapping[str, Any]) -> str | None:
    """The packed parcel whose label is meant where nothing is open any more, the latest."""
    if any(line["open"] for line in ledger["lines"]):
        return None
    packed = (each for each in reversed(ledger["parcels"]) if each["state"] == "packed" and each["label"])
    return next((parcel["parcel_id"] for parcel in packed), None)


async def _bought(labels: Owner, viewer: Viewer, order_id: UUID, parcel_id: str) -> bool:
    """Whether the parcel has its label, waiting for that as long as somebody would."""
    for _ in range(int(PATIENCE_S / LOOK_S)):
        found = await labels.ask(viewer, f"/api/v1/orders/{order_id}/labels")
        mine = [label for label in found["labels"] if label["parcel_id"] == parcel_id and not label["void_why"]]
        if any(label["state"] == "bought" for label in mine):
            return True
        if mine and all(label["state"] not in _UNDER_WAY for label in mine):
            return False
        await asyncio.sleep(LOOK_S)
    return False
