"""What tracking does: with events, with what carriers say, with parcels that nobody scans, with feeds that follow."""

from waybill_tracking.handlers import events, messages, registrations, unscanned
from waybill_tracking.handlers.events import HANDLES, TOPICS

__all__ = ["HANDLES", "TOPICS", "events", "messages", "registrations", "unscanned"]
