"""Commands: who calls, on behalf of which brand, with which key, and the answer that the same key gets again.

A command decides on the state of one subject. Those that come while a transaction is under way go into the next one
together: each is decided by itself, and either all that it does is written or nothing of it.
"""

import asyncio
import hashlib
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final, Generic, TypeVar
from uuid import UUID, uuid4

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import dump, is_held, is_passing
from waybill_chassis.delivery import idempotency
from waybill_chassis.fold import Caused, Stream
from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin, OrderParked
from waybill_events import Envelope, Event, ids

S = TypeVar("S")
KEY: Final = r"^[!-~]+$"
"""What an Idempotency-Key may be: printable ASCII, without spaces."""
ACTOR: Final = r"^[\w:.@ -]{1,200}$"
"""What may name who acts."""
TOGETHER: Final = 100
"""The most commands of one transaction."""
LANES: Final = 2
"""Transactions under way at a time: one that waits for a lock should not hold up everybody."""


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it came in. `brand` None stands for the marketplace's operator, who may see all.

    `id` is what its events name as their cause: the same for the same key.
    """

    id: UUID
    caller: str
    actor: str
    brand: UUID | None
    route: str
    key: str | None
    body_hash: bytes
    at: datetime

    def cause(self, subject: UUID) -> Envelope:
        """What the events of this command name as their cause."""
        return cause(subject, actor=self.actor, source=f"command/{self.route}", at=self.at, id_=self.id)


@dataclass(frozen=True, slots=True)
class Done(Generic[S]):
    """What a command comes to: its subject's state afterwards, the events that say so, and the caller's answer."""

    state: S
    events: Sequence[Event]
    status: int
    body: Any


Decide = Callable[[S | None], Done[S]]
"""state, or None where it is not known or another brand's -> what the command comes to; raises Problem. It is pure."""


@dataclass(frozen=True, slots=True)
class _Command(Generic[S]):
    subject: UUID
    call: Call
    decide: Decide[S]
    answered: asyncio.Future[JSONResponse]


class Commands(Generic[S]):
    """Runs the commands of one service on subjects that events have made known to it."""

    def __init__(self, begin: Begin[S]) -> None:
        self.begin = begin
        self.waiting: list[_Command[S]] = []
        self.busy: set[UUID] = set()
        """Subjects of the transactions under way."""
        self.lanes: set[asyncio.Task[None] | None] = set()

    async def run(self, subject: UUID, call: Call, decide: Decide[S]) -> JSONResponse:
        """Decide on a subject, once for each key; raises OrderParked, and what `decide` or the database says."""
        command = _Command(subject, call, decide, asyncio.get_running_loop().create_future())
        self.waiting.append(command)
        if len(self.lanes) < LANES:
            lane = asyncio.create_task(self._work())
            self.lanes.add(lane)
        return await command.answered

    async def _work(self) -> None:
        lane = asyncio.current_task()
        try:
            while some := self._next():
                subjects = {command.subject for command in some}
                self.busy |= subjects
                try:
                    await self._answer(some)
                finally:
                    self.busy -= subjects
        finally:
            # At once, before anybody who was answered here asks for the next command.
            self.lanes.discard(lane)

    def _next(self) -> list[_Command[S]]:
        """The longest waiting one, and others of its brand; of each subject one, which the next one must see."""
        some: dict[UUID, _Command[S]] = {}
        rest: list[_Command[S]] = []
        for command in self.waiting:
            brands = {each.call.brand for each in some.values()} or {command.call.brand}
            free = command.subject not in self.busy and command.subject not in some
            if free and len(some) < TOGETHER and command.call.brand in brands:
                some[command.subject] = command
            else:
                rest.append(command)
        self.waiting = rest
        return list(some.values())

    async def _answer(self, some: Sequence[_Command[S]]) -> None:
        try:
            answers = await self._write(some)
        except Exception as error:  # noqa: BLE001  # whatever it was, nothing was written, and each caller is told
            if len(some) > 1 and (is_held(error) or not is_passing(error)):
                for command in some:
                    await self._answer([command])
                return
            answers = [error] * len(some)
        for command, answer in zip(some, answers, strict=True):
            if command.answered.done():
                # Its caller has gone.
                continue
            if isinstance(answer, Exception):
                command.answered.set_exception(answer)
            else:
                command.answered.set_result(answer)

    async def _write(self, some: Sequence[_Command[S]]) -> list[JSONResponse | Exception]:
        """One transaction for all of them, and the answer of each."""
        async with self.begin.on_known([command.subject for command in some], some[0].call.brand) as tx:
            earlier = await _earlier(tx.connection, [command.call for command in some])
            states = await tx.load(tx.streams)
            answers: list[JSONResponse | Exception] = []
            done: list[tuple[_Command[S], Done[S]]] = []
            for command in some:
                try:
                    answer = _again(earlier.get(_key(command.call)), command.call)
                    if answer is None:
                        decided = _decided(command, tx.streams.get(command.subject), states.get(command.subject))
                        answer = JSONResponse(decided.body, decided.status)
                        done.append((command, decided))
                except Exception as error:  # noqa: BLE001  # its caller is told; the others are not concerned
                    answers.append(error)
                else:
                    answers.append(answer)
            await tx.save({command.subject: decided.state for command, decided in done})
            await tx.publish(
                [
                    Caused(event, cause)
                    for command, decided in done
                    for cause in [command.call.cause(command.subject)]
                    for event in decided.events
                ]
            )
            await _keep(tx.connection, [(command.call, decided.status, decided.body) for command, decided in done])
        return answers


