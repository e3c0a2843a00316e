"""Requests about an order: orders takes them in, fulfillment decides them, orders states the result."""

from enum import StrEnum
from uuid import UUID

from waybill_events.model import Code, Country, Event, LineUnits, Name, Time, Units, Value, Version


class CancelReason(StrEnum):
    """Why units are not to be shipped. Words are added, never changed."""

    CUSTOMER = "customer"
    INVENTORY = "inventory"
    FRAUD = "fraud"
    DECLINED = "declined"
    ADDRESS = "address"
    STAFF = "staff"
    OTHER = "other"


class HoldReason(StrEnum):
    """Why an order may not be worked on for the time being. Words are added, never changed."""

    AWAITING_PAYMENT = "awaiting_payment"
    FRAUD_RISK = "fraud_risk"
    ADDRESS = "address"
    INVENTORY = "inventory"
    CUSTOMER_REQUEST = "customer_request"
    OTHER = "other"


class Refusal(StrEnum):
    """Why a request was not granted, or not for all units. Words are added, never changed."""

    SHIPPED = "shipped"
    CANCELED = "canceled"
    PACKED = "packed"
    NOT_ORDERED = "not_ordered"
    UNKNOWN_LINE = "unknown_line"
    NOT_SHIPPED = "not_shipped"
    RETURNED = "returned"
    WINDOW_CLOSED = "window_closed"
    NOTHING_LEFT = "nothing_left"


class CancellationRequested(Event, topic="waybill.orders", subject="order_id"):
    """Somebody wants units not to be shipped; without `lines`, all that are not canceled.

    A platform tells how many units of a line it has canceled in all: what is canceled here counts towards them, so that
    it may tell us of our own cancellation.
    """

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    lines: tuple[LineUnits, ...] | None = None
    reason: Code
    by_platform: bool = False
    """The platform has canceled them already: there they are gone, whatever is decided here. `lines` are totals."""
    notify_customer: bool = False
    requested_at: Time


class HoldRequested(Event, topic="waybill.orders", subject="order_id"):
    """Somebody wants an order not to be worked on, perhaps until a certain time."""

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    reason: Code
    release_at: Time | None = None
    requested_at: Time


class AmendmentRequested(Event, topic="waybill.orders", subject="order_id"):
    """Somebody wants the address or the note of an order changed. What to is personal: orders keeps it to itself."""

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    fields: tuple[Name, ...]
    """`note`, and `address.city` or another field of the address."""
    by_platform: bool = False
    """The platform has changed them already: there they are so, whatever is decided here."""
    requested_at: Time


class RefusedUnits(Value):
    """Units of a request that were not granted: why, and what had won them."""

    line_id: Name
    quantity: Units
    why: Code
    won_by: tuple[UUID, ...] = ()
    """The commands or events that had them first: shipped them, or canceled them."""
    parcel_ids: tuple[UUID, ...] = ()
    """The parcels in which they are."""


class RequestDecided(Event, topic="waybill.fulfillment", subject="order_id"):
    """Under the order's lock: what of a request was granted, what was not and by what.

    Of a cancellation, the `granted` units are canceled from here on; of a return, they may come back. Where it is
    `accepted`, a hold stands from here, and an amendment may be made.
    """

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    kind: Code
    """`cancellation`, `hold`, `amendment`, `return`."""
    reason: Code
    accepted: bool
    """Whether anything of it was granted."""
    granted: tuple[LineUnits, ...] = ()
    refused: tuple[RefusedUnits, ...] = ()
    why: Code | None = None
    """Why nothing at all was granted, where it is no matter of single units."""


class OrderCanceled(Event, topic="waybill.orders", subject="order_id"):
    """Units will not be shipped."""

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    lines: tuple[LineUnits, ...]
    reason: Code
    by_platform: bool = False
    """The platform knows: it is not told again."""
    notify_customer: bool = False
    canceled_at: Time


class RequestDeclined(Event, topic="waybill.orders", subject="order_id"):
    """A request was not granted, or not for these units."""

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    kind: Code
    reason: Code
    by_platform: bool = False
    refused: tuple[RefusedUnits, ...] = ()
    why: Code | None = None
    declined_at: Time


class OrderAmended(Event, topic="waybill.orders", subject="order_id"):
    """The address or the note of an order is another one; it stands on `waybill.recipients`."""

    order_id: UUID
    brand_id: UUID
    request_id: UUID
    fields: tuple[Name, ...]
    country: Country | None = None
    """Where it goes now."""
    recipient_version: Version
    by_platform: bool = False
    amended_at: Time


class OrderHeld(Event, topic="waybill.orders", subject="order_id"):
    """An order may not be worked on until this hold and all others of it are released."""

    order_id: UUID
    brand_id: UUID
    hold_id: UUID
    """The request's id."""
    reason: Code
    release_at: Time | None = None
    held_at: Time


class OrderReleased(Event, topic="waybill.orders", subject="order_id"):
    """One hold of an order has ended; others may stand."""

    order_id: UUID
    brand_id: UUID
    hold_id: UUID
    released_at: Time
