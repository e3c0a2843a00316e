"""Documents as PDF, set by Typst: one small compiler in a wheel, which takes data apart from the page's code."""

import json
from importlib.resources import files
from typing import Any, Final

import typst

_SLIP: Final = files("waybill_labels") / "packing_slip.typ"


def packing_slip(contents: dict[str, Any]) -> bytes:
    """A packing slip on A4, as many pages as it takes; takes some 100 ms of one core."""
    source = _SLIP.read_bytes()
    pdf: bytes = typst.compile(source, sys_inputs={"slip": json.dumps(contents)})
    return pdf
