"""Programs that may call the API, each by a token of its own that does what it was given to do."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, Field
from sqlalchemy.exc import IntegrityError

from waybill_chassis.database import Database
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_portal import store
from waybill_portal.api.people import Named
from waybill_portal.api.viewing import Who, answered, digest, new_secret
from waybill_portal.domain import grants
from waybill_portal.domain.grants import Token
from waybill_portal.domain.people import Scope, Viewer


class NewToken(BaseModel):
    """A program that is to be let in."""

    model_config = example(name="Warehouse screen", scopes=["read"])

    name: Named
    scopes: Annotated[frozenset[Scope], Field(min_length=1)]
    brand_id: UUID | None = None
    """None: the brand of who asks; an operator's: all of them."""


class Made(BaseModel):
    """A program that was let in."""

    token: Token
    secret: str
    """What is sent as `Authorization: Bearer …`: told once, when it is made. If that answer was lost, make another."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """What managers and operators do about programs; which they see, the database says."""

    database: Database

    async def every(self, viewer: Viewer) -> list[Token]:
        """Programs of the brand that is looked at, or all, the newest first."""
        async with self.database.begin(viewer.brand) as connection:
            return [*await store.people.every_token(connection)]

    async def put(self, viewer: Viewer, token_id: UUID, wanted: NewToken) -> Made:
        """Let a program in; its secret is told this once. Raises Problem 403, 409 and 422."""
        with answered():
            brand_id, scopes = grants.token_of(viewer, wanted.scopes, wanted.brand_id)
        token = Token(token_id, wanted.name, brand_id, scopes, viewer.actor, datetime.now(UTC))
        secret = new_secret()
        try:
            async with self.database.begin() as connection:
                await store.people.put_token(connection, token, digest(secret))
        except IntegrityError as error:
            raise Problem(
                409,
                "id-taken",
                f"There is a token {token_id} already, and its secret is told once. Revoke it and make another.",
            ) from error
        return Made(token=token, secret=secret)

    async def revoke(self, viewer: Viewer, token_id: UUID) -> None:
        """Let a program in no more, at once; raises Problem 404."""
        async with self.database.begin(viewer.brand) as connection:
            if not await store.people.revoke_token(connection, token_id):
                raise Problem(404, "unknown-token", f"There is no token {token_id} here.")


def routes(who: Who, tokens: Tokens) -> APIRouter:
    """Tokens."""
    router = api_router("/api/v1")

    @router.get("/tokens")
    async def every_token(viewer: Annotated[Viewer, Depends(who.manages)]) -> list[Token]:
        """Programs that may call, and those that might once."""
        return await tokens.every(viewer)

    @router.put("/tokens/{token_id}", status_code=201)
    async def put_token(token_id: UUID, wanted: NewToken, viewer: Annotated[Viewer, Depends(who.manages)]) -> Made:
        """Let a program in. Its secret is told this once."""
        return await tokens.put(viewer, token_id, wanted)

    @router.delete("/tokens/{token_id}", status_code=204, response_class=Response)
    async def revoke(token_id: UUID, viewer: Annotated[Viewer, Depends(who.manages)]) -> None:
        """Let a program in no more; it works at once."""
        await tokens.revoke(viewer, token_id)

    return router
