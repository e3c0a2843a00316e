"""The JSON API: what the pages show, for programs."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from waybill_chassis.commands import KEY, cause
from waybill_chassis.fold import Caused
from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin
from waybill_events import Address, Brand, BusinessAddress, Buyer
from waybill_events.model import Name
from waybill_portal import store
from waybill_portal.clients import Owner, Viewer
from waybill_portal.domain import Line, Order, Parcel, Status, flags, status
from waybill_portal.settings import Settings

Who = Callable[..., Awaitable[Viewer]]


def viewer(settings: Settings) -> Who:
    """A dependency that says who looks: the service's token, else the demo operator where that is allowed."""

    async def read(
        request: Request,
        authorization: Annotated[str, Header()] = "",
        sec_fetch_site: Annotated[str, Header()] = "",
    ) -> Viewer:
        token = settings.token.get_secret_value()
        if authorization:
            if not secrets.compare_digest(authorization.removeprefix("Bearer ").encode(), token.encode()):
                raise Problem(401, "unauthorized", "Send the portal's token as `Authorization: Bearer …`, or none.")
            return Viewer("token:service")
        if not settings.demo_operator:
            raise Problem(
                403,
                "no-login",
                "Logins come in a later release. On a machine of your own set WAYBILL_DEMO_OPERATOR=true.",
            )
        if request.method not in {"GET", "HEAD"} and sec_fetch_site not in {"", "same-origin", "none"}:
            raise Problem(403, "cross-site", "This came from another site's page. Open the portal and do it there.")
        return Viewer("person:demo-operator")

    return read


class OrderShown(BaseModel):
    """An order in a list."""

    order_id: UUID
    brand_id: UUID
    reference: str
    number: str
    placed_at: datetime
    status: Status
    flags: list[str]
    lines: list[Line]
    parcels: list[Parcel]


class Recipient(BaseModel):
    """To whom an order goes."""

    address: Address | None
    buyer: Buyer
    note: str


class OrderInFull(OrderShown):
    """An order by itself; `recipient` is null once it was erased."""

    platform: str
    shipping_method: str
    recipient: Recipient | None


class Page(BaseModel):
    """Some orders, and what to ask for to get those after them."""

    orders: list[OrderShown]
    before: str | None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no time zone; write one such as America/New_York") from error
    return name


Typed = Annotated[Name, StringConstraints(strip_whitespace=True, min_length=1)]
"""A name as somebody typed it."""


class BrandSettings(BaseModel):
    """What a brand is set to."""

    model_config = ConfigDict(extra="forbid")

    name: Typed
    vendors: Annotated[tuple[Typed, ...], Field(max_length=1000)] = ()
    sku_prefixes: Annotated[tuple[Typed, ...], Field(max_length=1000)] = ()
    ship_from: BusinessAddress = BusinessAddress()
    time_zone: Annotated[str, Field(max_length=100), AfterValidator(_known_zone)] = "UTC"


def typed(search: str) -> str:
    """What somebody searches for, without what no text holds."""
    return search.replace("\x00", "").strip()


def cursor_of(order: Order) -> str:
    """Where a page ended."""
    return f"{order.placed_at.isoformat()}_{order.order_id}"


def read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """Where a page is to begin; raises Problem."""
    if not text:
        return None
    time, _, id_ = text.rpartition("_")
    try:
        return datetime.fromisoformat(time).astimezone(UTC), UUID(id_)
    except (ValueError, OverflowError) as error:
        raise Problem(422, "bad-cursor", "Take `before` from the page before, unchanged.", field="before") from error


def routes(begin: Begin[Order], who: Who, fulfillment: Owner, labels: Owner) -> APIRouter:
    """Everything under /api/v1."""
    router = APIRouter(prefix="/api/v1")

    @router.get("/orders")
    async def orders(
        viewer: Annotated[Viewer, Depends(who)],
        status: Annotated[list[Status], Query()] = [],  # noqa: B006  # FastAPI copies defaults
        brand_id: UUID | None = None,
        q: Annotated[str, Query(max_length=200)] = "",
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Page:
        """Orders, newest first; `q` is a reference or its beginning, or the platform's number."""
        wanted = store.Wanted(tuple(status), brand_id, typed(q), read_cursor(before), limit)
        async with begin.database.begin(viewer.brand) as connection:
            found = await store.newest(connection, wanted)
        shown = found[:limit]
        return Page(
            orders=[OrderShown(**_shown(order)) for order in shown],
            before=cursor_of(shown[-1]) if len(found) > limit else None,
        )

    @router.get("/orders/{order_id}")
    async def order(order_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> OrderInFull:
        """One order, with its recipient."""
        found, recipient = await one(begin, viewer, order_id)
        return OrderInFull(
            **_shown(found),
            platform=found.platform,
            shipping_method=found.shipping_method,
            recipient=None
            if recipient is None
            else Recipient(address=recipient.address, buyer=recipient.buyer, note=recipient.note),
        )

    @router.post("/orders/{order_id}/shipments", status_code=201)
    async def ship(
        order_id: UUID,
        body: dict[str, Any],
        viewer: Annotated[Viewer, Depends(who)],
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
    ) -> Any:
        """Ship: forwarded to fulfillment, whose answer it is."""
        return await fulfillment.command(viewer, f"/api/v1/orders/{order_id}/shipments", body, idempotency_key)

    @router.get("/orders/{order_id}/packing-slip.pdf", response_class=Response)
    async def packing_slip(order_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> Response:
        """The packing slip, made by labels."""
        pdf, headers = await labels.document(viewer, f"/api/v1/orders/{order_id}/packing-slip.pdf")
        return Response(pdf, headers=headers)

    @router.get("/brands")
    async def brands(viewer: Annotated[Viewer, Depends(who)]) -> list[Brand]:
        """All brands and their settings."""
        async with begin.database.begin(viewer.brand) as connection:
            return list((await store.every_brand(connection)).values())

    @router.put("/brands/{brand_id}")
    async def put_brand(brand_id: UUID, settings: BrandSettings, viewer: Annotated[Viewer, Depends(who)]) -> Brand:
        """Make a brand, or replace its settings; every service learns of it."""
        async with begin.on(brand_id, viewer.brand) as tx:
            known = (await store.every_brand(tx.connection)).get(brand_id)
            brand = Brand(brand_id=brand_id, version=1 if known is None else known.version + 1, **dict(settings))
            if known is not None and known == brand.model_copy(update={"version": known.version}):
                return known
            await store.put_brand(tx.connection, brand)
            told = cause(brand_id, actor=viewer.actor, source="command/put-brand", at=datetime.now(UTC))
            await tx.publish([Caused(brand, told)])
            return brand

    return router


async def one(begin: Begin[Order], viewer: Viewer, order_id: UUID) -> tuple[Order, Any]:
    """An order and its recipient; raises Problem 404."""
    async with begin.database.begin(viewer.brand) as connection:
        found = (await begin.store.load(connection, [order_id])).get(order_id)
        recipient = await store.recipient_of(connection, order_id)
    if found is None:
        raise Problem(
            404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
        )
    return found, recipient


def _shown(order: Order) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "brand_id": order.brand_id,
        "reference": order.reference,
        "number": order.number,
        "placed_at": order.placed_at,
        "status": status(order),
        "flags": flags(order),
        "lines": order.lines,
        "parcels": order.parcels,
    }
