"""What every service's database must hold to, whatever the service."""

import importlib
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text

from waybill_chassis import delivery
from waybill_chassis.database import Database
from waybill_chassis.migrations import migrate
from waybill_cli.home import SERVICES

POLICY_MISSING = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'brand_id'
    WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
"""


def tables_of(service: str) -> MetaData:
    """The tables that a service's code speaks of, and those of delivery."""
    whole = MetaData()
    own: MetaData = importlib.import_module(f"waybill_{service}.tables").metadata
    for metadata in (delivery.metadata, own):
        for table in metadata.sorted_tables:
            table.to_metadata(whole)
    return whole


@pytest.mark.parametrize("service", SERVICES)
async def test_migrations_make_the_tables_that_the_code_speaks_of(service: str, database: Database) -> None:
    await migrate(database, f"waybill_{service}")
    await migrate(database, f"waybill_{service}")

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection)
        return [found for found in compare_metadata(context, tables_of(service)) if "alembic_version" not in str(found)]

    async with database.engine.connect() as connection:
        assert await connection.run_sync(differences) == []


@pytest.mark.parametrize("service", SERVICES)
async def test_every_table_of_brands_rows_is_guarded_by_the_database_itself(service: str, database: Database) -> None:
    await migrate(database, f"waybill_{service}")

    async with database.engine.connect() as connection:
        unguarded = (await connection.execute(text(POLICY_MISSING))).scalars().all()

    assert unguarded == []
