"""The only SQL of labels."""

from waybill_labels.store import batches, documents, manifests, orders, purchases

__all__ = ["batches", "documents", "manifests", "orders", "purchases"]
