"""What labels answers."""

from waybill_labels.api import documents, labels

__all__ = ["documents", "labels"]
