"""A whole Waybill whose every part can be struck: servers, services and replicas, and a proxy before each connection."""

import asyncio
import json
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import asyncpg
import httpx
import psutil
from sqlalchemy.engine import make_url

from waybill_chaos.proxy import Proxy
from waybill_chassis import topics
from waybill_chassis.embedded import kafka, postgres
from waybill_chassis.embedded.processes import NotStarted, Process, environment, listening
from waybill_cli.home import REBUILDERS, SERVICES, Home
from waybill_cli.stack import settings_of, start_carrier, wait_for_carrier

BADLY: Final = {"lose": 0.2, "fail": 0.05, "refund_after_s": 1, "twice": True}
"""How the carrier of labels behaves while faults strike."""
WAITING_LIMIT_S: Final = 8
"""Seconds that an early event may wait once what it waits for has been read: fewer than a topic is held back."""
_PATIENCE_S: Final = 150.0
_CLOCK: Final = Path(__file__).with_name("clock.py")


@dataclass
class System:
    """The parts by name, and how to end, stop and start each. All of it lives in `home`, on ports of its own."""

    home: Home
    database_proxies: dict[str, Proxy] = field(default_factory=dict[str, Proxy])
    kafka_proxies: dict[str, Proxy] = field(default_factory=dict[str, Proxy])
    services: dict[str, Process] = field(default_factory=dict[str, Process])
    replicas: dict[int, tuple[str, Process]] = field(default_factory=dict[int, tuple[str, Process]])
    """Further processes of services, by their ports."""
    commands: list[Process] = field(default_factory=list[Process])
    """What engineers do beside."""
    broker: kafka.Kafka | None = None
    database: postgres.Postgres | None = None
    carrier: Process | None = None
    busy: dict[str, asyncio.Lock] = field(
        default_factory=lambda: {name: asyncio.Lock() for name in (*SERVICES, "kafka", "postgres")}
    )
    """One fault at a time may work on one part; those of several lanes take turns."""
    starting: list[asyncio.Future[None]] = field(default_factory=list["asyncio.Future[None]"])
    refusing: dict[str, str] = field(default_factory=dict[str, str])
    """Databases that were told to refuse some rows, and with which digit those begin or end."""
    http: httpx.AsyncClient = field(default_factory=lambda: httpx.AsyncClient(timeout=3, trust_env=False, verify=False))
    """Asks whether they are ready."""

    @classmethod
    @asynccontextmanager
    async def running(cls) -> AsyncGenerator["System"]:
        """Start everything in a folder of its own; end and forget it, whatever happened."""
        folder = new_folder()
        system = cls(Home(folder, free_block()))
        try:
            await system.start()
            yield system
        finally:
            await system.end()
            data = postgres.data_folder(folder)
            shutil.rmtree(data if data.is_relative_to(folder) else data.parent, ignore_errors=True)
            shutil.rmtree(folder, ignore_errors=True)

    async def in_thread(self, start: Callable[[], None]) -> None:
        """Start a server beside everything else; a run that is broken off still waits for it, to end it."""
        self.starting.append(work := asyncio.ensure_future(asyncio.to_thread(start)))
        await asyncio.shield(work)

    async def start(self) -> None:
        """Servers, topics, proxies, services; raises NotStarted."""
        self.home.make()
        await self.in_thread(self.start_postgres)
        for name in SERVICES:
            await postgres.provision(self.server_url, name, self.home.secret(f"database {name}"))
        for name, role in REBUILDERS.items():
            await postgres.provision_rebuilder(self.server_url, name, role, self.home.secret(f"database {role}"))
        await self.in_thread(self.start_kafka)
        await topics.create(self.kafka)
        for at, name in enumerate(SERVICES):
            self.database_proxies[name] = Proxy(self._port(20, at), self.home.port("postgres"))
            self.kafka_proxies[name] = Proxy(self._port(30, at), self._port(40, at), kafka=True)
        for proxy in self.proxies:
            await proxy.start()
        await self.in_thread(self.start_carrier)
        await self.behave(BADLY)
        for name in SERVICES:
            self.start_service(name)
        await self.ready(SERVICES)

    async def end(self) -> None:
        """End every process that was started here."""
        await asyncio.gather(*self.starting, return_exceptions=True)
        await self.http.aclose()
        for command in self.commands:
            if command.running():
                kill_all_of(command)
        for process in (*self.services.values(), *(replica for _, replica in self.replicas.values())):
            process.kill()
        if self.carrier is not None:
            self.carrier.kill()
        for proxy in self.proxies:
            await proxy.stop()
        if self.broker is not None:
            self.broker.process.kill()
        if self.database is not None:
            await asyncio.to_thread(self.database.stop)

    @property
    def kafka(self) -> str:
        """The broker, past all proxies."""
        return f"127.0.0.1:{self.home.port('kafka')}"

    @property
    def server_url(self) -> str:
        """The database server as its superuser, past all proxies."""
        assert self.database is not None
        return self.database.url()

    @property
    def proxies(self) -> list[Proxy]:
        """All of them."""
        return [*self.database_proxies.values(), *self.kafka_proxies.values()]

    def start_kafka(self) -> None:
        """Start the broker, on the data that it had."""
        home = self.home
        beside = {self._port(40, at): self._port(30, at) for at in range(len(SERVICES))}
        self.broker = kafka.start(
            home.folder, home.port("kafka"), home.port("kafka controller"), home.logs, beside=beside
        )

    def start_carrier(self) -> None:
        """Start the carrier of whom labels are bought."""
        self.carrier = start_carrier(self.home)
        wait_for_carrier(self.home, self.carrier)

    async def behave(self, faults: Mapping[str, Any]) -> None:
        """Tell the carrier how; nothing is how it should."""
        (await self.http.put(f"{self.carrier_url}/faults", json=faults, headers=self._customer)).raise_for_status()

    async def books(self) -> list[dict[str, Any]]:
        """All labels that the carrier has sold."""
        answer = await self.http.get(f"{self.carrier_url}/labels", headers=self._customer)
        found: list[dict[str, Any]] = answer.raise_for_status().json()["labels"]
        return found

    @property
    def carrier_url(self) -> str:
        """Where the carrier answers."""
        return f"{self.home.url('carrier')}/v1"

    @property
    def _customer(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.home.secret('carrier')}"}

    def start_postgres(self) -> None:
        """Start the database server, on the data that it had."""
        self.database = postgres.start(self.home.folder, self.home.port("postgres"), self.home.logs)

    def start_service(self, name: str, *, clock_s: int | None = None) -> None:
        """Start a service; with `clock_s` its clock is that many seconds ahead."""
        self.services[name] = self._spawn(name, self.home.port(name), clock_s)

    def start_replica(self, name: str, *, proxied: bool = False) -> tuple[Process, int]:
        """Start one more process of a service; its process, and the port it answers on.

        It is somewhere else, so to speak: past the proxies, unless it is said to share those of the first one, so that
        what is slow or cut for the one is not for the other.
        """
        taken = {port for port, (_, process) in self.replicas.items() if process.running()}
        free = (port for port in range(self._port(50, 0), self._port(99, 0)) if port not in taken)
        port = next(port for port in free if not listening(port))
        process = self._spawn(name, port, None, proxied=proxied)
        self.replicas[port] = name, process
        return process, port

    def ports(self, name: str) -> list[int]:
        """Where a service answers: its own port and those of its replicas."""
        others = [port for port, (of, process) in self.replicas.items() if of == name and process.running()]
        return [self.home.port(name), *others]

    def _spawn(self, name: str, port: int, clock_s: int | None, *, proxied: bool = True) -> Process:
        settings = settings_of(self.home, name)
        if proxied:
            url = make_url(settings["WAYBILL_DATABASE_URL"]).set(port=self.database_proxies[name].port)
            settings["WAYBILL_DATABASE_URL"] = url.render_as_string(hide_password=False)
            settings["WAYBILL_KAFKA"] = f"127.0.0.1:{self.kafka_proxies[name].port}"
        settings |= {"WAYBILL_PORT": str(port), "WAYBILL_WAITING_LIMIT_S": str(WAITING_LIMIT_S)}
        if name == "labels":
            settings = impatient(settings)
        command = [Path(sys.executable).with_name(f"waybill-{name}")]
        clock: list[str | Path] = [] if clock_s is None else [sys.executable, _CLOCK, str(clock_s)]
        return Process.spawn(
            [*clock, *command], log=self.home.logs / f"{name}.log", environment=environment(**settings)
        )

    def start_command(self, *arguments: str) -> Process:
        """Start `waybill` as an engineer would, who is at home here."""
        settings = {"WAYBILL_HOME": str(self.home.folder), "WAYBILL_PORT_BASE": str(self.home.port_base)}
        command = Process.spawn(
            [Path(sys.executable).with_name("waybill"), *arguments],
            log=self.home.logs / f"{arguments[0]}.log",
            environment=environment(**settings),
        )
        self.commands.append(command)
        return command

    async def ready(self, names: Collection[str], patience_s: float = _PATIENCE_S) -> None:
        """Wait until these say that they are; raises NotStarted with what they say instead."""
        end = time.monotonic() + patience_s
        while says := {name: reasons for name in names if (reasons := await self.reasons(self.home.port(name)))}:
            if time.monotonic() > end:
                raise NotStarted(f"not ready after {patience_s:.0f} s: {says}")
            await asyncio.sleep(0.2)

    async def reasons(self, port: int) -> list[str]:
        """Why the service on this port is not ready."""
        try:
            answer = await self.http.get(f"http://127.0.0.1:{port}/health/ready")
            return [] if answer.is_success else list(answer.json()["reasons"])
        except (httpx.HTTPError, ValueError) as error:
            return [f"does not answer: {type(error).__name__}"]

    def client(self, name: str, timeout_s: float) -> httpx.AsyncClient:
        """Calls one service, with its token."""
        token = self.home.secret("token")
        return httpx.AsyncClient(
            base_url=self.home.url(name),
            headers={"Authorization": f"Bearer {token}", "Waybill-Actor": "person:chaos"},
            timeout=timeout_s,
            trust_env=False,
            verify=False,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    @asynccontextmanager
    async def connection(self, database: str = "postgres") -> AsyncGenerator["asyncpg.Connection[Any]"]:
        """One connection as superuser, past all proxies."""
        url = make_url(self.server_url)
        connection = await asyncpg.connect(
            host=url.host, port=url.port, user=url.username, password=url.password, database=database, timeout=5
        )
        try:
            if database in REBUILDERS:
                live = await connection.fetchval("SELECT live FROM projection")
                await connection.execute(f"SET search_path = {live}, public")
            yield connection
        finally:
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError):
                await connection.close(timeout=5)

    async def heal(self) -> None:
        """Let everything flow and run again, in the ordinary number of processes."""
        await self.behave({})
        for proxy in self.proxies:
            proxy.heal()
        for _name, process in self.replicas.values():
            _continue(process)
            process.kill()
        self.replicas.clear()
        for server in (self.broker, self.database):
            if server is not None:
                _continue(server.process)
        if self.database is None or not self.database.process.running():
            await self.in_thread(self.start_postgres)
        if self.broker is None or not self.broker.process.running():
            await self.in_thread(self.start_kafka)
        for name, process in self.services.items():
            _continue(process)
            if not process.running():
                self.start_service(name)

    def _port(self, block: int, at: int) -> int:
        return self.home.port_base + block + at


