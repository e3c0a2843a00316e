"""What labels does: with events, and with carriers."""

from waybill_labels.handlers import batches, events, manifests, purchases
from waybill_labels.handlers.events import HANDLES, TOPICS

__all__ = ["HANDLES", "TOPICS", "batches", "events", "manifests", "purchases"]
