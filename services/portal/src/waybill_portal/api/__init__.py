"""The JSON API: what the pages show, for programs."""

from waybill_portal.api import brands, forwarding, orders, people
from waybill_portal.api.viewing import Audited, Who

__all__ = ["Audited", "Who", "brands", "forwarding", "orders", "people"]
