"""A whole Waybill as `waybill up` starts it: real processes, a home and ports of its own."""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from waybill_chassis.database import LIVE, Database
from waybill_chassis.embedded.processes import listening
from waybill_cli.home import REBUILDERS, Home
from waybill_simulators.shopify import Shop

WAYBILL = Path(sys.executable).with_name("waybill")


SHIPS: dict[str, Any] = {
    "ship_from": {"name": "Brand", "line1": "9 Mill Road", "city": "Troy", "postcode": "12180", "country": "US"},
    "default_box": {"length_mm": 300, "width_mm": 200, "height_mm": 120},
    "default_weight_g": 350,
}
"""What a brand must say before labels are bought for it."""


@dataclass(frozen=True)
class Stack:
    home: Home

    @property
    def environment(self) -> dict[str, str]:
        return {
            **os.environ,
            "WAYBILL_HOME": str(self.home.folder),
            "WAYBILL_PORT_BASE": str(self.home.port_base),
            "COLUMNS": "200",
        }

    def run(self, *arguments: str, fails: bool = False) -> str:
        """A `waybill` command's output; with `fails`, what it said when it did."""
        ran = subprocess.run(
            [WAYBILL, *arguments], env=self.environment, capture_output=True, text=True, timeout=180, check=False
        )
        assert bool(ran.returncode) == fails, ran.stdout + ran.stderr
        return ran.stderr if fails else ran.stdout

    def ready(self) -> dict[str, bool]:
        """What `waybill status` says of each process."""
        ran = subprocess.run(
            [WAYBILL, "status", "--json"], env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        found = {each["name"]: each["ready"] for each in map(json.loads, ran.stdout.splitlines())}
        assert bool(ran.returncode) != all(found.values())
        return found

    def elsewhere(self, folder: Path, port_base: int) -> "Stack":
        """Another home that nothing runs in."""
        return Stack(Home(folder, port_base))

    async def run_beside(self, *arguments: str) -> str:
        return await asyncio.to_thread(self.run, *arguments)

    def client(self, service: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            base_url=self.home.url(service),
            headers={"Authorization": f"Bearer {self.home.secret('token')}"},
            timeout=30,
            # Plain HTTP: reading the machine's certificates for it would take longer than most answers.
            verify=False,
        )

    def database(self, service: str) -> Database:
        password = self.home.secret(f"database {service}")
        return Database(
            f"postgresql+asyncpg://{service}:{password}@127.0.0.1:{self.home.port('postgres')}/{service}",
            size=1,
            generation=LIVE if service in REBUILDERS else None,
        )

    async def scalar(self, service: str, statement: str, **values: Any) -> Any:
        database = self.database(service)
        try:
            async with database.begin() as connection:
                return (await connection.execute(text(statement), values)).scalar_one()
        finally:
            await database.close()


def _free_block() -> int:
    """Ports below those that the system hands out; each test process looks in a range of its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    blocks = range(20_000 + 1_000 * worker, 21_000 + 1_000 * worker, 20)
    return next(base for base in blocks if not any(listening(base + at) for at in range(13)))


@contextmanager
def run_stack(*options: str) -> Generator[Stack]:
    """`waybill up` with these options, in a home that is gone afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-system-", dir="/var/tmp"))
    folder.chmod(0o755)
    stack = Stack(Home(folder, _free_block()))
    try:
        stack.run("up", *options)
        yield stack
        stopped = stack.run("down")
        assert "killed" not in stopped
        assert stopped.count("stopped") == len(stack.home.ports()) - 1, stopped
    finally:
        stack.run("clean")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def stack() -> Generator[Stack]:
    with run_stack() as stack:
        yield stack


@pytest.fixture(scope="session")
def new_stack() -> Callable[..., AbstractContextManager[Stack]]:
    """For tests that break things: a Waybill that nobody else uses."""
    return run_stack


@dataclass(frozen=True)
class Selling:
    """A brand of a test's own, and a shop that sells only for it."""

    brand: UUID
    shop: Shop
    portal: httpx.AsyncClient

    async def orders(self, **wanted: Any) -> list[dict[str, Any]]:
        """All orders of the brand, newest first."""
        found: list[dict[str, Any]] = []
        before = None
        while True:
            query = {"brand_id": str(self.brand), "limit": 200, **wanted, **({"before": before} if before else {})}
            page = (await self.portal.get("/api/v1/orders", params=query)).raise_for_status().json()
            found += page["orders"]
            if (before := page["before"]) is None:
                return found


@pytest.fixture
async def selling(stack: Stack) -> AsyncGenerator[Selling]:
    brand, connection, secret = uuid4(), uuid4(), "a shop's secret"
    async with stack.client("portal") as portal, stack.client("connectors") as connectors:
        (
            await portal.put(f"/api/v1/brands/{brand}", json={"name": f"Brand {brand.hex[:6]}", **SHIPS})
        ).raise_for_status()
        answer = await connectors.put(
            f"/api/v1/connections/{connection}",
            json={
                "platform": "shopify",
                "code": f"t{connection.hex[:8]}",
                "name": "A shop",
                "secret": secret,
                "default_brand_id": str(brand),
                "start_date": "2000-01-01T00:00:00Z",
                "test_orders": True,
                "ships_when": "authorized",
            },
        )
        answer.raise_for_status()
        yield Selling(brand, Shop(connectors, connection, secret), portal)
