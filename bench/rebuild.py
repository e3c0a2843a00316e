"""How fast the portal's projection is built anew from the log, beside the live one."""

import asyncio
import json
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import httpx
from sqlalchemy import text
from sqlalchemy.engine import make_url

from bench.events import Message, numbers_added, orders_placed, recipients, shipments
from bench.load import Log
from bench.servers import PATIENCE_S, TOKEN, Failed, Servers, fresh_topics, opened, running, spent
from waybill_chassis.database import LIVE, Database
from waybill_chassis.embedded import postgres
from waybill_chassis.embedded.processes import environment
from waybill_cli.home import REBUILDERS

_LONGEST_S: Final = 900.0


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """Records of the log per second, and how long an operator waits from the start until the new one is live."""

    events_per_s: float
    cpu_us: dict[str, float]
    """Of one record, in the processes that rebuild, in database and broker."""
    records: int
    seconds: float
    live_events_per_s: float
    """For comparison: how fast the one live process had read the same records."""


async def measure(servers: Servers, log: Log, orders: int) -> Rebuilt:
    """Read four records of each order: recipient, placed, shipped, tracked. Raises Failed unless all rows are equal."""
    await fresh_topics(servers.kafka.bootstrap)
    url = await servers.database()
    name = make_url(url).database or ""
    role = REBUILDERS["portal"]
    await postgres.provision_rebuilder(servers.postgres.url(), name, role, TOKEN)
    (portal,) = replicas = servers.start("portal", url, 1)
    async with running(replicas), opened(url, LIVE) as database:
        batches = {topic: log.packed(messages) for topic, messages in _history(orders).items()}
        began = time.monotonic()
        for topic, packed in batches.items():
            await log.put(topic, packed)
        live_s = await _read(database, 4 * orders) - began
        async with httpx.AsyncClient(base_url=portal.url, timeout=PATIENCE_S, trust_env=False) as client:
            headers = {"Authorization": f"Bearer {TOKEN}", "Waybill-Actor": "token:bench"}
            answer = await client.post("/ops/v1/projection/plan", json={"why": "to measure it"}, headers=headers)
            plan: dict[str, Any] = answer.raise_for_status().json()
        settings = environment(
            WAYBILL_DATABASE_URL=servers.postgres.url(name, role, TOKEN),
            WAYBILL_KAFKA=servers.kafka.bootstrap,
            WAYBILL_PLAN=json.dumps(plan),
        )
        per_s, cpu_us, seconds = await _run(servers, settings, orders)
    return Rebuilt(per_s, cpu_us, 4 * orders, seconds, 4 * orders / live_s)


def _history(orders: int) -> dict[str, list[Message]]:
    return {
        "waybill.recipients": recipients(orders),
        "waybill.orders": orders_placed(orders),
        "waybill.fulfillment": list(shipments(orders)),
        "waybill.tracking": numbers_added(orders),
    }


async def _read(database: Database, records: int) -> float:
    """When the live generation had taken in so many records; raises Failed when it stops before."""
    found, end = -1, 0.0
    while True:
        async with database.begin() as connection:
            now: int = (await connection.execute(text("SELECT sum(next)::bigint FROM offsets"))).scalar_one()
        if now >= records:
            return time.monotonic()
        if now > found:
            found, end = now, time.monotonic() + PATIENCE_S
        if time.monotonic() > end:
            raise Failed(f"the portal has read {found} of {records} records, and no more for {PATIENCE_S:.0f} s")
        await asyncio.sleep(0.1)


async def _run(servers: Servers, settings: Mapping[str, str], orders: int) -> tuple[float, dict[str, float], float]:
    """Records per second and microseconds of CPU per record while reading, and seconds until the new one was live.

    How long processes take to start is not the matter of the first two.
    """
    records = 4 * orders
    began = time.monotonic()
    program = Path(sys.executable).with_name("waybill-portal-rebuild")
    running = await asyncio.create_subprocess_exec(program, env=settings, stdout=asyncio.subprocess.PIPE)
    last: dict[str, Any] = {}
    used: list[dict[str, float]] = []
    try:
        assert running.stdout is not None
        async with asyncio.timeout(_LONGEST_S):
            async for line in running.stdout:
                last = json.loads(line)
                if "done" in last:
                    used.append(servers.cpu_s({}))
            await running.wait()
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()
    seconds = time.monotonic() - began
    # An order has a row, and so has who receives it.
    if not last.get("pointed") or last["equal"] != 2 * orders:
        raise Failed(f"the rebuild ended with status {running.returncode}, and told at last {last}")
    cpu_us = {"rebuild": last["read"]["cpu_s"] / records * 1e6, **spent(used[0], used[-1], records)}
    return records / last["read"]["seconds"], cpu_us, seconds
