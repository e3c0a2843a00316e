"""Processes that outlive the command that started them, known again by id and start time."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psutil


class NotStarted(RuntimeError):
    """A server did not come up; the message names its log, its last lines, and what to do."""


@dataclass(frozen=True, slots=True)
class Process:
    """A process of ours: `started` (seconds since the epoch) tells it from a later one with the same id."""

    pid: int
    started: float

    @classmethod
    def spawn(
        cls, command: Sequence[str | Path], *, log: Path, environment: Mapping[str, str], user: str | None = None
    ) -> Self:
        """Start a command in a session of its own, writing to `log`; `user` needs root."""
        with log.open("ab") as output:
            child = subprocess.Popen(  # noqa: S603  # the command is ours
                [str(part) for part in command],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                user=user,
                cwd=log.parent,
            )
        started = psutil.Process(child.pid).create_time()
        # The child outlives this object on purpose; without this Popen would warn that nobody waited for it.
        child.returncode = 0
        return cls(child.pid, started)

    def running(self) -> bool:
        """Whether this very process is there and not a zombie."""
        try:
            return (process := self._find()) is not None and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return False  # it ended between the two looks

    def ask(self) -> None:
        """Ask it to end, without waiting."""
        if process := self._find():
            process.terminate()

    def stop(self, *, patience: float, how: signal.Signals = signal.SIGTERM) -> bool:
        """Ask it to end, kill it after `patience` seconds; False when it had to be killed."""
        process = self._find()
        if process is None:
            return True
        process.send_signal(how)
        try:
            process.wait(patience)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(patience)
            return False
        return True

    def kill(self) -> None:
        """End it at once, as a power cut would."""
        if process := self._find():
            process.kill()
            process.wait(10)

    def _find(self) -> psutil.Process | None:
        try:
            process = psutil.Process(self.pid)
            return process if abs(process.create_time() - self.started) < 1 else None
        except psutil.NoSuchProcess:
            return None


def wait_until_ready(
    reasons: Callable[[], Sequence[str]], process: Process, *, name: str, log: Path, patience: float
) -> None:
    """Return once there are no reasons why not; raise NotStarted when the process ends or `patience` seconds pass."""
    end = time.monotonic() + patience
    while found := reasons():
        if not process.running() or time.monotonic() > end:
            why = "did not become ready" if process.running() else "ended"
            lines = log.read_text(errors="replace").splitlines()[-8:] if log.exists() else []
            process.stop(patience=5)
            says = "; ".join(found)
            raise NotStarted(f"{name} {why}: {says}. Its log is {log}. Its last lines:\n  " + "\n  ".join(lines))
        time.sleep(0.05)


def listening(port: int) -> bool:
    """Whether something accepts connections on this port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses at this moment, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def environment(**more: str) -> dict[str, str]:
    """This process's environment with `more` set."""
    return {**os.environ, **more}
