"""How fast the relay empties an outbox that is full."""

import asyncio
import time
from typing import Final

from sqlalchemy import text

from bench import hop
from bench.events import numbers_added
from bench.load import Log, Timed
from bench.servers import PATIENCE_S, Failed, Servers, opened
from waybill_chassis.database import dump
from waybill_chassis.records import to_text
from waybill_events import ids

_FILL: Final = """
    INSERT INTO outbox (bucket, topic, key, headers, payload)
    SELECT bucket, :topic, key, headers, payload FROM unnest(
        CAST(:buckets AS smallint[]), CAST(:keys AS uuid[]), CAST(:headers AS jsonb[]), CAST(:payloads AS bytea[])
    ) AS rows(bucket, key, headers, payload)
"""


async def measure(servers: Servers, log: Log, count: int) -> Timed:
    """Commit `count` rows at once; from the first record in the log to the last.

    The relay is not woken as by a commit of its own process, so the wait until it looks again is left out.
    """
    events = numbers_added(count)
    async with hop.chassis(servers) as running, opened(running.url) as database:
        async with database.begin() as connection:
            await connection.execute(
                text(_FILL),
                {
                    "topic": hop.TARGET,
                    "buckets": [ids.bucket(key) for key, _, _ in events],
                    "keys": [key for key, _, _ in events],
                    "headers": [dump(to_text(headers)) for _, _, headers in events],
                    "payloads": [payload for _, payload, _ in events],
                },
            )
        end = time.monotonic() + PATIENCE_S
        while not (first := await log.length(hop.TARGET)):
            if time.monotonic() > end:
                raise Failed("the relay has sent nothing")
            await asyncio.sleep(0.005)
        began = time.monotonic()
        ended = await log.reaches(hop.TARGET, count)
        await hop.check_rows(log, running.url, hop.TARGET, count, {"sent": count, "outbox": 0})
    return Timed(count - first, max(ended - began, 1e-9))
