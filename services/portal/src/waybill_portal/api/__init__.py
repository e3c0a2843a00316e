"""The JSON API: what the pages show, for programs."""

from waybill_portal.api import brands, forwarding, orders
from waybill_portal.api.viewing import Who, viewer

__all__ = ["Who", "brands", "forwarding", "orders", "viewer"]