def _decided(command: _Command[S], stream: Stream | None, state: S | None) -> Done[S]:
    if stream is not None and stream.parked:
        raise OrderParked(command.subject)
    done = command.decide(state)
    if stream is None:
        raise LookupError(f"{command.subject} is not known here; an event must make it so")
    return done


def _key(call: Call) -> tuple[str, str, str | None]:
    return call.caller, call.route, call.key


async def _earlier(connection: AsyncConnection, calls: Sequence[Call]) -> dict[tuple[str, str, str | None], Any]:
    """What their keys were answered before, once the subjects are locked: commands of one key follow each other."""
    keyed = [call for call in calls if call.key is not None]
    if not keyed:
        return {}
    rows = await connection.execute(
        text("""
            SELECT idempotency.* FROM idempotency JOIN unnest(
                CAST(:callers AS text[]), CAST(:routes AS text[]), CAST(:keys AS text[])
            ) AS these(caller, route, key) USING (caller, route, key)
        """).columns(*idempotency.columns),
        {
            "callers": [call.caller for call in keyed],
            "routes": [call.route for call in keyed],
            "keys": [call.key for call in keyed],
        },
    )
    return {(row.caller, row.route, row.key): row for row in rows}


def _again(row: Any, call: Call) -> JSONResponse | None:
    """The earlier answer; raises Problem 422 where the key came with another body."""
    if row is None:
        return None
    if row.body_hash != call.body_hash:
        raise Problem(
            422,
            "idempotency-key-reused",
            "This Idempotency-Key came before with another body. Make a new key for a new command.",
        )
    return JSONResponse(row.answer, row.status, headers={"Idempotency-Replayed": "true"})


async def once(
    connection: AsyncConnection, call: Call, status: int, work: Callable[[], Awaitable[Any]]
) -> JSONResponse:
    """A command on what is no subject: `work` gives its answer, once for each key; raises what `work` raises.

    Whatever it is about must be locked already: commands of one key follow each other.
    """
    answer = _again((await _earlier(connection, [call])).get(_key(call)), call)
    if answer is not None:
        return answer
    body = await work()
    await _keep(connection, [(call, status, body)])
    return JSONResponse(body, status)


async def _keep(connection: AsyncConnection, done: Sequence[tuple[Call, int, Any]]) -> None:
    """Keep the answers under their keys: the call, its status, its body."""
    keyed = [each for each in done if each[0].key is not None]
    if not keyed:
        return
    await connection.execute(
        text("""
            INSERT INTO idempotency (caller, route, key, body_hash, status, answer)
            SELECT * FROM unnest(
                CAST(:callers AS text[]), CAST(:routes AS text[]), CAST(:keys AS text[]), CAST(:hashes AS bytea[]),
                CAST(:statuses AS smallint[]), CAST(:answers AS json[])
            )
        """),
        {
            "callers": [call.caller for call, _, _ in keyed],
            "routes": [call.route for call, _, _ in keyed],
            "keys": [call.key for call, _, _ in keyed],
            "hashes": [call.body_hash for call, _, _ in keyed],
            "statuses": [status for _, status, _ in keyed],
            "answers": [dump(body) for _, _, body in keyed],
        },
    )


def cause(subject: UUID, *, actor: str, source: str, at: datetime, id_: UUID | None = None) -> Envelope:
    """What events name as their cause where it is no event: a command, or a webhook. Without an id it gets its own."""
    id_ = id_ or uuid4()
    kind = source.partition("/")[0]
    return Envelope(id=id_, source=source, type=kind, time=at, subject=subject, actor=actor, causation_id=id_)


def _canonical(part: str) -> str:
    """An id is the same however it is spelled."""
    try:
        return str(UUID(part))
    except ValueError:
        return part


def caller(token: str) -> Callable[..., Awaitable[Call]]:
    """A dependency that lets in whoever has `token`, and reads the call."""

    async def read(
        request: Request,
        authorization: Annotated[str, Header()] = "",
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
        waybill_brand: Annotated[UUID | None, Header()] = None,
        waybill_actor: Annotated[str, Header(pattern=ACTOR)] = "token:service",
    ) -> Call:
        given = authorization.removeprefix("Bearer ").encode()
        if not secrets.compare_digest(given, token.encode()):
            raise Problem(
                401,
                "unauthorized",
                "Send the service's token as `Authorization: Bearer …`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        # Whoever acts for another brand, or is another person, has keys of its own.
        who = f"{waybill_actor}|{waybill_brand or 'all'}"
        route = f"{request.method} {'/'.join(map(_canonical, request.url.path.split('/')))}"
        return Call(
            id=uuid4() if idempotency_key is None else ids.command_id(who, route, idempotency_key),
            caller=who,
            actor=waybill_actor,
            brand=waybill_brand,
            route=route,
            key=idempotency_key,
            body_hash=hashlib.sha256(await request.body()).digest(),
            at=datetime.now(UTC),
        )

    return read
