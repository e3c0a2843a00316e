"""Tries early events again, ages those whose topic has been read to its end, and counts what stands still."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final
from uuid import UUID

from sqlalchemy import func, select, text

from waybill_chassis import logging
from waybill_chassis.consumer import Consumer
from waybill_chassis.database import Database
from waybill_chassis.delivery import streams, waiters
from waybill_chassis.metrics import Metrics
from waybill_chassis.reading import Events, Tables
from waybill_chassis.relay import Relay
from waybill_chassis.transaction import OrderParked

EVERY_S: Final = 2.0
CHUNK: Final = 200
_log = logging.get(__name__)


class Sweep:
    """A service's housekeeping. `consumers` read the topics that early events wait for."""

    def __init__(
        self,
        database: Database,
        metrics: Metrics,
        relay: Relay,
        *,
        tables: Tables[Any] | None = None,
        events: Events[Any] | None = None,
        consumers: Sequence[Consumer] = (),
    ) -> None:
        self.database, self.metrics, self.relay = database, metrics, relay
        self.tables, self.events, self.consumers = tables, events, consumers
        self.stopping = asyncio.Event()
        self.passed = 0
        """The id of the last waiter whose subject was tried; the next round begins after it."""

    async def run(self) -> None:
        """Sweep until stopped."""
        while not self.stopping.is_set():
            try:
                await self.once()
            except Exception as error:  # noqa: BLE001  # the next round tries again
                _log.warning("sweep.tries_again", error=f"{type(error).__name__}: {error}"[:300])
            with suppress(TimeoutError):
                await asyncio.wait_for(self.stopping.wait(), EVERY_S)

    async def once(self) -> None:
        """One round."""
        await self._count()
        for consumer in self.consumers:
            await consumer.look()
        if self.relay.changed or any(consumer.changed for consumer in self.consumers):
            return
        if self.tables is not None:
            await self.tables.newer_versions()
        if self.events is None:
            return
        await self.events.newer_versions()
        for subject in await self._early():
            try:
                await self.events.on_early(subject)
            except OrderParked:
                _log.info("sweep.parked_meanwhile", subject=str(subject))
            except Exception:  # noqa: BLE001  # one that fails must not keep the others waiting
                _log.exception("sweep.retry_failed", subject=str(subject))
        await self._age()

    async def _early(self) -> Sequence[UUID]:
        """Some subjects with waiters, a round robin over all of them."""
        async with self.database.begin() as connection:
            last = func.max(waiters.c.id).label("last")
            rows = (
                await connection.execute(
                    select(waiters.c.subject, last)
                    .join(streams, streams.c.subject == waiters.c.subject)
                    .where(~streams.c.parked)
                    .group_by(waiters.c.subject)
                    .having(last > self.passed)
                    .order_by(last)
                    .limit(CHUNK)
                )
            ).all()
        self.passed = rows[-1].last if len(rows) == CHUNK else 0
        return [row.subject for row in rows]

    async def _age(self) -> None:
        """Let those grow older whose awaited topic has been read to its end: for a gap, their own."""
        async with self.database.begin() as connection:
            waiting = await connection.execute(select(func.coalesce(waiters.c.needs, waiters.c.topic)).distinct())
            needed = set(waiting.scalars())
        read = {
            topic
            for consumer in self.consumers
            if needed & set(consumer.topics) and await consumer.caught_up()
            for topic in consumer.topics
        }
        if needed:
            async with self.database.begin(writes=True) as connection:
                # Several processes sweep one database: each adds what has passed since the last of them did.
                await connection.execute(
                    text("""
                        UPDATE waiters SET aged_at = now(), waited_s = waited_s + CASE
                            WHEN coalesce(needs, topic) = ANY(:read)
                            THEN least(extract(epoch FROM now() - aged_at), :most) ELSE 0 END
                    """),
                    {"read": sorted(read), "most": 5 * EVERY_S},
                )

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
        self.relay.backlog = row.outbox
        self.metrics.outbox.set(row.outbox)
        self.metrics.outbox_age.set(float(row.age))
        self.metrics.parked.set(row.parked)
        self.metrics.waiters.set(row.waiters)
        self.metrics.dead_letters.set(row.dead_letters)
