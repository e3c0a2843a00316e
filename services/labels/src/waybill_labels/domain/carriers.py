"""What carriers take and what they do not, as data; sources: each carrier's own terms, here the simulated one's."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rules:
    """What one service asks for; a limit of None is none. Weights in g, lengths in mm."""

    phone: bool = False
    """Whether the recipient's phone must be known."""
    po_box: bool = True
    military: bool = True
    """Whether it goes to APO, FPO and DPO addresses."""
    greatest_weight_g: int | None = None
    greatest_length_mm: int | None = None
    greatest_girth_mm: int | None = None
    """Length and girth together: the longest side, and twice the two others."""


RULES: Final[Mapping[str, Rules]] = {
    "simulated:ground": Rules(
        po_box=False, greatest_weight_g=30_000, greatest_length_mm=2_700, greatest_girth_mm=4_190
    ),
    "simulated:express": Rules(phone=True, po_box=False, military=False, greatest_weight_g=20_000),
    "simulated:post": Rules(greatest_weight_g=20_000, greatest_length_mm=1_500, greatest_girth_mm=3_300),
}
"""By carrier:service; one that is not here takes what its carrier says."""
