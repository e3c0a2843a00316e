"""The database when it is there, and does not answer."""

import os
import signal
from collections.abc import AsyncGenerator
from typing import Protocol

import pytest
from sqlalchemy import text

from waybill_chassis.database import Database, is_passing


class Servers(Protocol):
    async def database_url(self) -> str: ...


@pytest.fixture
async def hasty(servers: Servers) -> AsyncGenerator[Database]:
    """One connection, to a server that must say something within half a second."""
    database = Database(await servers.database_url(), size=1, silent_s=0.5)
    yield database
    await database.close()


async def test_a_server_that_falls_silent_is_given_up_and_others_go_on(hasty: Database) -> None:
    async with hasty.begin() as connection:
        backend = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    os.kill(backend, signal.SIGSTOP)
    try:
        with pytest.raises(TimeoutError) as gave_up:
            async with hasty.begin():
                pass

        async with hasty.begin() as connection:
            other = (await connection.execute(text("SELECT pg_backend_pid()"))).scalar_one()
    finally:
        os.kill(backend, signal.SIGCONT)
    assert is_passing(gave_up.value)
    assert other != backend


async def test_a_rebuild_may_take_any_time_over_a_statement(servers: Servers) -> None:
    database = Database(await servers.database_url(), size=1, silent_s=None)

    async with database.begin() as connection:
        limits = [
            (await connection.execute(text(f"SHOW {name}"))).scalar_one()
            for name in ("statement_timeout", "lock_timeout")
        ]

    assert limits == ["0", "5s"]
    await database.close()
