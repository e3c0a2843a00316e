"""The only SQL of labels."""

from waybill_labels.store import manifests, orders, purchases

__all__ = ["manifests", "orders", "purchases"]
