"""How each kind of fault of the plan strikes. All heal what they did, also when something else goes wrong meanwhile."""

import asyncio
import random
import re
import signal
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, Final
from uuid import uuid4

import asyncpg

from waybill_chaos import log, workload
from waybill_chaos.judge import REFUSED_ROW
from waybill_chaos.plan import TOPICS, Strike
from waybill_chaos.proxy import Proxy
from waybill_chaos.system import System, kill_all_of, signal_to
from waybill_chaos.workload import Client

Fault = Callable[[System, Client, Strike], Awaitable[str]]
"""Strikes and heals; what more there is to say of it."""


class NotNoticed(Exception):
    """A service did not see what it must see."""


_READY_S: Final = 30.0
_SLOW_S: Final = 90.0
_CAUGHT_S: Final = 5.0
_PARCELS: Final = 60
"""Of the forty newest orders: most of them get one more than once."""
_FETCHED_S: Final = 1.5
"""After which nothing is in hand any more that was fetched before."""
_MORE_S: Final = 15.0


async def kill(system: System, _client: Client, strike: Strike) -> str:
    """Kill -9 and, after a while, a new start; PostgreSQL by its immediate stop."""
    async with system.busy[strike.target]:
        match strike.target:
            case "kafka":
                assert system.broker is not None
                system.broker.process.kill()
                await asyncio.sleep(strike.lasts_s)
                await system.in_thread(system.start_kafka)
            case "postgres":
                assert system.database is not None
                await asyncio.to_thread(system.database.process.stop, patience=10, how=signal.SIGQUIT)
                await asyncio.sleep(strike.lasts_s)
                await system.in_thread(system.start_postgres)
            case _:
                await _restarted(system, strike.target, strike.lasts_s)
    return ""


async def kill_between_send_and_sent(system: System, _client: Client, strike: Strike) -> str:
    """Kill a service whose relay has the broker's ack, and not noted it yet: it is held up at the door of `sent`."""
    async with system.busy[strike.target], system.connection(strike.target) as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("LOCK TABLE sent IN SHARE MODE")
        caught = await _waits_for(connection, "sent")
        system.services[strike.target].kill()
        await _end_backends(connection, strike.target)
        await transaction.rollback()
        await _restarted(system, strike.target, strike.lasts_s)
    return "caught in between" if caught else "nothing was being sent"


async def outbox_rows_held(system: System, client: Client, strike: Strike) -> str:
    """Somebody holds a lock on the oldest event of orders that have more than one to send: none may overtake it."""
    name, dice = strike.target, random.Random(strike.draw)
    async with system.busy[name], system.connection(name) as holding, holding.transaction():
        async with system.connection(name) as door, door.transaction():
            # Until it opens, what is written stays in the outbox.
            await door.execute("LOCK TABLE sent IN SHARE MODE")
            crowd = [asyncio.create_task(workload.ship_at_once(client, dice)) for _ in range(3)]
            end, held = time.monotonic() + strike.lasts_s, list[Any]()
            while not held and time.monotonic() < end:
                await asyncio.sleep(0.1)
                held = await holding.fetch("""
                    SELECT id FROM outbox WHERE id = ANY(
                        SELECT min(id) FROM outbox GROUP BY key HAVING count(*) > 1
                    ) FOR UPDATE SKIP LOCKED
                """)
        await asyncio.sleep(strike.lasts_s)
    await asyncio.gather(*crowd)
    return f"{len(held)} rows"


async def zombie(system: System, _client: Client, strike: Strike) -> str:
    """Stop a process until the group has given its partitions to another one, then let it go on."""
    name = strike.target
    async with system.busy[name]:
        process, port = system.start_replica(name)
        await _ready(system, port)
        says = ""
        try:
            if strike.variant == "in a batch":
                async with system.connection(name) as connection, connection.transaction():
                    await connection.execute("LOCK TABLE offsets IN EXCLUSIVE MODE")
                    caught = await _waits_for(connection, "offsets")
                    signal_to(system.services[name], signal.SIGSTOP)
                says = "caught at the fence" if caught else "it had nothing in hand"
            else:
                signal_to(system.services[name], signal.SIGSTOP)
            await asyncio.sleep(strike.lasts_s)
        finally:
            signal_to(system.services[name], signal.SIGCONT)
        await asyncio.sleep(1)
        await asyncio.to_thread(process.stop, patience=20)
    return says


