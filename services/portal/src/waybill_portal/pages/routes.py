"""Which page is where."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlencode
from uuid import UUID, uuid4

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from fastapi.staticfiles import StaticFiles
from jinja2 import Environment, PackageLoader, StrictUndefined
from sse_starlette import EventSourceResponse

from waybill_chassis.postal import lines
from waybill_chassis.problems import Problem
from waybill_chassis.routing import add_routes
from waybill_chassis.transaction import Begin
from waybill_events import Brand, CancelReason, Condition, HoldReason, ReturnReason
from waybill_portal import store
from waybill_portal.api import Who
from waybill_portal.api.audit import Audit
from waybill_portal.api.logins import Logins, Passwords
from waybill_portal.api.orders import cursor_of, one, pressing_orders
from waybill_portal.api.people import People
from waybill_portal.api.tokens import Tokens
from waybill_portal.clients import Owner
from waybill_portal.domain import Order, flags, ship_by, status
from waybill_portal.domain.deadlines import calendar_of
from waybill_portal.domain.people import Viewer
from waybill_portal.pages import actions, batches, imports, labels, lists, logins, operations
from waybill_portal.pages import people as people_pages
from waybill_portal.pages.answers import Harden, answer_people
from waybill_portal.pages.forms import key_of, number, quantities, read, seen
from waybill_portal.pages.lists import Asked
from waybill_portal.pages.live import Changes, digest, stream

STATIC: Final = Path(str(files("waybill_portal"))) / "pages" / "static"
MOST: Final = 200
"""Rows of the list of orders at risk."""
CARRIERS: Final = ("UPS", "USPS", "FedEx", "DHL")
WARNINGS: Final = {
    "number_twice": "Two parcels of this order have this number",
    "number_in_use": "Another order has this number",
}
ADDRESS: Final = {
    "name": "Name",
    "company": "Company",
    "line1": "Street, or PO box",
    "line2": "More of the street",
    "postcode": "Postcode",
    "city": "City",
    "region": "State or region",
    "country": "Country, by its two letters",
    "phone": "Phone",
}
_NOT_FOUND: Final = 404


def mount(
    app: FastAPI,
    begin: Begin[Order],
    who: Who,
    owners: Mapping[str, Owner],
    changes: Changes,
    *,
    people: People,
    tokens: Tokens,
    audit: Audit,
) -> None:
    """Add the pages, their stylesheet and scripts, and errors that a person can read."""
    pages = _Pages(begin, owners["fulfillment"], changes)
    add_routes(app, pages.routes(who))
    add_routes(app, actions.routes(who, owners, pages.render))
    add_routes(app, labels.routes(who, owners, pages.render))
    known = batches.Lists(pages.listed, pages.loaded, pages.brands)
    add_routes(app, batches.routes(who, owners, pages.render, known))
    add_routes(app, imports.routes(who, owners["fulfillment"], pages.render))
    add_routes(app, operations.routes(operations.Desk(begin, owners, pages.render), who))
    doors = Logins(begin.database, Passwords())
    add_routes(app, logins.routes(who, doors, pages.render, pages.brands))
    desk = people_pages.Desk(people, tokens, audit, render=pages.render, brands=pages.brands, loaded=pages.loaded)
    add_routes(app, people_pages.routes(who, desk))
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    answer_people(app, pages.render)

    app.add_middleware(Harden)


class _Pages:
    """The pages over one projection."""

    def __init__(self, begin: Begin[Order], fulfillment: Owner, changes: Changes) -> None:
        self.begin, self.fulfillment, self.changes = begin, fulfillment, changes
        self.templates = Environment(
            loader=PackageLoader("waybill_portal", "pages/templates"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.templates.filters |= {
            "when": _when,
            "at": _at,
            "words": _words,
            **operations.FILTERS,
        }
        self.shared: dict[str, Any] = {
            "status": status,
            "flags": flags,
            "due": _due,
            "views": lists.VIEWS,
            "filters": lists.FILTERS,
            "most": store.orders.MOST,
            "carriers": CARRIERS,
            "address_lines": lines,
            "warnings": WARNINGS,
            "address_fields": ADDRESS,
            "cancel_reasons": [reason.value for reason in CancelReason],
            "hold_reasons": [reason.value for reason in HoldReason],
            "return_reasons": [reason.value for reason in ReturnReason],
            "conditions": [condition.value for condition in Condition],
            "prints": batches.PRINTS,
            "sorts": batches.SORTS,
        }

    def routes(self, who: Who) -> APIRouter:
        router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)
        reads, ships, listing = Depends(who.reads), Depends(who.ships), Depends(lists.asked)

        @router.get("/")
        async def home() -> RedirectResponse:
            return RedirectResponse("/orders")

        @router.get("/orders")
        async def orders(viewer: Annotated[Viewer, reads], asked: Annotated[Asked, listing], before: str = "") -> str:
            return await self.orders(viewer, asked, before)

        @router.get("/orders/live")
        async def orders_live(
            viewer: Annotated[Viewer, reads],
            asked: Annotated[Asked, listing],
            request: Request,
            before: str = "",
            seen: str = "",
        ) -> EventSourceResponse:
            async def rows() -> str:
                return (await self.rows(viewer, asked, before))[0]

            return await stream("rows", rows, self.changes, seen, partial(who.still, viewer, request))

        @router.get("/orders/{order_id}")
        async def order(order_id: UUID, viewer: Annotated[Viewer, reads], tab: str = "summary") -> str:
            return await self.order(viewer, order_id, tab)

        @router.get("/orders/{order_id}/live")
        async def order_live(
            order_id: UUID, viewer: Annotated[Viewer, reads], request: Request, tab: str = "summary", seen: str = ""
        ) -> EventSourceResponse:
            async def details() -> str:
                return await self.details(viewer, order_id, tab)

            return await stream("details", details, self.changes, seen, partial(who.still, viewer, request))

        @router.post("/orders/{order_id}/shipments")
        async def ship(order_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
            return await self.ship(viewer, order_id, request)

        @router.post("/orders/{order_id}/parcels")
        async def pack(order_id: UUID, viewer: Annotated[Viewer, ships], request: Request) -> Response:
            return await self.ship(viewer, order_id, request, pack=True)

        return router

    def render(self, template: str, **values: Any) -> str:
        return self.templates.get_template(template).render(self.shared | values)

    async def orders(self, viewer: Viewer, asked: Asked, before: str) -> str:
        rows, more = await self.rows(viewer, asked, before)
        live = urlencode({**asked.said, "before": before, "seen": digest(rows)})
        return self.render(
            "orders.html",
            viewer=viewer,
            asked=asked,
            before=before,
            rows=rows,
            more=more,
            live=f"/orders/live?{live}",
            counted=await self.count(viewer),
            key=str(uuid4()),
        )

    async def count(self, viewer: Viewer) -> dict[str, int]:
        """How many orders each view has."""
        async with self.begin.database.begin(viewer.brand) as connection:
            return await store.orders.counts(connection, lists.COUNTED)

    async def rows(self, viewer: Viewer, asked: Asked, before: str) -> tuple[str, str]:
        """The rows of a list, and the address of the page after it, empty on the last one."""
        if asked.view == lists.AT_RISK:
            return await self.at_risk(viewer), ""
        wanted = asked.wanted(before)
        async with self.begin.database.begin(viewer.brand) as connection:
            found = await store.orders.newest(connection, wanted)
            brands = await store.orders.every_brand(connection)
        shown = found[: wanted.limit]
        more = asked.at(before=cursor_of(shown[-1])) if len(found) > len(shown) else ""
        return self.render("rows.html", viewer=viewer, orders=shown, brands=brands, why={}), more

    async def listed(self, viewer: Viewer, asked: Asked, most: int) -> Sequence[Order]:
        """The orders of a list, as many as that at the most."""
        async with self.begin.database.begin(viewer.brand) as connection:
            if asked.view == lists.AT_RISK:
                found, _ = await pressing_orders(connection)
                return [each.order for each in found[:most]]
            return (await store.orders.newest(connection, asked.wanted(limit=most)))[:most]

    async def loaded(self, viewer: Viewer, order_ids: Sequence[UUID]) -> Sequence[Order]:
        """These orders, in this order; what is not known is left out."""
        async with self.begin.database.begin(viewer.brand) as connection:
            found = await self.begin.store.load(connection, order_ids)
        return [found[order_id] for order_id in order_ids if order_id in found]

    async def brands(self, viewer: Viewer) -> Mapping[str, str]:
        """The brands' names by their ids."""
        async with self.begin.database.begin(viewer.brand) as connection:
            brands = await store.orders.every_brand(connection)
        return {str(brand_id): brand.name for brand_id, brand in brands.items()}

    async def at_risk(self, viewer: Viewer) -> str:
        """The rows of the list of orders that may leave late, each with the reason."""
        async with self.begin.database.begin(viewer.brand) as connection:
            found, brands = await pressing_orders(connection)
        shown = found[:MOST]
        why = {each.order.order_id: each.says for each in shown}
        return self.render("rows.html", viewer=viewer, orders=[each.order for each in shown], brands=brands, why=why)

    async def order(self, viewer: Viewer, order_id: UUID, tab: str) -> str:
        order, recipient = await one(self.begin, viewer, order_id)
        details = await self.details(viewer, order_id, tab)
        live = urlencode({"tab": tab, "seen": digest(details)})
        return self.render(
            "order.html",
            viewer=viewer,
            order=order,
            details=details,
            form=self.form(viewer, order),
            work=self.render("work.html", viewer=viewer, order=order, recipient=recipient, key=str(uuid4())),
            live=f"/orders/{order_id}/live?{live}",
        )

    async def details(self, viewer: Viewer, order_id: UUID, tab: str) -> str:
        """What an order's page shows of it: everything but the form."""
        if tab not in {"summary", "shipments"}:
            raise Problem(_NOT_FOUND, "not-found", f"An order has no tab {tab!r}. Go to its summary.")
        order, recipient = await one(self.begin, viewer, order_id)
        async with self.begin.database.begin(viewer.brand) as connection:
            brand = (await store.orders.every_brand(connection)).get(order.brand_id)
        titles = {line.line_id: line.title or line.sku or line.line_id for line in order.lines}
        return self.render(
            "details.html",
            viewer=viewer,
            order=order,
            recipient=recipient,
            brand=brand,
            tab=tab,
            titles=titles,
        )

    def form(
        self,
        viewer: Viewer,
        order: Order,
        *,
        given: Mapping[str, str] | None = None,
        problem: Problem | None = None,
        done: str = "",
    ) -> str:
        """The form to ship; each new one carries a key of its own, so that sending it twice counts once."""
        values = dict(given or {})
        values.setdefault("key", str(uuid4()))
        return self.render(
            "ship.html",
            viewer=viewer,
            order=order,
            given=values,
            problem="" if problem is None else problem.detail,
            wrong=None if problem is None else problem.more.get("line"),
            confirm=[] if problem is None else problem.more.get("confirm", []),
            done=done,
        )

    async def ship(self, viewer: Viewer, order_id: UUID, request: Request, *, pack: bool = False) -> Response:
        """Ship or pack what the form says; the answer is the form again, filled as it was where it was refused."""
        given = await read(request)
        order, _ = await one(self.begin, viewer, order_id)
        quick = "hx-request" in request.headers
        try:
            body: dict[str, Any] = {"lines": quantities(given)}
            if not pack:
                body |= number(given)
            path = f"/api/v1/orders/{order_id}/{'parcels' if pack else 'shipments'}"
            await self.fulfillment.command(viewer, path, body, key_of(given))
        except Problem as problem:
            # The key stays: if the first answer was lost on its way, the same form again counts once.
            if problem.code == "idempotency-key-reused":
                del given["key"]
                problem = Problem(409, problem.code, "This was sent before. Look at its shipments, then send it again.")
            form = self.form(viewer, order, given=given, problem=_in_words(problem, order))
            # htmx shows a refusal only where the answer is a success; without scripts the page comes with its status.
            return (
                HTMLResponse(form)
                if quick
                else HTMLResponse(self.render("bare.html", viewer=viewer, body=form), problem.status)
            )
        if not quick:
            return RedirectResponse(f"/orders/{order_id}?tab=shipments", 303)
        carrier = given.get("tracking_company") or "the carrier of"
        done = "Packed." if pack else f"Shipped with {carrier} {given.get('tracking_number')}."
        return HTMLResponse(self.form(viewer, order, done=done))


