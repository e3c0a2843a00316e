"""Whose is a number, where can its parcel be followed, and what its carrier has said of it. Pure."""

from waybill_tracking.domain.messages import Journey, Message, journey
from waybill_tracking.domain.parcels import Parcel, Tracked, decide, heard, on_event

__all__ = ["Journey", "Message", "Parcel", "Tracked", "decide", "heard", "journey", "on_event"]
