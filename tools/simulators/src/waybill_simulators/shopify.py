"""A Shopify shop that tells of its orders by signed webhooks."""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import httpx


class Shop:
    """A shop whose webhooks go to one connection."""

    def __init__(self, client: httpx.AsyncClient, connection_id: UUID, secret: str) -> None:
        self.client, self.path, self.secret = client, f"/webhooks/{connection_id}", secret

    async def tell(
        self, order: Mapping[str, Any], *, topic: str = "orders/create", event_id: str | None = None
    ) -> httpx.Response:
        """Send a webhook once; `event_id` is what Shopify would send again with a retry."""
        body = json.dumps(order).encode()
        return await self.client.post(self.path, content=body, headers=self.headers(body, topic, event_id))

    def headers(self, body: bytes, topic: str = "orders/create", event_id: str | None = None) -> dict[str, str]:
        """What Shopify sends beside the body, its signature over the raw bytes included."""
        digest = hmac.new(self.secret.encode(), body, hashlib.sha256).digest()
        headers = {
            "Content-Type": "application/json",
            "X-Shopify-Topic": topic,
            "X-Shopify-Hmac-Sha256": base64.b64encode(digest).decode(),
        }
        return headers if event_id is None else {**headers, "X-Shopify-Event-Id": event_id}


def changed(order: Mapping[str, Any], at: datetime, **fields: Any) -> dict[str, Any]:
    """An order as Shopify writes it after a change."""
    return {**order, "updated_at": at.isoformat(), **fields}


def canceled(order: Mapping[str, Any], at: datetime, reason: str = "customer") -> dict[str, Any]:
    """An order that was canceled in the shop."""
    lines = [{**line, "current_quantity": 0, "fulfillable_quantity": 0} for line in order["line_items"]]
    return changed(order, at, cancelled_at=at.isoformat(), cancel_reason=reason, line_items=lines)


def an_order(
    number: int,
    lines: Sequence[Mapping[str, Any]],
    at: datetime,
    *,
    address: Mapping[str, Any] | None,
    financial_status: str = "paid",
) -> dict[str, Any]:
    """An order as Shopify writes it; `lines` need title, vendor, sku, quantity and price."""
    total = sum(float(line["price"]) * line["quantity"] for line in lines)
    name = "" if address is None else str(address["name"])
    first, _, last = name.partition(" ")
    return {
        "id": 5_000_000_000 + number,
        "name": f"#{number}",
        "order_number": number,
        "created_at": at.isoformat(),
        "updated_at": at.isoformat(),
        "processed_at": at.isoformat(),
        "financial_status": financial_status,
        "fulfillment_status": None,
        "cancelled_at": None,
        "test": False,
        "currency": "USD",
        "total_price": f"{total:.2f}",
        "email": f"{first.lower() or 'someone'}@example.com",
        "customer": {"first_name": first, "last_name": last},
        "shipping_address": address,
        "shipping_lines": [{"title": "Standard"}],
        "line_items": [
            {
                "id": number * 100 + at_line,
                "requires_shipping": True,
                "current_quantity": line["quantity"],
                "fulfillable_quantity": line["quantity"],
                **line,
            }
            for at_line, line in enumerate(lines, start=1)
        ],
        "fulfillments": [],
        "refunds": [],
    }
