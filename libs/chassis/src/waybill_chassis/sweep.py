"""Tries early events again, ages those whose topic has been read to its end, and counts what stands still."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final
from uuid import UUID

from aiokafka.errors import KafkaError
from sqlalchemy import func, select, text, update
from sqlalchemy.exc import SQLAlchemyError

from waybill_chassis import logging
from waybill_chassis.consumer import Consumer
from waybill_chassis.database import Database
from waybill_chassis.delivery import streams, waiters
from waybill_chassis.metrics import Metrics

EVERY_S: Final = 2.0
CHUNK: Final = 200
_log = logging.get(__name__)

Retry = Callable[[UUID], Awaitable[None]]
"""Try the waiters of a subject again."""


class Sweep:
    """A service's housekeeping."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        *,
        retry: Retry | None = None,
        consumer: Consumer | None = None,
    ) -> None:
        self.database, self.metrics, self.retry, self.consumer = database, metrics, retry, consumer
        self.stopping = asyncio.Event()

    async def run(self) -> None:
        """Sweep until stopped."""
        while not self.stopping.is_set():
            try:
                await self.once()
            except (SQLAlchemyError, KafkaError, OSError, TimeoutError) as error:
                _log.warning("sweep.tries_again", error=f"{type(error).__name__}: {error}"[:300])
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), EVERY_S)

    async def once(self) -> None:
        """One round."""
        await self._count()
        if self.retry is None or self.consumer is None:
            return
        if early := await self._early():
            if await self.consumer.caught_up():
                async with self.database.begin() as connection:
                    await connection.execute(update(waiters).values(waited_s=waiters.c.waited_s + EVERY_S))
            for subject in early:
                await self.retry(subject)

    async def _early(self) -> Sequence[UUID]:
        async with self.database.begin() as connection:
            rows = await connection.execute(
                select(waiters.c.subject)
                .join(streams, streams.c.subject == waiters.c.subject)
                .where(~streams.c.parked)
                .group_by(waiters.c.subject)
                .order_by(func.min(waiters.c.id))
                .limit(CHUNK)
            )
            return rows.scalars().all()

    async def _count(self) -> None:
        async with self.database.begin() as connection:
            row = (
                await connection.execute(
                    text("""
                        SELECT (SELECT count(*) FROM outbox) AS outbox,
                               (SELECT coalesce(extract(epoch FROM now() - min(created_at)), 0) FROM outbox) AS age,
                               (SELECT count(*) FROM streams WHERE parked) AS parked,
                               (SELECT count(*) FROM waiters) AS waiters,
                               (SELECT count(*) FROM dead_letters) AS dead_letters
                    """)
                )
            ).one()
        self.metrics.outbox.set(row.outbox)
        self.metrics.outbox_age.set(float(row.age))
        self.metrics.parked.set(row.parked)
        self.metrics.waiters.set(row.waiters)
        self.metrics.dead_letters.set(row.dead_letters)
