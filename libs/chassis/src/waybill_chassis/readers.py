"""What the role of `waybill verify` may read: the columns that it looks at, and no others.

Services hold secrets of platforms, names and addresses, and answers of commands. Each service grants what its checks
declare after it has migrated, so that what a later release adds is hidden until somebody needs it.
"""

from collections.abc import Iterable
from importlib.metadata import entry_points
from typing import Any, Final

from sqlalchemy import Column, Table, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import ENTRY_POINTS, Checks
from waybill_chassis.delivery import dead_letters, offsets, outbox, quarantine, rulings, streams, waiters

ROLE: Final = "verify"
_PLACE: Final = ("topic", "partition", "offset")
OF_DELIVERY: Final[tuple[Table | Column[Any], ...]] = (
    streams,
    offsets,
    rulings,
    *(outbox.c[name] for name in ("id", "topic", "key", "headers", "created_at")),
    *(table.c[name] for table in (waiters, quarantine) for name in ("subject", *_PLACE, "headers")),
    *(dead_letters.c[name] for name in _PLACE),
)
"""Of every service's tables of delivery; an operator's ruling says what an event is to be folded as."""


async def allow(connection: AsyncConnection, schema: str, package: str) -> None:
    """Let the role read in a schema what the checks of `package` declare, and nothing that it could read before.

    Where there is no such role, nobody is to verify this database.
    """
    exists = await connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": ROLE})
    if exists.first() is None:
        return
    # What others have put there is theirs to allow.
    present = await connection.execute(
        text("""
            SELECT relname FROM pg_class WHERE relnamespace = CAST(:schema AS regnamespace) AND relkind IN ('r', 'p')
              AND pg_has_role(relowner, 'USAGE')
        """),
        {"schema": schema},
    )
    tables = set(present.scalars())
    statements = [
        f"ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {ROLE}",
        *(f'REVOKE ALL ON {schema}."{table}" FROM {ROLE}' for table in sorted(tables)),
        f"GRANT USAGE ON SCHEMA {schema} TO {ROLE}",
    ]
    for table, columns in _by_table((*OF_DELIVERY, *_declared(package))).items():
        if table in tables:
            names = ", ".join(f'"{name}"' for name in columns)
            statements.append(f"GRANT SELECT ({names}) ON {schema}.{table} TO {ROLE}")
    for statement in statements:
        await connection.execute(text(statement))


def _declared(package: str) -> Iterable[Table | Column[Any]]:
    name = package.removeprefix("waybill_")
    for point in entry_points(group=ENTRY_POINTS, name=name):
        checks: Checks = point.load()
        yield from checks.reads


def _by_table(reads: Iterable[Table | Column[Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for each in reads:
        for column in each.columns if isinstance(each, Table) else (each,):
            found.setdefault(column.table.name, []).append(column.name)
    return found
