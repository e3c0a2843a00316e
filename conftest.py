"""For every suite: one broker and one database server for each test process, a fresh database per test; wheels."""

import asyncio
import itertools
import shutil
import signal
import subprocess
import sys
import sysconfig
import tempfile
import time
import venv
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from fastapi import FastAPI
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from waybill_chassis import topics
from waybill_chassis.database import Database
from waybill_chassis.embedded import kafka, postgres
from waybill_chassis.embedded.processes import free_ports
from waybill_chassis.settings import ServiceSettings
from waybill_events import TOPICS, Envelope, Event, ids

_numbers = itertools.count(1)
_UV = Path(sys.executable).with_name("uv")
WITH_THEIR_OWN = ("tests/system/test_runbook.py", "tests/system/test_verify.py")
"""Files that start a Waybill for themselves."""


class OneProcessEach(LoadScopeScheduling):
    """A file is one process's; all that share a whole running Waybill are one's, so that one is started.

    xdist's own groups say so in the ids of tests, where pytest has not looked since 9.2.
    """

    def _split_scope(self, nodeid: str) -> str:
        path = nodeid.partition("::")[0]
        shares = path.startswith(("tests/browser/", "tests/system/")) and path not in WITH_THEIR_OWN
        return "a whole Waybill" if shares else path


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    """What says which test process runs what."""
    return OneProcessEach(config, log)


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
            asyncio.run(_topics_that_can_be_emptied(broker.bootstrap))
            yield Servers(broker, database)
        finally:
            # Nobody reads what they hold any more: closing it properly takes half a minute.
            broker.process.kill()
    finally:
        database.process.stop(patience=20, how=signal.SIGQUIT)
        shutil.rmtree(home)


async def _topics_that_can_be_emptied(bootstrap: str) -> None:
    await topics.create(bootstrap)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.alter_configs(
        [
            ConfigResource(ConfigResourceType.TOPIC, topic.name, {"cleanup.policy": "compact,delete"})
            for topic in TOPICS
            if topic.kind == "table"
        ]
    )
    await admin.close()


@pytest.fixture
async def bootstrap(servers: Servers) -> str:
    """The broker, with what earlier tests wrote forgotten: beside a log that it never wrote no service would start."""
    bootstrap = servers.kafka.bootstrap
    ends = await topics.ends(bootstrap, [topic.name for topic in TOPICS])
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.delete_records(
        {TopicPartition(*place): RecordsToDelete(end) for place, (first, end) in ends.items() if first < end}
    )
    await admin.close()
    return bootstrap


@pytest.fixture
async def database(servers: Servers) -> AsyncGenerator[Database]:
    database = Database(await servers.database_url())
    yield database
    await database.close()


Start = Callable[[str, Callable[[Any], FastAPI], type[ServiceSettings]], Awaitable[httpx.AsyncClient]]
TOKEN = "a-token-for-tests"


@pytest.fixture
async def start(bootstrap: str) -> AsyncGenerator[Start]:
    """Run services in this process on a fresh database each and empty topics; gives a client that has the token."""
    async with AsyncExitStack() as running:

        async def start(
            url: str, build: Callable[[Any], FastAPI], settings: type[ServiceSettings]
        ) -> httpx.AsyncClient:
            app = build(settings(database_url=url, kafka=bootstrap, token=TOKEN, port=1))
            await running.enter_async_context(app.router.lifespan_context(app))
            client = httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://service",
                headers={"Authorization": f"Bearer {TOKEN}"},
            )
            await running.enter_async_context(client)
            end = time.monotonic() + 30
            while (answer := await client.get("/health/ready")).status_code != 200:
                assert time.monotonic() < end, answer.text
                await asyncio.sleep(0.02)
            return client

        yield start


Publish = Callable[..., Awaitable[None]]


@pytest.fixture
async def publish(servers: Servers) -> AsyncGenerator[Publish]:
    """Write an event to its topic, as the service that owns it would."""
    producer = AIOKafkaProducer(bootstrap_servers=servers.kafka.bootstrap, enable_idempotence=True)
    await producer.start()

    async def publish(event: Event, sequence: int | None = None, **changed: Any) -> None:
        source = changed.get("source") or event.topic.replace(".", "/")
        id_ = ids.event_id(event.subject, event.type_name(), event.subject, sequence or 0)
        envelope = Envelope(
            id=id_,
            source=source,
            type=event.type_name(),
            time=datetime.now(UTC),
            subject=event.subject,
            actor="test",
            causation_id=id_,
            sequence=sequence,
            brand=event.brand,
        )
        await producer.send_and_wait(
            event.topic_of(source),
            value=event.to_json(),
            key=str(event.subject).encode(),
            headers=replace(envelope, **changed).headers(),
        )

    yield publish
    await producer.stop()


@pytest.fixture
async def tombstone(servers: Servers) -> Callable[[str, UUID], Awaitable[None]]:
    """Remove a key from a table topic."""

    async def tombstone(topic: str, key: UUID) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=servers.kafka.bootstrap)
        await producer.start()
        await producer.send_and_wait(topic, value=None, key=str(key).encode())
        await producer.stop()

    return tombstone


@pytest.fixture
def until() -> Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]:
    """Wait for something to become true, at most 30 seconds."""

    async def wait(true: Callable[[], Awaitable[bool]], patience_s: float = 30) -> None:
        end, pause_s = time.monotonic() + patience_s, 0.02
        while not await true():
            assert time.monotonic() < end, f"not within {patience_s} s"
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.2, 0.25)

    return wait


@pytest.fixture(scope="session")
def wheel_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Build the wheel of the distribution in a folder, without any network."""

    def wheel_of(distribution: Path) -> Path:
        folder = tmp_path_factory.mktemp("wheel")
        build = [_UV, "build", "--wheel", "--no-build-isolation", "--offline", "--python", sys.executable]
        subprocess.run([*build, "-o", folder, distribution], check=True, capture_output=True)
        (wheel,) = folder.glob("*.whl")
        return wheel

    return wheel_of


@pytest.fixture
def alone(tmp_path: Path) -> Callable[..., str]:
    """What a program prints where a wheel, and the modules that are named of those installed here, are all there is."""

    def alone(wheel: Path, program: str, *modules: str) -> str:
        venv.create(tmp_path / "empty", with_pip=False)
        python = tmp_path / "empty/bin/python"
        ours = Path(sysconfig.get_path("platlib"))
        theirs = Path(sysconfig.get_path("platlib", vars={"platbase": str(tmp_path / "empty")}))
        for module in modules:
            (theirs / module).symlink_to(ours / module)
        install = [_UV, "pip", "install", "--offline", "--no-deps", "--python", python, wheel]
        subprocess.run(install, check=True, capture_output=True)
        ran = subprocess.run([python, "-I", "-c", program], check=True, capture_output=True, text=True, cwd=tmp_path)
        return ran.stdout

    return alone
