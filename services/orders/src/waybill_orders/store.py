"""The SQL of orders."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, delete, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_chassis.table_topics import Rows, keep
from waybill_events import Brand, OrderPlaced, Recipient
from waybill_orders.domain import (
    Addressed,
    Amendment,
    Claims,
    Hold,
    OpenException,
    Order,
    Request,
    Resend,
    Return,
    Sale,
    Seen,
    State,
)
from waybill_orders.tables import amendments, brands, orders, recipients, sales

_SALE: Final = ("source_updated_at", "canceled", "lines", "addressed")
_ORDER: Final = ("lines", "holds", "requests", "exceptions", "returns", "resends", "placed", "release_at", "to_resend")
_ADDRESSED: Final = TypeAdapter(Addressed)
_HOLDS: Final = TypeAdapter(tuple[Hold, ...])
_REQUESTS: Final = TypeAdapter(tuple[Request, ...])
_RESENDS: Final = TypeAdapter(tuple[Resend, ...])
_RETURNS: Final = TypeAdapter(tuple[Return, ...])
_EXCEPTIONS: Final = TypeAdapter(tuple[OpenException, ...])


class States:
    """Sales with their orders, and orders by themselves, each by its id: five statements for any number of them."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, State]:
        """Those that are known, as far as this transaction may see them."""
        wanted = or_(among(orders.c.order_id, subjects), among(orders.c.sale_id, subjects))
        rows = (await connection.execute(select(orders).where(wanted).order_by(orders.c.reference))).all()
        known = await _recipients(connection, [row.order_id for row in rows])
        asked = await _amendments(connection, [row.order_id for row in rows])
        found = {row.order_id: _order(row, known.get(row.order_id), asked.get(row.order_id, {})) for row in rows}
        of_sale: dict[UUID, dict[UUID, Order]] = {}
        for order in found.values():
            of_sale.setdefault(order.sale_id, {})[order.order_id] = order
        sold = await connection.execute(select(sales).where(among(sales.c.sale_id, subjects)))
        states: dict[UUID, State] = {row.sale_id: _sale(row, of_sale.get(row.sale_id, {})) for row in sold}
        return states | {id_: order for id_, order in found.items() if id_ in subjects}

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, State]) -> None:
        """Write sales and orders; the row of an order is there since its reference was claimed."""
        of_sales = [state for state in states.values() if isinstance(state, Sale)]
        alone = [state for state in states.values() if isinstance(state, Order)]
        await put(connection, sales, [_sale_row(sale) for sale in of_sales], update=_SALE)
        changed = [*(order for sale in of_sales for order in sale.orders.values()), *alone]
        await put(connection, orders, [_order_row(order) for order in changed], update=_ORDER)
        people = [_recipient_row(order.recipient) for order in changed if order.recipient is not None]
        await put(connection, recipients, people, update=("version", "recipient"), newest="version")
        await _save_amendments(connection, changed)


async def _recipients(connection: AsyncConnection, order_ids: Collection[UUID]) -> dict[UUID, Recipient]:
    mine = select(recipients.c.order_id, recipients.c.recipient).where(among(recipients.c.order_id, order_ids))
    return {row.order_id: Recipient.model_validate(row.recipient) for row in await connection.execute(mine)}


def _recipient_row(recipient: Recipient) -> dict[str, Any]:
    return {
        "order_id": recipient.order_id,
        "brand_id": recipient.brand_id,
        "version": recipient.version,
        "recipient": recipient.model_dump(mode="json"),
    }


async def _amendments(connection: AsyncConnection, order_ids: Collection[UUID]) -> dict[UUID, dict[UUID, Amendment]]:
    found: dict[UUID, dict[UUID, Amendment]] = {}
    mine = select(amendments).where(among(amendments.c.order_id, order_ids)).order_by(amendments.c.request_id)
    for row in await connection.execute(mine):
        found.setdefault(row.order_id, {})[row.request_id] = Amendment(MappingProxyType(row.address), row.note)
    return found


async def _save_amendments(connection: AsyncConnection, changed: Collection[Order]) -> None:
    """Keep what undecided requests are to change, and no more of it than that."""
    asked = [order for order in changed if any(request.kind == "amendment" for request in order.requests)]
    if not asked:
        return
    rows = [
        {
            "request_id": request_id,
            "order_id": order.order_id,
            "brand_id": order.brand_id,
            "address": dict(wanted.address),
            "note": wanted.note,
        }
        for order in asked
        for request_id, wanted in order.amendments.items()
    ]
    mine = among(amendments.c.order_id, [order.order_id for order in asked])
    await connection.execute(delete(amendments).where(mine))
    await put(connection, amendments, rows, update=())


