"""Who works on a label: one at a time, and who was stopped for too long does nothing more with it."""

from datetime import timedelta
from uuid import uuid4

import pytest
from labels_builders import ORDER, hears, packed
from pydantic import ValidationError

from waybill_chassis.database import Database
from waybill_chassis.migrations import migrate
from waybill_labels.domain import State
from waybill_labels.settings import Settings, SimulatedAccount
from waybill_labels.store.orders import Orders
from waybill_labels.store.purchases import Due, claim, later, still_mine, take_up, unanswered

NOW, LONG = timedelta(0), timedelta(minutes=1)


@pytest.fixture
async def wanted(database: Database) -> Database:
    """A database with one label that is wanted."""
    await migrate(database, "waybill_labels")
    async with database.begin(writes=True) as connection:
        await Orders().save(connection, {ORDER: hears(packed())})
    return database


async def claims(database: Database, lease: timedelta) -> list[Due]:
    async with database.begin(writes=True) as connection:
        return await claim(connection, 10, lease)


async def holds(database: Database, due: Due) -> bool:
    async with database.begin(writes=True) as connection:
        return await still_mine(connection, [due], LONG) == {due.label_id}


async def test_a_label_is_one_workers_until_its_lease_ends(wanted: Database) -> None:
    (due,) = await claims(wanted, LONG)

    assert (due.state, due.attempts) == (State.WANTED, 1)
    assert await claims(wanted, LONG) == []
    assert await holds(wanted, due)


async def test_who_was_stopped_past_its_lease_holds_it_no_more_once_another_one_does(wanted: Database) -> None:
    (slow,) = await claims(wanted, NOW)
    (other,) = await claims(wanted, LONG)

    assert other.attempts == 2
    assert not await holds(wanted, slow)
    assert await holds(wanted, other)


async def test_one_that_has_come_into_another_state_is_due_at_once_and_nobodys(wanted: Database) -> None:
    (due,) = await claims(wanted, LONG)
    async with wanted.begin(writes=True) as connection:
        await connection.exec_driver_sql("UPDATE labels SET state = 'asked', offer = '{}'")

    assert not await holds(wanted, due)
    assert [each.state for each in await claims(wanted, LONG)] == [State.ASKED]


async def test_who_takes_up_its_next_state_has_it_as_claimed_once(wanted: Database) -> None:
    (due,) = await claims(wanted, LONG)
    async with wanted.begin(writes=True) as connection:
        await connection.exec_driver_sql("UPDATE labels SET state = 'asked', offer = '{}'")
        await take_up(connection, {due.label_id}, LONG)

    assert await claims(wanted, LONG) == []
    assert await holds(wanted, Due(due.label_id, due.order_id, State.ASKED, 1))


async def test_one_that_is_to_wait_is_due_after_that(wanted: Database) -> None:
    (due,) = await claims(wanted, LONG)
    async with wanted.begin(writes=True) as connection:
        await later(connection, {due.label_id: NOW})

    assert [each.attempts for each in await claims(wanted, LONG)] == [2]


async def test_only_rates_that_no_carrier_answered_are_counted_as_that(wanted: Database) -> None:
    (killed,) = await claims(wanted, NOW)
    (asked,) = await claims(wanted, NOW)
    async with wanted.begin(writes=True) as connection:
        await unanswered(connection, [asked.label_id])

    assert [killed.unanswered, asked.unanswered] == [0, 0]
    assert [(each.attempts, each.unanswered) for each in await claims(wanted, LONG)] == [(3, 1)]


def test_a_lease_that_a_call_may_outlive_is_refused() -> None:
    account = SimulatedAccount(
        kind="simulated", url="http://127.0.0.1:1", api_key=str(uuid4()), deadline_s=10, settles_s=15
    )
    known = {"database_url": "postgresql+asyncpg://a@b/c", "token": "t", "port": 1, "carriers": {"simulated": account}}

    with pytest.raises(ValidationError, match="35 at least"):
        Settings(**known, lease_s=34)
    assert Settings(**known, lease_s=35).lease_s == 35
