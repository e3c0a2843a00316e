"""What `waybill verify` looks at here: each order that was placed has its reference, and rules are those of brands."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import Checks, Version, Within
from waybill_events import OrderPlaced
from waybill_orders.tables import brands, orders


async def orders_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Any]:
    """Orders with their references."""
    rows = await connection.execute(select(orders.c.order_id, orders.c.reference).where(within(orders.c.order_id)))
    return {row.order_id: row.reference for row in rows}


async def brands_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Version]:
    """Versions of brands, of which only their rules are kept here."""
    rows = await connection.execute(select(brands.c.brand_id, brands.c.version).where(within(brands.c.brand_id)))
    return {row.brand_id: Version(row.version, None) for row in rows}


CHECKS: Final = Checks(
    opened_by=OrderPlaced,
    read=orders_within,
    reads=(orders.c.order_id, orders.c.reference, brands.c.brand_id, brands.c.version),
    versions={"waybill.brands": brands_within},
)
