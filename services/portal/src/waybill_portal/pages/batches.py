"""Printing many parcels at once: what was selected, how far it has come, what failed, and the end of the day."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from waybill_chassis.problems import Problem
from waybill_portal.api import Who
from waybill_portal.clients import Owner
from waybill_portal.domain import Order
from waybill_portal.domain.people import Viewer
from waybill_portal.pages.forms import chosen, key_of, of_this_page, read
from waybill_portal.pages.lists import Asked

MOST: Final = 500
"""Orders of a list that are printed at once."""
AT_ONCE: Final = 8
"""Orders that are packed at the same time."""
PRINTS: Final = {
    "both": "Labels with slips",
    "labels": "Labels",
    "slips": "Packing slips",
    "pick_list": "Pick list",
}
SORTS: Final = {"given": "As listed", "reference": "By reference", "sku": "By SKU", "location": "By location"}
NOTHING_OPEN: Final = "nothing-open"
_LABELED: Final = ("both", "labels")


@dataclass(frozen=True, slots=True)
class Printer:
    """Sends what is to be printed to labels, after what is open was packed for it where labels are wanted."""

    fulfillment: Owner
    labels: Owner

    async def parcels(
        self, viewer: Viewer, orders: Sequence[Order], prints: str, key: str | None
    ) -> list[dict[str, Any]]:
        """What is to be printed of these orders."""
        limit = asyncio.Semaphore(AT_ONCE)

        async def of(order: Order) -> list[dict[str, Any]]:
            if prints not in _LABELED or not any(line.open for line in order.lines):
                return [{"order_id": str(order.order_id)}]
            async with limit:
                return await self._packed(viewer, order, key)

        return [each for some in await asyncio.gather(*map(of, orders)) for each in some]

    async def _packed(self, viewer: Viewer, order: Order, key: str | None) -> list[dict[str, Any]]:
        """Pack what is open of an order; all its packed parcels, or why that is not done."""
        path = f"/api/v1/orders/{order.order_id}/parcels"
        own = key and f"{key}-{order.order_id}"
        try:
            ledger = await self.fulfillment.command(viewer, path, {"shipping": "platform"}, own)
        except Problem as problem:
            if problem.code == NOTHING_OPEN:
                # Somebody else has packed it meanwhile.
                return [{"order_id": str(order.order_id)}]
            return [{"order_id": str(order.order_id), "refused": problem.detail[:500]}]
        packed = [each["parcel_id"] for each in ledger["parcels"] if each["state"] == "packed"]
        return [{"order_id": str(order.order_id), "parcel_id": parcel_id} for parcel_id in packed]


@dataclass(frozen=True, slots=True)
class Lists:
    """What the portal itself knows: orders of a list, orders by their ids, names of brands."""

    listed: Callable[[Viewer, Asked, int], Awaitable[Sequence[Order]]]
    """viewer, which list, most"""
    loaded: Callable[[Viewer, Sequence[UUID]], Awaitable[Sequence[Order]]]
    brands: Callable[[Viewer], Awaitable[Mapping[str, str]]]


@dataclass(frozen=True, slots=True)
class Desk:
    """The page where one prints, and what it does."""

    printer: Printer
    lists: Lists
    render: Callable[..., str]

    async def page(self, viewer: Viewer, problem: str = "", scans: str = "") -> str:
        """What can be printed, what was, and what waits for carriers."""
        labels = self.printer.labels
        handed: dict[str, Any] = await labels.ask(viewer, "/api/v1/manifests")
        return self.render(
            "batches.html",
            viewer=viewer,
            batches=await labels.ask(viewer, "/api/v1/batches"),
            waiting=handed["waiting"],
            manifests=handed["manifests"],
            brands=await self.lists.brands(viewer),
            problem=problem,
            scans=scans,
            key=str(uuid4()),
        )

    async def print(self, viewer: Viewer, request: Request) -> Response:
        """Print what was scanned, or selected in a list, or all of a list."""
        given = await read(request)
        body: dict[str, Any] = {name: given[name] for name in ("prints", "sort", "size") if name in given}
        try:
            of_this_page(viewer, given)
            if "scans" in given:
                body["scans"] = [line.strip() for line in given["scans"].splitlines() if line.strip()]
            else:
                orders = await self._selected(viewer, request, given)
                body["orders"] = await self.printer.parcels(viewer, orders, given.get("prints", ""), key_of(given))
            found = await self.printer.labels.command(viewer, "/api/v1/batches", body, key_of(given))
        except Problem as problem:
            nothing = problem.code == "nothing-to-print"
            says = "Choose orders in the list first, or scan some here." if nothing else problem.detail
            return HTMLResponse(await self.page(viewer, says, given.get("scans", "")), problem.status)
        return RedirectResponse(f"/batches/{found['batch_id']}", 303)

    async def again(self, viewer: Viewer, batch_id: UUID, request: Request) -> Response:
        """Print a batch again, or retry what failed of it: what could not be packed then may be now."""
        given = await read(request)
        key, only_failed = key_of(given), bool(given.get("only_failed"))
        labels, at = self.printer.labels, f"/api/v1/batches/{batch_id}"
        before = await labels.ask(viewer, at)
        body: dict[str, Any] = {"only_failed": only_failed}
        if only_failed:
            open_ = [
                UUID(each["order_id"]) for each in before["failures"] if each["order_id"] and not each["parcel_id"]
            ]
            orders = await self.lists.loaded(viewer, open_)
            body["packed"] = await self.printer.parcels(viewer, orders, before["prints"], key)
        found = await labels.command(viewer, f"{at}/again", body, key)
        return RedirectResponse(f"/batches/{found['batch_id']}", 303)

    async def _selected(self, viewer: Viewer, request: Request, given: Mapping[str, str]) -> Sequence[Order]:
        if given.get("all"):
            return await self.lists.listed(viewer, Asked.read(given), MOST)
        return await self.lists.loaded(viewer, await chosen(request, "order"))

    async def close(self, viewer: Viewer, request: Request) -> Response:
        """Close a carrier's manifest."""
        given = await read(request)
        body = {name: given[name] for name in ("carrier", "brand_id") if given.get(name)}
        try:
            await self.printer.labels.command(viewer, "/api/v1/manifests", body, key_of(given))
        except Problem as problem:
            return HTMLResponse(await self.page(viewer, problem.detail), problem.status)
        return RedirectResponse("/batches", 303)


