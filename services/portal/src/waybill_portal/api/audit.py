"""What was done: every command that came in, by whom, and what it was answered."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from waybill_chassis.database import Database
from waybill_chassis.routing import api_router
from waybill_portal import store
from waybill_portal.api.viewing import Who
from waybill_portal.domain.people import Viewer


class Command(BaseModel):
    """A command that came in."""

    audit_id: int
    at: datetime
    actor: str
    name: str
    """Whom `actor` names; empty where that is nobody of this brand."""
    brand_id: UUID | None
    method: str
    path: str
    status: int | None
    """What it was answered; null while it is under way, and where the answer was lost."""


class Commands(BaseModel):
    """Some commands, and what to ask for to get those before them."""

    commands: list[Command]
    before: int | None


@dataclass(frozen=True, slots=True)
class Audit:
    """What is on record; which of it somebody sees, the database says."""

    database: Database

    async def commands(self, viewer: Viewer, before: int | None, limit: int) -> Commands:
        """Commands on the brand that is looked at, or all, the newest first."""
        async with self.database.begin(viewer.brand) as connection:
            rows = await store.people.audited(connection, before, limit + 1)
            names = await store.people.names(connection)
        found = [Command.model_validate({**row, "name": names.get(row["actor"], "")}) for row in rows[:limit]]
        return Commands(commands=found, before=found[-1].audit_id if len(rows) > limit else None)

    async def names(self, viewer: Viewer) -> Mapping[str, str]:
        """What people and programs are called, by how they are named as actors."""
        async with self.database.begin(viewer.brand) as connection:
            return await store.people.names(connection)


def routes(who: Who, audit: Audit) -> APIRouter:
    """What is on record."""
    router = api_router("/api/v1")

    @router.get("/audit")
    async def audited(
        viewer: Annotated[Viewer, Depends(who.manages)],
        before: Annotated[int | None, Query(ge=1, le=2**63 - 1)] = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Commands:
        """Commands that came in, the newest first."""
        return await audit.commands(viewer, before, limit)

    return router
