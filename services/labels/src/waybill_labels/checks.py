"""What `waybill verify` looks at here: each order has its slip, and recipients and brands are the newest."""

from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import Checks, Version, Within, digest_of
from waybill_events import OrderPlaced
from waybill_labels.tables import brands, recipients, slips


async def slips_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Any]:
    """Slips by their order, with its reference."""
    rows = await connection.execute(select(slips.c.order_id, slips.c.reference).where(within(slips.c.order_id)))
    return {row.order_id: row.reference for row in rows}


async def recipients_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Version]:
    """Who receives, by version and digest."""
    rows = await connection.execute(select(recipients).where(within(recipients.c.order_id)))
    return {row.order_id: Version(row.version, digest_of(row.recipient)) for row in rows}


async def brands_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Version]:
    """Settings of brands, by version and digest."""
    rows = await connection.execute(select(brands).where(within(brands.c.brand_id)))
    return {row.brand_id: Version(row.version, digest_of(row.brand)) for row in rows}


CHECKS: Final = Checks(
    opened_by=OrderPlaced,
    read=slips_within,
    reads=(slips.c.order_id, slips.c.reference, recipients, brands),
    versions={"waybill.recipients": recipients_within, "waybill.brands": brands_within},
)
