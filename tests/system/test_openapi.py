"""Each API asked what its OpenAPI document allows, and what it does not, on a Waybill with an order in it."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from waybill_cli.home import SERVICES
from waybill_simulators.shopify import an_order

Until = Callable[..., Awaitable[None]]
SECONDS = int(os.environ.get("WAYBILL_FUZZ_S", "10"))
"""For each service."""
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "response_headers_conformance",
    "allow_header_conformance",
    "ignored_auth",
)
HOOKS = """
import schemathesis

schemathesis.serializer.alias("text/csv", "text/plain")
"""


async def ids_of_something(selling: Any, until: Until) -> dict[str, list[str]]:
    """Real ids, by the name that paths give them: an order with a packed and a shipped parcel, a hold, a request."""
    item = {"title": "Mug", "vendor": "", "sku": "MU", "price": "9.00", "quantity": 900}
    await selling.shop.tell(an_order(870_001, [item], datetime.now(UTC), address=ADDRESS))
    order: dict[str, Any] = {}

    async def ships() -> bool:
        order.update(next(iter(await selling.orders(q="870001-01")), {}))
        if not order:
            return False
        line = {"line_id": order["lines"][0]["line_id"], "quantity": 1}
        path = f"/api/v1/orders/{order['order_id']}"
        body = {"lines": [line], "tracking_company": "UPS", "tracking_number": "1Z12345E0205271686"}
        answer = await selling.portal.post(f"{path}/shipments", json=body, headers={"Idempotency-Key": "fuzz"})
        return bool(answer.is_success)

    await until(ships)
    path = f"/api/v1/orders/{order['order_id']}"
    packed = (await selling.portal.post(f"{path}/parcels", json={"lines": [_one(order)]})).raise_for_status().json()
    body = {"reason": "staff", "lines": [_one(order)]}
    asked = (await selling.portal.post(f"{path}/cancellations", json=body)).raise_for_status().json()
    file = b"reference,tracking_company,tracking_number\n870001-01,UPS,1Z879E930346834440\n"
    imported = (await selling.portal.post("/api/v1/imports", content=file)).raise_for_status().json()
    return {
        "order_id": [order["order_id"]],
        "parcel_id": [each["parcel_id"] for each in packed["parcels"]],
        "request_id": [asked["request_id"]],
        "import_id": [imported["import_id"]],
        "brand_id": [str(selling.brand)],
    }


def _one(order: dict[str, Any]) -> dict[str, Any]:
    return {"line_id": order["lines"][0]["line_id"], "quantity": 1}


def configuration(ids: dict[str, list[str]]) -> str:
    lines = ['hooks = "hooks.py"']
    for name, known in ids.items():
        lines.append(f"[dictionaries.{name}]\nvalues = {json.dumps(known)}")
    lines.append("[parameters]")
    lines += [f'"path.{name}" = {{ dictionary = "{name}", probability = 0.8 }}' for name in ids]
    return "\n".join(lines)


@pytest.mark.timeout(120 + 8 * SECONDS * len(SERVICES))
async def test_no_api_fails_or_answers_what_it_does_not_document(
    selling: Any, stack: Any, until: Until, tmp_path: Path
) -> None:
    (tmp_path / "hooks.py").write_text(HOOKS)
    (tmp_path / "schemathesis.toml").write_text(configuration(await ids_of_something(selling, until)))
    found: dict[str, str] = {}
    for service in SERVICES:
        command = [
            Path(sys.executable).with_name("schemathesis"),
            *("run", f"{stack.home.url(service)}/openapi.json", "--no-color", "--max-time", str(SECONDS)),
            *("--header", f"Authorization: Bearer {stack.home.secret('token')}", "--checks", ",".join(CHECKS)),
        ]
        environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
        ran = await asyncio.to_thread(
            subprocess.run, command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
        )
        found[service] = "" if ran.returncode == 0 and " passed" in ran.stdout else ran.stdout + ran.stderr

    assert not any(found.values()), "\n".join(found.values())
    ready = stack.ready()
    assert all(ready.values()), ready
