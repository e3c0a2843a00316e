"""The wheel, in an interpreter that has nothing else."""

import json
from collections.abc import Callable
from pathlib import Path

from waybill_carriers import CARRIERS, detect

LIBRARY = Path(__file__).parents[1]
NUMBERS = [number for carrier in CARRIERS for each in carrier.formats for number in each.numbers]
DETECTS = f"""
import json
from importlib.metadata import distributions, requires
from waybill_carriers import detect

installed = [each.name for each in distributions()]
found = [[each.carrier.code for each in detect(number)] for number in {NUMBERS}]
print(json.dumps([installed, requires("waybill-carriers"), found]))
"""


def test_the_wheel_finds_every_carrier_where_nothing_else_is_installed(
    wheel_of: Callable[[Path], Path], alone: Callable[..., str]
) -> None:
    installed, needs, found = json.loads(alone(wheel_of(LIBRARY), DETECTS))

    assert (installed, needs) == (["waybill-carriers"], None)
    assert found == [[each.carrier.code for each in detect(number)] for number in NUMBERS]
