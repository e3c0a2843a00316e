"""The SQL of tracking."""

from collections.abc import Collection, Mapping
from dataclasses import replace
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_tracking.domain import Parcel, Tracked
from waybill_tracking.tables import parcels


class TrackedOrders:
    """Parcels by the order that they belong to."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Tracked]:
        """Orders of which a parcel has a number."""
        found: dict[UUID, Tracked] = {}
        rows = await connection.execute(
            select(parcels).where(among(parcels.c.order_id, subjects)).order_by(parcels.c.parcel_id)
        )
        for row in rows:
            known = found.get(row.order_id) or Tracked(row.order_id, row.brand_id)
            parcel = Parcel(row.parcel_id, row.carrier, row.tracking_number)
            found[row.order_id] = replace(known, parcels=(*known.parcels, parcel))
        return found

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Tracked]) -> None:
        """Write parcels that are new."""
        rows = [
            {
                "parcel_id": parcel.parcel_id,
                "order_id": tracked.order_id,
                "brand_id": tracked.brand_id,
                "carrier": parcel.carrier,
                "tracking_number": parcel.tracking_number,
            }
            for tracked in states.values()
            for parcel in tracked.parcels
        ]
        await put(connection, parcels, rows, update=())
