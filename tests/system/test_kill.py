"""Every service, then the broker and the database, is killed while sales come in; nothing is lost or comes twice."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from waybill_cli import events
from waybill_cli.home import SERVICES
from waybill_simulators.shopify import Shop, an_order

pytestmark = pytest.mark.timeout(600)
VICTIMS = (*SERVICES, "kafka", "postgres")
SALES = 300
FIRST = 500_000
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
SHIRT = {"title": "Shirt", "vendor": "", "sku": "", "price": "9.00", "quantity": 2}
Until = Callable[..., Awaitable[None]]


class Told:
    """How many sales the shop has got through, and who waits for how many."""

    def __init__(self) -> None:
        self.count = 0
        self.more = asyncio.Condition()

    async def one_more(self) -> None:
        async with self.more:
            self.count += 1
            self.more.notify_all()

    async def reach(self, count: int) -> None:
        async with self.more:
            await self.more.wait_for(lambda: self.count >= count)


async def tell(shop: Shop, numbers: "asyncio.Queue[int]", told: Told) -> None:
    """As Shopify does, send each order again until it is taken."""
    while not numbers.empty():
        number = numbers.get_nowait()
        order = an_order(number, [SHIRT], NOON + timedelta(seconds=number), address=ADDRESS)
        while True:
            try:
                answer = await shop.tell(order, event_id=f"kill-{number}")
            except httpx.TransportError:
                await asyncio.sleep(0.05)
                continue
            if answer.is_success:
                break
            assert answer.status_code == 503, answer.text
            await asyncio.sleep(0.05)
        await told.one_more()


async def test_each_process_killed_while_sales_come_in_loses_nothing(stack: Any, selling: Any, until: Until) -> None:
    numbers: asyncio.Queue[int] = asyncio.Queue()
    for number in range(FIRST, FIRST + SALES):
        numbers.put_nowait(number)
    told = Told()

    async def kill_one_after_the_other() -> None:
        for at, name in enumerate(VICTIMS, start=1):
            await told.reach(at * SALES // (len(VICTIMS) + 2))
            stack.home.processes()[name].kill()
            await stack.run_beside("up", "--no-demo")

    await asyncio.gather(kill_one_after_the_other(), *(tell(selling.shop, numbers, told) for _ in range(4)))

    async def all_there() -> bool:
        return len(await selling.orders()) >= SALES

    await until(all_there, 120)
    references = sorted(order["reference"] for order in await selling.orders())
    assert references == sorted(f"{number}-01" for number in range(FIRST, FIRST + SALES))
    brand = str(selling.brand)
    assert await stack.scalar("orders", "SELECT count(*) FROM orders WHERE brand_id = :b", b=brand) == SALES
    assert await stack.scalar("fulfillment", "SELECT count(*) FROM ledgers WHERE brand_id = :b", b=brand) == SALES
    assert await stack.scalar("labels", "SELECT count(*) FROM slips WHERE brand_id = :b", b=brand) == SALES

    async def quiet() -> bool:
        return not sum([await stack.scalar(name, "SELECT count(*) FROM outbox") for name in SERVICES])

    await until(quiet, 60)
    for name in SERVICES:
        for table in ("quarantine", "dead_letters", "waiters"):
            assert await stack.scalar(name, f"SELECT count(*) FROM {table}") == 0, f"{name}: {table}"
    await no_sequence_has_a_gap(stack)


async def test_without_a_broker_every_service_says_so_and_goes_on_by_itself(
    stack: Any, selling: Any, until: Until
) -> None:
    stack.home.processes()["kafka"].kill()
    taken = await selling.shop.tell(an_order(FIRST - 1, [SHIRT], NOON, address=ADDRESS))
    assert taken.is_success, "a sale is written down even though it cannot be told yet"

    async def all_say_so() -> bool:
        found = await asyncio.to_thread(stack.ready)
        return not any(found[name] for name in SERVICES)

    await until(all_say_so, 60)
    await stack.run_beside("up", "--no-demo")

    async def there() -> bool:
        return [order["reference"] for order in await selling.orders()] == [f"{FIRST - 1}-01"]

    await until(there, 60)


async def no_sequence_has_a_gap(stack: Any) -> None:
    """A number may be in the log twice, since whoever sends may be killed between sending and noting it."""
    sequences: dict[tuple[str, str], dict[int, str]] = defaultdict(dict)
    for seen in await events.newest(stack.home.kafka, events.ALL, None):
        # What has none is of another test of this stack; ours would leave a gap.
        envelope = seen.envelope
        if envelope is not None and envelope.sequence is not None:
            of_stream = sequences[envelope.source, str(envelope.subject)]
            assert of_stream.setdefault(envelope.sequence, str(envelope.id)) == str(envelope.id)
    assert len(sequences) >= 2 * SALES
    for stream, found in sequences.items():
        assert sorted(found) == list(range(1, len(found) + 1)), stream
