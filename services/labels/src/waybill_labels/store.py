"""The SQL of labels."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_chassis.table_topics import Rows, keep
from waybill_events import Brand, Recipient
from waybill_labels.domain import Item, Slip
from waybill_labels.tables import brands, recipients, slips


class Slips:
    """What orders hold, by order id."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Slip]:
        """Those that are known, as far as this transaction may see them."""
        rows = await connection.execute(select(slips).where(among(slips.c.order_id, subjects)))
        return {
            row.order_id: Slip(
                row.order_id,
                row.brand_id,
                row.reference,
                row.placed_at,
                row.shipping_method,
                tuple(Item(**line) for line in row.lines),
            )
            for row in rows
        }

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Slip]) -> None:
        """Write slips."""
        rows = [
            {
                "order_id": slip.order_id,
                "brand_id": slip.brand_id,
                "reference": slip.reference,
                "placed_at": slip.placed_at,
                "shipping_method": slip.shipping_method,
                "lines": [asdict(item) for item in slip.items],
            }
            for slip in states.values()
        ]
        await put(connection, slips, rows, update=["lines"])


async def recipient_of(connection: AsyncConnection, order_id: UUID) -> Recipient | None:
    """Who receives an order; None when that was erased, or has not come yet."""
    row = (
        await connection.execute(select(recipients.c.recipient).where(recipients.c.order_id == order_id))
    ).scalar_one_or_none()
    return None if row is None else Recipient.model_validate(row)


async def brand_of(connection: AsyncConnection, brand_id: UUID) -> Brand | None:
    """The settings of a brand."""
    row = (await connection.execute(select(brands.c.brand).where(brands.c.brand_id == brand_id))).scalar_one_or_none()
    return None if row is None else Brand.model_validate(row)


async def put_rows(connection: AsyncConnection, rows: Rows) -> None:
    """Take over the newest recipients and settings."""
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
    settings = [
        {"brand_id": found.brand_id, "version": found.version, "brand": found.model_dump(mode="json")}
        for found in rows.newest.values()
        if isinstance(found, Brand)
    ]
    await keep(connection, recipients, people, rows.removed)
    await keep(connection, brands, settings, rows.removed)
