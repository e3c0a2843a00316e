"""Bring a service's database to the newest revision, at start, one process at a time."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from waybill_chassis.database import Database

_LOCK: Final = 0x57617962  # "Wayb"; advisory locks are per database, and each service has its own


def folder_of(package: str) -> Path:
    """Where the migrations of `waybill_orders` are: inside the installed package, else beside `src/`."""
    inside = Path(str(files(package))) / "migrations"
    return inside if inside.is_dir() else inside.parents[2] / "migrations"


async def migrate(database: Database, package: str) -> None:
    """Run what is missing, in one transaction, under an advisory lock that other replicas wait for."""
    script = await asyncio.to_thread(_script, folder_of(package))
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL lock_timeout = '60s'; "))
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(_upgrade, script)


def _script(folder: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(folder))
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection, script: ScriptDirectory) -> None:
    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(connection=connection, transactional_ddl=True, transaction_per_migration=False)
        environment.run_migrations()
