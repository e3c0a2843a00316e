"""Whole order lives: a sale comes in, is split, its order is seen in the portal, shipped by a command, and tracked.

What is in one life: a SaleReceived on `waybill.sales` (or a signed webhook), its split by orders, the new order in
fulfillment, labels and portal, a command to ship over HTTP once the portal shows the order, the carrier's settlement by
tracking, and the portal's row showing where to follow the parcel. The client is this process, on the same machine.
"""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

import aiohttp
import httpx
from sqlalchemy import text

from bench.events import BRAND, COMPANY, CONNECTION, NOON, NUMBER, order, sales
from bench.load import Log
from bench.servers import PATIENCE_S, TOKEN, Failed, Servers, opened, spent
from bench.system import SECRET, System
from waybill_chassis.database import LIVE, Database
from waybill_simulators.shopify import Shop, an_order

CONNECTIONS: Final = 32
SALES: Final = "waybill.sales"
_LOOKED_AT: Final = 2000
_PAUSE_S: Final = 0.05
_CREATED: Final = 201
_LATER: Final = {404, 503}
"""The order has not come there yet; the service is busy."""
_SEEN: Final = "SELECT order_id FROM orders WHERE order_id = ANY(CAST(:ids AS uuid[]))"
_TRACKED: Final = f"{_SEEN} AND state #>> '{{parcels,0,tracked,tracking_url}}' <> ''"
_LINE: Final = {"title": "Organic T-shirt, navy, M", "vendor": "", "sku": "AC-TS-NM", "price": "24.00", "quantity": 2}
_TO: Final = {
    "name": "Ada Marsh",
    "address1": "12 Harbor Lane",
    "city": "Portland",
    "province_code": "ME",
    "zip": "04101",
    "country_code": "US",
}


@dataclass(slots=True)
class Life:
    """When, by the monotonic clock, what was due and what was seen of one order."""

    number: int
    order_id: UUID
    sold: float = 0.0
    """When the sale was due to come in; how late we were to send it counts as the system's time."""
    seen: float = 0.0
    ship: float = 0.0
    """When the command was due."""
    tracked: float = 0.0


@dataclass(frozen=True, slots=True)
class Lived:
    """Lives per second, commands per life that came before their order, and microseconds of CPU for one life."""

    per_s: float
    asked_again: float
    cpu_us: dict[str, float]


@dataclass(slots=True)
class Watch:
    """Looks into the portal's projection for orders that somebody waits for."""

    database: Database
    every_s: float
    unseen: dict[UUID, Life] = field(default_factory=dict[UUID, Life])
    untracked: dict[UUID, Life] = field(default_factory=dict[UUID, Life])
    on_seen: Callable[[Life], None] = lambda _: None
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self) -> None:
        """Look now and again; what is found is seen from the moment of the answer on."""
        while True:
            for life in await self._found(_SEEN, self.unseen):
                life.seen = time.monotonic()
                self.untracked[life.order_id] = life
                self.on_seen(life)
            for life in await self._found(_TRACKED, self.untracked):
                life.tracked = time.monotonic()
                self.changed.set()
            await asyncio.sleep(self.every_s)

    async def _found(self, statement: str, among: dict[UUID, Life]) -> list[Life]:
        if not among:
            return []
        wanted = list(itertools.islice(among, _LOOKED_AT))
        async with self.database.begin() as connection:
            rows = (await connection.execute(text(statement), {"ids": wanted})).scalars().all()
        return [among.pop(id_) for id_ in rows]


class Client:
    """Whoever sells and ships."""

    def __init__(self, whole: System, log: Log, http: aiohttp.ClientSession, shop: Shop) -> None:
        self.log, self.http, self.shop = log, http, shop
        self.owners = itertools.cycle(whole.urls("fulfillment"))
        self.asked_again = 0
        """Commands that came before their order."""

    async def ship(self, life: Life) -> None:
        """Ship all of an order, asking again until it is there; raises Failed when it is refused."""
        body = {"tracking_company": COMPANY, "tracking_number": NUMBER}
        headers = {"Idempotency-Key": str(life.order_id), "Waybill-Brand": str(BRAND), "Waybill-Actor": "token:bench"}
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            url = f"{next(self.owners)}/api/v1/orders/{life.order_id}/shipments"
            async with self.http.post(url, json=body, headers=headers) as answer:
                if answer.status == _CREATED:
                    return
                if answer.status not in _LATER:
                    raise Failed(f"a command to ship was answered {answer.status}: {await answer.text()}")
            self.asked_again += 1
            await asyncio.sleep(_PAUSE_S)
        raise Failed(f"an order could not be shipped within {PATIENCE_S:.0f} s")

    async def tell(self, life: Life) -> None:
        """Tell of a sale by a signed webhook."""
        sold = an_order(life.number, [_LINE], NOON, address=_TO)
        answer = await self.shop.tell(sold, event_id=f"bench-{life.number}")
        if not answer.is_success:
            raise Failed(f"a webhook was answered {answer.status_code}: {answer.text}")


