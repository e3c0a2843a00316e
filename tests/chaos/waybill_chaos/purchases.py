"""`make purchases PARCELS=10000`: buy labels of a carrier that loses answers, while labels is killed again and again.

Parcels are taken apart or leave with other numbers while their labels are bought. Half of the time the carrier does not
say what it sold under a key, and somebody looks it up at its site. In the end the carrier's own books, our database and
the log must agree: each parcel that still needs one has one paid label, and no other money is left
with the carrier that is not listed as refused.
"""

import argparse
import asyncio
import json
import random
import secrets
import shutil
import signal
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncGenerator, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final
from uuid import UUID, uuid5

import asyncpg
import httpx
from aiokafka import AIOKafkaProducer
from sqlalchemy.engine import make_url

from waybill_chaos import log, money
from waybill_chaos.system import free_block, impatient, new_folder
from waybill_chassis import topics
from waybill_chassis.embedded import kafka, postgres
from waybill_chassis.embedded.processes import Process, environment, free_ports, listening
from waybill_cli.home import Home
from waybill_cli.stack import settings_of, start_carrier, wait_for_carrier
from waybill_events import (
    Address,
    Box,
    Brand,
    BusinessAddress,
    Envelope,
    Event,
    ItemsFulfilled,
    LineUnits,
    OrderLine,
    OrderPlaced,
    ParcelPacked,
    ParcelUnpacked,
    Recipient,
    ids,
)

BRAND: Final = UUID(int=7)
LINES: Final = (LineUnits(line_id="1", quantity=1),)
REPLICAS: Final = 2
AT_ONCE: Final = 400
"""Parcels that are packed, and not settled yet, at the most."""
_OPEN: Final = ("wanted", "asked", "voiding", "voided")
_UNCLEAR: Final = """
    SELECT order_id, label_id, exception_id, shipment ->> 'reference' AS reference FROM labels
    WHERE state = 'asked' AND exception_id IS NOT NULL
"""
_PATIENCE_S: Final = 180.0


@dataclass(frozen=True, slots=True)
class Case:
    """What is judged, as plain rows: our labels and parcels, the carrier's books, what the log tells of labels."""

    labels: Sequence[Mapping[str, Any]]
    parcels: Mapping[UUID, str]
    """Where each parcel is by its id: `packed`, `unpacked` or `shipped`."""
    refuses: frozenset[UUID]
    """Parcels to an address that the carrier does not serve."""
    books: Sequence[Mapping[str, Any]]
    told: Sequence[tuple[str, str]]
    """Of each event about a label its name and the label's id."""


def books_agree(case: Case) -> Iterator[str | None]:
    """Whatever the carrier has sold is ours, with the same state of its money."""
    yield from money.agree(case.labels, case.books)


def one_paid_label(case: Case) -> Iterator[str | None]:
    """A parcel that still waits has one label; one that does not has none, but for those that were not taken back."""
    wanted = {
        str(parcel_id): place == "packed" and parcel_id not in case.refuses for parcel_id, place in case.parcels.items()
    }
    yield from money.one_a_parcel(case.labels, wanted)


def none_bought_twice(case: Case) -> Iterator[str | None]:
    """Nobody pays twice for one parcel without having taken the first back."""
    yield from money.bought_once(case.books)


def the_log_tells_it(case: Case) -> Iterator[str | None]:
    """Every label and all its money is told, once."""
    told: dict[str, list[str]] = defaultdict(list)
    for name, label_id in case.told:
        told[label_id].append(name)
    expected = {
        "bought": ["LabelPurchased"],
        "kept": ["LabelPurchased", "LabelVoidRefused"],
        "refunded": ["LabelPurchased", "LabelVoided", "LabelRefunded"],
    }
    for label in case.labels:
        found = told[str(label["label_id"])]
        if found != expected.get(label["state"], []):
            yield f"label {label['label_id']} is {label['state']} and the log tells {found}"


