"""The SQL of the portal."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Select, func, or_, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import differences
from waybill_chassis.database import among, put
from waybill_chassis.rebuild import Comparison
from waybill_chassis.table_topics import Rows, keep
from waybill_events import Brand, Recipient
from waybill_portal.domain import Cancellations, Facets, Order, Returns, Shipments, facets
from waybill_portal.tables import brands, orders, recipients

FACETS: Final = tuple(each.name for each in fields(Facets))
"""The columns of that name."""
_COLUMNS: Final = ("reference", "number", "placed_at", *FACETS, "ship_by", "state")
MOST: Final = 10_000
"""Orders of a list that are counted."""


class Orders:
    """The projection by order id."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Order]:
        """Those that are known, as far as this transaction may see them."""
        rows = await connection.execute(
            select(orders.c.order_id, orders.c.state).where(among(orders.c.order_id, subjects))
        )
        return {row.order_id: Order.model_validate(row.state) for row in rows}

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Order]) -> None:
        """Write rows, with what they are found by."""
        await put(
            connection,
            orders,
            [
                {
                    "order_id": order.order_id,
                    "brand_id": order.brand_id,
                    "reference": order.reference,
                    "number": order.number,
                    "placed_at": order.placed_at,
                    **asdict(facets(order)),
                    "ship_by": order.ship_by,
                    "state": order.model_dump(mode="json"),
                }
                for order in states.values()
            ],
            update=_COLUMNS,
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which orders a list shows: any of what each of the three says, and all of what follows.

    `before` is the (time, id) of the last one of the page before it.
    """

    shipments: tuple[Shipments, ...] = ()
    cancellations: tuple[Cancellations, ...] = ()
    returns: tuple[Returns, ...] = ()
    to_ship: bool = False
    on_hold: bool = False
    exception: bool = False
    brand_id: UUID | None = None
    search: str = ""
    before: tuple[datetime, UUID] | None = None
    limit: int = 50


async def newest(connection: AsyncConnection, wanted: Wanted) -> Sequence[Order]:
    """Orders, newest first, one more than the limit where there are more."""
    query = _of(select(orders.c.state), wanted).order_by(orders.c.placed_at.desc(), orders.c.order_id.desc())
    if wanted.before is not None:
        query = query.where(tuple_(orders.c.placed_at, orders.c.order_id) < tuple_(*wanted.before))
    rows = await connection.execute(query.limit(wanted.limit + 1))
    return [Order.model_validate(state) for state in rows.scalars()]


async def counts(connection: AsyncConnection, lists: Mapping[str, Wanted]) -> dict[str, int]:
    """How many orders each list has on all its pages, MOST + 1 where there are more; in one statement."""
    found = {name: _of(select(orders.c.order_id), each).limit(MOST + 1).subquery() for name, each in lists.items()}
    each = (select(func.count()).select_from(of).scalar_subquery().label(name) for name, of in found.items())
    return dict((await connection.execute(select(*each))).mappings().one())


def _of(query: Select[Any], wanted: Wanted) -> Select[Any]:
    """What is wanted, but for the page."""
    for name in ("shipments", "cancellations", "returns"):
        if any_of := getattr(wanted, name):
            query = query.where(orders.c[name].in_([each.value for each in any_of]))
    for name in ("to_ship", "on_hold", "exception"):
        if getattr(wanted, name):
            query = query.where(orders.c[name])
    if wanted.brand_id is not None:
        query = query.where(orders.c.brand_id == wanted.brand_id)
    if wanted.search:
        query = query.where(
            or_(
                orders.c.reference.startswith(wanted.search, autoescape=True),
                orders.c.number.in_([wanted.search, f"#{wanted.search}"]),
            )
        )
    return query


async def waiting(connection: AsyncConnection, brand_id: UUID | None, most: int) -> Sequence[Order]:
    """Orders of which something is still to leave: the oldest, and those that their platforms want first."""
    found: dict[UUID, Order] = {}
    for first in (orders.c.placed_at, orders.c.ship_by):
        query = select(orders.c.order_id, orders.c.state).where(orders.c.waits, first.is_not(None))
        if brand_id is not None:
            query = query.where(orders.c.brand_id == brand_id)
        for row in await connection.execute(query.order_by(first, orders.c.order_id).limit(most)):
            found.setdefault(row.order_id, Order.model_validate(row.state))
    return list(found.values())


async def recipient_of(connection: AsyncConnection, order_id: UUID) -> Recipient | None:
    """Who receives an order; None when that was erased, or has not come yet."""
    row = (
        await connection.execute(select(recipients.c.recipient).where(recipients.c.order_id == order_id))
    ).scalar_one_or_none()
    return None if row is None else Recipient.model_validate(row)


async def put_recipients(connection: AsyncConnection, rows: Rows) -> None:
    """Take over the newest versions."""
    people = [
        {
            "order_id": found.order_id,
            "brand_id": found.brand_id,
            "version": found.version,
            "recipient": found.model_dump(mode="json"),
        }
        for found in rows.newest.values()
        if isinstance(found, Recipient)
    ]
    await keep(connection, recipients, people, rows.removed)


async def every_brand(connection: AsyncConnection) -> dict[UUID, Brand]:
    """All brands that this transaction may see, by name."""
    rows = await connection.execute(select(brands.c.brand))
    found = sorted((Brand.model_validate(row) for row in rows.scalars()), key=lambda brand: brand.name.lower())
    return {brand.brand_id: brand for brand in found}


async def put_brand(connection: AsyncConnection, brand: Brand) -> None:
    """Write a brand's settings over those before them."""
    values = {"brand_id": brand.brand_id, "version": brand.version, "brand": brand.model_dump(mode="json")}
    await connection.execute(
        insert(brands).values(values).on_conflict_do_update(index_elements=["brand_id"], set_=values)
    )


async def compare(connection: AsyncConnection, live: str, built: str, only: set[UUID] | None) -> Comparison:
    """How the rows of two generations compare; `applied`, the vector of a row, says what went into it.

    Where all rows are compared while reading goes on, a row that only one of them has may yet come to the other.
    """
    found = Comparison()
    for table, vector in (("orders", "state->'applied'"), ("recipients", "version")):
        joined = f"""
            FROM {live}.{table} AS l FULL JOIN {built}.{table} AS b USING (order_id)
            WHERE (CAST(:only AS uuid[]) IS NULL OR order_id = ANY(:only))
        """
        wanted = {"only": None if only is None else sorted(only)}
        equal = await connection.execute(
            text(f"SELECT count(*) FILTER (WHERE to_jsonb(l) = to_jsonb(b)) {joined}"), wanted
        )
        found.equal += equal.scalar_one()
        rows = await connection.stream(
            text(f"""
                SELECT order_id, to_jsonb(l) AS live, to_jsonb(b) AS built, l.{vector} = b.{vector} AS level {joined}
                  AND to_jsonb(l) IS DISTINCT FROM to_jsonb(b)
            """),  # noqa: S608  # names of schemas, made by us
            wanted,
        )
        async for row in rows:
            one_sided = row.live is None or row.built is None
            if (one_sided and only is None) or row.level is False:
                found.later.add(row.order_id)
            elif one_sided:
                found.missing += 1
                found.tell(f"{table} {row.order_id} is only in {built if row.live is None else live}")
            else:
                found.different += 1
                found.tell(f"{table} {row.order_id}: {'; '.join(differences(row.live, row.built))}")
    return found
