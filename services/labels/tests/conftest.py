"""A carrier that sells labels, as a process of its own, and labels that has an account with it."""

import sys
from collections.abc import AsyncGenerator, Generator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from ups import Ups

from waybill_chassis.database import Database
from waybill_chassis.embedded.processes import Process, environment, free_ports, listening, wait_until_ready
from waybill_labels.app import build
from waybill_labels.settings import Settings, SimulatedAccount

KEY = "a-key-for-tests"


@pytest.fixture(scope="session")
def carrier_port(tmp_path_factory: pytest.TempPathFactory) -> Generator[int]:
    (port,) = free_ports(1)
    log = tmp_path_factory.mktemp("carrier") / "log"
    command = [Path(sys.executable).with_name("waybill-simulated-carrier"), "--port", str(port), f"--api-key={KEY}"]
    process = Process.spawn(command, log=log, environment=environment())
    wait_until_ready(
        lambda: [] if listening(port) else ["does not answer"], process, name="carrier", log=log, patience=30
    )
    yield port
    process.stop(patience=10)


@pytest.fixture
async def carrier(carrier_port: int) -> AsyncGenerator[httpx.AsyncClient]:
    """The carrier, who behaves unless he is told otherwise."""
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{carrier_port}", headers=headers) as client:
        (await client.put("/v1/faults", json={})).raise_for_status()
        yield client


@pytest.fixture
def carrier_account(carrier_port: int) -> SimulatedAccount:
    """An account whose answers are waited for only shortly."""
    return SimulatedAccount(
        kind="simulated", url=f"http://127.0.0.1:{carrier_port}", api_key=KEY, deadline_s=2.0, settles_s=0.2
    )


@pytest.fixture
def settings(carrier_account: SimulatedAccount) -> Any:
    """Settings of labels."""
    return partial(Settings, carriers={"simulated": carrier_account}, lease_s=5.0)


@pytest.fixture
async def labels(database: Database, start: Any, settings: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, settings)
    return client


@pytest.fixture
async def ups() -> AsyncGenerator[Ups]:
    """UPS, as far as karrio speaks to it."""
    (port,) = free_ports(1)
    ups = Ups(port)
    await ups.start()
    yield ups
    await ups.stop()
