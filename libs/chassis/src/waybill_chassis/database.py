"""One pool of connections, and transactions that say whose rows they may see."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

TIMEOUTS: Final = {
    "idle_in_transaction_session_timeout": "30s",
    "statement_timeout": "20s",
    "lock_timeout": "5s",
}
ALL_BRANDS: Final = "all"


class Database:
    """The database of one service.

    Row-level security reads two settings of the transaction: `waybill.brand`, whose rows it may see, or
    `waybill.scope` = `all`. With neither it sees nothing.
    """

    def __init__(self, url: str, *, size: int = 8) -> None:
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=size,
            max_overflow=4,
            pool_timeout=10,
            pool_pre_ping=True,
            json_serializer=dump,
            connect_args={"timeout": 10, "server_settings": TIMEOUTS},
        )

    @asynccontextmanager
    async def begin(self, brand: UUID | None = None) -> AsyncGenerator[AsyncConnection]:
        """A transaction over one brand's rows, or without `brand` over all."""
        async with self.engine.begin() as connection:
            name, value = ("waybill.scope", ALL_BRANDS) if brand is None else ("waybill.brand", str(brand))
            await connection.execute(text("SELECT set_config(:name, :value, true)"), {"name": name, "value": value})
            yield connection

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


def dump(value: Any) -> str:
    """JSON text as this database stores it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def is_passing(error: BaseException) -> bool:
    """Whether the same statement may well succeed later: connections, deadlocks, timeouts, shutdowns."""
    if isinstance(error, PoolTimeout | TimeoutError | ConnectionError | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or not state or state[:2] in {"08", "25", "40", "53", "55", "57", "58"}
