"""The services' databases, read slice by slice in short snapshots, by the role that can write nothing."""

from collections.abc import AsyncGenerator, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Column, Integer, Table, cast, func, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import Checks, Kept, Standing, Version, Within
from waybill_chassis.database import ALL_BRANDS, Database
from waybill_chassis.delivery import dead_letters, offsets, outbox, quarantine, rulings, streams, waiters
from waybill_chassis.records import Place
from waybill_cli.verify.scratch import Scratch, Told

_SLICE: Final = 20_000
"""How many subjects one snapshot is to read."""
_CHUNK: Final = 10_000
_ALL: Final = 1 << 128
Offsets = Mapping[tuple[str, int], int]


@dataclass(frozen=True, slots=True)
class Unsent:
    """A row of an outbox."""

    id: int
    topic: str
    key: UUID
    type: str | None
    sequence: int | None
    age: timedelta
    event_id: str | None


@dataclass(frozen=True, slots=True)
class Slice:
    """What the snapshot of a range of ids holds that is nobody's own: offsets, and what was done about records."""

    offsets: Offsets
    rulings: Mapping[Place, bytes | None] = field(default_factory=dict[Place, bytes | None])
    buried: frozenset[Place] = frozenset()


@dataclass(slots=True)
class Service:
    """One service's database; `slices` lie side by side, in the order of ids."""

    name: str
    database: Database
    checks: Checks | None
    slices: list[Slice] = field(default_factory=list[Slice])
    away: str | None = None
    """Why it cannot be read."""

    async def read(self, scratch: Scratch) -> None:
        """Take down every subject, slice by slice of ids."""
        async with self._snapshot() as connection:
            known = (await connection.execute(select(func.count()).select_from(streams))).scalar_one()
        slices = min(256, known // _SLICE + 1)
        for at in range(slices):
            low, high = UUID(int=-(-at * _ALL // slices)), UUID(int=-(-(at + 1) * _ALL // slices) - 1)
            async with self._snapshot() as connection:
                self.slices.append(await _slice(connection))
                told = await self._told(connection, _between(low, high))
            scratch.put_standings(self.name, told)

    async def close(self) -> None:
        """Close the connection."""
        await self.database.close()

    def standing(self, subject: UUID, told: Told | None) -> Standing:
        """A subject as of its snapshot, also where that knew nothing of it."""
        here = self.slices[subject.int * len(self.slices) // _ALL]
        if told is None:
            return Standing(subject, here.offsets, rulings=here.rulings, buried=here.buried)
        versions = {topic: Version(*each) for topic, each in told.get("versions", {}).items()}
        waiting, parked = ([Kept(*each) for each in told.get(name, ())] for name in ("waiters", "quarantine"))
        return Standing(
            subject,
            here.offsets,
            **told.get("stream", {}),
            waiters=tuple(waiting),
            quarantine=tuple(parked),
            row=told.get("row"),
            versions=versions,
            rulings=here.rulings,
            buried=here.buried,
        )

    async def unsent(self, keys: Collection[UUID] | None = None) -> list[Unsent]:
        """What waits in the outbox now, oldest first, of these subjects or of all."""
        query = select(
            outbox.c.id,
            outbox.c.topic,
            outbox.c.key,
            outbox.c.headers["ce_type"].astext,
            cast(outbox.c.headers["ce_sequence"].astext, Integer),
            func.now() - outbox.c.created_at,
            outbox.c.headers["ce_id"].astext,
        ).order_by(outbox.c.id)
        found: list[Unsent] = []
        async with self._snapshot() as connection:
            for some in [None] if keys is None else _chunks(keys):
                chosen = query if some is None else query.where(outbox.c.key.in_(some))
                found += [Unsent(*row) for row in await connection.execute(chosen)]
        return found

    async def rows(self, keys: Collection[UUID]) -> Mapping[UUID, Any]:
        """The rows that there are now of these subjects."""
        found: dict[UUID, Any] = {}
        if self.checks is not None and keys:
            async with self._snapshot() as connection:
                for some in _chunks(keys):
                    found |= await self.checks.read(connection, _one_of(some))
        return found

    async def _told(self, connection: AsyncConnection, within: Within) -> dict[UUID, dict[str, Any]]:
        found: dict[UUID, dict[str, Any]] = {}
        for row in await connection.execute(select(streams).where(within(streams.c.subject))):
            stream = {name: getattr(row, name) for name in ("next_sequence", "parked", "waiting")}
            taken = {source: last[0] for source, last in row.taken.items()}
            found[row.subject] = {"stream": {**stream, "taken": taken}}
        for table in (waiters, quarantine):
            for subject, *kept in await connection.execute(_kept(table).where(within(table.c.subject))):
                found.setdefault(subject, {}).setdefault(table.name, []).append(kept)
        if self.checks is not None:
            for subject, row in (await self.checks.read(connection, within)).items():
                found.setdefault(subject, {})["row"] = row
            for topic, read in self.checks.versions.items():
                for subject, said in (await read(connection, within)).items():
                    versions = found.setdefault(subject, {}).setdefault("versions", {})
                    versions[topic] = [said.number, said.digest]
        return found

    @asynccontextmanager
    async def _snapshot(self) -> AsyncGenerator[AsyncConnection]:
        """All rows as of one moment, whatever is written meanwhile, in the schema that the service chooses."""
        async with self.database.engine.connect() as connection:
            await connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
            async with connection.begin():
                await connection.execute(text("SELECT set_config('waybill.scope', :all, true)"), {"all": ALL_BRANDS})
                if self.checks is not None:
                    await self.checks.enter(connection)
                yield connection


def _between(low: UUID, high: UUID) -> Within:
    return lambda column: column.between(low, high)


def _one_of(keys: Collection[UUID]) -> Within:
    return lambda column: column.in_(keys)


def _chunks(keys: Collection[UUID]) -> list[list[UUID]]:
    """As many at once as a statement may have parameters."""
    ordered = sorted(keys)
    return [ordered[at : at + _CHUNK] for at in range(0, len(ordered), _CHUNK)]


async def _slice(connection: AsyncConnection) -> Slice:
    read = await connection.execute(select(offsets.c.topic, offsets.c.partition, offsets.c.next))
    ruled = await connection.execute(select(rulings))
    dead = await connection.execute(select(dead_letters.c.topic, dead_letters.c.partition, dead_letters.c.offset))
    return Slice(
        {(row.topic, row.partition): row.next for row in read},
        {(row.topic, row.partition, row.offset): row.value for row in ruled},
        frozenset((row.topic, row.partition, row.offset) for row in dead),
    )


def _kept(table: Table) -> Any:
    columns: list[Column[Any]] = [table.c[name] for name in ("subject", "topic", "partition", "offset")]
    return select(*columns, table.c.headers["ce_id"].astext)


def services(names: Collection[str], url: Callable[[str], str], checks: Mapping[str, Checks]) -> dict[str, Service]:
    """The services by name, with what they bring themselves."""
    return {name: Service(name, Database(url(name), size=1), checks.get(name)) for name in names}