def nothing_is_left_open(case: Case) -> Iterator[str | None]:
    """No purchase and no refund hangs."""
    for label in case.labels:
        if label["state"] in _OPEN:
            yield f"label {label['label_id']} is still {label['state']}"


INVARIANTS: Final = (books_agree, one_paid_label, none_bought_twice, the_log_tells_it, nothing_is_left_open)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a run."""

    seed: int
    parcels: int
    seconds: float
    kills: int
    looked_up: int
    """Labels of which somebody had to say whether they were sold."""
    states: Mapping[str, int]
    findings: Mapping[str, Sequence[str]]

    @property
    def violated(self) -> bool:
        """Whether a promise was broken."""
        return any(self.findings.values())

    def lines(self) -> list[str]:
        """For people."""
        found = ", ".join(f"{count} {state}" for state, count in sorted(self.states.items()))
        head = f"seed {self.seed}: {self.parcels} parcels in {self.seconds:.0f} s, {self.kills} kills, "
        head += f"{self.looked_up} looked up; labels: {found}"
        return [
            head,
            *(
                f"{'VIOLATED' if broken else 'kept':<9} {name}" + "".join(f"\n          {each}" for each in broken[:3])
                for name, broken in self.findings.items()
            ),
        ]

    def document(self) -> dict[str, Any]:
        """As the runner of planted bugs reads it."""
        return {"findings": [{"name": name, "violations": list(broken)} for name, broken in self.findings.items()]}


def judge(case: Case) -> dict[str, list[str]]:
    """Each invariant with what breaks it."""
    return {
        invariant.__name__.replace("_", "-"): [says for says in invariant(case) if says is not None]
        for invariant in INVARIANTS
    }


async def run(parcels: int, seed: int, say: Callable[[str], None]) -> Verdict:
    """Buy a label for each parcel under faults, and judge what became of them."""
    async with Desk.running(seed) as desk:
        began = time.monotonic()
        killing, looking = asyncio.create_task(desk.strike(say)), asyncio.create_task(desk.look_up())
        try:
            try:
                await desk.pack(parcels, say)
            finally:
                killing.cancel()
            await desk.heal()
            case = await desk.settled(parcels)
        finally:
            looking.cancel()
        states = Counter(f"{label['state']} {label['code']}".strip() for label in case.labels)
        return Verdict(seed, parcels, time.monotonic() - began, desk.kills, desk.looked_up, states, judge(case))


@dataclass
class Desk:
    """The servers, a carrier, and two processes of labels; fulfillment and orders are played."""

    home: Home
    producer: AIOKafkaProducer
    carrier: httpx.AsyncClient
    seed: int
    dice: random.Random
    labels: dict[int, Process] = field(default_factory=dict[int, Process])
    kills: int = 0
    looked_up: int = 0
    packing: bool = True
    refuses: set[UUID] = field(default_factory=set[UUID])
    strays: set["asyncio.Task[None]"] = field(default_factory=set["asyncio.Task[None]"])

    @classmethod
    @asynccontextmanager
    async def running(cls, seed: int) -> AsyncGenerator["Desk"]:
        """Start everything; end and forget it, whatever happened."""
        async with _servers() as home:
            carrier = start_carrier(home)
            await asyncio.to_thread(wait_for_carrier, home, carrier)
            headers = {"Authorization": f"Bearer {home.secret('carrier')}"}
            async with httpx.AsyncClient(
                base_url=home.url("carrier"), headers=headers, timeout=60, trust_env=False
            ) as client:
                producer = AIOKafkaProducer(bootstrap_servers=home.kafka, enable_idempotence=True, linger_ms=5)
                await producer.start()
                desk = cls(home, producer, client, seed, random.Random(seed))
                try:
                    for port in free_ports(REPLICAS):
                        desk.start(port)
                    await desk.ready()
                    yield desk
                finally:
                    await producer.stop()
                    for process in (*desk.labels.values(), carrier):
                        process.kill()

    def start(self, port: int) -> None:
        """Start a process of labels, which waits for no answer for long."""
        settings = impatient(settings_of(self.home, "labels")) | {"WAYBILL_PORT": str(port)}
        command = [Path(sys.executable).with_name("waybill-labels")]
        log = self.home.logs / f"labels-{port}.log"
        self.labels[port] = Process.spawn(command, log=log, environment=environment(**settings))

    async def ready(self) -> None:
        """Wait until labels has come up."""
        for port in self.labels:
            await self.answers(port)
        while await self.read("SELECT 1 FROM pg_tables WHERE tablename = 'labels'") == []:
            await asyncio.sleep(0.2)

    async def answers(self, port: int) -> None:
        """Wait until a process has come up."""
        end = time.monotonic() + _PATIENCE_S
        while not listening(port) and time.monotonic() < end:
            await asyncio.sleep(0.1)

    async def strike(self, say: Callable[[str], None]) -> None:
        """Lose answers, refuse to take labels back for a while, and kill labels every few seconds."""
        dice = random.Random(f"{self.seed} strikes")
        while True:
            takes_back = dice.random() < 0.8
            faults = {"lose": 0.3, "fail": 0.05, "refund_after_s": 0.5, "twice": True, "takes_back": takes_back}
            # Longer than anybody waits.
            faults["hang_s"] = dice.choice((6, *(0,) * 7))
            await self.behave({**faults, "lists": self.kills % 4 >= 2})
            await asyncio.sleep(dice.uniform(2, 5))
            if not self.packing:
                # What is left is bought while answers are lost, and nobody is killed any more.
                continue
            port = dice.choice(sorted(self.labels))
            self.labels[port].kill()
            self.kills += 1
            say(f"labels on {port} was killed; the carrier {'takes' if takes_back else 'does not take'} labels back")
            self.start(port)
            # On a machine that is busy otherwise it takes longer to come back than to be killed.
            await self.answers(port)

    async def look_up(self) -> None:
        """Somebody who looks at the carrier's site for what is unclear, and says what is there."""
        dice = random.Random(f"{self.seed} looks")
        while True:
            for label in await self.read(_UNCLEAR):
                mark = f"{label['reference'][:26]} {label['label_id'].hex[:8]}"
                books = await self.carrier.get("/v1/labels", params={"reference": mark})
                if not books.is_success:
                    continue
                found = [sold["tracking_number"] for sold in books.json()["labels"]]
                says = {"choice": "sold", "tracking_number": found[0]} if found else {"choice": "not_sold"}
                path = f"/api/v1/orders/{label['order_id']}/exceptions/{label['exception_id']}/resolve"
                with suppress(httpx.TransportError):
                    url = f"http://127.0.0.1:{dice.choice(sorted(self.labels))}{path}"
                    headers = {"Authorization": f"Bearer {self.home.secret('token')}"}
                    answer = await self.carrier.post(url, json=says, headers=headers)
                    self.looked_up += answer.is_success
            await asyncio.sleep(0.2)

    async def behave(self, faults: Mapping[str, Any]) -> None:
        """Tell the carrier how."""
        (await self.carrier.put("/v1/faults", json=faults)).raise_for_status()

    async def pack(self, parcels: int, say: Callable[[str], None]) -> None:
        """Pack so many parcels, some of which come to another end while their labels are bought."""
        await self.tell(_brand())
        at_once = min(AT_ONCE, parcels // 5)
        for nth in range(parcels):
            while nth % 20 == 0 and (nth - await self.known() > at_once or await self.open_labels() > AT_ONCE):
                await asyncio.sleep(0.1)
            order = uuid5(BRAND, f"{self.seed} {nth}")
            nowhere = self.dice.random() < 0.03
            if nowhere:
                self.refuses.add(ids.parcel_id(order, 1))
            await self.tell(_recipient(order, "Nowhere" if nowhere else "Albany"))
            await self.tell(_placed(order, nth), 1)
            await self.tell(_packed(order), 1)
            end = self.dice.random()
            if end < 0.4:
                stray = asyncio.create_task(self._end(order, self.dice.uniform(0, 6), apart=end < 0.25))
                self.strays.add(stray)
                stray.add_done_callback(self.strays.discard)
            if nth % 1000 == 999:
                say(f"{nth + 1} parcels are packed")
        await asyncio.gather(*self.strays)
        self.packing = False
        end = time.monotonic() + _PATIENCE_S
        # A machine that is busy otherwise has not asked a carrier for any of them yet.
        while (await self.known() < parcels or await self.open_labels("wanted")) and time.monotonic() < end:
            await asyncio.sleep(0.2)

    async def _end(self, order: UUID, after_s: float, *, apart: bool) -> None:
        await asyncio.sleep(after_s)
        # A cancellation takes parcels apart.
        canceled = uuid5(order, "canceled") if after_s < 3 else None
        await self.tell(_unpacked(order, canceled) if apart else _left(order), 2)

    async def tell(self, event: Event, sequence: int | None = None) -> None:
        """As the service that owns it would, which sends some a second time."""
        source = event.topic.replace(".", "/")
        id_ = ids.event_id(event.subject, event.type_name(), event.subject, sequence or 0)
        envelope = Envelope(
            id=id_,
            source=source,
            type=event.type_name(),
            time=datetime.now(UTC),
            subject=event.subject,
            actor="test",
            causation_id=id_,
            sequence=sequence,
            brand=event.brand,
        )
        for _ in range(2 if id_.int % 10 == 0 else 1):
            await self.producer.send(
                event.topic,
                event.to_json(),
                key=str(event.subject).encode(),
                partition=ids.partition(event.subject),
                headers=envelope.headers(),
            )

    async def heal(self) -> None:
        """The carrier answers everything but what it sold under a key, and takes everything back."""
        await self.behave({"lists": False})

    async def open_labels(self, *states: str) -> int:
        """How many labels are under way."""
        (found,) = await self.read("SELECT count(*) AS n FROM labels WHERE state = ANY($1)", list(states or _OPEN))
        return int(found["n"])

    async def known(self) -> int:
        """How many parcels labels knows of."""
        (found,) = await self.read("SELECT count(*) AS n FROM parcels")
        return int(found["n"])

    async def read(self, query: str, *values: Any) -> list[dict[str, Any]]:
        """Rows of our database."""
        url = make_url(settings_of(self.home, "labels")["WAYBILL_DATABASE_URL"])
        connection = await asyncpg.connect(url.set(drivername="postgresql").render_as_string(hide_password=False))
        try:
            await connection.execute("SELECT set_config('waybill.scope', 'all', false)")
            return [dict(row) for row in await connection.fetch(query, *values)]
        finally:
            await connection.close()

    async def settled(self, parcels: int) -> Case:
        """Everything as it is once nothing is under way any more, or patience has ended."""
        end = time.monotonic() + _PATIENCE_S
        while time.monotonic() < end:
            (outbox,) = await self.read("SELECT count(*) AS n FROM outbox")
            if await self.known() == parcels and outbox["n"] == 0 and await self.open_labels() == 0:
                break
            await asyncio.sleep(0.5)
        rows = await self.read("""
            SELECT label_id, parcel_id, state, code, attempts,
                sale ->> 'tracking_number' AS number, sale #>> '{cost,amount}' AS amount
            FROM labels
        """)
        places = {row["parcel_id"]: row["place"] for row in await self.read("SELECT parcel_id, place FROM parcels")}
        books = (await self.carrier.get("/v1/labels")).json()["labels"]
        # A relay that was killed between sending and noting it sends the same event again, which readers know by its id.
        entries = {each.id: each for each in await log.read(self.home.kafka) if each.topic == "waybill.labels"}
        told = [
            (each.type, str((each.data or {}).get("label_id"))) for each in entries.values() if each.type in money.TOLD
        ]
        return Case(rows, places, frozenset(self.refuses), books, told)


@asynccontextmanager
async def _servers() -> AsyncGenerator[Home]:
    """PostgreSQL with a database for labels, and Kafka with all topics; gone afterwards."""
    folder = new_folder()
    home = Home(folder, free_block())
    home.make()
    database = await asyncio.to_thread(postgres.start, home.folder, home.port("postgres"), home.logs)
    try:
        await postgres.provision(database.url(), "labels", home.secret("database labels"))
        ports = home.port("kafka"), home.port("kafka controller")
        broker = await asyncio.to_thread(kafka.start, home.folder, *ports, home.logs)
        try:
            await topics.create(home.kafka)
            yield home
        finally:
            broker.process.kill()
    finally:
        await asyncio.to_thread(database.stop)
        data = postgres.data_folder(folder)
        shutil.rmtree(data if data.is_relative_to(folder) else data.parent, ignore_errors=True)
        shutil.rmtree(folder, ignore_errors=True)


def _brand() -> Brand:
    at = BusinessAddress(name="Acorn", line1="9 Mill Rd", city="Troy", region="NY", postcode="12180", country="US")
    box = Box(length_mm=300, width_mm=200, height_mm=120)
    return Brand(brand_id=BRAND, version=1, name="Acorn", ship_from=at, default_box=box, default_weight_g=300)


def _recipient(order: UUID, city: str) -> Recipient:
    address = Address(name="Ann Bee", line1="1 High St", city=city, region="NY", postcode="12203", country="US")
    return Recipient(order_id=order, brand_id=BRAND, version=1, address=address)


def _placed(order: UUID, nth: int) -> OrderPlaced:
    return OrderPlaced(
        order_id=order,
        sale_id=order,
        brand_id=BRAND,
        reference=f"{nth}-01",
        number=str(nth),
        connection_id=BRAND,
        platform="test",
        placed_at=datetime.now(UTC),
        recipient_version=1,
        lines=(OrderLine(line_id="1", quantity=1),),
    )


def _packed(order: UUID) -> ParcelPacked:
    return ParcelPacked(
        order_id=order,
        brand_id=BRAND,
        parcel_id=ids.parcel_id(order, 1),
        lines=LINES,
        shipping="platform",
        recipient_version=1,
        packed_at=datetime.now(UTC),
    )


def _unpacked(order: UUID, request_id: UUID | None) -> ParcelUnpacked:
    return ParcelUnpacked(
        order_id=order,
        brand_id=BRAND,
        parcel_id=ids.parcel_id(order, 1),
        lines=LINES,
        request_id=request_id,
        unpacked_at=datetime.now(UTC),
    )


def _left(order: UUID) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=order,
        brand_id=BRAND,
        parcel_id=ids.parcel_id(order, 1),
        lines=LINES,
        company="UPS",
        number="1Z5R89390357567127",
        shipped_at=datetime.now(UTC),
    )


async def _until_told(running: Coroutine[Any, Any, Verdict]) -> Verdict | None:
    """One run; None when it was asked to end, after it has ended all that it had started."""
    task = asyncio.ensure_future(running)
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        return None


def main() -> int:
    """Run, print, and answer 0 or 1."""
    parser = argparse.ArgumentParser(prog="make purchases", description=__doc__)
    parser.add_argument("--parcels", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=None, help="the same seed strikes in the same order")
    parser.add_argument("--keep", type=Path, default=Path(".waybill-chaos/purchases"), help="where the verdict stays")
    given = parser.parse_args()
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    verdict = asyncio.run(_until_told(run(given.parcels, seed, lambda line: print(line, flush=True))))  # noqa: T201
    if verdict is None:
        return 130
    folder = given.keep / f"seed-{seed}"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "verdict.json").write_text(json.dumps(verdict.document()))
    print("", *verdict.lines(), sep="\n")  # noqa: T201
    return 1 if verdict.violated else 0


if __name__ == "__main__":
    sys.exit(main())
