"""The only SQL of labels."""

from waybill_labels.store import orders, purchases

__all__ = ["orders", "purchases"]
