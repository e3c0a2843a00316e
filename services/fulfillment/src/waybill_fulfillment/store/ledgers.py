"""Ledgers with their lines and parcels."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_chassis.table_topics import Rows, keep
from waybill_events import Brand
from waybill_fulfillment.domain import Hold, LabelState, Ledger, Line, OpenException, Parcel, ParcelState, Return
from waybill_fulfillment.tables import brands, ledgers, lines, parcels

UNITS: Final = ("ordered", "open", "packed", "shipped", "canceled", "late", "returned")
_ORDER: Final = ("held", "canceled_by", "exceptions", "returns", "recipient_version", "amending")
_PARCEL: Final = (
    "state",
    "units",
    "late",
    "moved_by",
    "tracking_company",
    "tracking_number",
    "packed_at",
    "shipped_at",
    "scanned_at",
    "delivered_at",
    "problem",
    "label",
    "label_id",
)


class Ledgers:
    """Ledgers by order id, with their lines and parcels: three statements for any number of them."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Ledger]:
        """Those that are open, as far as this transaction may see them."""
        found_lines: dict[UUID, dict[str, Line]] = {}
        skus: dict[UUID, dict[str, str]] = {}
        rows = await connection.execute(
            select(lines).where(among(lines.c.order_id, subjects)).order_by(lines.c.order_id, lines.c.position)
        )
        for row in rows.mappings():
            found_lines.setdefault(row["order_id"], {})[row["line_id"]] = Line(**{name: row[name] for name in UNITS})
            skus.setdefault(row["order_id"], {})[row["line_id"]] = row["sku"]
        found_parcels: dict[UUID, list[Parcel]] = {}
        travel = (
            select(parcels).where(among(parcels.c.order_id, subjects)).order_by(parcels.c.order_id, parcels.c.number)
        )
        for parcel in await connection.execute(travel):
            found_parcels.setdefault(parcel.order_id, []).append(_parcel(parcel))
        orders = await connection.execute(select(ledgers).where(among(ledgers.c.order_id, subjects)))
        return {
            order.order_id: Ledger(
                order.order_id,
                order.brand_id,
                order.reference,
                MappingProxyType(found_lines.get(order.order_id, {})),
                tuple(Hold(UUID(hold["hold_id"]), hold["reason"]) for hold in order.held),
                tuple(found_parcels.get(order.order_id, ())),
                MappingProxyType({UUID(cause): MappingProxyType(by) for cause, by in order.canceled_by.items()}),
                tuple(
                    OpenException(
                        UUID(each["exception_id"]),
                        each["kind"],
                        tuple(each["choices"]),
                        tuple(map(UUID, each.get("parcel_ids", ()))),
                    )
                    for each in order.exceptions
                ),
                MappingProxyType(skus.get(order.order_id, {})),
                order.sale,
                tuple(_return(each) for each in order.returns),
                order.platform,
                order.recipient_version,
                tuple(map(UUID, order.amending)),
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
                    "sale": ledger.sale,
                    "platform": ledger.platform,
                    "recipient_version": ledger.recipient_version,
                    "amending": list(ledger.amending),
                    "held": [asdict(hold) for hold in ledger.holds],
                    "canceled_by": {str(cause): dict(by) for cause, by in ledger.canceled_by.items()},
                    "exceptions": [asdict(each) for each in ledger.exceptions],
                    "returns": [
                        {
                            "return_id": each.return_id,
                            "units": dict(each.units),
                            "received": dict(each.received),
                            "closed": each.closed,
                        }
                        for each in ledger.returns
                    ],
                }
                for ledger in states.values()
            ],
            update=_ORDER,
        )
        units = [
            {
                "order_id": ledger.order_id,
                "line_id": line_id,
                "brand_id": ledger.brand_id,
                "position": position,
                "sku": ledger.skus.get(line_id, ""),
                **{name: getattr(line, name) for name in UNITS},
            }
            for ledger in states.values()
            for position, (line_id, line) in enumerate(ledger.lines.items())
        ]
        await put(connection, lines, units, update=UNITS)
        travel = [
            {
                "parcel_id": parcel.parcel_id,
                "order_id": ledger.order_id,
                "brand_id": ledger.brand_id,
                "number": parcel.number,
                **{name: getattr(parcel, name) for name in _PARCEL},
                "units": dict(parcel.units),
                "late": dict(parcel.late),
            }
            for ledger in states.values()
            for parcel in ledger.parcels
        ]
        await put(connection, parcels, travel, update=_PARCEL)


async def own_carriers(connection: AsyncConnection, brand_ids: Collection[UUID]) -> dict[UUID, tuple[str, ...]]:
    """The names of the carriers that only these brands know."""
    rows = await connection.execute(select(brands).where(among(brands.c.brand_id, brand_ids)))
    return {row.brand_id: tuple(row.carriers) for row in rows}


async def shipping_of(connection: AsyncConnection, order_id: UUID) -> str:
    """How the brand of an order ships unless somebody says otherwise: `own`, or `platform` with a label of ours."""
    mine = select(brands.c.shipping).join(ledgers, ledgers.c.brand_id == brands.c.brand_id)
    return (await connection.execute(mine.where(ledgers.c.order_id == order_id))).scalar_one_or_none() or "own"


async def put_brands(connection: AsyncConnection, rows: Rows) -> None:
    """Take over the newest settings."""
    newest = [
        {
            "brand_id": brand.brand_id,
            "version": brand.version,
            "carriers": [carrier.name for carrier in brand.carriers],
            "shipping": brand.shipping,
        }
        for brand in rows.newest.values()
        if isinstance(brand, Brand)
    ]
    await keep(connection, brands, newest, rows.removed)


def _parcel(row: Row[Any]) -> Parcel:
    return Parcel(
        row.parcel_id,
        row.number,
        ParcelState(row.state),
        MappingProxyType(row.units),
        row.moved_by,
        MappingProxyType(row.late),
        row.tracking_company,
        row.tracking_number,
        row.packed_at,
        row.shipped_at,
        row.scanned_at,
        row.delivered_at,
        row.problem,
        None if row.label is None else LabelState(row.label),
        row.label_id,
    )


def _return(stored: Mapping[str, Any]) -> Return:
    units, received = MappingProxyType(stored["units"]), MappingProxyType(stored["received"])
    return Return(UUID(stored["return_id"]), units, received, stored["closed"])
