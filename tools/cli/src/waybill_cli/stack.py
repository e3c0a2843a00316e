"""Start and stop everything on this machine: PostgreSQL, Kafka, six services, a carrier that is played."""

import asyncio
import fcntl
import json
import shutil
import signal
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any, Final

import httpx
import psutil

from waybill_chassis import topics
from waybill_chassis.embedded import kafka, postgres
from waybill_chassis.embedded.processes import Process, environment, listening, wait_until_ready
from waybill_chassis.readers import ROLE as READER
from waybill_cli.home import OWN, REBUILDERS, SERVICES, Home

_PATIENCE_S: Final = 90.0
_READY: Final = 200

Say = Callable[[str], None]


class PortTaken(RuntimeError):
    """A port that is needed belongs to another program; the message says whose and what to do."""


class Halted(RuntimeError):
    """Services run, and change nothing because log and database tell different stories; the message says which."""


class Busy(RuntimeError):
    """Another `waybill` is at work in the same home."""


@dataclass(frozen=True, slots=True)
class State:
    """How one process is."""

    name: str
    port: int
    pid: int | None
    reasons: tuple[str, ...]
    """Why it is not ready; empty when it is."""


@contextmanager
def alone(home: Home) -> Generator[None]:
    """Let one command at a time start and stop things in a home; raises Busy."""
    home.make()
    with (home.folder / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Busy(f"another waybill command is at work in {home.folder}; wait until it has ended") from error
        yield


def up(home: Home, say: Say, working: Say) -> list[str]:
    """Start what is not running; the names of what was. Raises PortTaken, NotStarted and Halted."""
    running = home.processes()
    _check_ports(home, running)
    started: list[str] = []
    if "postgres" not in running:
        working("Starting PostgreSQL")
        database = postgres.start(home.folder, home.port("postgres"), home.logs)
        home.remember("postgres", database.process)
        started.append("postgres")
        if postgres.data_folder(home.folder).parent != home.folder:
            say(f"PostgreSQL's user cannot reach {home.folder}: its data is in {postgres.data_folder(home.folder)}")
        _provision(home, database)
    say(f"PostgreSQL on port {home.port('postgres')}")
    if "kafka" not in running:
        working("Starting Kafka")
        broker = kafka.start(
            home.folder,
            home.port("kafka"),
            home.port("kafka controller"),
            home.logs,
            lambda done, of: working(f"Fetching Kafka, file {done} of {of} (once)"),
        )
        home.remember("kafka", broker.process)
        started.append("kafka")
    working("Creating topics")
    created = asyncio.run(topics.create(home.kafka))
    say(f"Kafka on port {home.port('kafka')}" + (f", {len(created)} topics created" if created else ""))
    if "carrier" not in running:
        home.remember("carrier", start_carrier(home))
        started.append("carrier")
    for name in SERVICES:
        if name not in running:
            home.remember(name, start(home, name))
            started.append(name)
    for name in SERVICES:
        working(f"Waiting for {name}")
        process, log = home.processes().get(name), home.logs / f"{name}.log"
        wait_until_ready(
            partial(_unsettled, home, name),
            process or Process(0, 0),
            name=name,
            log=log,
            patience=_PATIENCE_S,
        )
        say(f"{name} on port {home.port(name)}")
    wait_for_carrier(home, home.processes().get("carrier") or Process(0, 0))
    if halted := [name for name in SERVICES if _halted(home, name)]:
        raise Halted(
            f"{', '.join(halted)} changed nothing yet: log and database tell different stories. `waybill status` says "
            "which; docs/runbook.md#a-changed-past says what to do. Then run this again."
        )
    return started


def start(home: Home, name: str) -> Process:
    """Start one service."""
    return Process.spawn(
        [Path(sys.executable).with_name(f"waybill-{name}")],
        log=home.logs / f"{name}.log",
        environment=environment(**settings_of(home, name)),
    )


def start_carrier(home: Home) -> Process:
    """Start the simulated carrier, of whom labels are bought here."""
    return Process.spawn(
        [
            Path(sys.executable).with_name("waybill-simulated-carrier"),
            # With an equals sign: a secret may begin with a dash.
            f"--port={home.port('carrier')}",
            f"--api-key={home.secret('carrier')}",
            f"--books={home.folder / 'carrier.jsonl'}",
            f"--webhook={home.url('tracking')}/carriers/simulated/webhook",
            f"--secret={home.secret('carrier webhooks')}",
        ],
        log=home.logs / "carrier.log",
        environment=environment(),
    )


def wait_for_carrier(home: Home, process: Process) -> None:
    """Return once the carrier answers; raises NotStarted."""
    port, log = home.port("carrier"), home.logs / "carrier.log"
    wait_until_ready(
        lambda: [] if listening(port) else ["does not answer"], process, name="carrier", log=log, patience=_PATIENCE_S
    )


def settings_of(home: Home, name: str) -> dict[str, str]:
    """The environment that a service needs to be one of this home."""
    token, password = home.secret("token"), home.secret(f"database {name}")
    return {
        "WAYBILL_DATABASE_URL": f"postgresql+asyncpg://{name}:{password}@127.0.0.1:{home.port('postgres')}/{name}",
        "WAYBILL_KAFKA": home.kafka,
        "WAYBILL_TOKEN": token,
        "WAYBILL_PORT": str(home.port(name)),
        **{f"WAYBILL_{each.upper()}_URL": home.url(each) for each in SERVICES if each != "portal"},
        **_of_carrier(home, name),
    }


def _of_carrier(home: Home, name: str) -> dict[str, str]:
    """What ties a service to the simulated carrier."""
    if name == "labels":
        account = {"kind": "simulated", "url": home.url("carrier"), "api_key": home.secret("carrier")}
        return {"WAYBILL_CARRIERS": json.dumps({"simulated": account})}
    if name == "tracking":
        feed = {"kind": "generic", "secret": home.secret("carrier webhooks"), "also": ["simulated"]}
        return {"WAYBILL_FEEDS": json.dumps({"simulated": feed})}
    return {}


def down(home: Home, say: Say) -> bool:
    """Stop everything, services first; False when something had to be killed."""
    clean = True
    running = home.processes()
    services: list[str] = [name for name in SERVICES if name in running]
    for service in services:
        running[service].ask()
    for name in (*services, *(server for server in ("carrier", "kafka", "postgres") if server in running)):
        ended = running[name].stop(patience=30, how=postgres.STOP if name == "postgres" else signal.SIGTERM)
        home.remember(name, None)
        say(f"{name} stopped" if ended else f"{name} did not stop within 30 s and was killed")
        clean &= ended
    return clean


def forget(home: Home) -> list[str]:
    """Remove all data, logs and secrets, and nothing else; what else is there, and keeps the folder."""
    data = postgres.data_folder(home.folder)
    if data.parent != home.folder and data.parent.exists():
        shutil.rmtree(data.parent)
    for name in OWN:
        path = home.folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    others = sorted(path.name for path in home.folder.iterdir())
    if not others:
        home.folder.rmdir()
    return others


def states(home: Home) -> list[State]:
    """How everything is."""
    running = home.processes()
    found: list[State] = []
    for name in ("postgres", "kafka", "carrier"):
        process = running.get(name)
        answers = process is not None and listening(home.port(name))
        reasons = () if answers else ("is not running" if process is None else "does not answer",)
        found.append(State(name, home.port(name), None if process is None else process.pid, reasons))
    return [*found, *(state_of(home, name) for name in SERVICES)]


def state_of(home: Home, name: str) -> State:
    """How one service is."""
    process = home.processes().get(name)
    if process is None:
        reasons: tuple[str, ...] = (f"is not running; its log is {home.logs / f'{name}.log'}",)
    else:
        try:
            answer = _http().get(f"{home.url(name)}/health/ready")
            reasons = () if answer.status_code == _READY else tuple(answer.json()["reasons"])
        except (httpx.HTTPError, json.JSONDecodeError, KeyError):
            reasons = ("does not answer yet",)
    return State(name, home.port(name), None if process is None else process.pid, reasons)


@cache
def _http() -> httpx.Client:
    """One client for all questions: making one costs more than asking."""
    return httpx.Client(timeout=5, trust_env=False)


def _unsettled(home: Home, name: str) -> Sequence[str]:
    """Why it is not ready; nothing where it will not be before somebody has decided."""
    reasons = state_of(home, name).reasons
    return [] if reasons and _halted(home, name) else reasons


def _halted(home: Home, name: str) -> bool:
    """Whether its past has changed: it runs, and its operators' API answers."""
    headers = {"Authorization": f"Bearer {home.secret('token')}"}
    try:
        answer = _http().get(f"{home.url(name)}/ops/v1/offsets", headers=headers)
        found: dict[str, Any] = answer.json() if answer.is_success else {}
    except (httpx.HTTPError, json.JSONDecodeError):
        return False
    return bool(found) and (found["log"] is not None or any(each["changed"] for each in found["offsets"]))


def _provision(home: Home, database: postgres.Postgres) -> None:
    async def each() -> None:
        for name in SERVICES:
            await postgres.provision(database.url(), name, home.secret(f"database {name}"))
        for name, role in REBUILDERS.items():
            await postgres.provision_rebuilder(database.url(), name, role, home.secret(f"database {role}"))
        await postgres.provision_reader(database.url(), home.secret(f"database {READER}"), SERVICES)

    asyncio.run(each())


def _check_ports(home: Home, running: dict[str, Process]) -> None:
    for name, port in home.ports().items():
        mine = "kafka" if name == "kafka controller" else name
        if mine not in running and listening(port):
            raise PortTaken(
                f"port {port}, which {name} needs, is taken{_by(port)}. Stop that program, or choose another block of "
                f"ports: WAYBILL_PORT_BASE={home.port_base + 1000} make up"
            )


def _by(port: int) -> str:
    try:
        for each in psutil.net_connections("tcp"):
            if each.laddr and each.laddr.port == port and each.status == psutil.CONN_LISTEN and each.pid:
                return f" by {psutil.Process(each.pid).name()} (process {each.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        pass
    return " by another program"