async def overtaken(system: System, client: Client, strike: Strike) -> str:
    """Stop a process between what it has read of orders and what it writes; another reads on about the same orders.

    The first has nothing but one topic in hand, the other one everything but that.
    """
    name, behind, dice = strike.target, system.kafka_proxies[strike.target].held, random.Random(strike.draw)
    others = set(TOPICS) - {strike.variant}

    def parcels() -> "asyncio.Future[list[None]]":
        return asyncio.gather(*(workload.ship(client, dice) for _ in range(_PARCELS)))

    async with system.busy[name]:
        process, port = system.start_replica(name, proxied=True)
        try:
            await _ready(system, port)
            behind |= others
            # Their numbers are kept back, and come to the other one.
            await parcels()
            await asyncio.sleep(_FETCHED_S)
            async with system.connection(name) as connection, connection.transaction():
                await connection.execute("LOCK TABLE orders IN SHARE MODE")
                more = parcels()
                caught = await _waits_for(connection, "orders", processes=2)
                signal_to(process, signal.SIGSTOP)
                behind.add(strike.variant)
                behind -= others
            await asyncio.sleep(strike.lasts_s)
        finally:
            signal_to(process, signal.SIGCONT)
            await asyncio.sleep(1)
            behind -= {strike.variant, *others}
            await asyncio.to_thread(process.stop, patience=20)
        await more
    return "caught before it wrote" if caught else "it had nothing in hand"


async def rebalance(system: System, _client: Client, strike: Strike) -> str:
    """One more process of a service comes and goes."""
    async with system.busy[strike.target]:
        process, port = system.start_replica(strike.target)
        await _ready(system, port)
        await asyncio.sleep(strike.lasts_s)
        if strike.variant == "killed":
            process.kill()
        else:
            await asyncio.to_thread(process.stop, patience=20)
    return ""


async def clock(system: System, _client: Client, strike: Strike) -> str:
    """A service that starts with a wrong clock, and whose clock is then set right."""
    name = strike.target
    async with system.busy[name]:
        system.services[name].kill()
        system.start_service(name, clock_s=int(strike.variant))
        await _ready(system, system.home.port(name))
        await asyncio.sleep(strike.lasts_s / 2)
        signal_to(system.services[name], signal.SIGUSR1)
        await asyncio.sleep(strike.lasts_s / 2)
        await _restarted(system, name, 0)
    return ""


async def no_leader(system: System, _client: Client, strike: Strike) -> str:
    """The broker stands still: connections stay open, nobody leads."""
    async with system.busy["kafka"]:
        assert system.broker is not None
        signal_to(system.broker.process, signal.SIGSTOP)
        try:
            await asyncio.sleep(strike.lasts_s)
        finally:
            signal_to(system.broker.process, signal.SIGCONT)
    return ""


def _proxy(system: System, strike: Strike) -> Proxy:
    proxies = system.database_proxies if strike.variant == "database" else system.kafka_proxies
    return proxies[strike.target]


async def slow(system: System, _client: Client, strike: Strike) -> str:
    """Everything on a connection takes a tenth of a second and more."""
    proxy, delay = _proxy(system, strike), random.Random(strike.draw).uniform(0.05, 0.3)
    proxy.delay_s = delay
    await asyncio.sleep(strike.lasts_s)
    proxy.delay_s = 0
    return f"{delay:.2f} s each way"


async def cut(system: System, _client: Client, strike: Strike) -> str:
    """Connections end, and none is let in for a while."""
    proxy = _proxy(system, strike)
    proxy.refusing = True
    proxy.cut()
    await asyncio.sleep(strike.lasts_s)
    proxy.refusing = False
    return ""


async def flaky(system: System, _client: Client, strike: Strike) -> str:
    """Connections end again and again, and are made anew each time."""
    proxy, dice = _proxy(system, strike), random.Random(strike.draw)
    end, cuts = time.monotonic() + strike.lasts_s, 0
    while time.monotonic() < end:
        proxy.cut()
        cuts += 1
        await asyncio.sleep(dice.uniform(0.1, 0.8))
    return f"{cuts} times"


async def silent(system: System, _client: Client, strike: Strike) -> str:
    """Connections stay open and nothing comes through, then they end."""
    proxy = _proxy(system, strike)
    proxy.flowing.clear()
    await asyncio.sleep(strike.lasts_s)
    proxy.cut()
    proxy.flowing.set()
    return ""


async def locked(system: System, _client: Client, strike: Strike) -> str:
    """Somebody holds a lock for longer than anybody waits: batches fail with a timeout, and commands are told to wait."""
    async with system.busy[strike.target], _patiently(system, strike.target) as connection, connection.transaction():
        await connection.execute("LOCK TABLE streams IN EXCLUSIVE MODE")
        await asyncio.sleep(strike.lasts_s)
    return ""


async def topic_behind(system: System, _client: Client, strike: Strike) -> str:
    """One topic comes long after the others that the service reads."""
    proxy = system.kafka_proxies[strike.target]
    proxy.held.add(strike.variant)
    await asyncio.sleep(strike.lasts_s)
    proxy.held.discard(strike.variant)
    return ""


