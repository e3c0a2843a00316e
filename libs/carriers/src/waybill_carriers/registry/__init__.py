"""The registry: every carrier that is known, one entry each."""

from typing import Final

from waybill_carriers.registry.carrier import Carrier
from waybill_carriers.registry.north_america import NORTH_AMERICA
from waybill_carriers.registry.posts import POST, post_named, post_of
from waybill_carriers.registry.worldwide import WORLDWIDE

CARRIERS: Final[tuple[Carrier, ...]] = (*NORTH_AMERICA, *WORLDWIDE, POST)

__all__ = ["CARRIERS", "Carrier", "post_named", "post_of"]
