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
from waybill_labels.domain import Slip, contents
from waybill_labels.settings import Settings


def routes(begin: Begin[Slip], settings: Settings) -> APIRouter:
    """Everything that labels answers."""
    router = APIRouter(prefix="/api/v1")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    @router.get("/orders/{order_id}/packing-slip.pdf", response_class=Response, responses=gives("application/pdf"))
    async def packing_slip(order_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The packing slip of one order, as PDF."""
        async with begin.database.begin(call.brand) as connection:
            slip = (await begin.store.load(connection, [order_id])).get(order_id)
            recipient = await store.recipient_of(connection, order_id)
            brand = None if slip is None else await store.brand_of(connection, slip.brand_id)
        if slip is None or brand is None:
            raise Problem(
                404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
            )
        pdf = await asyncio.to_thread(documents.packing_slip, contents(slip, recipient, brand))
        name = "".join(char if char.isascii() and char.isalnum() else "-" for char in slip.reference)
        return Response(
            pdf,
            media_type="application/pdf",
            headers={"Content-Disposition": f'inline; filename="packing-slip-{name}.pdf"', "Cache-Control": "no-store"},
        )

    return router