async def older_copy_under_a_reader(system: System, client: Client, strike: Strike) -> str:
    """A database that only reads is set back while its service runs: what was read since then must be read again."""
    name, copy = strike.target, f"{strike.target}_earlier"
    async with system.busy["postgres"], system.busy[name]:
        async with _without(system, name) as connection:
            await connection.execute(f"CREATE DATABASE {copy} TEMPLATE {name} OWNER {name}")
        await asyncio.sleep(strike.lasts_s)
        async with _without(system, name) as connection:
            # It has forgotten what it showed since the copy was made.
            client.shown = {}
            await connection.execute(f"ALTER DATABASE {name} RENAME TO {name}_later")
            await connection.execute(f"ALTER DATABASE {copy} RENAME TO {name}")
            await connection.execute(f"DROP DATABASE {name}_later")
    return ""


@asynccontextmanager
async def _without(system: System, name: str) -> AsyncGenerator["asyncpg.Connection[Any]"]:
    """The server, while a service stands still and is not connected to its database."""
    signal_to(system.services[name], signal.SIGSTOP)
    try:
        async with system.connection() as connection:
            await connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT 0")
            await _end_backends(connection, name)
            try:
                yield connection
            finally:
                await connection.execute(f"ALTER DATABASE {name} CONNECTION LIMIT -1")
    finally:
        signal_to(system.services[name], signal.SIGCONT)


async def older_copy_at_start(system: System, _client: Client, strike: Strike) -> str:
    """A service starts on a database older than its log: it must say so and send nothing; then the newest is back."""
    name, topic = strike.target, f"waybill.{strike.target}"
    earlier, later = f"{name}_earlier", f"{name}_later"
    async with system.busy["postgres"], system.busy[name]:
        async with _without(system, name) as connection:
            await connection.execute(f"CREATE DATABASE {earlier} TEMPLATE {name} OWNER {name}")
            async with system.connection(earlier) as copy:
                # What is in its outbox it knows of, and may send twice.
                known = await copy.fetchval("SELECT count(*) FROM outbox") * 2
            then = await log.size(system.kafka, topic) + known
        end = time.monotonic() + strike.lasts_s + _MORE_S
        while await log.size(system.kafka, topic) <= then and time.monotonic() < end:
            await asyncio.sleep(0.5)
        system.services[name].kill()
        async with _without(system, name) as connection:
            await connection.execute(f"ALTER DATABASE {name} RENAME TO {later}")
            await connection.execute(f"ALTER DATABASE {earlier} RENAME TO {name}")
        says = "nothing was sent meanwhile"
        try:
            if (now := await log.size(system.kafka, topic)) > then:
                system.start_service(name)
                says = await _says(system, name, "older than its log")
                if (sent := await log.size(system.kafka, topic) - now) > 0:
                    raise NotNoticed(f"{name} sent {sent} events from a database that is older than its log")
        finally:
            system.services[name].kill()
            async with _without(system, name) as connection:
                await connection.execute(f"DROP DATABASE {name}")
                await connection.execute(f"ALTER DATABASE {later} RENAME TO {name}")
            await _restarted(system, name, 0)
    return says


async def rebuild(system: System, _client: Client, strike: Strike) -> str:
    """An engineer has the projection built anew while everything goes on; killed at some moment, it is run again."""
    arguments = ("projection", "rebuild", strike.target, "--why", "chaos", "--processes", "2")
    if strike.variant == "killed":
        killed = system.start_command(*arguments)
        await asyncio.sleep(strike.lasts_s)
        kill_all_of(killed)
    end, says = time.monotonic() + _SLOW_S, "not pointed to, and it will be gone on with"
    while time.monotonic() < end:
        said = system.home.logs / f"{arguments[0]}.log"
        before = said.stat().st_size if said.exists() else 0
        running = system.start_command(*arguments)
        while running.running() and time.monotonic() < end:
            await asyncio.sleep(0.1)
        words = said.read_text(encoding="utf-8")[before:]
        if found := re.search(r"g\d+ is live", words):
            says = found[0]
            break
        if "The live one stays" in words:
            # Whom the rig has poisoned, or the live one refuses, may stand elsewhere in the new one; that is right.
            says = "rows differ, and the live one stays"
            break
    if running.running():
        kill_all_of(running)
    return says


_BEGINS: Final = "left(NEW.order_id::text, 1) = '{digit}'"
_ROWS: Final = {
    "orders": ("INSERT ON orders", _BEGINS),
    "fulfillment": ("INSERT ON ledgers", _BEGINS),
    "labels": ("INSERT ON slips", _BEGINS),
    "portal": ("INSERT OR UPDATE ON orders", "right(NEW.state->'parcels'->-1->>'tracking_number', 1) = '{digit}'"),
}
"""What each database can be told to refuse: new orders that begin with a digit, or those whose last parcel ends so."""


