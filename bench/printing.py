"""Labels and slips of many parcels as one file: how long that takes, and the most memory that labels held meanwhile."""

import asyncio
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import httpx

from bench.servers import TOKEN, Failed, Replica, Servers, fresh_topics, opened, running
from waybill_chassis.table_topics import Rows
from waybill_events import Address, Box, Brand, BusinessAddress, Event, Money, Recipient, ids
from waybill_labels.domain import Item, Label, Offer, Order, Parcel, Place, Sale, Shipment, State
from waybill_labels.store.orders import Orders, put_rows

NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
BRAND: Final = Brand(
    brand_id=UUID(int=7),
    version=1,
    name="Acorn & Co",
    ship_from=BusinessAddress(line1="9 Mill Rd", city="Troy", region="NY", postcode="12180", country="US"),
)
NAMES: Final = ("Ann Bee", "Łucja Żółć", "山田 太郎", "محمد علي", "Ελένη Παππά")
FAILED: Final = 3
"""Parcels for which nobody sold a label."""
PATIENCE: Final = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Printed:
    """One batch."""

    parcels: int
    failed: int
    pages: int
    seconds: float
    peak_mb: float
    """The most memory that the process has held since it began, in 10⁶ bytes."""
    file_mb: float


async def measure(servers: Servers, parcels: int) -> Printed:
    """Print a batch; raises Failed unless all parcels but the failed ones are in it, and those are named."""
    await fresh_topics(servers.kafka.bootstrap)
    url = await servers.database()
    (labels,) = replicas = servers.start("labels", url, 1)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with running(replicas), opened(url) as database:
        people, orders = zip(*_sold(parcels), strict=True)
        async with database.begin(writes=True) as connection:
            newest: dict[UUID, Event] = {each.subject: each for each in (*people, BRAND)}
            await put_rows(connection, Rows(newest, set()))
            await Orders().save(connection, {order.order_id: order for order in orders})
        async with httpx.AsyncClient(base_url=labels.url, timeout=60, trust_env=False, headers=headers) as client:
            wanted = [{"order_id": str(order.order_id)} for order in orders]
            began = time.perf_counter()
            found = await _done(client, {"prints": "both", "orders": wanted, "sort": "reference"})
            seconds = time.perf_counter() - began
            peak_mb = _peak_mb(labels)
    failed = [failure["code"] for failure in found["failures"]]
    if failed != ["label-failed"] * FAILED or found["document"]["pages"] != 2 * (parcels - FAILED):
        raise Failed(f"of {parcels} parcels {failed} failed, and {found['document']} was printed")
    return Printed(parcels, len(failed), found["document"]["pages"], seconds, peak_mb, found["document"]["bytes"] / 1e6)


async def _done(client: httpx.AsyncClient, batch: dict[str, Any]) -> dict[str, Any]:
    answer = (await client.post("/api/v1/batches", json=batch)).raise_for_status().json()
    end = time.monotonic() + PATIENCE.total_seconds()
    while answer["state"] != "done":
        if time.monotonic() > end:
            raise Failed(f"the batch is {answer['state']} after {PATIENCE}")
        await asyncio.sleep(0.1)
        answer = (await client.get(f"/api/v1/batches/{answer['batch_id']}")).raise_for_status().json()
    found: dict[str, Any] = answer
    return found


def _peak_mb(replica: Replica) -> float:
    status = Path(f"/proc/{replica.process.pid}/status").read_text()
    (peak,) = (line.split()[1] for line in status.splitlines() if line.startswith("VmHWM"))
    return int(peak) * 1024 / 1e6


def _sold(parcels: int) -> Iterator[tuple[Recipient, Order]]:
    """Orders of one parcel each, with a label, and to whom they go."""
    box, cost = Box(length_mm=300, width_mm=200, height_mm=120), Money(amount="7.35", currency="USD")
    offer = Offer("simulated", "Simulated Carrier", "ground", "Ground", cost, 5)
    items = (Item("TS-1", "Shirt", 2, "", "1", location="A-1"), Item("MU-1", "Mug", 1, "", "2", location="B-2"))
    for nth in range(parcels):
        order_id = UUID(int=1_000 + nth)
        parcel_id = ids.parcel_id(order_id, 1)
        address = Address(
            name=NAMES[nth % len(NAMES)], line1="1 High St", city="Albany", postcode="12203", country="US"
        )
        shipment = Shipment(BRAND.ship_from, address, 400, box, f"{10_000 + nth}-01")
        sale = Sale(f"L{nth}", f"WB{nth:016d}", "", cost)
        label = Label(ids.label_id(parcel_id, 1), parcel_id, 1, State.BOUGHT, offer=offer, shipment=shipment, sale=sale)
        if nth < FAILED:
            label = replace(label, state=State.FAILED, offer=None, sale=None, code="no_weight", words="Say the weight.")
        parcel = Parcel(parcel_id, 1, Place.PACKED, {"1": 2, "2": 1}, "platform", 1)
        recipient = Recipient(order_id=order_id, brand_id=BRAND.brand_id, version=1, address=address)
        yield (
            recipient,
            Order(order_id, BRAND.brand_id, f"{10_000 + nth}-01", NOON, "", items, parcels=(parcel,), labels=(label,)),
        )
