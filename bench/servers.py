"""One broker and one database server for a run, fresh databases and topics, and processes that end with it."""

# aiokafka's own annotations are partial.
# pyright: reportUnknownMemberType=false

import asyncio
import itertools
import shutil
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Collection, Generator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from waybill_chassis import topics
from waybill_chassis.database import Database
from waybill_chassis.embedded import kafka, postgres
from waybill_chassis.embedded.processes import Process, environment, free_ports
from waybill_events import TOPICS, Topic

TOKEN: Final = "a-token-of-the-bench"  # noqa: S105  # of servers that live for minutes on 127.0.0.1
PATIENCE_S: Final = 60.0
_READY: Final = 200
_LAST: Final = 600
"""Characters of a log that are shown."""


class Failed(RuntimeError):
    """A measurement cannot be trusted: a process ended, a count is off, or time ran out; the message says which."""


@dataclass(frozen=True, slots=True)
class Replica:
    """One running process of a service."""

    name: str
    process: Process
    url: str = ""

    def resident_mb(self) -> float:
        """Memory that it holds now, in 10⁶ bytes."""
        resident: int = psutil.Process(self.process.pid).memory_info().rss
        return resident / 1e6


@dataclass(frozen=True, slots=True)
class Servers:
    """What all measurements of a run share."""

    kafka: kafka.Kafka
    postgres: postgres.Postgres
    home: Path
    numbers: "itertools.count[int]" = field(default_factory=lambda: itertools.count(1))

    async def database(self) -> str:
        """The URL of a new, empty database."""
        name = f"bench_{next(self.numbers)}"
        await postgres.provision(self.postgres.url(), name, TOKEN)
        return self.postgres.url(name, name, TOKEN)

    def start(self, name: str, url: str, count: int, **more: str) -> list[Replica]:
        """Start `count` processes of one service on one database; they are not ready yet."""
        return [
            Replica(
                name,
                self.spawn(
                    [Path(sys.executable).with_name(f"waybill-{name}")],
                    name,
                    WAYBILL_DATABASE_URL=url,
                    WAYBILL_KAFKA=self.kafka.bootstrap,
                    WAYBILL_TOKEN=TOKEN,
                    WAYBILL_PORT=str(port),
                    WAYBILL_LOG_LEVEL="warning",
                    **more,
                ),
                f"http://127.0.0.1:{port}",
            )
            for port in free_ports(count)
        ]

    def spawn(self, command: Sequence[str | Path], name: str, **more: str) -> Process:
        """Start a process that logs to a file named after it."""
        return Process.spawn(command, log=self.home / f"{name}.log", environment=environment(**more))

    def cpu_s(self, parties: Mapping[str, Sequence[Replica]]) -> dict[str, float]:
        """Seconds of CPU used until now: by each of these parties, by `postgres` and by `kafka`."""
        used = {
            name: sum(_cpu_s(psutil.Process(replica.process.pid)) for replica in replicas)
            for name, replicas in parties.items()
        }
        return {
            **used,
            "postgres": _cpu_s_of_all(psutil.Process(self.postgres.process.pid)),
            "kafka": _cpu_s(psutil.Process(self.kafka.process.pid)),
        }


def spent(before: Mapping[str, float], after: Mapping[str, float], count: int) -> dict[str, float]:
    """Microseconds of CPU that each of `count` things took between two looks at `Servers.cpu_s`."""
    return {name: (after[name] - before[name]) / count * 1e6 for name in before}


@contextmanager
def servers() -> Generator[Servers]:
    """Start both, and forget all they held at the end."""
    home = Path(tempfile.mkdtemp(prefix="waybill-bench-", dir="/var/tmp"))  # where PostgreSQL's user reaches it
    home.chmod(0o755)
    database_port, broker_port, controller_port = free_ports(3)
    try:
        database = postgres.start(home, database_port, home)
        try:
            broker = kafka.start(home, broker_port, controller_port, home)
            try:
                yield Servers(broker, database, home)
            except Failed as failure:
                failure.add_note(_last_words(home))
                raise
            finally:
                broker.stop()
        finally:
            database.stop()
    finally:
        shutil.rmtree(home)


def _last_words(home: Path) -> str:
    """The end of what each process has logged, since the logs go with the run."""
    logs = {path.stem: path.read_text(errors="replace").strip() for path in sorted(home.glob("*.log"))}
    return "\n".join(f"{name}: …{said[-_LAST:]}" for name, said in logs.items() if said)


@asynccontextmanager
async def running(replicas: Sequence[Replica]) -> AsyncGenerator[None]:
    """Wait until all are ready; stop them at the end."""
    try:
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            try:
                async with asyncio.timeout(PATIENCE_S):
                    await asyncio.gather(*(_ready(client, replica) for replica in replicas))
            except TimeoutError as error:
                raise Failed(f"not every process is ready after {PATIENCE_S:.0f} s") from error
        yield
    finally:
        await asyncio.to_thread(stop, [replica.process for replica in replicas])


def stop(processes: Sequence[Process]) -> None:
    """End processes, all at once; one that does not listen by force."""
    for process in processes:
        process.ask()
    for process in processes:
        process.stop(patience=30)


async def fresh_topics(bootstrap: str, wanted: Collection[Topic] = TOPICS) -> None:
    """Make these topics, empty, whatever was in them before."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        async with asyncio.timeout(PATIENCE_S):
            if known := {topic.name for topic in wanted}.intersection(await admin.list_topics()):
                await admin.delete_topics(sorted(known))
            while known.intersection(await admin.list_topics()):
                await asyncio.sleep(0.02)
    finally:
        await admin.close()
    await topics.create(bootstrap, topics=wanted)


async def settled(bootstrap: str, group: str, members: int) -> None:
    """Wait until a consumer group has shared its partitions out among so many processes; raises Failed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    end = time.monotonic() + PATIENCE_S
    try:
        while not await _is_settled(admin, group, members):
            if time.monotonic() > end:
                raise Failed(f"the group {group} has not got {members} members at work after {PATIENCE_S:.0f} s")
            await asyncio.sleep(0.05)
    finally:
        await admin.close()


async def _is_settled(admin: AIOKafkaAdminClient, group: str, members: int) -> bool:
    try:
        (described,) = await admin.describe_consumer_groups([group])
    except GroupCoordinatorNotAvailableError:
        # The first group of a new broker makes it look for a coordinator.
        return False
    answer: Any = described
    _error, _name, state, _kind, _protocol, found, *_ = answer.groups[0]
    return state == "Stable" and len(found) == members


@asynccontextmanager
async def opened(url: str, generation: str | None = None) -> AsyncGenerator[Database]:
    """A database, for an onlooker; LIVE for one whose projection lives in generations."""
    database = Database(url, size=2, generation=generation)
    try:
        yield database
    finally:
        await database.close()


async def _ready(client: httpx.AsyncClient, replica: Replica) -> None:
    while True:
        try:
            if (await client.get(f"{replica.url}/health/ready")).status_code == _READY:
                return
        except httpx.TransportError:
            pass
        if not replica.process.running():
            raise Failed(f"{replica.name} has ended")
        await asyncio.sleep(0.05)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _cpu_s_of_all(parent: psutil.Process) -> float:
    """With its children, and those that have ended."""
    times = parent.cpu_times()
    used = float(times.user + times.system + times.children_user + times.children_system)
    for child in parent.children():
        try:
            used += _cpu_s(child)
        except psutil.NoSuchProcess:
            continue
    return used
