"""`make bench`: measure everything in one run on the same servers, print it, and keep it with its curves.

Each measurement is a function here, by its name in MEASUREMENTS.
"""

import asyncio
import itertools
import json
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console
from rich.table import Table

from bench import carriers, charts, growth, hop, imports, latency, lives, printing, rebuild, relay
from bench.facts import facts
from bench.load import Log, log
from bench.servers import Failed, Servers, servers
from bench.system import System, system

HERE: Final = Path(__file__).parent
_console = Console(highlight=False)


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much of everything."""

    rounds: int
    chassis: int
    plain: int
    processes: tuple[int, ...]
    batch_records: tuple[int, ...]
    part: int
    outbox: int
    rebuild: int
    """Orders, each with four records."""
    import_rows: int
    printed: int
    """Parcels of a print batch."""
    numbers: int
    """That are detected."""
    lives: int
    replicas: tuple[int, ...]
    shares: tuple[float, ...]
    seconds: float
    """How long each share of the rate is held."""
    ship_after_s: float = 2.0


FULL: Final = Sizes(
    rounds=3,
    chassis=40_000,
    plain=2_000,
    processes=(1, 2),
    batch_records=(500, 1000, 2000, 5000),
    part=10_000,
    outbox=40_000,
    rebuild=20_000,
    import_rows=10_000,
    printed=500,
    numbers=200_000,
    lives=1_000,
    replicas=(1, 2, 4),
    shares=(0.25, 0.5, 0.75, 1.0),
    seconds=15.0,
)
SHORT: Final = Sizes(
    rounds=1,
    chassis=300,
    plain=50,
    processes=(1,),
    batch_records=(500,),
    part=100,
    outbox=3_000,
    rebuild=100,
    import_rows=300,
    printed=20,
    numbers=2_000,
    lives=20,
    replicas=(1,),
    shares=(0.5,),
    seconds=1.0,
    ship_after_s=0.5,
)


@dataclass(slots=True)
class Run:
    """What the measurements of one run share."""

    servers: Servers
    log: Log
    sizes: Sizes
    results: dict[str, Any] = field(default_factory=dict[str, Any])
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))


async def measure_hop(run: Run) -> dict[str, Any]:
    """Plain and chassis in turn, several rounds."""
    sizes = run.sizes
    rounds: list[dict[str, Any]] = []
    for at, processes in itertools.product(range(sizes.rounds), sizes.processes):
        plain = await hop.measure_plain(run.servers, run.log, sizes.plain, processes)
        chassis = await hop.measure_chassis(run.servers, run.log, sizes.chassis, processes)
        rounds.append({"processes": processes, "plain": asdict(plain), "chassis": asdict(chassis)})
        _say(f"round {at + 1}, {processes} process(es): plain {plain.per_s:,.0f}/s, chassis {chassis.per_s:,.0f}/s")
    by_size = {
        str(size): await hop.measure_chassis(run.servers, run.log, sizes.chassis, WAYBILL_BATCH_RECORDS=str(size))
        for size in sizes.batch_records
    }
    found = {str(count): _medians([each for each in rounds if each["processes"] == count]) for count in sizes.processes}
    alone = [each for each in rounds if each["processes"] == sizes.processes[0]]
    first = _medians(alone)
    return {
        **first,
        "processes": found,
        "cpu_us": {kind: _middle([each[kind]["cpu_us"] for each in alone]) for kind in ("plain", "chassis")},
        "batch_records": {size: each.per_s for size, each in by_size.items()},
        "events": {"plain": sizes.plain, "chassis": sizes.chassis},
        "rounds": rounds,
    }


async def measure_relay(run: Run) -> dict[str, Any]:
    """The relay alone."""
    timed = await relay.measure(run.servers, run.log, run.sizes.outbox)
    return {"events_per_s": timed.per_s, "outbox_rows": run.sizes.outbox}


async def measure_rebuild(run: Run) -> dict[str, Any]:
    """The portal's projection, built anew."""
    return asdict(await rebuild.measure(run.servers, run.log, run.sizes.rebuild))


