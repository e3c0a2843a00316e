"""What an event costs as log and database grow: one hop that goes on and on."""

from dataclasses import dataclass
from typing import Final

from bench import hop
from bench.events import shipments
from bench.load import Log
from bench.servers import Servers, spent

TIMES: Final = 10


@dataclass(frozen=True, slots=True)
class Cost:
    """Microseconds for one event of a part that came after `events` others."""

    events: int
    wall_us: float
    cpu_us: float
    """Of service, database and broker together: others on the machine hardly change it."""


async def measure(servers: Servers, log: Log, part: int) -> list[Cost]:
    """Take TIMES + 1 parts through one hop; the last one meets a log and a database TIMES as large as the second."""
    events = shipments(part * (TIMES + 1))
    costs: list[Cost] = []
    async with hop.chassis(servers) as running:
        for start in range(0, len(events), part):
            batches = log.packed(events[start : start + part])
            before = servers.cpu_s({"service": running.replicas})
            timed = await log.through(hop.SOURCE, batches, hop.TARGET)
            used = spent(before, servers.cpu_s({"service": running.replicas}), part)
            costs.append(Cost(start, timed.seconds / part * 1e6, sum(used.values())))
        await hop.check_chassis(log, running.url, len(events))
    return costs