def _in_words(problem: Problem, order: Order) -> Problem:
    """The same problem, for somebody who sees items and fields, not ids."""
    if problem.code == "confirm-number":
        return Problem(problem.status, problem.code, seen(problem), **problem.more)
    if any(found.get("field") == "tracking_number" for found in problem.more.get("errors", ())):
        return Problem(problem.status, problem.code, "Enter the tracking number, as the carrier printed it.")
    detail = problem.detail
    for line in order.lines:
        if problem.more.get("line") == line.line_id and (name := line.title or line.sku):
            detail = detail.replace(f"Line {line.line_id}", name).replace(f"line {line.line_id}", name)
    return Problem(problem.status, problem.code, detail, headers=problem.headers, **problem.more)


def _due(order: Order, brand: Brand | None) -> str:
    """By when it is to leave, on its brand's calendar; empty where nothing is left, or its clock stands."""
    found = None if brand is None else ship_by(order, brand)
    if brand is None or found is None or found.by is None:
        return ""
    last = (found.by - timedelta(microseconds=1)).astimezone(calendar_of(brand).zone)
    return f"{last:%a} {last:%-d %b}"


def _words(code: str) -> str:
    """A word of ours as people write it."""
    return code.replace("_", " ")


def _when(time: datetime) -> str:
    return time.astimezone(UTC).strftime("%-d %b %Y, %H:%M")


def _at(text: str) -> str:
    """A time as another service told it."""
    return _when(datetime.fromisoformat(text))
