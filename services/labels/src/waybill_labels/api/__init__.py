"""What labels answers."""

from waybill_labels.api import batches, documents, labels, links, manifests, rates

__all__ = ["batches", "documents", "labels", "links", "manifests", "rates"]
