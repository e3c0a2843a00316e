"""What a person has to decide; each service raises and resolves its own kinds, on its own topic."""

from uuid import UUID

from waybill_events.model import OWN, Code, Event, LineUnits, Text, Time


class ExceptionRaised(Event, topic=OWN, subject="order_id"):
    """Something about an order needs somebody's decision; the command that gives it goes to who raised it."""

    order_id: UUID
    brand_id: UUID
    exception_id: UUID
    kind: Code
    """`late_shipment`, `sent_twice`, `unscanned`, `refunded_on_its_way`, `sale_changed`, `changed_too_late`,
    `returned_to_sender`, `lost`, `damaged`; more may come."""
    choices: tuple[Code, ...]
    lines: tuple[LineUnits, ...] = ()
    parcel_ids: tuple[UUID, ...] = ()
    details: Text = ""
    """What happened, in words, without anything personal."""
    caused_by: UUID | None = None
    """The request or event that it is about."""
    raised_at: Time


class ExceptionResolved(Event, topic=OWN, subject="order_id"):
    """Somebody has decided, or it has settled itself."""

    order_id: UUID
    brand_id: UUID
    exception_id: UUID
    kind: Code
    choice: Code
    comment: Text = ""
    resolved_at: Time
