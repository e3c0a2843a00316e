"""What fulfillment takes in: events, and files that wait to be applied."""

from waybill_fulfillment.handlers.events import HANDLES, TOPICS, take
from waybill_fulfillment.handlers.imports import go_on

__all__ = ["HANDLES", "TOPICS", "go_on", "take"]
