"""Where one running Waybill keeps everything: data, logs, secrets, and which processes are its own."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Self

from waybill_chassis.embedded.processes import Process

SERVICES: Final = ("connectors", "orders", "fulfillment", "tracking", "labels", "portal")
_PORTS: Final = {
    "portal": 0,
    "connectors": 1,
    "fulfillment": 2,
    "orders": 3,
    "labels": 4,
    "tracking": 5,
    "postgres": 10,
    "kafka": 11,
    "kafka controller": 12,
}


_BASES: Final = range(1024, 65_501)


class Invalid(ValueError):
    """A setting of the environment is not usable; the message says which and how to correct it."""


@dataclass(frozen=True, slots=True)
class Home:
    """A folder (`WAYBILL_HOME`, default `.waybill` in the checkout) and a block of ports (`WAYBILL_PORT_BASE`)."""

    folder: Path
    port_base: int

    @classmethod
    def of_environment(cls) -> Self:
        """The home that this environment means; raises Invalid."""
        checkout = Path(__file__).resolve().parents[4]
        default = (checkout if (checkout / "Makefile").is_file() else Path.cwd()) / ".waybill"
        base = os.environ.get("WAYBILL_PORT_BASE", "8700")
        if not base.isdigit() or int(base) not in _BASES:
            raise Invalid(f"WAYBILL_PORT_BASE is {base!r}; choose a number from 1024 to 65500, such as 8700")
        return cls(Path(os.environ.get("WAYBILL_HOME") or default).absolute(), int(base))

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
        """Make the folder, for its owner and the database's user only to read."""
        self.logs.mkdir(parents=True, exist_ok=True)

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