async def measure_imports(run: Run) -> dict[str, Any]:
    """A file of tracking numbers of which one row in twenty is wrong, in every way."""
    return asdict(await imports.measure(run.servers, run.log, run.sizes.import_rows))


async def measure_printing(run: Run) -> dict[str, Any]:
    """Labels and slips as one file, of which three are missing."""
    return asdict(await printing.measure(run.servers, run.sizes.printed))


async def measure_carriers(run: Run) -> dict[str, Any]:
    """How many numbers a second are detected, in one process."""
    return carriers.measure(run.sizes.numbers)


async def measure_growth(run: Run) -> dict[str, Any]:
    """One event's cost at ×1 and ×10, on the line that fits all parts best but the first, which warms up."""
    parts = await growth.measure(run.servers, run.log, run.sizes.part)
    steady = parts[1:]
    fits = {
        name: statistics.linear_regression([each.events for each in steady], [getattr(each, name) for each in steady])
        for name in ("wall_us", "cpu_us")
    }
    small, large = steady[0].events, steady[-1].events
    return {
        **{
            f"{name}_x10_to_x1": (fit.intercept + fit.slope * large) / (fit.intercept + fit.slope * small)
            for name, fit in fits.items()
        },
        "x1_events": small,
        "x10_events": large,
        "parts": [asdict(each) for each in parts],
    }


