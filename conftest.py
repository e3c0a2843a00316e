"""Real servers for every suite: one broker and one database server for each test process, a fresh database per test."""

import asyncio
import itertools
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from dataclasses import dataclass
from pathlib import Path

import pytest

from waybill_chassis import topics
from waybill_chassis.database import Database
from waybill_chassis.embedded import kafka, postgres
from waybill_chassis.embedded.processes import free_ports

_numbers = itertools.count(1)


@dataclass(frozen=True)
class Servers:
    kafka: kafka.Kafka
    postgres: postgres.Postgres

    async def database_url(self) -> str:
        """A new empty database, with a role of its own."""
        name = f"test_{next(_numbers)}"
        await postgres.provision(self.postgres.url(), name, "secret")
        return self.postgres.url(name, name, "secret")


@pytest.fixture(scope="session")
def servers() -> Generator[Servers]:
    home = Path(tempfile.mkdtemp(prefix="waybill-test-", dir="/var/tmp"))
    home.chmod(0o755)
    database_port, broker_port, controller_port = free_ports(3)
    database = postgres.start(home, database_port, home)
    try:
        broker = kafka.start(home, broker_port, controller_port, home)
        try:
            asyncio.run(topics.create(broker.bootstrap))
            yield Servers(broker, database)
        finally:
            broker.stop()
    finally:
        database.stop()
        shutil.rmtree(home)


@pytest.fixture
async def database(servers: Servers) -> AsyncGenerator[Database]:
    database = Database(await servers.database_url())
    yield database
    await database.close()


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """Wait for something to become true, at most 30 seconds."""

    async def wait(true: Callable[[], Awaitable[bool]], patience_s: float = 30) -> None:
        end = time.monotonic() + patience_s
        while not await true():
            assert time.monotonic() < end, f"not within {patience_s} s"
            await asyncio.sleep(0.02)

    return wait
