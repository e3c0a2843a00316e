"""The SQL of connectors."""

from dataclasses import asdict, dataclass
from typing import Literal
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_connectors.domain.connections import Connection
from waybill_connectors.tables import connections, deliveries


@dataclass(frozen=True, slots=True)
class Delivery:
    """What became of one webhook; `body` is kept only of a refused one."""

    connection_id: UUID
    change_key: str
    outcome: Literal["sale", "ignored", "refused"]
    reason: str = ""
    sale_id: UUID | None = None
    body: bytes | None = None


async def find(connection: AsyncConnection, connection_id: UUID) -> Connection | None:
    """One connection, with its secret."""
    rows = await connection.execute(select(connections).where(connections.c.connection_id == connection_id))
    return next((Connection(**row) for row in rows.mappings()), None)


async def every(connection: AsyncConnection) -> list[Connection]:
    """All connections that this transaction may see, by code."""
    rows = await connection.execute(select(connections).order_by(connections.c.code))
    return [Connection(**row) for row in rows.mappings()]


async def put(connection: AsyncConnection, new: Connection) -> None:
    """Make or replace a connection; IntegrityError when another one has its code."""
    values = asdict(new)
    await connection.execute(
        insert(connections).values(values).on_conflict_do_update(index_elements=["connection_id"], set_=values)
    )


async def told(connection: AsyncConnection, connection_id: UUID, sale_id: UUID) -> bool:
    """Whether anything was told of this sale before."""
    before = select(deliveries.c.sale_id).where(
        deliveries.c.connection_id == connection_id, deliveries.c.sale_id == sale_id, deliveries.c.outcome == "sale"
    )
    return (await connection.execute(before.limit(1))).first() is not None


async def record(connection: AsyncConnection, delivery: Delivery) -> bool:
    """Write down what became of a webhook; False when its change was seen before, by whoever was first."""
    written = await connection.execute(
        insert(deliveries).values(asdict(delivery)).on_conflict_do_nothing().returning(deliveries.c.change_key)
    )
    return written.first() is not None
