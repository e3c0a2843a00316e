"""The SQL of fulfillment."""

from collections.abc import Collection, Mapping
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_fulfillment.domain import Ledger, Line, Parcel
from waybill_fulfillment.tables import ledgers, lines, parcels

_UNITS = ("ordered", "open", "packed", "shipped", "canceled")


class Ledgers:
    """Ledgers by order id, with their lines and parcels: three statements for any number of them."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Ledger]:
        """Those that are open, as far as this transaction may see them."""
        found_lines: dict[UUID, dict[str, Line]] = {}
        rows = await connection.execute(
            select(lines).where(among(lines.c.order_id, subjects)).order_by(lines.c.order_id, lines.c.position)
        )
        for row in rows.mappings():
            found_lines.setdefault(row["order_id"], {})[row["line_id"]] = Line(**{name: row[name] for name in _UNITS})
        found_parcels: dict[UUID, list[Parcel]] = {}
        rows = await connection.execute(
            select(parcels).where(among(parcels.c.order_id, subjects)).order_by(parcels.c.order_id, parcels.c.number)
        )
        for parcel in rows:
            found_parcels.setdefault(parcel.order_id, []).append(
                Parcel(
                    parcel.parcel_id,
                    parcel.number,
                    MappingProxyType(parcel.units),
                    parcel.tracking_company,
                    parcel.tracking_number,
                    parcel.shipped_at,
                )
            )
        orders = await connection.execute(select(ledgers).where(among(ledgers.c.order_id, subjects)))
        return {
            order.order_id: Ledger(
                order.order_id,
                order.brand_id,
                order.reference,
                tuple(order.holds),
                MappingProxyType(found_lines.get(order.order_id, {})),
                tuple(found_parcels.get(order.order_id, ())),
            )
            for order in orders
        }

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Ledger]) -> None:
        """Write ledgers, lines and parcels."""
        await put(
            connection,
            ledgers,
            [
                {
                    "order_id": ledger.order_id,
                    "brand_id": ledger.brand_id,
                    "reference": ledger.reference,
                    "holds": list(ledger.holds),
                }
                for ledger in states.values()
            ],
            update=["holds"],
        )
        units = [
            {
                "order_id": ledger.order_id,
                "line_id": line_id,
                "brand_id": ledger.brand_id,
                "position": position,
                **{name: getattr(line, name) for name in _UNITS},
            }
            for ledger in states.values()
            for position, (line_id, line) in enumerate(ledger.lines.items())
        ]
        await put(connection, lines, units, update=_UNITS)
        sent = [
            {
                "parcel_id": parcel.parcel_id,
                "order_id": ledger.order_id,
                "brand_id": ledger.brand_id,
                "number": parcel.number,
                "units": dict(parcel.units),
                "tracking_company": parcel.tracking_company,
                "tracking_number": parcel.tracking_number,
                "shipped_at": parcel.shipped_at,
            }
            for ledger in states.values()
            for parcel in ledger.parcels
        ]
        await put(connection, parcels, sent, update=())
