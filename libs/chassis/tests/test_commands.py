"""Commands that share a transaction, on a real database."""

import asyncio
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis import commands
from waybill_chassis.commands import Call, Commands, Decide, Done
from waybill_chassis.database import Database
from waybill_chassis.delivery import VERSION_1, VERSION_2
from waybill_chassis.problems import Problem
from waybill_chassis.relay import Wake
from waybill_chassis.transaction import Begin, OrderParked
from waybill_events import ids

MOST = 1000
"""The database refuses more than this; the commands do not know of it."""


class Sums:
    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, int]:
        rows = await connection.execute(text("SELECT * FROM sums WHERE subject = ANY(:s)"), {"s": list(subjects)})
        return {row.subject: row.sum for row in rows}

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, int]) -> None:
        for subject, total in states.items():
            await connection.execute(
                text("UPDATE sums SET sum = :sum WHERE subject = :s"), {"s": subject, "sum": total}
            )


class Shop:
    """A service with nothing but commands; `sums` are its subjects, made as events would have made them."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.commands = Commands(Begin(database, Sums(), source="waybill/test", handles=(), wake=Wake()))

    async def make(self, count: int) -> list[UUID]:
        subjects = [uuid4() for _ in range(count)]
        async with self.database.engine.begin() as connection:
            for statement in (
                *VERSION_1,
                *VERSION_2,
                f"CREATE TABLE sums (subject uuid PRIMARY KEY, sum int NOT NULL CHECK (sum <= {MOST}))",
            ):
                await connection.execute(text(statement))
            for statement in ("INSERT INTO streams VALUES (:s)", "INSERT INTO sums VALUES (:s, 0)"):
                await connection.execute(text(statement), [{"s": subject} for subject in subjects])
        return subjects

    async def add(self, subject: UUID, units: int, key: str | None = None, brand: UUID | None = None) -> JSONResponse:
        route = f"POST /sums/{subject}"
        id_ = uuid4() if key is None else ids.command_id("test", route, key)
        call = Call(id_, "test", "person:test", brand, route, key, bytes([units % 256]), datetime.now(UTC))
        return await self.commands.run(subject, call, adding(units))

    async def all(self, statement: str) -> list[Any]:
        async with self.database.begin() as connection:
            return list((await connection.execute(text(statement))).all())

    async def sums(self) -> dict[UUID, int]:
        return {row.subject: row.sum for row in await self.all("SELECT * FROM sums")}


def adding(units: int) -> Decide[int]:
    def decide(total: int | None) -> Done[int]:
        if total is None:
            raise Problem(404, "unknown", "nobody told of it")
        if units == 13:
            raise Problem(409, "thirteen", "not thirteen")
        if units == 14:
            raise RuntimeError("a fault of ours")
        return Done(total + units, [], 201, {"sum": total + units, "a": 1})

    return decide


@pytest.fixture
def shop(database: Database) -> Shop:
    return Shop(database)


async def test_commands_that_come_together_are_written_together(shop: Shop) -> None:
    subjects = await shop.make(20)

    answers = await asyncio.gather(*(shop.add(subject, 5) for subject in subjects))

    assert [answer.status_code for answer in answers] == [201] * 20
    assert await shop.sums() == dict.fromkeys(subjects, 5)
    assert len({row.xmin for row in await shop.all("SELECT xmin::text FROM sums")}) <= 2


async def test_a_command_that_is_refused_or_fails_does_not_concern_the_others(shop: Shop) -> None:
    subjects = await shop.make(6)
    unknown = uuid4()

    answers = await asyncio.gather(
        *(shop.add(subject, units) for subject, units in zip(subjects, (1, 13, 14, 2000, 2, 3), strict=True)),
        shop.add(unknown, 1),
        return_exceptions=True,
    )

    kinds = [type(answer) for answer in answers]
    assert kinds == [JSONResponse, Problem, RuntimeError, IntegrityError, JSONResponse, JSONResponse, Problem]
    assert [(await shop.sums())[subject] for subject in subjects] == [1, 0, 0, 0, 2, 3]
    assert unknown not in {row.subject for row in await shop.all("SELECT subject FROM streams")}


async def test_commands_on_one_subject_see_each_other(shop: Shop) -> None:
    (subject,) = await shop.make(1)

    answers = await asyncio.gather(*(shop.add(subject, 2) for _ in range(10)))

    assert sorted(answer.body for answer in answers) == sorted(b'{"sum":%d,"a":1}' % n for n in range(2, 22, 2))
    assert await shop.sums() == {subject: 20}


async def test_one_key_is_done_once_and_with_another_body_refused(shop: Shop) -> None:
    subject, other = await shop.make(2)

    first, again, changed, elsewhere = await asyncio.gather(
        shop.add(subject, 2, "k"),
        shop.add(subject, 2, "k"),
        shop.add(subject, 3, "k"),
        shop.add(other, 4, "k"),
        return_exceptions=True,
    )

    assert isinstance(first, JSONResponse)
    assert isinstance(again, JSONResponse)
    assert first.body == again.body
    assert ("idempotency-replayed" in first.headers, again.headers["idempotency-replayed"]) == (False, "true")
    assert isinstance(changed, Problem)
    assert changed.code == "idempotency-key-reused"
    assert isinstance(elsewhere, JSONResponse)
    assert await shop.sums() == {subject: 2, other: 4}


async def test_a_parked_subject_is_refused_and_what_was_answered_before_is_not(shop: Shop) -> None:
    subject, other = await shop.make(2)
    before = await shop.add(subject, 2, "k")
    async with shop.database.begin() as connection:
        await connection.execute(text("UPDATE streams SET parked = true WHERE subject = :s"), {"s": subject})

    again, new, another = await asyncio.gather(
        shop.add(subject, 2, "k"), shop.add(subject, 2), shop.add(other, 2), return_exceptions=True
    )

    assert isinstance(again, JSONResponse)
    assert again.body == before.body
    assert isinstance(new, OrderParked)
    assert isinstance(another, JSONResponse)


async def test_whoever_waits_for_a_lock_does_not_hold_up_the_others(shop: Shop) -> None:
    locked, *others = await shop.make(9)
    async with shop.database.begin() as connection:
        await connection.execute(text("SELECT 1 FROM streams WHERE subject = :s FOR UPDATE"), {"s": locked})
        waiting = asyncio.create_task(shop.add(locked, 1))
        while locked not in shop.commands.busy:
            await asyncio.sleep(0)
        for subject in others:
            await shop.add(subject, 1)
        assert not waiting.done()
    await waiting

    assert await shop.sums() == dict.fromkeys([locked, *others], 1)


async def test_a_lock_that_is_held_too_long_concerns_one_caller_alone(shop: Shop) -> None:
    locked, *others = await shop.make(5)
    async with shop.database.begin() as connection:
        await connection.execute(text("SELECT 1 FROM streams WHERE subject = :s FOR UPDATE"), {"s": locked})
        answers = await asyncio.gather(*(shop.add(subject, 1) for subject in (locked, *others)), return_exceptions=True)

    assert [type(answer) for answer in answers] == [DBAPIError, *[JSONResponse] * 4]
    assert await shop.sums() == {locked: 0, **dict.fromkeys(others, 1)}


async def test_what_cannot_be_answered_is_not_done(shop: Shop) -> None:
    (subject,) = await shop.make(1)
    call = Call(uuid4(), "test", "person:test", None, f"POST /sums/{subject}", None, b"", datetime.now(UTC))

    with pytest.raises(TypeError):
        await shop.commands.run(subject, call, lambda _: Done(5, [], 201, object()))

    assert await shop.sums() == {subject: 0}


async def test_no_transaction_sees_more_than_one_brand(shop: Shop) -> None:
    subjects = await shop.make(12)
    brands = [UUID(int=1), UUID(int=2)]
    async with shop.database.begin() as connection:
        await connection.execute(text("ALTER TABLE sums ADD COLUMN brand text"))
        await connection.execute(
            text("""
                CREATE FUNCTION seen() RETURNS trigger LANGUAGE plpgsql AS $$
                    BEGIN NEW.brand = current_setting('waybill.brand'); RETURN NEW; END $$
            """)
        )
        await connection.execute(text("CREATE TRIGGER seen BEFORE UPDATE ON sums FOR EACH ROW EXECUTE FUNCTION seen()"))

    await asyncio.gather(*(shop.add(subject, 1, brand=brands[at % 2]) for at, subject in enumerate(subjects)))

    seen = {row.subject: row.brand for row in await shop.all("SELECT subject, brand FROM sums")}
    assert [seen[subject] for subject in subjects] == [str(brands[at % 2]) for at in range(12)]


async def test_no_more_go_together_than_one_transaction_should_hold(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "TOGETHER", 3)
    subjects = await shop.make(10)

    await asyncio.gather(*(shop.add(subject, 1) for subject in subjects))

    sizes = [row.n for row in await shop.all("SELECT count(*) AS n FROM sums GROUP BY xmin::text ORDER BY n")]
    assert sum(sizes) == 10
    assert max(sizes) <= 3


async def test_a_caller_who_has_gone_does_not_hold_up_the_others(shop: Shop) -> None:
    subjects = await shop.make(3)
    gone, *stay = [asyncio.create_task(shop.add(subject, 1)) for subject in subjects]
    await asyncio.sleep(0)
    gone.cancel()

    answers = await asyncio.gather(*stay)

    assert [answer.status_code for answer in answers] == [201, 201]
    with pytest.raises(asyncio.CancelledError):
        await gone
