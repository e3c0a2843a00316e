"""The curves of a run, one picture for each question."""

# matplotlib's own annotations are partial.
# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from hdrh.histogram import HdrHistogram
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullLocator, StrMethodFormatter

from bench.latency import in_ms

PLAIN: Final = "#8a8f98"
CHASSIS: Final = "#1f6f54"
SHADES: Final = ("#9ecbb6", "#55a585", "#1f6f54", "#c2571a")
PARTS: Final = {"service": "#1f6f54", "postgres": "#4a7fb5", "kafka": "#c2571a", "client": "#8a8f98"}
_WHOLE: Final = StrMethodFormatter("{x:,.0f}")
_NINES: Final = (0, 50, 75, 90, 95, 99, 99.5, 99.9)
Results = Mapping[str, Any]


def draw(results: Results, folder: Path) -> list[Path]:
    """Draw what `results` holds; the files."""
    pictures: dict[str, Callable[[Any], Figure]] = {
        "hop": _hop,
        "growth": _growth,
        "lives": _lives,
        "latency": _latency,
    }
    found = {**results, **({"latency": results["lives"]["latency"]} if "lives" in results else {})}
    folder.mkdir(parents=True, exist_ok=True)
    drawn: list[Path] = []
    with mpl.rc_context({"axes.spines.top": False, "axes.spines.right": False, "axes.titlelocation": "left"}):
        for name in sorted(pictures.keys() & found.keys()):
            drawn.append(folder / f"{name}.png")
            pictures[name](found[name]).savefig(drawn[-1], dpi=110)
    return drawn


def _hop(hop: Results) -> Figure:
    figure, (rates, batches, cpu) = _panels("One hop: an event in, a row kept, an event out", 3)
    places = list(hop["processes"])
    for kind, shift, color in (("plain", -0.2, PLAIN), ("chassis", 0.2, CHASSIS)):
        values = [hop["processes"][place][f"{kind}_per_s"] for place in places]
        bars = rates.bar([at + shift for at in range(len(places))], values, 0.38, label=kind, color=color)
        rates.bar_label(bars, [f"{value:,.0f}" for value in values], padding=2)
    ratios = [f"processes: {place}\n{hop['processes'][place]['ratio']:.1f} × as fast" for place in places]
    rates.set_xticks(range(len(places)), ratios)
    _from_zero(rates)
    rates.set_title("Events per second")
    rates.legend(frameon=False)
    sizes = list(hop["batch_records"])
    batches.plot(range(len(sizes)), [hop["batch_records"][size] for size in sizes], "o-", color=CHASSIS)
    batches.set_xticks(range(len(sizes)), [f"{int(size):,}" for size in sizes])
    batches.set_xlabel("records in a batch at most")
    _from_zero(batches)
    batches.set_title("Events per second, one process")
    _stack(cpu, {kind: hop["cpu_us"][kind] for kind in ("chassis", "plain")}, ("service", "postgres", "kafka"))
    cpu.xaxis.set_major_formatter(_WHOLE)
    cpu.set_title("Microseconds of CPU for one event")
    return figure


def _growth(growth: Results) -> Figure:
    figure, (axes,) = _panels("What one event costs while log and database grow", 1)
    before = [part["events"] for part in growth["parts"]]
    for name, label, color in (("wall_us", "by the clock", PLAIN), ("cpu_us", "CPU of all processes", CHASSIS)):
        axes.plot(before, [part[name] for part in growth["parts"]], "o-", label=label, color=color)
    _from_zero(axes)
    axes.set_xlabel("events already in the log and in the database")
    axes.set_title("Microseconds for one event")
    axes.xaxis.set_major_formatter(_WHOLE)
    axes.legend(frameon=False)
    return figure


def _lives(lives: Results) -> Figure:
    figure, (rates, cpu) = _panels("Whole order lives: sale in, split, shipped by a command, tracked and visible", 2)
    names = {f"{count}": found["per_s"] for count, found in lives["replicas"].items()}
    bars = rates.bar(range(len(names)), list(names.values()), 0.5, color=CHASSIS)
    rates.bar_label(bars, [f"{value:,.0f}" for value in names.values()], padding=2)
    rates.set_xticks(range(len(names)), list(names))
    _from_zero(rates)
    rates.set_xlim(-0.7, len(names) - 0.3)
    rates.set_xlabel("replicas of each service")
    rates.set_title("Lives per second")
    used = dict(sorted(lives["replicas"][str(lives["best_replicas"])]["cpu_us"].items(), key=lambda item: item[1]))
    colors = [PARTS.get(name, CHASSIS) for name in used]
    bars = cpu.barh(range(len(used)), [value / 1000 for value in used.values()], color=colors)
    cpu.bar_label(bars, [f"{value / 1000:.1f}" for value in used.values()], padding=2)
    cpu.set_yticks(range(len(used)), list(used))
    cpu.set_title("Milliseconds of CPU for one life")
    return figure


def _latency(latency: Sequence[Results]) -> Figure:
    figure, panels = _panels("End to end, from when it was due, at shares of the rate that the system can do", 2)
    titles = {"sale_to_visible": "Sale in → order visible", "ship_to_visible": "Ship command → tracking visible"}
    for axes, (name, title) in zip(panels, titles.items(), strict=True):
        for color, level in zip(SHADES, latency, strict=False):
            histogram = HdrHistogram.decode(level[name]["hdr"])
            values = [max(in_ms(histogram, at), 1.0) for at in _NINES]
            label = f"{level['share']:.0%}: {level['per_s']:.0f} lives/s"
            axes.plot(range(len(_NINES)), values, "o-", ms=3, color=color, label=label)
        axes.set_xticks(range(len(_NINES)), ["min", *(f"{at:g}" for at in _NINES[1:])])
        axes.set_xlabel("percentile")
        axes.set_yscale("log")
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(_WHOLE)
        axes.yaxis.set_minor_locator(NullLocator())
        axes.grid(axis="y", color="#e3e5e8")
        axes.set_title(f"{title} (ms)")
    low = min(axes.get_ylim()[0] for axes in panels)
    high = max(axes.get_ylim()[1] for axes in panels)
    for axes in panels:
        axes.set_ylim(low, high)
    panels[0].legend(frameon=False)
    return figure


def _stack(axes: Axes, bars: Mapping[str, Mapping[str, float]], parts: Sequence[str]) -> None:
    """Horizontal bars made of parts, each bar with its sum."""
    left = dict.fromkeys(bars, 0.0)
    for part in parts:
        values = [bars[name][part] for name in bars]
        axes.barh(list(bars), values, 0.5, left=list(left.values()), color=PARTS[part], label=part)
        left = {name: left[name] + value for name, value in zip(bars, values, strict=True)}
    for at, total in enumerate(left.values()):
        axes.text(total, at, f" {total:,.0f}", va="center")
    axes.margins(x=0.15)
    axes.legend(frameon=False)


def _from_zero(axes: Axes) -> None:
    """Begin the vertical axis at nothing and leave room above for numbers."""
    axes.set_ylim(0, axes.dataLim.y1 * 1.15)
    axes.yaxis.set_major_formatter(_WHOLE)


def _panels(title: str, count: int) -> tuple[Figure, list[Axes]]:
    figure = Figure(figsize=(max(6.5, 4.6 * count), 3.9), layout="constrained")
    figure.suptitle(title, x=0.01, ha="left", fontweight="bold")
    return figure, [figure.add_subplot(1, count, at + 1) for at in range(count)]
