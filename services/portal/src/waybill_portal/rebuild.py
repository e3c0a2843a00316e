"""`waybill-portal-rebuild`: builds a generation of the projection from the log, and points to it.

It has neither an outbox it could write to nor a client that could call anybody; `waybill projection rebuild portal`
plans the generation, starts this, and shows what it tells: JSON, one object a line.
"""

import asyncio
import json
import os
import sys
from dataclasses import asdict
from typing import Annotated, Any

from pydantic import Field, PostgresDsn, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from waybill_chassis import logging
from waybill_chassis.database import Database
from waybill_chassis.generations import Plan
from waybill_chassis.reading import Events, Tables
from waybill_chassis.rebuild import CHUNK, Comparison, NotLevel, Readers, Rebuild, build, point
from waybill_chassis.relay import Wake
from waybill_chassis.transaction import Begin
from waybill_portal import handlers, store


class Settings(BaseSettings):
    """What a rebuild reads from its environment (`WAYBILL_…`)."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_", extra="ignore", frozen=True)

    database_url: Annotated[PostgresDsn, Field(description="a role that may write to the planned generation alone")]
    kafka: str = "127.0.0.1:9092"
    plan: Plan
    accept: bool = False
    """Point to the new generation even where its rows are others than the live ones."""
    processes: Annotated[int, Field(ge=1, le=12)] = min(12, os.cpu_count() or 1)
    patience_s: Annotated[float, Field(gt=0)] = 60.0
    """How long live reading may take to come to where the new generation stands."""
    chunk_records: Annotated[int, Field(ge=1, description="about how many one transaction takes in")] = CHUNK


def readers(database: Database) -> Readers:
    """The portal's own way to take things in, over one generation."""
    begin = Begin(
        database, store.orders.Orders(), source="waybill/portal", handles=handlers.HANDLES, wake=Wake(), alone=True
    )
    return Readers(
        Tables(begin, store.orders.put_recipients),
        handlers.TABLE_TOPICS,
        Events(begin, handlers.take),
        handlers.EVENT_TOPICS,
    )


async def run(settings: Settings) -> int:
    """Build and point; 0 when that was done, 1 when a difference keeps the live generation where it is."""
    rebuild = Rebuild(
        str(settings.database_url),
        settings.kafka,
        settings.plan,
        readers,
        store.orders.compare,
        settings.chunk_records,
        settings.patience_s,
    )
    effort = await build(rebuild, settings.processes, lambda done, of: _tell(done=done, of=of))
    found, pointed = await point(rebuild, accept=settings.accept)
    _tell(**_compared(found), pointed=pointed, generation=settings.plan.name, read=asdict(effort))
    return 0 if pointed else 1


def main() -> None:
    """Read the environment and run."""
    try:
        settings = Settings()  # pyright: ignore[reportCallIssue]  # its fields come from the environment
    except ValidationError as error:
        sys.exit(f"portal-rebuild cannot start, correct its environment: {error}")
    logging.configure("portal-rebuild", "warning")
    try:
        sys.exit(asyncio.run(run(settings)))
    except NotLevel as error:
        sys.exit(f"{settings.plan.name} is built and not pointed to: {error}")


def _compared(found: Comparison) -> dict[str, Any]:
    told = asdict(found)
    del told["later"]
    return told


def _tell(**what: Any) -> None:
    print(json.dumps(what), flush=True)  # noqa: T201  # this is what it is for
