"""All of Waybill as separate processes, each service once or several times over."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

import httpx

from bench.events import BRAND, CONNECTION
from bench.servers import TOKEN, Replica, Servers, fresh_topics, running
from waybill_cli.home import SERVICES

SECRET: Final = "a-secret-of-the-shop"  # noqa: S105  # of a shop that lives for minutes
_BRAND: Final = {"name": "Acorn Apparel", "vendors": ["Acorn Apparel"], "sku_prefixes": ["AC-"]}


@dataclass(frozen=True, slots=True)
class System:
    """A whole Waybill at work."""

    replicas: dict[str, list[Replica]]
    databases: dict[str, str]

    def urls(self, service: str) -> list[str]:
        """Where each replica of a service answers."""
        return [replica.url for replica in self.replicas[service]]

    def resident_mb(self) -> dict[str, float]:
        """Memory of the first replica of each service."""
        return {name: replicas[0].resident_mb() for name, replicas in self.replicas.items()}


@asynccontextmanager
async def system(servers: Servers, replicas: int = 1) -> AsyncGenerator[System]:
    """Start `replicas` of each service on empty topics and databases, with one brand and one connection."""
    await fresh_topics(servers.kafka.bootstrap)
    databases = {name: await servers.database() for name in SERVICES}
    started: dict[str, list[Replica]] = {}
    for name in SERVICES:
        # The portal is last in SERVICES and calls the two others.
        owners = {f"WAYBILL_{owner.upper()}_URL": found[0].url for owner, found in started.items()}
        started[name] = servers.start(name, databases[name], replicas, **(owners if name == "portal" else {}))
    async with running([replica for each in started.values() for replica in each]):
        whole = System(started, databases)
        await _furnish(whole)
        yield whole


async def _furnish(whole: System) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    connection = {
        "platform": "shopify",
        "code": "bench",
        "name": "A shop",
        "secret": SECRET,
        "default_brand_id": str(BRAND),
        "start_date": "2000-01-01T00:00:00Z",
    }
    async with httpx.AsyncClient(headers=headers, timeout=30, trust_env=False) as client:
        brand = await client.put(f"{whole.urls('portal')[0]}/api/v1/brands/{BRAND}", json=_BRAND)
        brand.raise_for_status()
        shop = await client.put(f"{whole.urls('connectors')[0]}/api/v1/connections/{CONNECTION}", json=connection)
        shop.raise_for_status()
