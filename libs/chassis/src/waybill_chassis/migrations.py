"""Bring a service's database to the newest revision, at start, one process at a time."""

import asyncio
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import readers
from waybill_chassis.database import Database

_LOCK: Final = 0x57617962  # "Wayb"; advisory locks are per database, and each service has its own

_EVERY_ROW: Final = text("SELECT set_config('waybill.scope', 'all', true), set_config('statement_timeout', '0', true)")
"""A migration changes the rows of all brands, in whatever time that takes."""


def folder_of(package: str) -> Path:
    """Where the migrations of `waybill_orders` are: inside the installed package, else beside `src/`."""
    inside = Path(str(files(package))) / "migrations"
    return inside if inside.is_dir() else inside.parents[2] / "migrations"


async def migrate(database: Database, package: str) -> None:
    """Run what is missing, in one transaction, under an advisory lock that other replicas wait for.

    Where a projection lives in generations, so does the live one get what is missing in it.
    """
    script = await asyncio.to_thread(_script, folder_of(package))
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL lock_timeout = '60s'; "))
        await connection.execute(_EVERY_ROW)
        await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(_upgrade, script, "public")
        await readers.allow(connection, "public", package)
        if (folder_of(package) / "generation").is_dir():
            live = await connection.execute(text("SELECT live FROM projection"))
            await migrate_generation(connection, package, live.scalar_one())


async def migrate_generation(connection: AsyncConnection, package: str, schema: str) -> None:
    """Bring one generation of a projection to the newest revision of its own chain, `migrations/generation`."""
    script = await asyncio.to_thread(_script, folder_of(package) / "generation")
    await connection.execute(_EVERY_ROW)
    await connection.execute(text(f"SET LOCAL search_path = {schema}, public"))
    await connection.run_sync(_upgrade, script, schema)
    await readers.allow(connection, schema, package)
    await connection.execute(text("SET LOCAL search_path = public"))


def _script(folder: Path) -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(folder))
    config.set_main_option("path_separator", "os")
    config.set_main_option("version_locations", str(folder))
    return ScriptDirectory.from_config(config)


def _upgrade(connection: Connection, script: ScriptDirectory, schema: str) -> None:
    def steps(revision: Any, _context: Any) -> Any:
        return script._upgrade_revs("head", revision)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]

    with EnvironmentContext(Config(), script, fn=steps) as environment:
        environment.configure(
            connection=connection,
            transactional_ddl=True,
            transaction_per_migration=False,
            version_table_schema=schema,
        )
        environment.run_migrations()
