"""`make mutant PATCH=…`: plant a bug in a copy of the tree, and see whether the rig notices; 0 when it does, else 1.

Whatever stands in a patch before its first `diff` or `---` says what the bug is. There `Strikes: …` may name the kinds
of faults that it takes (all are the default), and `Seeds: …` those to try, one after the other, until one catches it.
`Rig: purchases` has labels bought of a carrier instead.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).parents[3]
_VENDOR: Final = "services/portal/src/waybill_portal/pages/static/vendor"
_PATIENCE_S: Final = 60.0
_SEEDS: Final = (7, 11, 23)


class NotRun(RuntimeError):
    """The rig came to no verdict: the patch does not apply, or nothing comes up with it."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """A planted bug, and what its patch says about it."""

    patch: Path
    says: str
    strikes: str
    seeds: Sequence[int]
    minutes: float
    rig: str = ""

    @classmethod
    def read(cls, patch: Path) -> "Mutant":
        """What stands before the diff."""
        head = re.split(r"^(?:diff |--- )", patch.read_text(), maxsplit=1, flags=re.MULTILINE)[0]
        named = dict(re.findall(r"^(Strikes|Seeds|Minutes|Rig): *(.+)$", head, flags=re.MULTILINE))
        says = " ".join(line for line in head.splitlines() if line and line.partition(":")[0] not in named)
        seeds = [int(seed) for seed in named.get("Seeds", "").replace(",", " ").split()]
        strikes, minutes = named.get("Strikes", "").replace(" ", ""), float(named.get("Minutes", 1))
        return cls(patch, says, strikes, seeds or _SEEDS, minutes, named.get("Rig", ""))


def main() -> int:
    """Try one patch or several; 1 when one of them survives."""
    parser = argparse.ArgumentParser(prog="make mutant", description=__doc__)
    parser.add_argument("patches", nargs="+", type=Path)
    parser.add_argument("--minutes", type=float, default=None, help="how long faults strike in each run")
    given = parser.parse_args()
    survived = 0
    for patch in given.patches:
        mutant = Mutant.read(patch)
        print(f"{patch.stem}: {mutant.says}", flush=True)
        try:
            caught = attempt(mutant, given.minutes or mutant.minutes)
            print(f"{patch.stem}: {caught or 'SURVIVED'}", flush=True)
        except NotRun as error:
            caught = None
            print(f"{patch.stem}: NOT RUN: {error}", flush=True)
        survived += caught is None
    return 1 if survived else 0


def attempt(mutant: Mutant, minutes: float) -> str | None:
    """Run the rig over a copy of the tree with the bug in it; which invariant caught it, None when none did."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="waybill-mutant-", dir="/var/tmp") as folder:
        tree = Path(folder) / "tree"
        copy(ROOT, tree)
        applied = subprocess.run(
            ["git", "apply", mutant.patch.absolute()], cwd=tree, check=False, capture_output=True, text=True
        )
        if applied.returncode:
            raise NotRun(applied.stderr.strip())
        for seed in mutant.seeds:
            verdict = _run(tree, ROOT / ".waybill-chaos" / mutant.patch.stem, seed, minutes, mutant)
            broken = [finding for finding in verdict["findings"] if finding["violations"]]
            if broken:
                others = ", ".join(finding["name"] for finding in broken[1:])
                return (
                    f"caught by {broken[0]['name']} after {time.monotonic() - began:.0f} s (seed {seed}): "
                    f"{broken[0]['violations'][0]}" + (f"; and by {others}" if others else "")
                )
            print(f"  seed {seed} did not notice", flush=True)
    return None


def copy(root: Path, tree: Path) -> None:
    """The tree as it is, without what git ignores but with the portal's browser assets."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (root / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, tree / name)
    shutil.copytree(root / _VENDOR, tree / _VENDOR, dirs_exist_ok=True)


def _run(tree: Path, kept: Path, seed: int, minutes: float, mutant: Mutant) -> dict[str, Any]:
    """One run in a process that imports the copy; its verdict."""
    verdict = kept / f"seed-{seed}" / "verdict.json"
    verdict.unlink(missing_ok=True)
    sources = [*sorted(tree.glob("*/*/src")), tree / "tests" / "chaos"]
    how = ["--parcels", "600"] if mutant.rig else ["--minutes", str(minutes), "--only", mutant.strikes]
    module = f"waybill_chaos.{mutant.rig}" if mutant.rig else "waybill_chaos"
    command = [sys.executable, "-m", module, "--seed", str(seed), "--keep", str(kept), *how]
    with subprocess.Popen(
        command,
        cwd=tree,
        env={**os.environ, "PYTHONPATH": ":".join(map(str, sources))},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as running:
        try:
            said, _ = running.communicate()
        except BaseException:
            # It has processes of its own to end.
            running.terminate()
            running.wait(_PATIENCE_S)
            raise
    if not verdict.exists():
        raise NotRun("\n".join(said.splitlines()[-15:]))
    found: dict[str, Any] = json.loads(verdict.read_text())
    return found


if __name__ == "__main__":
    sys.exit(main())
