"""What every service's database must hold to, whatever the service."""

import importlib
from collections.abc import AsyncGenerator
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.exc import DBAPIError

from waybill_chassis import delivery, generations
from waybill_chassis.checks import ENTRY_POINTS
from waybill_chassis.database import Database
from waybill_chassis.embedded import postgres
from waybill_chassis.migrations import migrate
from waybill_chassis.readers import ROLE
from waybill_cli.home import SERVICES
from waybill_cli.verify.databases import Service
from waybill_cli.verify.scratch import Scratch

POLICY_MISSING = """
    SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'brand_id'
    WHERE c.relkind = 'r' AND c.relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname IN ('public', 'g1'))
      AND NOT (c.relrowsecurity AND c.relforcerowsecurity AND EXISTS (SELECT FROM pg_policy WHERE polrelid = c.oid))
"""


TABLES = """
    SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema' ORDER BY 1
"""
WRITES = (
    "INSERT INTO {} DEFAULT VALUES",
    "DELETE FROM {}",
    "TRUNCATE {}",
    "SELECT 1 FROM {} FOR UPDATE",
    "DROP TABLE {}",
)

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


Read = tuple[Database, Database]


SECRETS = {
    "connectors": {"connections": {"secret"}, "deliveries": {"body", "reason"}},
    "labels": {"slips": {"lines"}},
    "orders": {"recipients": {"recipient"}, "amendments": {"address", "note"}, "sales": {"addressed"}},
    "fulfillment": {"parcels": {"tracking_number"}},
    "portal": {
        "people": {"email", "name", "password"},
        "sessions": {"digest", "person_id"},
        "links": {"digest"},
        "tokens": {"digest"},
        "tries": {"email", "address"},
        "audit": {"actor"},
    },
}
"""What a service has of its own that nobody else is to see."""
SECRETS_OF_DELIVERY = {
    "outbox": {"payload"},
    "sent": {"payload", "key"},
    "waiters": {"value"},
    "quarantine": {"value"},
    "dead_letters": {"key", "headers", "value", "error"},
    "idempotency": {"answer", "caller"},
    "interventions": {"why", "details"},
}
COLUMNS = """
    SELECT n.nspname || '.' || c.relname AS "table", c.relname AS name, a.attname AS "column" FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
      AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""


@pytest.fixture
async def owner_and_reader(servers: Any) -> AsyncGenerator[Read]:
    """A service's database as itself, and as the role that only reads."""
    url = await servers.database_url()
    name = url.rpartition("/")[2]
    for _ in range(2):
        await postgres.provision_reader(servers.postgres.url(), "secret", [name])
    owner, reader = Database(url, size=1), Database(servers.postgres.url(name, ROLE, "secret"), size=1)
    yield owner, reader
    await owner.close()
    await reader.close()


async def reads(reader: Database, table: str, column: str) -> bool:
    async with reader.engine.connect() as connection:
        try:
            await connection.execute(text(f'SELECT "{column}" FROM {table} LIMIT 1'))
        except DBAPIError as error:
            if "permission denied" not in str(error):
                raise
            return False
        return True


@pytest.mark.parametrize("service", SERVICES)
async def test_the_reader_can_write_nothing(service: str, owner_and_reader: Read) -> None:
    owner, reader = owner_and_reader
    await migrate(owner, f"waybill_{service}")

    async with owner.begin() as connection:
        tables = (await connection.execute(text(TABLES))).scalars().all()
    attempts = [each.format(table) for table in tables for each in WRITES]
    async with reader.engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE"))
        for attempt in (*attempts, "CREATE TABLE mine ()", "CREATE TEMPORARY TABLE mine ()", "CREATE SCHEMA mine"):
            with pytest.raises(DBAPIError, match=r"must be owner|permission denied"):
                await connection.execute(text(attempt))


@pytest.mark.parametrize("service", SERVICES)
async def test_the_reader_sees_what_verify_looks_at_and_no_secret(
    service: str, owner_and_reader: Read, tmp_path: Path
) -> None:
    owner, reader = owner_and_reader
    async with owner.engine.begin() as connection:
        # As it was given before: whatever there is, and will be.
        await connection.execute(text(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {ROLE}"))
    await migrate(owner, f"waybill_{service}")
    async with owner.engine.begin() as connection:
        await connection.execute(text("CREATE TABLE later (token text)"))
        columns = (await connection.execute(text(COLUMNS))).all()
    checks = {point.name: point.load() for point in entry_points(group=ENTRY_POINTS)}
    looked_at = Service(service, reader, checks.get(service))

    seen = {(each.name, each.column) for each in columns if await reads(reader, each.table, each.column)}
    with Scratch(tmp_path) as scratch:
        await looked_at.read(scratch)
        await looked_at.unsent()

    hidden = {**SECRETS_OF_DELIVERY, **SECRETS.get(service, {}), "later": {"token"}}
    there = {(each.name, each.column) for each in columns}
    secret = {(table, column) for table, names in hidden.items() for column in names}
    assert secret <= there
    assert seen & secret == set()
    assert ("streams", "taken") in seen


async def test_a_generation_that_is_planned_later_is_as_open_as_the_first(
    owner_and_reader: Read, bootstrap: str
) -> None:
    owner, reader = owner_and_reader
    await migrate(owner, "waybill_portal")
    async with owner.begin() as connection:
        user = (await connection.execute(text("SELECT current_user"))).scalar_one()

    await generations.plan(owner, "waybill_portal", bootstrap, ["waybill.orders"], user)

    for generation in ("g1", "g2"):
        assert await reads(reader, f"{generation}.orders", "state")
        assert not await reads(reader, f"{generation}.quarantine", "value")


async def test_the_reader_asks_for_its_scope_like_everybody(owner_and_reader: Read) -> None:
    owner, reader = owner_and_reader
    await migrate(owner, "waybill_orders")
    async with owner.begin() as connection:
        await connection.execute(
            text("INSERT INTO orders VALUES (gen_random_uuid(), gen_random_uuid(), '1-01', gen_random_uuid())")
        )

    async with reader.engine.connect() as connection:
        unasked = (await connection.execute(text("SELECT count(*) FROM orders"))).scalar_one()
    async with reader.begin() as connection:
        asked = (await connection.execute(text("SELECT count(*) FROM orders"))).scalar_one()

    assert (unasked, asked) == (0, 1)
