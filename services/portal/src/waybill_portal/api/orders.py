"""Orders, as the pages show them, for programs."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Query
from pydantic import BaseModel
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import paging
from waybill_chassis.commands import KEY
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Address, Brand, Buyer
from waybill_portal import store
from waybill_portal.api.viewing import Who
from waybill_portal.clients import Owner
from waybill_portal.domain import (
    Again,
    AtRisk,
    Badge,
    Cancellations,
    Former,
    Hold,
    Label,
    Line,
    OpenException,
    Order,
    Outcome,
    Parcel,
    Return,
    Returns,
    ShipBy,
    Shipments,
    Status,
    at_risk,
    explained,
    flags,
    outcomes,
    ship_by,
    status,
)
from waybill_portal.domain import (
    Request as Asked,
)
from waybill_portal.domain.people import Viewer

RAISE: Final = ("orders", "fulfillment", "labels", "tracking")
"""Who raises exceptions."""
_NOT_FOUND: Final = 404
LOOKED_AT: Final = 5_000
"""How many of the oldest orders that wait, and of those that platforms want first, are looked at for those at risk."""


class ParcelShown(BaseModel):
    """A parcel: where it is, what is in it, and where to follow it."""

    parcel_id: UUID | None
    state: str
    units: dict[str, int]
    late: dict[str, int]
    carrier_name: str
    tracking_number: str
    tracking_url: str
    service: str
    feed: str
    """Which feed of carrier messages follows it; empty: it is not followed."""
    warnings: list[str]
    former: list[Former]
    """The numbers that it had, the first one first."""
    shipped_at: datetime | None
    carrier_status: str | None
    """The carrier's last word, None while it has said nothing."""
    carrier_status_at: datetime | None
    estimated_delivery: datetime | None
    label_state: str
    """`own carrier` where none is bought; else `pending`, `labeled`, or where it is left without `failed`, `voided`."""
    labels: list[Label]
    """All that were bought for it, or could not be, the first one first."""


class OrderShown(BaseModel):
    """An order in a list."""

    order_id: UUID
    brand_id: UUID
    reference: str
    number: str
    placed_at: datetime
    status: Status
    flags: list[str]
    ship_by: ShipBy | None
    """By when what is left of it is to leave; None where nothing is left."""
    lines: list[Line]
    parcels: list[ParcelShown]


class Recipient(BaseModel):
    """To whom an order goes."""

    address: Address | None
    buyer: Buyer
    note: str
    gift_message: str


class OrderInFull(OrderShown):
    """An order by itself; `recipient` is null once it was erased."""

    platform: str
    shipping_method: str
    recipient: Recipient | None
    holds: list[Hold]
    requests: list[Asked]
    exceptions: list[OpenException]
    returns: list[Return]
    replaces: UUID | None
    """The order of which something is sent again with this one."""
    sent_again: list[Again]


class Explained(BaseModel):
    """Why an order's badges stand there, and which event decided about each unit."""

    badges: list[Badge]
    units: list[Outcome]


class Pressing(BaseModel):
    """An order that may leave late, and why."""

    rank: int
    reason: str
    """`overdue`, `due_today`, `due_next`, or `held` where its date comes and a hold stands."""
    says: str
    order: OrderShown


class Page(BaseModel):
    """Some orders, and what to ask for to get those after them."""

    orders: list[OrderShown]
    before: str | None


def typed(search: str) -> str:
    """What somebody searches for, without what no text holds."""
    return search.replace("\x00", "").strip()


def cursor_of(order: Order) -> str:
    """Where a page ended."""
    return paging.write(order.placed_at, order.order_id)


