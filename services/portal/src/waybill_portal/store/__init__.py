"""The only SQL of the portal."""

from waybill_portal.store import orders, people

__all__ = ["orders", "people"]
