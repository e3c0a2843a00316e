"""The SQL of orders."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_chassis.table_topics import Rows, keep
from waybill_events import Brand, OrderPlaced
from waybill_orders.domain import Claims, Sale
from waybill_orders.tables import brands, sales


class Sales:
    """Sales by id."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Sale]:
        """Those that were split before."""
        rows = await connection.execute(select(sales).where(among(sales.c.sale_id, subjects)))
        return {row["sale_id"]: Sale(**row) for row in rows.mappings()}

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Sale]) -> None:
        """Write newly split sales; a sale does not change after its split."""
        await put(connection, sales, [asdict(sale) for sale in states.values()])


async def claim(
    connection: AsyncConnection, placed: Mapping[UUID, tuple[OrderPlaced, Sequence[str]]]
) -> dict[UUID, str]:
    """Give each order the first of its wished references that is free in its brand; they are claimed with it.

    Two statements for each wish that was refused to somebody, however many orders there are.
    """
    given: dict[UUID, str] = {}
    for wish in range(3):
        rows = [
            {"order_id": id_, "brand_id": order.brand_id, "reference": wishes[wish], "sale_id": order.sale_id}
            for id_, (order, wishes) in sorted(placed.items())
            if id_ not in given
        ]
        if not rows:
            break
        claimed = await connection.execute(
            text("""
                INSERT INTO orders (order_id, brand_id, reference, sale_id)
                SELECT * FROM unnest(
                    CAST(:order_ids AS uuid[]), CAST(:brand_ids AS uuid[]), CAST(:references AS text[]),
                    CAST(:sale_ids AS uuid[])
                ) ON CONFLICT DO NOTHING RETURNING order_id, reference
            """),
            {f"{name}s": [row[name] for row in rows] for name in ("order_id", "brand_id", "reference", "sale_id")},
        )
        given |= {row.order_id: row.reference for row in claimed}
    return given


async def every_claim(connection: AsyncConnection) -> list[Claims]:
    """The rules of all brands, in a fixed order."""
    rows = await connection.execute(select(brands).order_by(brands.c.brand_id))
    return [
        Claims(row.brand_id, frozenset(vendor.strip().lower() for vendor in row.vendors), tuple(row.sku_prefixes))
        for row in rows
    ]


async def put_brands(connection: AsyncConnection, rows: Rows) -> None:
    """Take over the newest settings."""
    newest = [
        {
            "brand_id": brand.brand_id,
            "version": brand.version,
            "vendors": list(brand.vendors),
            "sku_prefixes": list(brand.sku_prefixes),
        }
        for brand in rows.newest.values()
        if isinstance(brand, Brand)
    ]
    await keep(connection, brands, newest, rows.removed)
