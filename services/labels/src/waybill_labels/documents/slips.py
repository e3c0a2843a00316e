"""Packing slips."""

from typing import Any

from waybill_labels.documents.setting import page


def packing_slip(contents: dict[str, Any]) -> bytes:
    """A packing slip on A4, as many pages as it takes."""
    return page("packing_slip.typ", contents)
