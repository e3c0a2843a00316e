"""What a batch of table topics says, and how a service keeps it: the highest version of a key is the truth."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import Table, delete
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_events import Event


@dataclass(frozen=True, slots=True)
class Rows:
    """The newest event of each key, and the keys that were removed."""

    newest: dict[UUID, Event]
    removed: set[UUID]


async def keep(connection: AsyncConnection, table: Table, rows: Sequence[dict[str, Any]], removed: set[UUID]) -> None:
    """Write `rows` where their `version` is higher than the one known; drop the removed. `table` has one key column."""
    (key,) = table.primary_key.columns
    if removed:
        await connection.execute(delete(table).where(among(key, removed)))
    others = [column.name for column in table.columns if column is not key]
    await put(connection, table, rows, update=others, newest="version")