async def refused_row(system: System, _client: Client, strike: Strike) -> str:
    """The database refuses some rows, as a broken CHECK would, until somebody corrects that: see `correct`."""
    name, digit = strike.target, str(strike.draw % 10)
    if name in system.refusing:
        return "it does already"
    when, condition = _ROWS[name]
    async with system.busy[name], _patiently(system, name) as connection:
        await connection.execute(f"""
            CREATE FUNCTION chaos() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
                IF {condition.format(digit=digit)} THEN
                    RAISE EXCEPTION '{REFUSED_ROW} %', NEW.order_id USING ERRCODE = '23514';
                END IF;
                RETURN NEW;
            END $$;
            CREATE TRIGGER chaos AFTER {when} FOR EACH ROW EXECUTE FUNCTION chaos();
        """)
    system.refusing[name] = digit
    return f"digit {digit}"


async def correct(system: System) -> None:
    """Let the databases take all rows again."""
    for name in system.refusing:
        async with _patiently(system, name) as connection:
            await connection.execute("DROP FUNCTION IF EXISTS chaos() CASCADE")
    system.refusing.clear()


async def repeated(system: System, _client: Client, strike: Strike) -> str:
    """Records of the log come again."""
    copies = await log.copy(system.kafka, strike.target, strike.variant, random.Random(strike.draw))
    return f"{copies} records"


async def poison(system: System, client: Client, strike: Strike) -> str:
    """A record that its readers cannot apply, about a real order: they are told to pass over it afterwards."""
    dice = random.Random(strike.draw)
    subject = uuid4()
    if client.orders and strike.variant not in {"refused", "headers"}:
        order = dice.choice(client.orders[-40:])
        subject = order.sale_id if strike.target == "waybill.sales" else order.order_id
    return await log.poison(system.kafka, strike.target, subject, strike.variant, dice)


FAULTS: Final[dict[str, Fault]] = {
    "kill": kill,
    "kill-between-send-and-sent": kill_between_send_and_sent,
    "outbox-rows-held": outbox_rows_held,
    "zombie": zombie,
    "overtaken": overtaken,
    "rebalance": rebalance,
    "clock": clock,
    "no-leader": no_leader,
    "slow": slow,
    "cut": cut,
    "flaky": flaky,
    "silent": silent,
    "locked": locked,
    "topic-behind": topic_behind,
    "older-copy-under-a-reader": older_copy_under_a_reader,
    "older-copy-at-start": older_copy_at_start,
    "rebuild": rebuild,
    "refused-row": refused_row,
    "repeated": repeated,
    "poison": poison,
    "undecodable": poison,
}


async def _restarted(system: System, name: str, after_s: float) -> None:
    system.services[name].kill()
    await asyncio.sleep(after_s)
    system.start_service(name)


async def _ready(system: System, port: int) -> None:
    """Wait until the service on this port is ready, or has had its chance: others may be struck meanwhile."""
    end = time.monotonic() + _READY_S
    while time.monotonic() < end and await system.reasons(port):
        await asyncio.sleep(0.1)


async def _says(system: System, name: str, word: str) -> str:
    """The reason with this word why a service is not ready; raises NotNoticed when it is."""
    end, reasons = time.monotonic() + _SLOW_S, list[str]()
    while time.monotonic() < end:
        reasons = await system.reasons(system.home.port(name))
        if not reasons:
            raise NotNoticed(f"{name} started on a database older than its log and is ready")
        if found := [reason for reason in reasons if word in reason]:
            return found[0]
        await asyncio.sleep(0.1)
    return f"it did not come up in time, and says {reasons}"


async def _waits_for(connection: "asyncpg.Connection[Any]", table: str, *, processes: int = 1) -> bool:
    """Wait until so many wait for the lock on `table` that this connection holds."""
    end = time.monotonic() + _CAUGHT_S
    while time.monotonic() < end:
        waiting = await connection.fetchval(
            "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = $1::regclass", table
        )
        if waiting >= processes:
            return True
        await asyncio.sleep(0.01)
    return False


async def _end_backends(connection: "asyncpg.Connection[Any]", user: str) -> None:
    """End what the server still does for a service, as it would when it noticed that nobody is there."""
    await connection.execute("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = $1", user)


@asynccontextmanager
async def _patiently(system: System, database: str) -> AsyncGenerator["asyncpg.Connection[Any]"]:
    """A connection, once the server lets one in."""
    end = time.monotonic() + _READY_S
    async with AsyncExitStack() as stack:
        while True:
            try:
                connection = await stack.enter_async_context(system.connection(database))
                break
            except (OSError, asyncpg.PostgresError, TimeoutError):
                if time.monotonic() > end:
                    raise
                await asyncio.sleep(0.1)
        yield connection