@asynccontextmanager
async def client(whole: System, log: Log) -> AsyncGenerator[Client]:
    """A client of a whole system."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    limits = httpx.Limits(max_connections=CONNECTIONS)
    async with (
        aiohttp.ClientSession(
            headers=headers,
            connector=aiohttp.TCPConnector(limit=CONNECTIONS),
            timeout=aiohttp.ClientTimeout(total=None, sock_read=PATIENCE_S),
        ) as http,
        httpx.AsyncClient(
            base_url=whole.urls("connectors")[0], timeout=PATIENCE_S, limits=limits, trust_env=False
        ) as shop,
    ):
        yield Client(whole, log, http, Shop(shop, CONNECTION, SECRET))


@asynccontextmanager
async def watching(whole: System, every_s: float) -> AsyncGenerator[Watch]:
    """Watch the portal's projection."""
    async with opened(whole.databases["portal"], LIVE) as database:
        watch = Watch(database, every_s)
        task = asyncio.create_task(watch.run())
        try:
            yield watch
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


def lives(first: int, count: int) -> list[Life]:
    """Lives that have not begun."""
    return [Life(number, order(number)) for number in range(first, first + count)]


async def at_once(servers: Servers, whole: System, log: Log, some: Sequence[Life], *, webhooks: bool = False) -> Lived:
    """Live all of them as fast as it goes, from the first sale to the last parcel that can be followed."""
    async with client(whole, log) as who, watching(whole, 0.1) as watch:
        ready: asyncio.Queue[Life] = asyncio.Queue()
        watch.on_seen = ready.put_nowait
        watch.unseen.update((life.order_id, life) for life in some)
        batches = log.packed(sales(some[0].number, len(some)))
        before = {**servers.cpu_s(whole.replicas), "client": time.process_time()}
        began = time.monotonic()
        remaining = iter(some)

        async def sell() -> None:
            for life in remaining:
                await who.tell(life)

        async def ship() -> None:
            while True:
                await who.ship(await ready.get())

        sellers = [sell() for _ in range(CONNECTIONS // 2)] if webhooks else [log.put(SALES, batches)]
        await _until_all_tracked(some, [*sellers], [ship() for _ in range(CONNECTIONS)], watch)
        after = {**servers.cpu_s(whole.replicas), "client": time.process_time()}
        seconds = max(life.tracked for life in some) - began
        return Lived(len(some) / seconds, who.asked_again / len(some), spent(before, after, len(some)))


async def _until_all_tracked(
    some: Sequence[Life], ending: Iterable[Awaitable[Any]], endless: Iterable[Awaitable[Any]], watch: Watch
) -> None:
    """Run both until every life is tracked; a failure of any ends all."""
    tasks = [asyncio.ensure_future(each) for each in (*ending, *endless)]
    found, end = -1, 0.0
    try:
        while (now := sum(life.tracked > 0 for life in some)) < len(some):
            for task in tasks:
                if task.done():
                    task.result()
            if now > found:
                found, end = now, time.monotonic() + PATIENCE_S
            if time.monotonic() > end:
                raise Failed(f"{found} of {len(some)} lives have ended, and no more for {PATIENCE_S:.0f} s")
            watch.changed.clear()
            with suppress(TimeoutError):
                await asyncio.wait_for(watch.changed.wait(), 1.0)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def on_time(whole: System, log: Log, some: Sequence[Life], per_s: float, ship_after_s: float) -> None:
    """Live them on a timetable: sales `per_s`, each shipped `ship_after_s` later, however long others take.

    Times count from when something was due, so a client or a system that falls behind hides nothing.
    """
    async with client(whole, log) as who, watching(whole, 0.01) as watch:
        began = time.monotonic() + 0.1
        for at, life in enumerate(some):
            life.sold = began + at / per_s
            life.ship = life.sold + ship_after_s
        messages = list(zip(some, sales(some[0].number, len(some)), strict=True))
        shipping: set[asyncio.Task[None]] = set()

        async def sell() -> None:
            for life, message in messages:
                await asyncio.sleep(life.sold - time.monotonic())
                watch.unseen[life.order_id] = life
                await log.send(SALES, message)

        async def ship() -> None:
            for life in some:
                await asyncio.sleep(life.ship - time.monotonic())
                shipping.add(asyncio.create_task(who.ship(life)))
            await asyncio.gather(*shipping)

        await _until_all_tracked(some, [sell(), ship()], [], watch)
