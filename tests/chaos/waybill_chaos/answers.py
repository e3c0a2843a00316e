"""What public APIs say: whether everything has come to rest, who is parked, and in the end what became of each order."""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import httpx

from waybill_chaos.judge import REFUSED_ROW
from waybill_chaos.plan import READERS
from waybill_chaos.system import System
from waybill_chaos.workload import BRANDS
from waybill_cli.home import SERVICES

_AT_ONCE: Final = 8
_IN_ORDER: Final = (REFUSED_ROW, "waited ")
"""What is said of events that are as they should be, and only need to be tried again; the others are the rig's own."""
_MOST_IN_A_QUEUE: Final = 20
_OK, _NOT_FOUND = 200, 404
_METRIC: Final = re.compile(r"^waybill_(outbox_rows|waiting_events) (\S+)$", re.MULTILINE)


async def metrics(system: System) -> dict[str, dict[str, float]]:
    """The numbers that the judge looks at, by service."""
    found: dict[str, dict[str, float]] = {}
    for name in SERVICES:
        async with system.client(name, 10) as client:
            text = (await client.get("/metrics")).raise_for_status().text
        found[name] = {metric: float(value) for metric, value in _METRIC.findall(text)}
    return found


async def until(true: Callable[[], Awaitable[bool]], patience_s: float) -> bool:
    """Wait until it is so; False when it is not in time."""
    end = time.monotonic() + patience_s
    while not await _settled(true):
        if time.monotonic() > end:
            return False
        await asyncio.sleep(0.3)
    return True


async def _settled(true: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await true()
    except httpx.HTTPError:
        return False


async def visible(system: System, parcels: Mapping[str, str], patience_s: float) -> list[str]:
    """Wait until the portal shows where to follow these parcels (number to order id) and labels has their orders' slips.

    Whoever has read of them has read what was before them; gives those that are not there in time.
    """
    missing = dict(parcels)

    async def all_there() -> bool:
        async with system.client("portal", 10) as portal, system.client("labels", 10) as labels:
            for number, order_id in list(missing.items()):
                answer = await portal.get(f"/api/v1/orders/{order_id}")
                if answer.status_code != _OK:
                    return False
                order = answer.json()
                followed = {parcel["tracking_number"] for parcel in order["parcels"] if parcel["tracking_url"]}
                if number not in followed or order["recipient"] is None:
                    return False
                if (await labels.get(f"/api/v1/orders/{order_id}/packing-slip.pdf")).status_code != _OK:
                    return False
                del missing[number]
        return True

    await until(all_there, patience_s)
    return [
        f"parcel {number} of order {order_id} does not arrive at the portal and at labels"
        for number, order_id in missing.items()
    ]


async def parked(system: System) -> dict[str, dict[str, str]]:
    """Per service: who is parked and why."""
    found: dict[str, dict[str, str]] = {}
    for name in READERS:
        async with system.client(name, 10) as client:
            answer = (await client.get("/ops/v1/quarantine", params={"limit": 10_000})).raise_for_status().json()
        found[name] = {each["subject"]: each["error"] for each in answer["parked"]}
    return found


async def dead_letters(system: System) -> dict[str, int]:
    """Per service: how many records it could not read."""
    found: dict[str, int] = {}
    for name in READERS:
        async with system.client(name, 10) as client:
            found[name] = (
                (await client.get("/ops/v1/dead-letters", params={"limit": 1})).raise_for_status().json()["found"]
            )
    return found


async def settle(system: System, found: Mapping[str, Mapping[str, str]]) -> list[str]:
    """Redrive whom the database refused, pass over what the rig made of the others; what was not taken."""
    failed: list[str] = []
    for name, subjects in found.items():
        async with system.client(name, 30) as client:
            for subject, why in subjects.items():
                error = why
                # Several of the rig's records may stand in one queue, one behind the other, each for a reason of its own.
                for _ in range(_MOST_IN_A_QUEUE):
                    what = "redrive" if any(sign in error for sign in _IN_ORDER) else "discard"
                    path = f"/ops/v1/quarantine/{subject}/{what}"
                    answer = await client.post(path, json={"why": "the chaos run is over"})
                    if answer.is_success:
                        if not answer.json()["left"]:
                            break
                        error = answer.json()["error"]
                else:
                    failed.append(f"{name}: {what} of {subject} answers {answer.status_code} {answer.text[:200]}")
    return failed


async def each(client: httpx.AsyncClient, paths: Mapping[str, str]) -> dict[str, httpx.Response]:
    """The answers to many questions, by their names."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def one(path: str) -> httpx.Response:
        async with turns:
            return await client.get(path)

    return dict(zip(paths, await asyncio.gather(*map(one, paths.values())), strict=True))


async def ledgers(system: System, order_ids: Sequence[str]) -> dict[str, Any]:
    """Fulfillment's answer for each order."""
    async with system.client("fulfillment", 30) as client:
        return _bodies(await each(client, {id_: f"/api/v1/orders/{id_}" for id_ in order_ids}))


async def orders(system: System, order_ids: Sequence[str]) -> dict[str, Any]:
    """What orders answers for each."""
    async with system.client("orders", 30) as client:
        return _bodies(await each(client, {id_: f"/api/v1/orders/{id_}" for id_ in order_ids}))


async def portal(system: System) -> tuple[dict[str, Any], list[str]]:
    """What the portal shows of each order of the client's brands, and the ids as it lists them."""
    shown: dict[str, Any] = {}
    listed: list[str] = []
    async with system.client("portal", 30) as client:
        for brand in BRANDS:
            before: str | None = None
            while True:
                query = {"brand_id": str(brand), "limit": "200", **({} if before is None else {"before": before})}
                page = (await client.get("/api/v1/orders", params=query)).raise_for_status().json()
                listed += [order["order_id"] for order in page["orders"]]
                shown |= {order["order_id"]: order for order in page["orders"]}
                before = page["before"]
                if before is None:
                    break
    return shown, listed


async def slips(system: System, order_ids: Sequence[str]) -> dict[str, int]:
    """The status of the packing slip of each order."""
    async with system.client("labels", 60) as client:
        found = await each(client, {id_: f"/api/v1/orders/{id_}/packing-slip.pdf" for id_ in order_ids})
    return {id_: answer.status_code for id_, answer in found.items()}


def _bodies(found: Mapping[str, httpx.Response]) -> dict[str, Any]:
    return {
        name: None if answer.status_code == _NOT_FOUND else answer.raise_for_status().json()
        for name, answer in found.items()
    }
