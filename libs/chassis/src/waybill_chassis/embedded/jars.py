"""Apache Kafka's jars: resolved once into `kafka.lock`, then fetched by exactly those coordinates and hashes."""

import fcntl
import hashlib
import os
import tempfile
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from jgo.maven import MavenContext

LOCK: Final = Path(__file__).with_name("kafka.lock")
ROOTS: Final = (
    ("org.apache.kafka", "kafka_2.13", "4.3.1"),
    ("org.slf4j", "slf4j-simple", "1.7.36"),  # without a binding the broker logs nothing
)


class WrongHash(RuntimeError):
    """A jar is not the one that was locked."""


def fetch(progress: Callable[[int, int], None]) -> list[Path]:
    """Every locked jar on this machine, downloaded where missing; `progress` gets (done, of).

    Raises WrongHash, and jgo's errors when a jar is missing and cannot be downloaded.
    """
    with _alone():
        return _fetch(progress)


def _fetch(progress: Callable[[int, int], None]) -> list[Path]:
    entries = list(_locked())
    jars = [_cached(*entry) for entry in entries]
    missing = [at for at, jar in enumerate(jars) if jar is None]

    def resolve(at: int) -> Path:
        return _resolve(*entries[at])

    with ThreadPoolExecutor(8) as pool:
        for done, (at, jar) in enumerate(zip(missing, pool.map(resolve, missing), strict=True), start=1):
            jars[at] = jar
            progress(done, len(missing))
    return [jar for jar in jars if jar is not None]


@contextmanager
def _alone() -> Generator[None]:
    """One process of this user at a time: two that download the same file would spoil each other's."""
    with (Path(tempfile.gettempdir()) / f"waybill-jars-{os.getuid()}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def relock() -> int:
    """Resolve ROOTS with their dependencies and write the lock anew; the number of jars."""
    context = _maven()
    found: dict[tuple[str, str], str] = {}
    for group, name, version in ROOTS:
        component = context.project(group, name).at_version(version)
        found[group, name] = version
        _root, nodes = context.pom_dependency_list(component.pom())
        for dependency in (node.dep for node in nodes):
            if (
                dependency.type == "jar"
                and not dependency.classifier
                and dependency.scope in {None, "compile", "runtime"}
            ):
                found.setdefault((dependency.groupId, dependency.artifactId), dependency.version)
    lines: list[str] = []
    for (group, name), version in sorted(found.items()):
        jar = context.project(group, name).at_version(version).artifact().resolve()
        lines.append(f"{group}:{name}:{version} sha256:{_sha256(jar)}\n")
    LOCK.write_text("".join(lines))
    return len(lines)


def _locked() -> Iterator[tuple[str, str, str, str]]:
    for line in LOCK.read_text().splitlines():
        coordinates, _, digest = line.partition(" sha256:")
        group, name, version = coordinates.split(":")
        yield group, name, version, digest


def _cached(group: str, name: str, version: str, digest: str) -> Path | None:
    """The jar where an earlier run left it, if it is whole: that run may have been killed while it downloaded."""
    jar = _maven(offline=True).project(group, name).at_version(version).artifact().cached_path
    if jar is None or not jar.is_file():
        return None
    if _sha256(jar) == digest:
        return jar
    jar.unlink()
    return None


def _resolve(group: str, name: str, version: str, digest: str) -> Path:
    jar = _maven().project(group, name).at_version(version).artifact().resolve()
    if (actual := _sha256(jar)) != digest:
        jar.unlink()
        raise WrongHash(f"{group}:{name}:{version} has sha256 {actual}, locked is {digest}; it was removed")
    return jar


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _maven(*, offline: bool = False) -> "MavenContext":
    """Loaded only where jars are looked for: it takes a seventh of the time in which a command of the CLI starts."""
    from jgo.maven import MavenContext as Context  # noqa: PLC0415

    return Context(offline=True) if offline else Context()
