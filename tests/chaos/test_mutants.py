"""Planted bugs keep fitting the tree, and say what they are and which strikes they take."""

import subprocess
from pathlib import Path

import pytest

from waybill_chaos.mutants import ROOT, Mutant
from waybill_chaos.plan import KINDS

PATCHES = sorted((Path(__file__).parent / "mutants").glob("*.patch"))


@pytest.mark.parametrize("patch", PATCHES, ids=lambda patch: patch.stem)
def test_each_applies_and_is_described(patch: Path) -> None:
    mutant = Mutant.read(patch)

    checked = subprocess.run(["git", "apply", "--check", patch], cwd=ROOT, capture_output=True, text=True, check=False)

    assert not checked.returncode, checked.stderr
    assert mutant.says
    assert {name.partition("@")[0] for name in mutant.strikes.split(",") if name} <= {kind.name for kind in KINDS}


def test_there_are_sixteen_at_least() -> None:
    assert len(PATCHES) >= 16
