"""One run: start everything, let the workload run, strike by the plan, heal, wait for rest, judge, write it all down."""

import asyncio
import json
import random
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import AsyncExitStack
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Final

from waybill_chaos import answers, log, workload
from waybill_chaos.faults import FAULTS, NotNoticed, correct
from waybill_chaos.history import History
from waybill_chaos.judge import Answers, Finding, judge
from waybill_chaos.plan import LANES, PAUSE_S, Strike, plan
from waybill_chaos.system import System
from waybill_chaos.workload import Client
from waybill_chassis.embedded.processes import NotStarted

WORKERS: Final = 12
RATE_PER_S: Final = 2.0
"""How many do something, and how often each of them while nobody has to wait."""
RACERS, RACES_PER_S = 60, 20.0
"""The same for races: most of the time they wait for somebody who was struck."""
RACES_PAUSE_S: Final = (2.0, 8.0)
"""Between two faults of a lane: an order that nobody knows for half a minute is not raced for."""
REST_S: Final = 90.0
_UNDER_WAY: Final = ("wanted", "asked", "voiding", "voided")
_SLIPS: Final = 200
_AGAIN: Final = 50
_LEAST_PER_S: Final = 3.0
"""Commands that a run should see."""
_PATIENCE_S: Final = 400.0
Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run came to."""

    seed: int
    minutes: float
    struck: Sequence[str]
    findings: Sequence[Finding]
    commands: int
    events: int
    seconds: float
    """How long it took, start and judgment included."""

    @property
    def violated(self) -> list[Finding]:
        """The invariants that did not hold."""
        return [finding for finding in self.findings if finding.violations]

    def lines(self) -> list[str]:
        """For people."""
        said = [
            f"{'BROKEN' if finding.violations else 'held':<7} {finding.name:<28} {finding.checked:>6} checked"
            + (
                f", {len(finding.violations)} violations; the first: {finding.violations[0]}"
                if finding.violations
                else ""
            )
            for finding in self.findings
        ]
        broken = ", ".join(finding.name for finding in self.violated)
        verdict = f"VIOLATED: {broken}" if broken else "no violation"
        return [
            *said,
            "",
            f"seed {self.seed}: {verdict} ({self.commands} commands, {self.events} records, {self.seconds:.0f} s)",
        ]


async def run(
    seed: int, minutes: float, folder: Path, say: Say, only: Collection[str] = (), *, races: int = 0
) -> Verdict:
    """One run; `folder` keeps its history, log, answers, verdict, and the logs of the processes when it failed.

    With `races`, people do nothing but sell orders and race for them, and faults strike, until so many were raced for.
    """
    began = time.monotonic()
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    strikes = plan(seed, minutes * 60, only, RACES_PAUSE_S if races else PAUSE_S)
    say(f"seed {seed}, {minutes:g} minutes, {len(strikes)} faults; everything is kept in {folder}")
    limit = asyncio.timeout(2 * minutes * 60 + _PATIENCE_S)
    async with limit, System.running() as system, AsyncExitStack() as stack:
        clients = {name: await stack.enter_async_context(system.client(name, 6)) for name in ("connectors", "portal")}
        clients["owners"] = await stack.enter_async_context(system.client("fulfillment", 6))
        await workload.prepare(clients["portal"], clients["connectors"])
        history = History()
        stack.callback(lambda: (folder / "history.jsonl").write_text(history.write(), encoding="utf-8"))
        client = Client(**clients, history=history, ports=system.ports, patience_s=30)
        say(f"{time.monotonic() - began:6.1f} s  everything is up; the workload begins")
        struck: list[str] = []
        unsettled = await _strike(system, client, strikes, seed, minutes * 60, races, struck, say)
        say(f"{time.monotonic() - began:6.1f} s  the faults are over")
        found = await _rest(system, client, seed, unsettled)
        entries = await log.read(system.kafka)
        say(f"{time.monotonic() - began:6.1f} s  at rest; {len(history.commands)} commands, {len(entries)} records")
        given = await _ask(system, client, found, unsettled)
        (folder / "log.jsonl").write_text(log.write(entries), encoding="utf-8")
        (folder / "answers.json").write_text(json.dumps(asdict(given)), encoding="utf-8")
        verdict = Verdict(
            seed,
            minutes,
            struck,
            judge(history.commands, entries, given),
            len(history.commands),
            len(entries),
            time.monotonic() - began,
        )
        (folder / "verdict.json").write_text(json.dumps(asdict(verdict), indent=1), encoding="utf-8")
        _keep_logs(system, folder)
    return verdict


async def _strike(
    system: System,
    client: Client,
    strikes: Sequence[Strike],
    seed: int,
    seconds: float,
    races: int,
    struck: list[str],
    say: Say,
) -> list[str]:
    """Let the workload run and the faults strike; what a fault should have shown and did not."""
    began = time.monotonic()
    unsettled: list[str] = []

    async def lane(name: str) -> None:
        for strike in strikes:
            if strike.lane != name:
                continue
            await asyncio.sleep(max(0.0, strike.at_s - (time.monotonic() - began)))
            at = time.monotonic() - began
            if 0 < races <= client.races or at + strike.lasts_s / 2 > seconds:
                # Those before it took their time.
                return
            try:
                more = await FAULTS[strike.kind](system, client, strike)
            except NotNoticed as error:
                unsettled.append(str(error))
                more = str(error)
            except Exception as error:  # noqa: BLE001  # a fault that another one kept from striking is no verdict
                more = f"could not strike: {type(error).__name__}: {error}"
            struck.append(f"{at:6.1f} s  {strike}{f': {more}' if more else ''}")
            say(struck[-1])

    kinds, rate, workers = (workload.RACING, RACES_PER_S, RACERS) if races else (workload.WORK, RATE_PER_S, WORKERS)
    working = [asyncio.create_task(workload.work(client, seed, worker, rate, kinds)) for worker in range(workers)]
    working.append(asyncio.create_task(workload.watch(client, seed)))
    await asyncio.gather(*map(lane, LANES))
    # On a machine that is busy otherwise the work takes longer than the faults.
    under_faults = client.races
    while (passed := time.monotonic() - began) < 2 * seconds and _goes_on(client, passed, seconds, races):
        await asyncio.sleep(0.2)
    if races:
        say(
            f"{passed:6.1f} s  {client.races} orders were raced for, {under_faults} of them while faults struck; "
            f"of {client.left_in_race} something left"
        )
    await system.heal()
    client.ended.set()
    await asyncio.gather(*working)
    client.ended.clear()
    return unsettled


def _goes_on(client: Client, passed: float, seconds: float, races: int) -> bool:
    """Whether the workload has something to do still, with the faults over."""
    if races:
        return client.races < races
    return passed < seconds or len(client.history.commands) < seconds * _LEAST_PER_S


@dataclass(frozen=True, slots=True)
class Rest:
    """What there was when the faults had stopped and everything had been read, before anything was redriven."""

    parked: dict[str, dict[str, str]]
    dead_letters: dict[str, int]
    refusing: list[str]


async def _rest(system: System, client: Client, seed: int, unsettled: list[str]) -> Rest:
    """Wait until all is quiet, have the parked ones settled, wait again."""
    try:
        await system.ready(list(system.services), REST_S)
    except NotStarted as error:
        unsettled.append(str(error))
    await workload.again(client, seed, _AGAIN)
    await _through(system, client, seed, 1, unsettled)
    await answers.until(partial(_quiet, system), REST_S / 3)
    found = Rest(await answers.parked(system), await answers.dead_letters(system), list(system.refusing))
    await correct(system)
    unsettled += await answers.settle(system, found.parked)
    await _through(system, client, seed, 2, unsettled)
    await answers.until(partial(_quiet, system), REST_S / 3)
    return found


async def _quiet(system: System) -> bool:
    metrics = await answers.metrics(system)
    async with system.connection("labels") as connection:
        # A purchase that nobody answered is looked up; money that is to come back does.
        if await connection.fetchval("SELECT count(*) FROM labels WHERE state = ANY($1)", list(_UNDER_WAY)):
            return False
    return not any(metrics[name][each] for name in metrics for each in ("outbox_rows", "waiting_events"))


async def _through(system: System, client: Client, seed: int, round_: int, unsettled: list[str]) -> None:
    """Send sales and parcels over every partition, and see them come out at the other end."""
    client.patience_s = REST_S if not unsettled else REST_S / 6
    parcels = await workload.probe(client, seed, round_=round_, avoid=set(system.refusing.values()))
    lost = [
        f"{each.kind} {each.name} after the faults: {each.outcome}" for each in parcels if each.outcome != "accepted"
    ]
    came = {each.name: str(each.wants["order_id"]) for each in parcels if each.outcome == "accepted"}
    unsettled += lost or await answers.visible(system, came, client.patience_s)


async def _ask(system: System, client: Client, found: Rest, unsettled: list[str]) -> Answers:
    order_ids = [str(order.order_id) for order in client.orders]
    wanted = [
        order["order_id"]
        for command in client.history.commands
        if command.kind == "sale" and command.outcome == "accepted"
        for order in command.wants["orders"]
    ]
    shown, listed = await answers.portal(system)
    some = random.Random(0).sample(wanted, min(len(wanted), _SLIPS))  # any will do, the same each time
    return Answers(
        ledgers=await answers.ledgers(system, sorted({*order_ids, *wanted})),
        orders=await answers.orders(system, sorted({*order_ids, *wanted})),
        portal=shown,
        listed=listed,
        slips=await answers.slips(system, some),
        parked=found.parked,
        dead_letters=found.dead_letters,
        still_parked={name: list(subjects) for name, subjects in (await answers.parked(system)).items()},
        metrics=await answers.metrics(system),
        unsettled=unsettled,
        refusing=found.refusing,
        books=await system.books(),
    )


def _keep_logs(system: System, folder: Path) -> None:
    kept = folder / "logs"
    kept.mkdir(exist_ok=True)
    for path in system.home.logs.iterdir():
        (kept / path.name).write_bytes(path.read_bytes())
