"""One pool of connections, and transactions that say whose rows they may see."""

from collections.abc import AsyncGenerator, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any, Final
from uuid import UUID

import orjson
from sqlalchemy import ARRAY, ColumnElement, Dialect, Table, TextClause, Uuid, cast, func, text
from sqlalchemy.dialects import postgresql
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from waybill_chassis.records import Fault

TIMEOUTS: Final = {
    "idle_in_transaction_session_timeout": "30s",
    "statement_timeout": "20s",
    "lock_timeout": "5s",
}
SILENT_S: Final = 25.0
"""Who hears nothing from the server for so long, longer than it works on one statement, gives up the connection."""
ALL_BRANDS: Final = "all"
LIVE: Final = "live"
"""The generation that the row of `projection` names at the time."""
REFUSED: Final = "RefusedByDatabase"
"""The cause of what only the database refuses."""
_OF_DATA: Final = {"21", "22", "23", "54"}
"""SQLSTATE classes: cardinality, data, integrity, program limits such as the size of an index row."""
_DIALECT: Final[Dialect] = postgresql.dialect()  # type: ignore[no-untyped-call]
_RAISED: Final = "P0001"
_HELD: Final = "55P03"
_UNENCODABLE: Final = "22000"
"""What asyncpg itself says of an argument; its message quotes the value."""


class Database:
    """The database of one service.

    Row-level security reads two settings of the transaction: `waybill.brand`, whose rows it may see, or
    `waybill.scope` = `all`. With neither it sees nothing.

    Where a projection lives in generations, `generation` is LIVE, or the name of the one that is being built.
    """

    def __init__(
        self, url: str, *, size: int = 8, generation: str | None = None, silent_s: float | None = SILENT_S
    ) -> None:
        """`silent_s` None is for work in which one statement may take any time."""
        self.generation = generation
        timeouts = TIMEOUTS if silent_s is not None else {**TIMEOUTS, "statement_timeout": "0"}
        self.engine: AsyncEngine = create_async_engine(
            url,
            pool_size=size,
            max_overflow=4,
            pool_timeout=10,
            pool_pre_ping=True,
            json_serializer=dump,
            json_deserializer=orjson.loads,
            connect_args={"timeout": 10, "command_timeout": silent_s, "server_settings": timeouts},
        )

    @asynccontextmanager
    async def begin(self, brand: UUID | None = None, *, writes: bool = False) -> AsyncGenerator[AsyncConnection]:
        """A transaction over one brand's rows, or without `brand` over all.

        What writes to a projection keeps it from being pointed to another generation meanwhile.
        """
        name, value = ("waybill.scope", ALL_BRANDS) if brand is None else ("waybill.brand", str(brand))
        enter, more = "SELECT set_config(:name, :value, true)", dict[str, str]()
        if self.generation == LIVE:
            enter += ", set_config('search_path', live || ', public', true) FROM projection"
            enter += " FOR SHARE" if writes else ""
        elif self.generation is not None:
            enter += ", set_config('search_path', :path, true)"
            more = {"path": f"{self.generation}, public"}
        async with self.engine.begin() as connection:
            await connection.execute(text(enter), {"name": name, "value": value, **more})
            yield connection

    async def close(self) -> None:
        """Close the pool."""
        await self.engine.dispose()


def dump(value: Any) -> str:
    """JSON text as this database stores it."""
    return orjson.dumps(value, default=_plain, option=orjson.OPT_NON_STR_KEYS).decode()


def _plain(value: Any) -> str:
    """Ids as asyncpg gives them are of a class of its own, which orjson does not know."""
    if isinstance(value, UUID):
        return str(value)
    raise TypeError(f"a {type(value).__name__} cannot be written as JSON")


def among(column: ColumnElement[UUID], ids: Iterable[UUID]) -> ColumnElement[bool]:
    """Whether a column is one of these ids: one prepared statement, however many they are."""
    return column == func.any(cast(list(ids), ARRAY(Uuid)))


async def put(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[Mapping[str, Any]],
    *,
    update: Collection[str] | None = None,
    newest: str | None = None,
) -> None:
    """Write rows of the same columns in one statement.

    A row that exists already is an error, unless `update` names what is to be changed of it, perhaps nothing; with
    `newest` only where that column is higher than the one known.
    """
    if rows:
        statement = _put(table, tuple(rows[0]), None if update is None else tuple(update), newest)
        await connection.execute(statement, {"rows": dump(rows)})


@cache
def _put(table: Table, columns: tuple[str, ...], update: tuple[str, ...] | None, newest: str | None) -> TextClause:
    def quoted(names: Iterable[str]) -> str:
        return ", ".join(f'"{name}"' for name in names)

    types = ", ".join(f'"{name}" {table.c[name].type.compile(_DIALECT)}' for name in columns)
    conflict = "" if update is None else "ON CONFLICT DO NOTHING"
    if update:
        key = quoted(column.name for column in table.primary_key.columns)
        change = ", ".join(f'"{name}" = excluded."{name}"' for name in update)
        conflict = f"ON CONFLICT ({key}) DO UPDATE SET {change}"
        conflict += f' WHERE excluded."{newest}" > {table.name}."{newest}"' if newest else ""
    return text(f"""
        INSERT INTO {table.name} ({quoted(columns)})
        SELECT {quoted(columns)} FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS rows({types}) {conflict}
    """)  # noqa: S608  # names of our own tables and columns


def refusal(error: BaseException) -> Fault | None:
    """What the database says where it refuses because of the data; None where the same may succeed later.

    It names the rule, never the values, which may name a person.
    """
    if isinstance(error, UnicodeEncodeError | orjson.JSONEncodeError):
        return Fault.of(REFUSED, "a text or a number in it cannot be written as JSON")
    if not isinstance(error, DBAPIError) or error.connection_invalidated:
        return None
    said = error.orig.__cause__ if error.orig is not None else None
    state: str = getattr(said, "sqlstate", None) or ""
    if state[:2] not in _OF_DATA and state != _RAISED:
        return None
    if state == _UNENCODABLE:
        return Fault.of(REFUSED, "a value does not fit its column, such as a number that is too large")
    where = [
        f"{name.removesuffix('_name')} {value}"
        for name in ("table_name", "column_name", "constraint_name")
        if (value := getattr(said, name, None))
    ]
    return Fault.of(REFUSED, f"{getattr(said, 'message', said)} ({', '.join([f'SQLSTATE {state}', *where])})")


def is_held(error: BaseException) -> bool:
    """Whether somebody held a lock for longer than one waits: it need not concern other rows."""
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _HELD


def is_passing(error: BaseException) -> bool:
    """Whether the same statement may well succeed later: connections, deadlocks, timeouts, shutdowns."""
    if isinstance(error, PoolTimeout | TimeoutError | ConnectionError | OSError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or not state or state[:2] in {"08", "25", "40", "53", "55", "57", "58"}
