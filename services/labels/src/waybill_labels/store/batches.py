"""Batches, and who works on one."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, func, or_, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_labels.domain import Called, Failure, Job, Prints, Size, Sort
from waybill_labels.tables import batches, documents, labels, slips

_JOBS: Final = TypeAdapter(tuple[Job, ...])
_FAILURES: Final = TypeAdapter(tuple[Failure, ...])


@dataclass(frozen=True, slots=True)
class Batch:
    """What is printed at once, and how far that has come; `done` counts jobs, of which some may be `failures`.

    `asked` is the hash of what was asked for.
    """

    batch_id: UUID
    brand_id: UUID
    prints: Prints
    sort: Sort
    size: Size
    jobs: tuple[Job, ...]
    created_at: datetime
    asked: bytes = b""
    copy: int = 1
    again_of: UUID | None = None
    failures: tuple[Failure, ...] = ()
    state: str = "waiting"
    done: int = 0
    pages: int = 0
    digest: str | None = None
    attempts: int = field(default=0, compare=False)


async def open_(connection: AsyncConnection, batch: Batch) -> bool:
    """Begin one; whether it is new."""
    values = {
        **asdict(batch),
        "jobs": _JOBS.dump_python(batch.jobs, mode="json"),
        "failures": _FAILURES.dump_python(batch.failures, mode="json"),
    }
    made = insert(batches).values(values).on_conflict_do_nothing().returning(batches.c.batch_id)
    return (await connection.execute(made)).first() is not None


async def find(connection: AsyncConnection, batch_id: UUID) -> Batch | None:
    """One of those that may be seen."""
    row = (await connection.execute(select(batches).where(batches.c.batch_id == batch_id))).one_or_none()
    return None if row is None else _batch(row)


@dataclass(frozen=True, slots=True)
class Head:
    """A batch without what is in it: `total` jobs, of which so many have `failed`."""

    batch_id: UUID
    prints: str
    sort: str
    size: str
    state: str
    total: int
    done: int
    failed: int
    copy: int
    again_of: UUID | None
    created_at: datetime


async def newest(connection: AsyncConnection, most: int) -> list[Head]:
    """The latest of those that may be seen."""
    counted = {"total": func.jsonb_array_length(batches.c.jobs), "failed": func.jsonb_array_length(batches.c.failures)}
    columns = [
        counted[each.name].label(each.name) if each.name in counted else batches.c[each.name] for each in fields(Head)
    ]
    rows = await connection.execute(select(*columns).order_by(batches.c.created_at.desc()).limit(most))
    return [Head(*row) for row in rows]


async def size_of(connection: AsyncConnection, batch: Batch) -> int | None:
    """How many bytes its document has; None where there is none (any more)."""
    mine = select(func.octet_length(documents.c.content)).where(
        documents.c.brand_id == batch.brand_id,
        documents.c.digest == batch.digest,
        documents.c.kept_until > func.now(),
    )
    return (await connection.execute(mine)).scalar_one_or_none()


async def claim(connection: AsyncConnection, lease: timedelta) -> Batch | None:
    """One that nobody else works on meanwhile."""
    due = (
        select(batches.c.batch_id)
        .where(batches.c.state != "done", batches.c.next_at <= func.now())
        .order_by(batches.c.next_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claimed = (
        update(batches)
        .where(batches.c.batch_id == due)
        .values(attempts=batches.c.attempts + 1, next_at=func.now() + lease)
        .returning(*batches.c)
    )
    row = (await connection.execute(claimed)).one_or_none()
    return None if row is None else _batch(row)


async def come(connection: AsyncConnection, batch: Batch, again_after: timedelta) -> bool:
    """Write how far it has come; whether it was still one's own."""
    mine = update(batches).where(batches.c.batch_id == batch.batch_id, batches.c.attempts == batch.attempts)
    written = mine.values(
        state=batch.state,
        done=batch.done,
        pages=batch.pages,
        digest=batch.digest,
        failures=_FAILURES.dump_python(batch.failures, mode="json"),
        next_at=func.now() + again_after,
    )
    return (await connection.execute(written.returning(batches.c.batch_id))).first() is not None


async def called(connection: AsyncConnection, names: Sequence[str]) -> Called:
    """What people scanned: orders by their reference, parcels by their label's number; each name as it was given."""
    wanted = {name.lower(): name for name in names}
    found: dict[str, list[tuple[UUID, UUID | None]]] = {}
    reference = func.lower(slips.c.reference)
    by_reference = select(slips.c.order_id, reference.label("name")).where(reference.in_(list(wanted)))
    for order_id, name in await connection.execute(by_reference):
        found.setdefault(wanted[name], []).append((order_id, None))
    number = func.lower(labels.c.sale["tracking_number"].astext)
    bought = or_(labels.c.state == "bought", labels.c.state == "voiding")
    by_number = select(labels.c.order_id, labels.c.parcel_id, number.label("name"))
    for order_id, parcel_id, name in await connection.execute(by_number.where(number.in_(list(wanted)), bought)):
        found.setdefault(wanted[name], []).append((order_id, parcel_id))
    return found


def _batch(row: Row[Any]) -> Batch:
    return Batch(
        row.batch_id,
        row.brand_id,
        Prints(row.prints),
        Sort(row.sort),
        row.size,
        _JOBS.validate_python(row.jobs),
        row.created_at,
        row.asked,
        row.copy,
        row.again_of,
        _FAILURES.validate_python(row.failures),
        row.state,
        row.done,
        row.pages,
        row.digest,
        row.attempts,
    )