def routes(begin: Begin[Order], who: Who, owners: Mapping[str, Owner]) -> APIRouter:
    """Orders."""
    router = api_router("/api/v1")

    @router.get("/orders")
    async def orders(
        viewer: Annotated[Viewer, Depends(who.reads)],
        shipments: Annotated[list[Shipments], Query()] = [],  # noqa: B006  # FastAPI copies defaults
        cancellations: Annotated[list[Cancellations], Query()] = [],  # noqa: B006  # FastAPI copies defaults
        returns: Annotated[list[Returns], Query()] = [],  # noqa: B006  # FastAPI copies defaults
        to_ship: bool = False,
        on_hold: bool = False,
        exception: bool = False,
        brand_id: UUID | None = None,
        q: Annotated[str, Query(max_length=200)] = "",
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Page:
        """Orders, newest first: any of what each of the three filters names, and only those of which a flag is true.

        `q` is a reference or its beginning, or a platform's number.
        """
        wanted = store.orders.Wanted(
            tuple(shipments),
            tuple(cancellations),
            tuple(returns),
            to_ship,
            on_hold,
            exception,
            brand_id,
            typed(q),
            paging.read(before),
            limit,
        )
        async with begin.database.begin(viewer.brand) as connection:
            found = await store.orders.newest(connection, wanted)
            brands = await store.orders.every_brand(connection)
        shown = found[:limit]
        return Page(
            orders=[OrderShown(**_shown(order, brands)) for order in shown],
            before=cursor_of(shown[-1]) if len(found) > limit else None,
        )

    @router.get("/orders/at-risk")
    async def pressing(
        viewer: Annotated[Viewer, Depends(who.reads)],
        brand_id: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[Pressing]:
        """Orders that are overdue or due by the next working day, the most pressing first; worked out now."""
        async with begin.database.begin(viewer.brand) as connection:
            found, brands = await pressing_orders(connection, brand_id)
        return [
            Pressing(
                rank=each.rank,
                reason=each.reason,
                says=each.says,
                order=OrderShown(**_shown(each.order, brands)),
            )
            for each in found[:limit]
        ]

    @router.get("/orders/{order_id}")
    async def order(order_id: UUID, viewer: Annotated[Viewer, Depends(who.reads)]) -> OrderInFull:
        """One order, with its recipient."""
        found, recipient = await one(begin, viewer, order_id)
        async with begin.database.begin(viewer.brand) as connection:
            brands = await store.orders.every_brand(connection)
        return OrderInFull(
            **_shown(found, brands),
            platform=found.platform,
            holds=list(found.holds),
            requests=list(found.requests.values()),
            exceptions=list(found.exceptions.values()),
            returns=list(found.returns.values()),
            replaces=found.replaces,
            sent_again=list(found.sent_again),
            shipping_method=found.shipping_method,
            recipient=None
            if recipient is None
            else Recipient(
                address=recipient.address,
                buyer=recipient.buyer,
                note=recipient.note,
                gift_message=recipient.gift_message,
            ),
        )

    @router.get("/orders/{order_id}/explain")
    async def explain(order_id: UUID, viewer: Annotated[Viewer, Depends(who.reads)]) -> Explained:
        """For each badge of an order the lines and events that make it so, and of each unit who won it."""
        found, _ = await one(begin, viewer, order_id)
        return Explained(badges=explained(found), units=outcomes(found))

    @router.post("/orders/{order_id}/exceptions/{exception_id}/resolve")
    async def resolve(
        order_id: UUID,
        exception_id: UUID,
        body: Annotated[dict[str, Any], Body(examples=[{"choice": "absorb"}])],
        viewer: Annotated[Viewer, Depends(who.manages)],
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
    ) -> Any:
        """Settle an exception with one of its choices: forwarded to the service that raised it, whose answer it is."""
        found, _ = await one(begin, viewer, order_id)
        exception = found.exceptions.get(exception_id)
        # Who sends the same again hears the same again, from whoever closed it.
        closed_it = RAISE if idempotency_key else ()
        asked = closed_it if exception is None else (exception.owner,)
        path = f"/api/v1/orders/{order_id}/exceptions/{exception_id}/resolve"
        for owner in asked:
            try:
                return await owners[owner].command(viewer, path, body, idempotency_key)
            except Problem as problem:
                if exception is not None or problem.status != _NOT_FOUND:
                    raise
        raise Problem(
            404, "unknown-exception", f"No exception {exception_id} is open here. Somebody may have settled it."
        )

    return router


async def one(begin: Begin[Order], viewer: Viewer, order_id: UUID) -> tuple[Order, Any]:
    """An order and its recipient; raises Problem 404."""
    async with begin.database.begin(viewer.brand) as connection:
        found = (await begin.store.load(connection, [order_id])).get(order_id)
        recipient = await store.orders.recipient_of(connection, order_id)
    if found is None:
        raise Problem(
            404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
        )
    return found, recipient


async def pressing_orders(
    connection: AsyncConnection, brand_id: UUID | None = None
) -> tuple[list[AtRisk], Mapping[UUID, Brand]]:
    """Orders at risk among the oldest that wait and those that platforms want first, and the brands."""
    brands = await store.orders.every_brand(connection)
    return at_risk(await store.orders.waiting(connection, brand_id, LOOKED_AT), brands, datetime.now(UTC)), brands


def _shown(order: Order, brands: Mapping[UUID, Brand]) -> dict[str, Any]:
    brand = brands.get(order.brand_id)
    return {
        "order_id": order.order_id,
        "brand_id": order.brand_id,
        "reference": order.reference,
        "number": order.number,
        "placed_at": order.placed_at,
        "status": status(order),
        "flags": flags(order),
        "ship_by": None if brand is None else ship_by(order, brand),
        "lines": order.lines,
        "parcels": [_parcel(parcel) for parcel in order.standing],
    }


def _parcel(parcel: Parcel) -> ParcelShown:
    carried = parcel.carried
    return ParcelShown(
        parcel_id=parcel.parcel_id,
        state=parcel.state,
        units=dict(parcel.units),
        late=dict(parcel.late),
        carrier_name=parcel.carrier_name,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        service="" if parcel.tracked is None else parcel.tracked.service,
        feed="" if parcel.tracked is None else parcel.tracked.feed,
        warnings=[] if parcel.tracked is None else list(parcel.tracked.warnings),
        former=list(parcel.former),
        shipped_at=parcel.shipped_at,
        carrier_status=carried and carried.status,
        carrier_status_at=carried and carried.at,
        estimated_delivery=carried and carried.estimated_delivery,
        label_state=parcel.label_state,
        labels=list(parcel.labels),
    )