def kill_all_of(process: Process) -> None:
    """End a process and those that it started, at once."""
    with suppress(psutil.NoSuchProcess):
        for child in psutil.Process(process.pid).children(recursive=True):
            child.kill()
    process.kill()


def signal_to(process: Process, number: signal.Signals) -> None:
    """Send a signal to a process of ours that is still there."""
    if process.running():
        psutil.Process(process.pid).send_signal(number)


def _continue(process: Process) -> None:
    with suppress(psutil.NoSuchProcess):
        signal_to(process, signal.SIGCONT)


def impatient(settings: dict[str, str]) -> dict[str, str]:
    """Settings of labels that waits for no carrier for long, so that much happens in a few minutes."""
    accounts = json.loads(settings["WAYBILL_CARRIERS"])
    hasty = {code: {**account, "deadline_s": 3, "settles_s": 1} for code, account in accounts.items()}
    return {**settings, "WAYBILL_CARRIERS": json.dumps(hasty), "WAYBILL_LEASE_S": "8"}


def new_folder() -> Path:
    """One that PostgreSQL's user can reach, too."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-chaos-", dir="/var/tmp"))
    folder.chmod(0o755)
    return folder


def free_block() -> int:
    """Ports below those that the system hands out, and beside those of the other suites; each run begins elsewhere."""
    blocks: Sequence[int] = [24_000 + (os.getpid() + at) % 80 * 100 for at in range(80)]
    return next(base for base in blocks if not any(listening(base + at) for at in range(60)))
