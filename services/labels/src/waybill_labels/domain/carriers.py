"""What carriers take and what they do not, as data.

Sources: each carrier's own terms, as UPS's "Weight and Size" (150 lb, 108 in of length, 165 in of length and girth) and
its tariff (no PO boxes, no APO and FPO); what the simulated one takes is made up.
"""

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
    "ups": Rules(
        po_box=False, military=False, greatest_weight_g=68_038, greatest_length_mm=2_743, greatest_girth_mm=4_191
    ),
}
"""By carrier:service, or by carrier for all of its services; one that is not here takes what its carrier says."""


def rules_of(carrier: str, service: str) -> Rules:
    """Those of a service."""
    return RULES.get(f"{carrier}:{service}") or RULES.get(carrier, Rules())
