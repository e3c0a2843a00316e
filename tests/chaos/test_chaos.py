"""The short form of `make chaos`: one minute of faults, always the same ones."""

from pathlib import Path

import pytest

from waybill_chaos.rig import run

pytestmark = pytest.mark.timeout(480)
SEED = 248
"""One whose minute holds every kind of fault."""


async def test_a_minute_of_faults_breaks_no_promise(tmp_path: Path) -> None:
    verdict = await run(SEED, 1, tmp_path, print)

    assert not verdict.violated, "\n".join((*verdict.struck, "", *verdict.lines()))
