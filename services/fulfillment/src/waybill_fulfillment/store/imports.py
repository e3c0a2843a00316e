"""Files of tracking numbers and what becomes of their rows."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ARRAY, RowMapping, Text, any_, cast, func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, dump, put
from waybill_fulfillment.domain.files import Row
from waybill_fulfillment.domain.imports import Verdict, name_of
from waybill_fulfillment.domain.ledger import Ledger
from waybill_fulfillment.store.ledgers import Ledgers
from waybill_fulfillment.tables import import_rows, imports, ledgers

OPEN: Final = ("ready", "asks")
STAYS: Final = "stays"
"""What became of a row whose parcel could not be taken back."""
"""What may still go."""


@dataclass(frozen=True, slots=True)
class Import:
    """One file: whose it is, how far it has come, which codes were confirmed."""

    import_id: UUID
    brand_id: UUID | None
    actor: str
    name: str
    state: str
    confirmed: tuple[str, ...]
    notify_customer: bool
    header: tuple[str, ...]
    created_at: datetime
    digest: bytes
    """SHA-256 of the file as it came."""
    applied_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a row; `former` is the company and number that it has corrected."""

    fate: str
    code: str = ""
    says: str = ""
    parcel_id: UUID | None = None
    former: Mapping[str, Any] | None = None


async def ledgers_called(connection: AsyncConnection, references: Iterable[str]) -> dict[str, list[Ledger]]:
    """The ledgers by what people call them: their reference, else the platform's number of their sale."""
    names = sorted({name_of(reference) for reference in references} - {""})
    one_of = any_(cast(names, ARRAY(Text)))
    by_reference, by_sale = func.lower(ledgers.c.reference), func.lower(ledgers.c.sale)
    named = select(ledgers.c.order_id, by_reference.label("reference"), by_sale.label("sale"))
    rows = (await connection.execute(named.where(or_(by_reference == one_of, by_sale == one_of)))).all()
    found = await Ledgers().load(connection, [row.order_id for row in rows])
    exact: dict[str, list[Ledger]] = {}
    sales: dict[str, list[Ledger]] = {}
    for row in rows:
        exact.setdefault(row.reference, []).append(found[row.order_id])
        sales.setdefault(row.sale, []).append(found[row.order_id])
    return {name: exact.get(name) or sales.get(name, []) for name in names}


async def make(connection: AsyncConnection, made: Import, verdicts: Sequence[Verdict]) -> None:
    """Keep a file that was read, and what would become of each row; nothing where it is kept already."""
    values = {**asdict(made), "confirmed": [], "header": list(made.header)}
    kept = insert(imports).values(values).on_conflict_do_nothing().returning(imports.c.import_id)
    if (await connection.execute(kept)).first() is not None:
        await put(connection, import_rows, [_row(made, verdict) for verdict in verdicts])


async def find(connection: AsyncConnection, import_id: UUID, *, lock: bool = False) -> Import | None:
    """One file, as far as this transaction may see it."""
    query = select(imports).where(imports.c.import_id == import_id)
    row = (await connection.execute(query.with_for_update() if lock else query)).mappings().first()
    return None if row is None else _import(row)


async def counts(connection: AsyncConnection, import_id: UUID) -> list[tuple[str, str, int, int]]:
    """Fate, code, rows and parcels of them."""
    rows = await connection.execute(
        select(
            import_rows.c.fate,
            import_rows.c.code,
            func.count().label("rows"),
            func.count(import_rows.c.parcel_id.distinct()).label("parcels"),
        )
        .where(import_rows.c.import_id == import_id)
        .group_by(import_rows.c.fate, import_rows.c.code)
        .order_by(import_rows.c.fate, import_rows.c.code)
    )
    return [(row.fate, row.code, row.rows, row.parcels) for row in rows]


async def orders_by_platform(connection: AsyncConnection, import_id: UUID, fates: Collection[str]) -> dict[str, int]:
    """How many orders of each platform have a row with one of these fates."""
    orders = func.count(import_rows.c.order_id.distinct())
    query = (
        select(ledgers.c.platform, orders.label("orders"))
        .join_from(import_rows, ledgers, import_rows.c.order_id == ledgers.c.order_id)
        .where(import_rows.c.import_id == import_id, import_rows.c.fate.in_(fates))
        .group_by(ledgers.c.platform)
        .order_by(ledgers.c.platform)
    )
    return {row.platform or "unknown": row.orders for row in await connection.execute(query)}


async def rows_of(
    connection: AsyncConnection, import_id: UUID, fates: Collection[str], *, after: int = 0, limit: int = 50_000
) -> Sequence[Any]:
    """Rows of a file with these fates, in its order."""
    query = select(import_rows).where(import_rows.c.import_id == import_id, import_rows.c.line > after)
    if fates:
        query = query.where(import_rows.c.fate.in_(fates))
    return (await connection.execute(query.order_by(import_rows.c.line).limit(limit))).all()