def routes(who: Who, owners: Mapping[str, Owner], render: Callable[..., str], lists: Lists) -> APIRouter:
    """Everything under /batches and /manifests."""
    router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
    reads, ships = Depends(who.reads), Depends(who.ships)
    labels = owners["labels"]
    desk = Desk(Printer(owners["fulfillment"], labels), lists, render)

    @router.get("/batches")
    async def start(viewer: Annotated[Viewer, reads]) -> str:
        return await desk.page(viewer)

    @router.post("/batches")
    async def selected(viewer: Annotated[Viewer, ships], request: Request) -> Response:
        return await desk.print(viewer, request)

    @router.post("/manifests")
    async def close(viewer: Annotated[Viewer, ships], request: Request) -> Response:
        return await desk.close(viewer, request)

    @router.get("/batches/{batch_id}")
    async def one(batch_id: UUID, viewer: Annotated[Viewer, reads], request: Request) -> str:
        found = await labels.ask(viewer, f"/api/v1/batches/{batch_id}")
        part = render("batch_state.html", viewer=viewer, found=found, key=str(uuid4()))
        return part if "hx-request" in request.headers else render("batch.html", viewer=viewer, found=found, part=part)

    @router.post("/batches/{batch_id}/again")
    async def again(batch_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
        return await desk.again(viewer, batch_id, request)

    return router
