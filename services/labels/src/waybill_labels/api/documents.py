"""Documents out."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response

from waybill_chassis.commands import Call, caller
from waybill_chassis.openapi import gives
from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin
from waybill_labels import documents, store
from waybill_labels.domain import Order, contents
from waybill_labels.settings import Settings


def routes(begin: Begin[Order], settings: Settings) -> APIRouter:
    """Everything that labels answers."""
    router = APIRouter(prefix="/api/v1")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    @router.get("/orders/{order_id}/packing-slip.pdf", response_class=Response, responses=gives("application/pdf"))
    async def packing_slip(order_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The packing slip of one order, as PDF."""
        async with begin.database.begin(call.brand) as connection:
            order = (await begin.store.load(connection, [order_id])).get(order_id)
            recipient = (await store.orders.recipients_of(connection, [order_id])).get(order_id)
            brand_ids = [] if order is None else [order.brand_id]
            brand = next(iter((await store.orders.brands_of(connection, brand_ids)).values()), None)
        if order is None or brand is None:
            raise Problem(
                404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
            )
        pdf = await asyncio.to_thread(documents.packing_slip, contents(order, recipient, brand))
        name = "".join(char if char.isascii() and char.isalnum() else "-" for char in order.reference)
        return Response(
            pdf,
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="packing-slip-{name}.pdf"', "Cache-Control": "no-store"},
        )

    return router
