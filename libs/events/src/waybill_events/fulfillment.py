"""What fulfillment publishes on `waybill.fulfillment`."""

from uuid import UUID

from waybill_events.model import Box, Code, Event, Filled, LineUnits, Text, Time, Version, Weight


class ItemsFulfilled(Event, topic="waybill.fulfillment", subject="order_id", version=2):
    """Units of an order left in a parcel, with the company and number that the brand typed, where it typed them."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    company: Filled | None = None
    """The carrier as the brand calls it; without one, the number may still tell."""
    number: Filled | None = None
    """Without one the parcel cannot be followed."""
    shipped_at: Time
    notify_customer: bool = False
    handed_over_by: Code = "number"
    """What says that it left: a `number` that was entered, a `person`, a closed `manifest`, or the carrier's first
    `scan`."""


class ParcelPacked(Event, topic="waybill.fulfillment", subject="order_id"):
    """Open units of an order were put together into a parcel, which has not left yet."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    shipping: Code = "own"
    """`own`: the brand ships with its own carrier; `platform`: labels buys a label for it."""
    recipient_version: Version | None = None
    """To whom it is addressed; that cannot change while it is packed."""
    service: Text = ""
    """The service that is wanted, as carrier:service; empty: what the brand's rule chooses."""
    weight_g: Weight | None = None
    """What the scale said; without it, what its units weigh."""
    box: Box | None = None
    """Without one, the brand's default."""
    packed_at: Time


class ParcelUnpacked(Event, topic="waybill.fulfillment", subject="order_id"):
    """A packed parcel was taken apart, whole; its units are open again."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    request_id: UUID | None = None
    """The request for which it was."""
    unpacked_at: Time


class ShipmentUndone(Event, topic="waybill.fulfillment", subject="order_id"):
    """A parcel had not left after all: its units are packed again, or open."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    packed: bool
    """Whether it is a packed parcel again; else it is none any more."""
    undone_at: Time


class LateShipmentRecorded(Event, topic="waybill.fulfillment", subject="order_id"):
    """The carrier scanned a parcel that was taken apart: it is on its way, and in it these canceled units."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    lines: tuple[LineUnits, ...]
    scanned_at: Time


class ResendRequested(Event, topic="waybill.fulfillment", subject="order_id"):
    """What was in a parcel that did not arrive is to be sent again; orders makes another order of it."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    exception_id: UUID
    """The exception that was settled so."""
    lines: tuple[LineUnits, ...]
    requested_at: Time


class CorrectionRequested(Event, topic="waybill.fulfillment", subject="order_id"):
    """A file of tracking numbers gives a parcel that has left another number; tracking corrects it."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    company: Filled | None = None
    number: Filled
    notify_customer: bool = False
    requested_at: Time
