"""Documents out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.commands import Call, caller
from waybill_chassis.openapi import gives
from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin
from waybill_events import Brand
from waybill_labels import documents, store
from waybill_labels.documents import Size
from waybill_labels.domain import Label, Order, Parcel, contents, current, face
from waybill_labels.settings import Settings


def routes(begin: Begin[Order], settings: Settings) -> APIRouter:
    """Every document that labels makes."""
    router = APIRouter(prefix="/api/v1")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    async def known(connection: AsyncConnection, order_id: UUID) -> tuple[Order, Brand]:
        order = (await begin.store.load(connection, [order_id])).get(order_id)
        brands = {} if order is None else await store.orders.brands_of(connection, [order.brand_id])
        if order is None or order.brand_id not in brands:
            raise Problem(
                404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
            )
        return order, brands[order.brand_id]

    @router.get("/orders/{order_id}/packing-slip.pdf", response_class=Response, responses=gives("application/pdf"))
    async def packing_slip(order_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The packing slip of one order, as PDF."""
        async with begin.database.begin(call.brand) as connection:
            order, brand = await known(connection, order_id)
            recipient = (await store.orders.recipients_of(connection, [order_id])).get(order_id)
        pdf = await asyncio.to_thread(documents.packing_slip, contents(order, recipient, brand))
        return _answer(pdf, "application/pdf", f"packing-slip-{order.reference}", "pdf")

    @router.get(
        "/orders/{order_id}/parcels/{parcel_id}/packing-slip.pdf",
        response_class=Response,
        responses=gives("application/pdf"),
    )
    async def parcel_slip(order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The packing slip of one parcel, as PDF: what is in it, and what of its order is to follow."""
        async with begin.database.begin(call.brand) as connection:
            order, brand = await known(connection, order_id)
            recipient = (await store.orders.recipients_of(connection, [order_id])).get(order_id)
        slip = contents(order, recipient, brand, _parcel(order, parcel_id))
        pdf = await asyncio.to_thread(documents.packing_slip, slip)
        return _answer(pdf, "application/pdf", f"packing-slip-{order.reference}-{slip['parcel']}", "pdf")

    @router.get(
        "/orders/{order_id}/parcels/{parcel_id}/label.pdf",
        response_class=Response,
        responses=gives("application/pdf"),
    )
    async def label_pdf(
        order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)], size: Size = "4x6"
    ) -> Response:
        """The label with which a parcel goes, as PDF."""
        async with begin.database.begin(call.brand) as connection:
            order, brand = await known(connection, order_id)
        label = _bought(order, parcel_id)
        pdf = await asyncio.to_thread(documents.labels_pdf, [face(order, label, brand)], size)
        return _answer(pdf, "application/pdf", f"label-{order.reference}", "pdf")

    @router.get(
        "/orders/{order_id}/parcels/{parcel_id}/label.zpl",
        response_class=Response,
        responses=gives("application/zpl"),
    )
    async def label_zpl(
        order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)], size: Size = "4x6"
    ) -> Response:
        """The same for a printer that takes ZPL, with 203 dots an inch."""
        async with begin.database.begin(call.brand) as connection:
            order, brand = await known(connection, order_id)
        label = _bought(order, parcel_id)
        zpl = await asyncio.to_thread(documents.labels_zpl, [face(order, label, brand)], size)
        return _answer(zpl, "application/zpl", f"label-{order.reference}", "zpl")

    return router


def _bought(order: Order, parcel_id: UUID) -> Label:
    """The label of a parcel; raises Problem while it has none."""
    _parcel(order, parcel_id)
    label = current(order, parcel_id)
    if label is None or label.sale is None:
        says = "Its label is being bought. Ask again in a moment." if label else "It has no label. Buy one first."
        raise Problem(409, "no-label", says)
    return label


def _parcel(order: Order, parcel_id: UUID) -> Parcel:
    parcel = order.parcel(parcel_id)
    if parcel is None:
        raise Problem(404, "unknown-parcel", f"The order has no parcel {parcel_id} (yet). Open the order again.")
    return parcel


def _answer(content: bytes, media_type: str, name: str, ending: str) -> Response:
    safe = "".join(char if char.isascii() and char.isalnum() else "-" for char in name)
    headers = {"Content-Disposition": f'inline; filename="{safe}.{ending}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
