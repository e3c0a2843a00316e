"""The JSON API: what the pages show, for programs."""

from waybill_portal.api import audit, brands, forwarding, orders, people, tokens
from waybill_portal.api.viewing import Audited, Who

__all__ = ["Audited", "Who", "audit", "brands", "forwarding", "orders", "people", "tokens"]
