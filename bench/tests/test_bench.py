"""The measurements themselves: they count what they time, from when it was due, and fail when it does not add up."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench import hop, latency
from bench.lives import lives
from bench.load import log
from bench.servers import Failed
from waybill_chassis.database import Database

ROOT = Path(__file__).parents[2]


@pytest.mark.timeout(600)
def test_a_short_run_measures_everything_and_draws_every_curve(tmp_path: Path) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "bench", "--short", "--out", tmp_path],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )

    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = json.loads((tmp_path / "results.json").read_text())
    assert {"plain_per_s", "chassis_per_s", "ratio"} <= found["hop"].keys()
    assert found["relay"]["events_per_s"] > 0
    assert found["rebuild"]["records"] == 400
    assert (found["imports"]["rows"], sum(found["imports"]["codes"].values())) == (300, 15)
    assert (found["printing"]["parcels"], found["printing"]["pages"], found["printing"]["failed"]) == (20, 34, 3)
    assert found["carriers"]["numbers"] == found["carriers"]["with_a_candidate"] == 2_000
    assert len(found["growth"]["parts"]) == 11
    assert found["lives"]["per_s"] > 0
    for level in found["lives"]["latency"]:
        assert level["sale_to_visible"]["count"] == level["ship_to_visible"]["count"] == level["lives"]
    drawn = sorted(path.name for path in (tmp_path / "charts").iterdir())
    assert drawn == ["growth.png", "hop.png", "latency.png", "lives.png"]


async def test_a_row_too_few_fails_the_run(servers: Any, database: Database, monkeypatch: Any) -> None:
    monkeypatch.setattr(hop, "PATIENCE_S", 0.1)
    url = database.engine.url.render_as_string(hide_password=False)
    async with database.begin() as connection:
        await connection.exec_driver_sql("CREATE TABLE parcels AS SELECT 1 AS parcel_id")

    async with log(servers.kafka.bootstrap) as records:
        with pytest.raises(Failed, match="parcels holds 1 rows, not 2"):
            await hop.check_rows(records, url, hop.TARGET, 0, {"parcels": 2})


def test_a_time_counts_from_when_it_was_due() -> None:
    (life,) = lives(1, 1)
    life.sold, life.seen, life.ship, life.tracked = 10.0, 10.25, 12.0, 12.5

    found = latency.of([life])

    assert found["sale_to_visible"]["p99_ms"] == pytest.approx(250, rel=0.001)
    assert found["ship_to_visible"]["p99_ms"] == pytest.approx(500, rel=0.001)


def test_the_plain_hop_stays_short() -> None:
    assert len((ROOT / "bench" / "plain.py").read_text().splitlines()) <= 60