async def orders_of(connection: AsyncConnection, sale_ids: Collection[UUID]) -> list[UUID]:
    """The orders of these sales."""
    rows = await connection.execute(select(orders.c.order_id).where(among(orders.c.sale_id, sale_ids)))
    return list(rows.scalars())


async def to_release(connection: AsyncConnection, at: datetime, most: int) -> list[UUID]:
    """Orders of which a hold has come to its end."""
    due = select(orders.c.order_id).where(orders.c.release_at <= at).order_by(orders.c.release_at).limit(most)
    return list((await connection.execute(due)).scalars())


async def to_send_again(connection: AsyncConnection, most: int) -> list[UUID]:
    """Some sales of which something is to become another order; any, since one that is parked comes up every time."""
    rows = await connection.execute(
        select(orders.c.sale_id).where(orders.c.to_resend).order_by(func.random()).limit(most)
    )
    return sorted(set(rows.scalars()))


def _sale(row: Row[Any], of_sale: Mapping[UUID, Order]) -> Sale:
    lines = {
        line_id: Seen(
            None if seen["order_id"] is None else UUID(seen["order_id"]), seen["canceled"], seen.get("wanted")
        )
        for line_id, seen in row.lines.items()
    }
    return Sale(
        row.sale_id,
        row.connection_id,
        row.connection_code,
        row.source_order_id,
        row.number,
        row.source_updated_at,
        row.canceled,
        MappingProxyType(lines),
        MappingProxyType(of_sale),
        None if row.addressed is None else _ADDRESSED.validate_python(row.addressed),
    )


def _sale_row(sale: Sale) -> dict[str, Any]:
    return {
        "sale_id": sale.sale_id,
        "connection_id": sale.connection_id,
        "connection_code": sale.connection_code,
        "source_order_id": sale.source_order_id,
        "number": sale.number,
        "orders": len(sale.orders),
        "source_updated_at": sale.source_updated_at,
        "canceled": sale.canceled,
        "lines": {line_id: asdict(seen) for line_id, seen in sale.lines.items()},
        "addressed": None if sale.addressed is None else _ADDRESSED.dump_python(sale.addressed, mode="json"),
    }


def _order(row: Row[Any], recipient: Recipient | None, asked: Mapping[UUID, Amendment]) -> Order:
    return Order(
        row.order_id,
        row.brand_id,
        row.sale_id,
        row.reference,
        MappingProxyType(row.lines),
        _HOLDS.validate_python(row.holds),
        _REQUESTS.validate_python(row.requests),
        _EXCEPTIONS.validate_python(row.exceptions),
        _RETURNS.validate_python(row.returns),
        _RESENDS.validate_python(row.resends),
        row.placed,
        recipient,
        MappingProxyType(asked),
    )


def _order_row(order: Order) -> dict[str, Any]:
    ends = [hold.release_at for hold in order.holds if hold.release_at is not None]
    return {
        "order_id": order.order_id,
        "brand_id": order.brand_id,
        "sale_id": order.sale_id,
        "reference": order.reference,
        "lines": dict(order.lines),
        "holds": _plain(order.holds),
        "requests": _REQUESTS.dump_python(order.requests, mode="json"),
        "exceptions": _plain(order.exceptions),
        "returns": _RETURNS.dump_python(order.returns, mode="json"),
        "resends": _RESENDS.dump_python(order.resends, mode="json"),
        "placed": order.placed,
        "release_at": min(ends, default=None),
        "to_resend": any(each.pending for each in order.resends),
    }


def _plain(values: Iterable[Hold | OpenException]) -> list[dict[str, Any]]:
    return [asdict(value) for value in values]


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


async def return_days(connection: AsyncConnection, order_id: UUID) -> int:
    """In how many days after its delivery the brand of an order takes something back."""
    mine = select(brands.c.return_days).join_from(orders, brands, orders.c.brand_id == brands.c.brand_id)
    days = (await connection.execute(mine.where(orders.c.order_id == order_id))).scalar_one_or_none()
    return 30 if days is None else days


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
            "return_days": brand.return_days,
        }
        for brand in rows.newest.values()
        if isinstance(brand, Brand)
    ]
    await keep(connection, brands, newest, rows.removed)
