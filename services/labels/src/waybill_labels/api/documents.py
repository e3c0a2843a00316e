"""Documents out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from waybill_chassis.commands import Call, caller
from waybill_chassis.openapi import gives
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Brand, Recipient
from waybill_labels import documents, store
from waybill_labels.documents import PDF, ZPL, Page
from waybill_labels.domain import Label, Order, Parcel, Size, contents, current, face
from waybill_labels.settings import Settings


def routes(begin: Begin[Order], settings: Settings) -> APIRouter:
    """Every document that labels makes."""
    router = api_router("/api/v1")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    async def known(call: Call, order_id: UUID) -> tuple[Order, Recipient | None, Brand]:
        async with begin.database.begin(call.brand) as connection:
            order = (await begin.store.load(connection, [order_id])).get(order_id)
            brands = {} if order is None else await store.orders.brands_of(connection, [order.brand_id])
            people = await store.orders.recipients_of(connection, [order_id])
        if order is None or order.brand_id not in brands:
            raise Problem(
                404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
            )
        return order, people.get(order_id), brands[order.brand_id]

    @router.get("/orders/{order_id}/packing-slip.pdf", response_class=Response, responses=gives(PDF))
    async def packing_slip(order_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The packing slip of one order, as PDF."""
        order, recipient, brand = await known(call, order_id)
        slip = documents.slip(contents(order, recipient, brand))
        return await _printed(documents.pdf, slip, PDF, f"packing-slip-{order.reference}")

    @router.get(
        "/orders/{order_id}/parcels/{parcel_id}/packing-slip.pdf", response_class=Response, responses=gives(PDF)
    )
    async def parcel_slip(order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The packing slip of one parcel, as PDF: what is in it, and what of its order is to follow."""
        order, recipient, brand = await known(call, order_id)
        parcel = _parcel(order, parcel_id)
        slip = documents.slip(contents(order, recipient, brand, parcel))
        return await _printed(documents.pdf, slip, PDF, f"packing-slip-{order.reference}-{parcel.number}")

    async def label_as(call: Call, order_id: UUID, parcel_id: UUID, size: Size, media_type: str | None) -> Response:
        """A label as it is wanted, or as its carrier gave it; one that no carrier gave is set here."""
        order, _, brand = await known(call, order_id)
        label, name = _bought(order, parcel_id), f"label-{order.reference}"
        assert label.sale is not None
        if label.sale.file is None:
            how, kind = (documents.zpl, ZPL) if media_type == ZPL else (documents.pdf, PDF)
            return await _printed(how, documents.label(face(order, label, brand), size), kind, name)
        async with begin.database.begin(call.brand) as connection:
            file = await store.documents.find(connection, order.brand_id, label.sale.file.digest)
        if file is None:
            raise Problem(410, "document-gone", "This label is not kept any more. Void it and buy another one.")
        wanted = media_type or file.media_type
        content = await asyncio.to_thread(documents.converted, file, wanted)
        if content is None:
            says = (
                f"Its carrier gave this label as {file.media_type}, of which no {wanted} can be made. Take it as it is."
            )
            raise Problem(409, "other-format", says)
        return answer(content, wanted, name)

    @router.get("/orders/{order_id}/parcels/{parcel_id}/label.pdf", response_class=Response, responses=gives(PDF))
    async def label_pdf(
        order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)], size: Size = "4x6"
    ) -> Response:
        """The label with which a parcel goes, as PDF."""
        return await label_as(call, order_id, parcel_id, size, PDF)

    @router.get("/orders/{order_id}/parcels/{parcel_id}/label.zpl", response_class=Response, responses=gives(ZPL))
    async def label_zpl(
        order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)], size: Size = "4x6"
    ) -> Response:
        """The same for a printer that takes ZPL, with 203 dots an inch."""
        return await label_as(call, order_id, parcel_id, size, ZPL)

    @router.get("/orders/{order_id}/parcels/{parcel_id}/label", response_class=Response, responses=gives(PDF))
    async def label_as_given(order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The same as its carrier gave it, byte for byte, in whichever format."""
        return await label_as(call, order_id, parcel_id, "4x6", None)

    return router


def _bought(order: Order, parcel_id: UUID) -> Label:
    """The label of a parcel; raises Problem while it has none."""
    _parcel(order, parcel_id)
    label = current(order, parcel_id)
    if label is None or label.sale is None:
        says = "Its label is being bought. Ask again in a moment." if label else "It has no label. Buy one first."
        raise Problem(409, "no-label", says)
    if label.shipment is None or label.shipment.erased:
        raise Problem(410, "erased", "The recipient was erased, and the label with it.")
    return label


def _parcel(order: Order, parcel_id: UUID) -> Parcel:
    parcel = order.parcel(parcel_id)
    if parcel is None:
        raise Problem(404, "unknown-parcel", f"The order has no parcel {parcel_id} (yet). Open the order again.")
    return parcel


async def _printed(how: Callable[[list[Page]], bytes], page: Page, media_type: str, name: str) -> Response:
    return answer(await asyncio.to_thread(how, [page]), media_type, name)


def answer(content: bytes, media_type: str, name: str) -> Response:
    """A document as it is answered: to look at, and named where it is saved."""
    safe = "".join(char if char.isascii() and char.isalnum() else "-" for char in name)
    ending = media_type.rpartition("/")[2]
    headers = {"Content-Disposition": f'inline; filename="{safe}.{ending}"', "Cache-Control": "no-store"}
    return Response(content, media_type=media_type, headers=headers)
