"""How long things take end to end while lives come at a given rate, to the last percentile."""

# hdrh is not annotated.
# pyright: reportUnknownMemberType=false

from collections.abc import Iterable
from typing import Any, Final

from hdrh.histogram import HdrHistogram

from bench.lives import Life

PERCENTILES: Final = {"p50": 50.0, "p90": 90.0, "p99": 99.0, "p99_9": 99.9, "max": 100.0}
_LONGEST_US: Final = 600_000_000
_DIGITS: Final = 3


def of(some: Iterable[Life]) -> dict[str, Any]:
    """From the sale's due time until the portal shows the order; from the command's until it shows its tracking."""
    told = list(some)
    return {
        "sale_to_visible": _summary(life.seen - life.sold for life in told),
        "ship_to_visible": _summary(life.tracked - life.ship for life in told),
    }


def _summary(seconds: Iterable[float]) -> dict[str, Any]:
    """Milliseconds at each percentile, and the whole histogram (microseconds) in the format that HDR's tools read."""
    histogram = HdrHistogram(1, _LONGEST_US, _DIGITS)
    for each in seconds:
        histogram.record_value(max(1, round(each * 1e6)))
    found = {f"{name}_ms": in_ms(histogram, at) for name, at in PERCENTILES.items()}
    return {**found, "count": histogram.get_total_count(), "hdr": histogram.encode().decode()}


def in_ms(histogram: HdrHistogram, percentile: float) -> float:
    """The value at a percentile."""
    microseconds: int = histogram.get_value_at_percentile(percentile)
    return round(microseconds / 1000, 1)
