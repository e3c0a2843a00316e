"""Webhooks in, and the connections they come through."""

from collections.abc import Awaitable, Callable
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, SecretStr
from sqlalchemy.exc import IntegrityError

from waybill_chassis import logging
from waybill_chassis.commands import Call, caller, cause
from waybill_chassis.fold import Caused
from waybill_chassis.openapi import example, takes
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_connectors import store
from waybill_connectors.domain import shopify
from waybill_connectors.domain.connections import Connection, ShipsWhen, Unreadable, refusal
from waybill_connectors.settings import Settings
from waybill_events import MAX_BYTES, SaleChanged, SaleReceived, ids
from waybill_events.model import Name, Time

LARGEST: Final = MAX_BYTES - 50_000
"""Bytes of a sale; the orders that come of it repeat most of it, and must be events, too."""
_ORDER: Final = {"id": 5001, "name": "#10001", "line_items": [{"id": 5002, "quantity": 2, "sku": "TEE-M"}]}
_log = logging.get(__name__)


class NewConnection(BaseModel):
    """What a connection is made of."""

    model_config = example(
        platform="shopify",
        code="main",
        name="Our shop",
        secret="the secret that the platform signs with",  # noqa: S106  # an example
        start_date="2026-01-01T00:00:00Z",
    )

    platform: Literal["shopify"]
    code: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]{0,19}$")]
    name: Name
    secret: Annotated[SecretStr, Field(min_length=8, max_length=500)]
    default_brand_id: UUID | None = None
    start_date: Time
    test_orders: bool = False
    ships_when: ShipsWhen = "paid"


def routes(begin: Begin[None], settings: Settings) -> APIRouter:
    """Everything that connectors answers."""
    router = api_router()
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    @router.post("/webhooks/{connection_id}", openapi_extra=takes(_ORDER, "application/json"))
    async def webhook(
        connection_id: UUID,
        request: Request,
        x_shopify_hmac_sha256: Annotated[str, Header()] = "",
        x_shopify_topic: Annotated[str, Header()] = "orders/create",
        x_shopify_event_id: Annotated[str | None, Header(max_length=200)] = None,
    ) -> dict[str, Any]:
        """One change of an order, told by its platform. The same change again is answered the same way."""
        body = await _body(request, settings.body_limit)
        async with begin.database.begin() as connection:
            found = await store.find(connection, connection_id)
        if found is None:
            raise Problem(
                404, "unknown-connection", f"No connection {connection_id}. Make it first, or correct the URL."
            )
        if not shopify.signed(found.secret, body, x_shopify_hmac_sha256):
            _log.warning("webhook.wrong_signature", connection=str(connection_id))
            raise Problem(401, "wrong-signature", "X-Shopify-Hmac-Sha256 does not fit the body and this connection.")
        if x_shopify_topic != shopify.CREATED and x_shopify_topic not in shopify.CHANGED:
            return {"outcome": "ignored", "reason": f"{shopify.clean(x_shopify_topic, 100)} is not read yet"}
        try:
            order = shopify.parse(body)
        except Unreadable as error:
            raise Problem(400, "not-json", str(error)) from error
        key = shopify.change_key(order, x_shopify_topic, x_shopify_event_id, body)
        kind = SaleReceived if x_shopify_topic == shopify.CREATED else SaleChanged
        try:
            sale = shopify.sale(order, found, kind)
        except Unreadable as error:
            return await _settle(store.Delivery(connection_id, key, "refused", shopify.clean(error, 1000), body=body))
        if (size := len(sale.to_json())) > LARGEST:
            large = f"the sale has {size} bytes as an event, at most {LARGEST} can go on from here"
            return await _settle(store.Delivery(connection_id, key, "refused", large, body=body))
        # What has become work changes until the end, whatever would have kept it out in the beginning.
        if (reason := refusal(sale, found)) and not await _is_told(begin, sale):
            return await _settle(store.Delivery(connection_id, key, "ignored", reason, sale.sale_id))
        return await _settle(store.Delivery(connection_id, key, "sale", sale_id=sale.sale_id), sale)

    async def _settle(delivery: store.Delivery, sale: SaleReceived | None = None) -> dict[str, Any]:
        """Record the delivery and publish its sale, both or neither."""
        subject = delivery.sale_id or delivery.connection_id
        async with begin.on(subject) as tx:
            first = await store.record(tx.connection, delivery)
            if first and sale is not None:
                told = cause(
                    sale.sale_id,
                    actor=f"platform:{sale.platform}",
                    source=f"webhook/{sale.platform}",
                    at=datetime.now(UTC),
                    id_=ids.webhook_id(delivery.connection_id, delivery.change_key),
                )
                await tx.publish([Caused(sale, told)])
        if first and delivery.outcome == "refused":
            _log.error("webhook.refused", connection=str(delivery.connection_id), reason=delivery.reason)
        answer = {"outcome": delivery.outcome, "reason": delivery.reason, "first": first}
        return answer if delivery.sale_id is None else {**answer, "sale_id": str(delivery.sale_id)}

    @router.put("/api/v1/connections/{connection_id}")
    async def put_connection(
        connection_id: UUID, new: NewConnection, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Make or replace a connection."""
        values = new.model_dump(exclude={"default_brand_id", "secret"})
        made = Connection(
            connection_id=connection_id, brand_id=new.default_brand_id, secret=new.secret.get_secret_value(), **values
        )
        try:
            async with begin.database.begin(call.brand) as connection:
                await store.put(connection, made)
        except IntegrityError as error:
            raise Problem(
                409, "code-taken", f"Another connection has the code {new.code!r}. Choose another.", field="code"
            ) from error
        return JSONResponse(_shown(made))

    @router.get("/api/v1/connections")
    async def connections(call: Annotated[Call, Depends(called)]) -> list[dict[str, Any]]:
        """All connections, without their secrets."""
        async with begin.database.begin(call.brand) as connection:
            return [_shown(each) for each in await store.every(connection)]

    return router


async def _is_told(begin: Begin[None], sale: SaleReceived) -> bool:
    async with begin.database.begin() as connection:
        return await store.told(connection, sale.connection_id, sale.sale_id)


def _shown(connection: Connection) -> dict[str, Any]:
    values = asdict(connection)
    del values["secret"]
    return {name: str(value) if isinstance(value, UUID | datetime) else value for name, value in values.items()}


async def _body(request: Request, limit: int) -> bytes:
    """The raw bytes, as they were signed; 413 past the limit, without reading on."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise Problem(413, "too-large", f"A webhook may have {limit} bytes at most.")
    return bytes(body)
