"""Returns: asked for and stated by orders, decided and received by fulfillment."""

from enum import StrEnum
from uuid import UUID

from waybill_events.model import Code, Event, LineUnits, Name, Quantity, Time, Units, Value


class ReturnReason(StrEnum):
    """Why units come back. Words are added, never changed."""

    UNWANTED = "unwanted"
    WRONG_ITEM = "wrong_item"
    DAMAGED = "damaged"
    DEFECTIVE = "defective"
    NOT_AS_DESCRIBED = "not_as_described"
    TOO_LATE = "too_late"
    OTHER = "other"


class Condition(StrEnum):
    """In which condition units came back. Words are added, never changed."""

    RESTOCK = "restock"
    DAMAGED = "damaged"
    REFUSED = "refused"


class ReturnRequested(Event, topic="waybill.orders", subject="order_id"):
    """Somebody wants to send units back."""

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    lines: tuple[LineUnits, ...]
    reason: Code
    """One of `ReturnReason`."""
    days: Quantity
    """In how many days after its delivery the brand takes something back."""
    wants_label: bool = False
    requested_at: Time


class ReturnOpened(Event, topic="waybill.orders", subject="order_id"):
    """Units may come back."""

    order_id: UUID
    brand_id: UUID
    return_id: UUID
    """The request's id."""
    lines: tuple[LineUnits, ...]
    reason: Code
    wants_label: bool = False
    opened_at: Time


class ReturnedUnits(Value):
    """Units of one line that came back in one condition."""

    line_id: Name
    quantity: Units
    condition: Code
    """One of `Condition`."""


class ReturnReceived(Event, topic="waybill.fulfillment", subject="order_id"):
    """Units of a return have come back; others of it may follow."""

    order_id: UUID
    brand_id: UUID
    return_id: UUID
    lines: tuple[ReturnedUnits, ...]
    received_at: Time


class ReturnClosed(Event, topic="waybill.orders", subject="order_id"):
    """A return has ended: all of it has come back, or nobody waits for the rest any more."""

    order_id: UUID
    brand_id: UUID
    return_id: UUID
    closed_at: Time
