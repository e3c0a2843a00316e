"""What labels does: with events, and with carriers."""

from waybill_labels.handlers import events, manifests, purchases
from waybill_labels.handlers.events import HANDLES, TOPICS

__all__ = ["HANDLES", "TOPICS", "events", "manifests", "purchases"]
