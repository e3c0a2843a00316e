"""The short form of `make chaos`: one minute of faults, always the same ones."""

from pathlib import Path

import pytest

from waybill_chaos.plan import KINDS, plan
from waybill_chaos.rig import run

pytestmark = pytest.mark.timeout(480)
SEED = 725


def test_the_minute_holds_every_kind_of_fault() -> None:
    assert {strike.kind for strike in plan(SEED, 60)} == {kind.name for kind in KINDS}


async def test_a_minute_of_faults_breaks_no_promise(tmp_path: Path) -> None:
    verdict = await run(SEED, 1, tmp_path, print)

    assert not verdict.violated, "\n".join((*verdict.struck, "", *verdict.lines()))