async def corrects(connection: AsyncConnection, import_id: UUID) -> bool:
    """Whether a file has given a parcel another number."""
    query = select(import_rows.c.line).where(import_rows.c.import_id == import_id, import_rows.c.former.is_not(None))
    return (await connection.execute(query.limit(1))).first() is not None


async def take_back_again(connection: AsyncConnection, import_id: UUID) -> None:
    """Have a file undone, also what could not be before."""
    stayed = update(import_rows).where(import_rows.c.import_id == import_id, import_rows.c.fate == STAYS)
    await connection.execute(stayed.values(fate="applied"))
    await set_state(connection, import_id, "undoing")


async def set_state(connection: AsyncConnection, import_id: UUID, state: str, **values: Any) -> None:
    """Say how far a file has come."""
    await connection.execute(update(imports).where(imports.c.import_id == import_id).values(state=state, **values))


async def under_way(connection: AsyncConnection) -> Import | None:
    """The oldest file that is being applied or undone."""
    query = select(imports).where(imports.c.state.in_(["applying", "undoing"])).order_by(imports.c.created_at).limit(1)
    row = (await connection.execute(query)).mappings().first()
    return None if row is None else _import(row)


async def next_orders(
    connection: AsyncConnection, of: Import, fates: Collection[str], most: int, *, after: UUID | None = None
) -> list[UUID]:
    """Some orders of a file of which rows are still to be dealt with, in their order, from the one `after` on."""
    query = (
        select(import_rows.c.order_id)
        .distinct()
        .where(import_rows.c.import_id == of.import_id, import_rows.c.fate.in_(fates))
        .where(import_rows.c.order_id.is_not(None))
    )
    if after is not None:
        query = query.where(import_rows.c.order_id > after)
    if "asks" in fates:
        query = query.where(or_(import_rows.c.fate != "asks", import_rows.c.code.in_(of.confirmed)))
    return list((await connection.execute(query.order_by(import_rows.c.order_id).limit(most))).scalars())


async def rows_of_orders(
    connection: AsyncConnection, import_id: UUID, order_ids: Collection[UUID], fates: Collection[str]
) -> dict[UUID, list[Any]]:
    """Rows of a file by order, in its order."""
    query = (
        select(import_rows)
        .where(import_rows.c.import_id == import_id, among(import_rows.c.order_id, order_ids))
        .where(import_rows.c.fate.in_(fates))
        .order_by(import_rows.c.line)
    )
    found: dict[UUID, list[Any]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.order_id, []).append(row)
    return found


async def numbers_of_orders(
    connection: AsyncConnection, import_id: UUID, order_ids: Collection[UUID]
) -> dict[UUID, list[str]]:
    """All numbers that a file has for these orders, whatever became of their rows."""
    number = import_rows.c.row["number"].astext
    query = select(import_rows.c.order_id, number.label("number")).where(
        import_rows.c.import_id == import_id, among(import_rows.c.order_id, order_ids)
    )
    found: dict[UUID, list[str]] = {}
    for row in await connection.execute(query):
        found.setdefault(row.order_id, []).append(row.number)
    return found


async def settle(connection: AsyncConnection, import_id: UUID, rows: Mapping[int, Settled]) -> None:
    """Write what became of rows, by line."""
    await connection.execute(
        text("""
            UPDATE import_rows SET fate = n.fate, code = n.code, says = n.says, parcel_id = n.parcel_id,
                former = n.former
            FROM unnest(
                CAST(:lines AS int[]), CAST(:fates AS text[]), CAST(:codes AS text[]), CAST(:says AS text[]),
                CAST(:parcels AS uuid[]), CAST(:former AS jsonb[])
            ) AS n(line, fate, code, says, parcel_id, former)
            WHERE import_rows.import_id = :import_id AND import_rows.line = n.line
        """),
        {
            "import_id": import_id,
            "lines": list(rows),
            "fates": [row.fate for row in rows.values()],
            "codes": [row.code for row in rows.values()],
            "says": [row.says for row in rows.values()],
            "parcels": [row.parcel_id for row in rows.values()],
            "former": [None if row.former is None else dump(row.former) for row in rows.values()],
        },
    )


def row_of(stored: Any) -> Row:
    """A row as the file has it."""
    return Row(line=stored.line, cells=tuple(stored.cells), **stored.row)


def _row(made: Import, verdict: Verdict) -> dict[str, Any]:
    row = verdict.row
    return {
        "import_id": made.import_id,
        "line": row.line,
        "brand_id": made.brand_id,
        "order_id": verdict.order_id,
        "cells": list(row.cells),
        "row": {name: getattr(row, name) for name in ("reference", "company", "number", "sku", "quantity", "surplus")},
        "fate": verdict.fate.value,
        "code": verdict.code,
        "says": verdict.says,
        "parcel_id": verdict.parcel_id,
    }


def _import(row: RowMapping) -> Import:
    values: dict[str, Any] = {str(name): value for name, value in row.items()}
    values["confirmed"], values["header"] = tuple(row["confirmed"]), tuple(row["header"])
    return Import(**values)
