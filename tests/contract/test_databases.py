"""What every service's database must hold to, whatever the service."""

import importlib
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text

from waybill_chassis import delivery, generations
from waybill_chassis.database import Database
from waybill_chassis.migrations import migrate
from waybill_cli.home import SERVICES

POLICY_MISSING = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'brand_id'
    WHERE c.relkind = 'r' AND c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'g1'))
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
"""


GENERATION = {"portal": {*delivery.READING, "orders", "recipients"}}
"""The tables of a service that live in each generation of its projection."""


def tables_of(service: str) -> dict[str, MetaData]:
    """The tables that a service's code speaks of, and those of delivery, by schema."""
    own: MetaData = importlib.import_module(f"waybill_{service}.tables").metadata
    kept = [*delivery.metadata.sorted_tables, *own.sorted_tables]
    if service in GENERATION:
        kept += generations.metadata.sorted_tables
    schemas = {"public": MetaData(), **({"g1": MetaData()} if service in GENERATION else {})}
    for table in kept:
        table.to_metadata(schemas["g1" if table.name in GENERATION.get(service, ()) else "public"])
    return schemas


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_make_the_tables_that_the_code_speaks_of(service: str, database: Database) -> None:
    await migrate(database, f"waybill_{service}")
    await migrate(database, f"waybill_{service}")

    def differences(connection: Connection, tables: MetaData) -> list[Any]:
        context = MigrationContext.configure(connection)
        return [found for found in compare_metadata(context, tables) if "alembic_version" not in str(found)]

    for schema, tables in tables_of(service).items():
        async with database.engine.connect() as connection:
            await connection.execute(text(f"SET search_path = {schema}"))
            assert await connection.run_sync(differences, tables) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_of_brands_rows_is_guarded_by_the_database_itself(service: str, database: Database) -> None:
    await migrate(database, f"waybill_{service}")

    async with database.engine.connect() as connection:
        unguarded = (await connection.execute(text(POLICY_MISSING))).scalars().all()

    assert unguarded == []
