"""Where one running Waybill keeps everything: data, logs, secrets, and which processes are its own."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final, Self

from waybill_chassis.embedded.processes import Process

SERVICES: Final = ("connectors", "orders", "fulfillment", "tracking", "labels", "portal")
REBUILDERS: Final = {"portal": "portal_rebuild"}
"""Services with a projection that can be built anew, and the database role that builds it."""
_PORTS: Final = {
    "portal": 0,
    "connectors": 1,
    "fulfillment": 2,
    "orders": 3,
    "labels": 4,
    "tracking": 5,
    "carrier": 6,
    "postgres": 10,
    "kafka": 11,
    "kafka controller": 12,
}


_BASES: Final = range(1024, 65_501)
_DEFAULT_BASE: Final = 8700
_MARKER: Final = "waybill-home.json"
OWN: Final = (
    "logs",
    "carrier.jsonl",
    "kafka",
    "postgres",
    "postgres-password",
    "secrets.json",
    "processes.json",
    "lock",
    _MARKER,
)
"""All that is ever written into a home."""


class Invalid(ValueError):
    """A setting of the environment is not usable; the message says which and how to correct it."""


def asked_base() -> int | None:
    """What `WAYBILL_PORT_BASE` asks for; raises Invalid."""
    base = os.environ.get("WAYBILL_PORT_BASE")
    if not base:
        return None
    if not (base.isascii() and base.isdecimal()) or int(base[:9]) not in _BASES:
        raise Invalid(f"WAYBILL_PORT_BASE is {base!r}; choose a number from 1024 to 65500, such as 8700")
    return int(base)


@dataclass(frozen=True, slots=True)
class Home:
    """A folder (`WAYBILL_HOME`, default `.waybill` in the checkout) and a block of ports.

    The folder remembers the ports that it was last started on; `WAYBILL_PORT_BASE` chooses others at the next start.
    """

    folder: Path
    port_base: int

    @classmethod
    def of_environment(cls) -> Self:
        """The home that this environment means, on the ports that it remembers; raises Invalid."""
        checkout = Path(__file__).resolve().parents[4]
        default = (checkout if (checkout / "Makefile").is_file() else Path.cwd()) / ".waybill"
        folder = Path(os.environ.get("WAYBILL_HOME") or default).absolute()
        if folder.exists() and not folder.is_dir():
            raise Invalid(f"WAYBILL_HOME is {folder}, which is no folder; choose another")
        marker = folder / _MARKER
        known = json.loads(marker.read_text())["port_base"] if marker.is_file() else None
        return cls(folder, known or asked_base() or _DEFAULT_BASE)

    @property
    def exists(self) -> bool:
        """Whether this folder is a home of Waybill's."""
        return (self.folder / _MARKER).is_file()

    def on_asked_ports(self) -> Self:
        """This home on the ports that the environment asks for; raises Invalid while it runs on others."""
        base = asked_base() or self.port_base
        if base != self.port_base and self.processes():
            raise Invalid(
                f"{self.folder} is running on the ports from {self.port_base} on. Stop it first (make down), or choose "
                "another folder with WAYBILL_HOME."
            )
        return replace(self, port_base=base)

    @property
    def logs(self) -> Path:
        """One log for each process."""
        return self.folder / "logs"

    def port(self, name: str) -> int:
        """The port of a service, of `postgres`, `kafka` or `kafka controller`."""
        return self.port_base + _PORTS[name]

    def ports(self) -> dict[str, int]:
        """All of them."""
        return {name: self.port(name) for name in _PORTS}

    def url(self, service: str) -> str:
        """Where a service answers."""
        return f"http://127.0.0.1:{self.port(service)}"

    @property
    def kafka(self) -> str:
        """Kafka's bootstrap server."""
        return os.environ.get("WAYBILL_KAFKA") or f"127.0.0.1:{self.port('kafka')}"

    def make(self) -> None:
        """Make the folder, and remember the ports; raises Invalid for one that holds something else."""
        if not self.exists and self.folder.is_dir() and any(self.folder.iterdir()):
            raise Invalid(f"{self.folder} holds something else. Choose an empty or a new folder with WAYBILL_HOME.")
        self.logs.mkdir(parents=True, exist_ok=True)
        (self.folder / _MARKER).write_text(json.dumps({"port_base": self.port_base}))

    def secret(self, name: str) -> str:
        """A secret of this home, made when it is first asked for, readable by its owner alone."""
        path = self.folder / "secrets.json"
        known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
        if name not in known:
            known[name] = secrets.token_urlsafe(24)
            fresh = path.with_suffix(".new")
            fresh.unlink(missing_ok=True)
            fresh.touch(mode=0o600)
            fresh.write_text(json.dumps(known, indent=1))
            fresh.replace(path)
        return known[name]

    def processes(self) -> dict[str, Process]:
        """What was started here and is still running."""
        path = self.folder / "processes.json"
        known: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        found = {name: Process(**values) for name, values in known.items()}
        return {name: process for name, process in found.items() if process.running()}

    def remember(self, name: str, process: Process | None) -> None:
        """Note that a process was started, or (None) ended."""
        running = {**self.processes(), name: process}
        fresh = self.folder / "processes.json.new"
        fresh.write_text(json.dumps({name: asdict(each) for name, each in running.items() if each is not None}))
        fresh.replace(self.folder / "processes.json")
