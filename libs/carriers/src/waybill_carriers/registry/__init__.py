"""The registry: every carrier that is known, one entry each."""

from typing import Final

from waybill_carriers.registry.canada import CANADA
from waybill_carriers.registry.carrier import Carrier
from waybill_carriers.registry.posts import POST, post_named, post_of
from waybill_carriers.registry.united_states import UNITED_STATES
from waybill_carriers.registry.worldwide import WORLDWIDE

CARRIERS: Final[tuple[Carrier, ...]] = (*UNITED_STATES, *CANADA, *WORLDWIDE, POST)

__all__ = ["CARRIERS", "Carrier", "post_named", "post_of"]