async def measure_lives(run: Run) -> dict[str, Any]:
    """Whole lives with 1, 2 and 4 replicas of each service; with the first number also by webhook, and on time."""
    sizes = run.sizes
    found: dict[str, lives.Lived] = {}
    more: dict[str, Any] = {}
    for replicas in sizes.replicas:
        async with system(run.servers, replicas) as whole:
            await lives.at_once(run.servers, whole, run.log, lives.lives(1, max(sizes.lives // 10, 10)))
            some = lives.lives(100_000, sizes.lives)
            found[str(replicas)] = lived = await lives.at_once(run.servers, whole, run.log, some)
            _say(f"{replicas} replica(s) of each service: {lived.per_s:,.0f} lives/s")
            if not more:
                told = lives.lives(200_000, sizes.lives // 2)
                by_webhook = await lives.at_once(run.servers, whole, run.log, told, webhooks=True)
                _say(f"beginning with a signed webhook: {by_webhook.per_s:,.0f} lives/s")
                more = {"by_webhook": asdict(by_webhook), "resident_mb": whole.resident_mb()}
                more["latency"] = [await _on_time(run, whole, lived.per_s, at) for at in range(len(sizes.shares))]
    best = max(found, key=lambda count: found[count].per_s)
    return {
        "per_s": found[best].per_s,
        "best_replicas": int(best),
        "replicas": {count: asdict(lived) for count, lived in found.items()},
        **more,
    }


async def _on_time(run: Run, whole: System, most_per_s: float, at: int) -> dict[str, Any]:
    """Latencies at one share of the rate that this very system has reached."""
    share = run.sizes.shares[at]
    per_s = most_per_s * share
    some = lives.lives((3 + at) * 100_000, max(round(per_s * run.sizes.seconds), 5))
    await lives.on_time(whole, run.log, some, per_s, run.sizes.ship_after_s)
    found = latency.of(some)
    told = ", ".join(f"{name} {found['ship_to_visible'][f'{name}_ms']:,.0f} ms" for name in ("p50", "p99"))
    _say(f"{share:.0%} of that, {per_s:,.0f} lives/s: from the command to ship until it is visible {told}")
    return {"share": share, "per_s": per_s, "lives": len(some), **found}


MEASUREMENTS: Final[dict[str, Callable[[Run], Awaitable[Any]]]] = {
    "hop": measure_hop,
    "relay": measure_relay,
    "rebuild": measure_rebuild,
    "imports": measure_imports,
    "printing": measure_printing,
    "carriers": measure_carriers,
    "growth": measure_growth,
    "lives": measure_lives,
}


def main(
    *,
    short: Annotated[bool, typer.Option(help="A tiny run that only shows that everything works.")] = False,
    only: Annotated[list[str] | None, typer.Option(help="One of these; may be given again.")] = None,
    out: Annotated[Path, typer.Option(help="Where results.json and charts/ go.")] = HERE,
) -> None:
    """Measure, print, and write results.json and the charts."""
    chosen = [name for name in MEASUREMENTS if not only or name in only]
    results: dict[str, Any] = {"short": short, "machine": facts()}
    began = time.monotonic()
    try:
        with servers() as both:
            asyncio.run(_measure(both, SHORT if short else FULL, chosen, results))
    except Failed as failure:
        sys.exit("\n".join([f"The measurement failed: {failure}", *failure.__notes__]))
    results["seconds"] = time.monotonic() - began
    out.mkdir(parents=True, exist_ok=True)
    rounded = json.loads(json.dumps(results), parse_float=_four_digits)
    (out / "results.json").write_text(json.dumps(rounded, indent=1, ensure_ascii=False) + "\n")
    drawn = charts.draw(results, out / "charts")
    _console.print(_table(results))
    _say(f"{out / 'results.json'} and {len(drawn)} charts, after {results['seconds']:.0f} s")


async def _measure(both: Servers, sizes: Sizes, chosen: list[str], results: dict[str, Any]) -> None:
    async with log(both.kafka.bootstrap) as records:
        run = Run(both, records, sizes, results)
        for name in chosen:
            _console.rule(name, align="left")
            results[name] = await MEASUREMENTS[name](run)


def _medians(rounds: list[dict[str, Any]]) -> dict[str, float]:
    plain, chassis = (statistics.median(each[kind]["per_s"] for each in rounds) for kind in ("plain", "chassis"))
    return {"plain_per_s": plain, "chassis_per_s": chassis, "ratio": chassis / plain}


def _middle(found: list[dict[str, float]]) -> dict[str, float]:
    return {name: statistics.median(each[name] for each in found) for name in found[0]}


def _table(results: dict[str, Any]) -> Table:
    table = Table(box=None, show_header=False)
    if "hop" in results:
        for count, found in results["hop"]["processes"].items():
            told = f"plain {found['plain_per_s']:,.0f}/s, chassis {found['chassis_per_s']:,.0f}/s"
            table.add_row(f"hop, {count} process(es)", f"{told}: {found['ratio']:.1f} ×")
    if "relay" in results:
        table.add_row("relay", f"{results['relay']['events_per_s']:,.0f} events/s")
    if "rebuild" in results:
        table.add_row("rebuild", f"{results['rebuild']['events_per_s']:,.0f} events/s")
    if "imports" in results:
        told = results["imports"]
        times = ", ".join(f"{name} {told[f'{name}_s']:.1f} s" for name in ("preview", "applied", "corrected", "undone"))
        table.add_row(f"a file of {told['rows']:,} rows", f"{times}; {told['wrong']} rows wrong")
    _add_printing(table, results.get("printing", {}))
    if "carriers" in results:
        table.add_row("numbers detected", f"{results['carriers']['numbers_per_s']:,.0f}/s")
    if "growth" in results:
        told = results["growth"]
        ratios = f"{told['wall_us_x10_to_x1']:.2f} of that at ×1 by the clock, {told['cpu_us_x10_to_x1']:.2f} by CPU"
        table.add_row("cost of an event at ×10", ratios)
    if "lives" in results:
        table.add_row("lives", f"{results['lives']['per_s']:,.0f}/s")
        for level in results["lives"]["latency"]:
            ship = level["ship_to_visible"]
            told = f"p50 {ship['p50_ms']:,.0f} ms, p99 {ship['p99_ms']:,.0f} ms"
            table.add_row(f"ship to visible at {level['share']:.0%}", told)
    return table


def _add_printing(table: Table, told: dict[str, Any]) -> None:
    if told:
        says = f"{told['pages']:,} pages in {told['seconds']:.1f} s, at most {told['peak_mb']:,.0f} MB"
        table.add_row(f"a batch of {told['parcels']:,} parcels", says)


def _four_digits(number: str) -> float:
    """More would only pretend."""
    return float(f"{float(number):.4g}")


def _say(line: str) -> None:
    _console.print(line)


if __name__ == "__main__":
    typer.run(main)
