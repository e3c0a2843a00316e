"""What labels answers."""

from waybill_labels.api import documents, labels, manifests

__all__ = ["documents", "labels", "manifests"]
