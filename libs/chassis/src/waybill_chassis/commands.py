"""Commands: who calls, on behalf of which brand, with which key, and the answer that the same key gets again."""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, Final
from uuid import UUID, uuid4

from fastapi import Header, Request
from fastapi.responses import JSONResponse
from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.delivery import idempotency
from waybill_chassis.problems import Problem
from waybill_events import Envelope, ids

KEY: Final = r"^[!-~]+$"
"""What an Idempotency-Key may be: printable ASCII, without spaces."""


@dataclass(frozen=True, slots=True)
class Call:
    """One command as it came in. `brand` None stands for the marketplace's operator, who may see all."""

    caller: str
    actor: str
    brand: UUID | None
    route: str
    key: str | None
    body_hash: bytes
    at: datetime

    def cause(self, subject: UUID) -> Envelope:
        """What the events of this command name as their cause."""
        id_ = None if self.key is None else ids.command_id(self.caller, self.route, self.key)
        return cause(subject, actor=self.actor, source=f"command/{self.route}", at=self.at, id_=id_)

    async def earlier_answer(self, connection: AsyncConnection) -> JSONResponse | None:
        """What this key was answered before; raises Problem 422 when it came with another body.

        `Begin.on` calls it once the subject is locked: two commands of one key then follow each other.
        """
        if self.key is None:
            return None
        row = (
            await connection.execute(
                select(idempotency).where(
                    idempotency.c.caller == self.caller,
                    idempotency.c.route == self.route,
                    idempotency.c.key == self.key,
                )
            )
        ).one_or_none()
        if row is None:
            return None
        if row.body_hash != self.body_hash:
            raise Problem(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key came before with another body. Make a new key for a new command.",
            )
        return JSONResponse(row.answer, row.status, headers={"Idempotency-Replayed": "true"})

    async def answer(self, connection: AsyncConnection, status: int, body: Any) -> JSONResponse:
        """Answer, and keep the answer under the key, in the command's transaction."""
        if self.key is not None:
            await connection.execute(
                insert(idempotency).values(
                    caller=self.caller,
                    route=self.route,
                    key=self.key,
                    body_hash=self.body_hash,
                    status=status,
                    answer=body,
                )
            )
        return JSONResponse(body, status)


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
        waybill_actor: Annotated[str, Header(max_length=200, pattern=r"^[\w:.@ -]+$")] = "token:service",
    ) -> Call:
        given = authorization.removeprefix("Bearer ").encode()
        if not secrets.compare_digest(given, token.encode()):
            raise Problem(
                401,
                "unauthorized",
                "Send the service's token as `Authorization: Bearer …`.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        return Call(
            # Whoever acts for another brand, or is another person, has keys of its own.
            caller=f"{waybill_actor}|{waybill_brand or 'all'}",
            actor=waybill_actor,
            brand=waybill_brand,
            route=f"{request.method} {'/'.join(map(_canonical, request.url.path.split('/')))}",
            key=idempotency_key,
            body_hash=hashlib.sha256(await request.body()).digest(),
            at=datetime.now(UTC),
        )

    return read
