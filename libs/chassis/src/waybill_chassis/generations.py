"""Generations of a projection: each is a schema, made by the migrations, with data, streams, waiters and offsets.

One row says which of them is live. Who writes holds that row FOR SHARE, so that nothing is in flight while it is
pointed elsewhere; who only reads does not wait for anybody.
"""

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, Self

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, MetaData, Table, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import topics
from waybill_chassis.database import Database
from waybill_chassis.delivery import READING
from waybill_chassis.migrations import migrate_generation

metadata: Final = MetaData()

generations: Final = Table(
    "generations",
    metadata,
    Column("name", Text, primary_key=True),
    Column("plan", JSONB, nullable=False),
    Column("planned_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("pointed_at", DateTime(timezone=True)),
)
"""Each build of the projection: the schema that it is in, what it is built from, and when it became the live one."""

projection: Final = Table(
    "projection",
    metadata,
    Column("one", Boolean, primary_key=True, server_default="true"),
    Column("live", Text, ForeignKey("generations.name"), nullable=False),
)
"""One row, which names the live generation."""


class NoGeneration(LookupError):
    """There is no such generation, or it is the live one, which cannot be dropped."""


def first_generation(tables: Iterable[str]) -> tuple[str, ...]:
    """The DDL that turns what is in `public` into the first generation; `tables` are the projection's own."""
    return (
        """
        CREATE TABLE generations (
            name text PRIMARY KEY,
            plan jsonb NOT NULL,
            planned_at timestamptz NOT NULL DEFAULT now(),
            pointed_at timestamptz
        )
        """,
        """
        CREATE TABLE projection (
            one boolean PRIMARY KEY DEFAULT true CHECK (one),
            live text NOT NULL REFERENCES generations
        )
        """,
        "CREATE SCHEMA g1",
        *(f"ALTER TABLE {table} SET SCHEMA g1" for table in (*READING, *tables)),
        """
        CREATE TABLE g1.alembic_version (
            version_num character varying(32) NOT NULL CONSTRAINT alembic_version_pkc PRIMARY KEY
        )
        """,
        "INSERT INTO g1.alembic_version VALUES ('0001')",
        "INSERT INTO generations (name, plan, pointed_at) VALUES ('g1', '{}', now())",
        "INSERT INTO projection (live) VALUES ('g1')",
    )


@dataclass(frozen=True, slots=True)
class Plan:
    """What a generation is built from: up to which offset of each partition, and how many records that are."""

    name: str
    ends: Mapping[str, list[int]]
    """By topic, of each partition."""
    records: int
    hash: str
    """Of all this; who builds on says which plan they follow."""

    @classmethod
    def of(cls, name: str, ends: Mapping[tuple[str, int], tuple[int, int]]) -> Self:
        """Freeze the ends of some topics."""
        by_topic: dict[str, list[int]] = {}
        for (topic, _), (_, end) in sorted(ends.items()):
            by_topic.setdefault(topic, []).append(end)
        records = sum(end - first for first, end in ends.values())
        told = json.dumps([name, by_topic, records], sort_keys=True)
        return cls(name, by_topic, records, hashlib.sha256(told.encode()).hexdigest()[:16])


async def live(connection: AsyncConnection) -> str:
    """The name of the live generation."""
    return str((await connection.execute(text("SELECT live FROM projection"))).scalar_one())


async def plan(database: Database, package: str, bootstrap: str, read: Collection[str], role: str) -> Plan:
    """Make an empty generation for `role` to build, or find the one that was begun; raises LookupError without role."""
    ends = await topics.ends(bootstrap, read)
    async with database.engine.begin() as connection:
        await connection.execute(text("LOCK TABLE generations IN EXCLUSIVE MODE"))
        rows = await connection.execute(
            text("SELECT name, plan, pointed_at FROM generations ORDER BY planned_at, name")
        )
        known = rows.all()
        for row in known:
            if row.pointed_at is None:
                return Plan(**row.plan)
        exists = await connection.execute(text("SELECT 1 FROM pg_roles WHERE rolname = :role"), {"role": role})
        if exists.first() is None:
            raise LookupError(f"there is no database role {role}; whoever sets up the database must create it")
        name = f"g{max(int(row.name[1:]) for row in known) + 1}"
        await connection.execute(text(f"CREATE SCHEMA {name}"))
        await migrate_generation(connection, package, name)
        for statement in (
            f"GRANT USAGE ON SCHEMA {name} TO {role}",
            f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {name} TO {role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA {await live(connection)} TO {role}",
            f"GRANT USAGE ON SCHEMA {await live(connection)} TO {role}",
            f"GRANT SELECT ON rulings TO {role}",
            f"GRANT SELECT, UPDATE ON projection, generations TO {role}",
        ):
            await connection.execute(text(statement))
        new = Plan.of(name, ends)
        await connection.execute(text(f"SET LOCAL search_path = {name}"))
        await connection.execute(
            text("INSERT INTO offsets (topic, partition, next) VALUES (:topic, :partition, :next)"),
            [{"topic": topic, "partition": number, "next": first} for (topic, number), (first, _) in ends.items()],
        )
        await connection.execute(text("SET LOCAL search_path = public"))
        await connection.execute(generations.insert().values(name=name, plan=asdict(new)))
        return new


async def drop(connection: AsyncConnection, name: str) -> None:
    """Remove a generation that is not the live one; raises NoGeneration."""
    await connection.execute(text("SELECT 1 FROM projection FOR SHARE"))
    known = await connection.execute(
        text("DELETE FROM generations WHERE name = :name AND name <> (SELECT live FROM projection) RETURNING 1"),
        {"name": name},
    )
    if known.first() is None:
        raise NoGeneration(f"{name} is no generation that could be dropped")
    await connection.execute(text(f"DROP SCHEMA {name} CASCADE"))


async def every(connection: AsyncConnection) -> list[dict[str, Any]]:
    """All generations, oldest first."""
    rows = await connection.execute(
        text("""
            SELECT name, plan, planned_at, pointed_at, name = (SELECT live FROM projection) AS live
            FROM generations ORDER BY planned_at, name
        """)
    )
    return [
        {
            "name": row.name,
            "live": row.live,
            "planned_at": row.planned_at.isoformat(),
            "pointed_at": None if row.pointed_at is None else row.pointed_at.isoformat(),
            "records": row.plan.get("records"),
            "hash": row.plan.get("hash"),
        }
        for row in rows
    ]
