"""Whose is a number, where can its parcel be followed, and what its carrier has said of it. Pure."""

from waybill_tracking.domain.incoming import Incoming, on_event
from waybill_tracking.domain.messages import Journey, Message, journey
from waybill_tracking.domain.parcels import (
    Around,
    Correction,
    Number,
    Parcel,
    Tracked,
    correct,
    decide,
    heard,
    missed,
    resolve,
)
from waybill_tracking.domain.refusals import (
    GoesWithLabel,
    NoChoice,
    Refused,
    SameNumber,
    UnknownException,
    UnknownParcel,
)

__all__ = [
    "Around",
    "Correction",
    "GoesWithLabel",
    "Incoming",
    "Journey",
    "Message",
    "NoChoice",
    "Number",
    "Parcel",
    "Refused",
    "SameNumber",
    "Tracked",
    "UnknownException",
    "UnknownParcel",
    "correct",
    "decide",
    "heard",
    "journey",
    "missed",
    "on_event",
    "resolve",
]
