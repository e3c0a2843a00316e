"""`make chaos SEED=7 MINUTES=3`: run the rig once, say what struck and what became of it; 1 on a violation."""

import argparse
import asyncio
import logging
import secrets
import signal
import sys
from functools import partial
from pathlib import Path

from waybill_chaos.plan import KINDS, plan
from waybill_chaos.rig import Verdict, run


def main() -> int:
    """Run, print, and answer 0 or 1."""
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="the same seed strikes in the same order")
    parser.add_argument("--minutes", type=float, default=3.0, help="how long faults strike")
    parser.add_argument("--keep", type=Path, default=Path(".waybill-chaos"), help="where history and verdict stay")
    parser.add_argument(
        "--only", default="", help="kinds of faults, by comma: " + ", ".join({kind.name: 0 for kind in KINDS})
    )
    parser.add_argument(
        "--races", type=int, default=0, help="only sell orders and race for them, until so many were raced for"
    )
    parser.add_argument("--plan", action="store_true", help="print what would strike, and end")
    given = parser.parse_args()
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    seed = secrets.randbelow(1_000_000) if given.seed is None else given.seed
    only = [name for name in given.only.split(",") if name]
    if given.plan:
        print(
            *(f"{strike.at_s:6.1f} s  {strike.lane:<10} {strike}" for strike in plan(seed, given.minutes * 60, only)),
            sep="\n",
        )
        return 0
    folder = given.keep.absolute() / f"seed-{seed}"
    verdict = asyncio.run(_run(seed, given.minutes, folder, only, given.races))
    if verdict is None:
        return 130
    print("", *verdict.lines(), sep="\n")
    return 1 if verdict.violated else 0


async def _run(seed: int, minutes: float, folder: Path, only: list[str], races: int) -> Verdict | None:
    """One run; None when it was asked to end, after it has ended all that it had started."""
    running = asyncio.ensure_future(run(seed, minutes, folder, partial(print, flush=True), only, races=races))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    try:
        return await running
    except asyncio.CancelledError:
        return None


if __name__ == "__main__":
    sys.exit(main())
