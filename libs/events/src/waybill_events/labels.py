"""What labels publishes on `waybill.labels`."""

from uuid import UUID

from waybill_events.model import Code, Event, Money, Name, Text, Time, Weight


class LabelPurchased(Event, topic="waybill.labels", subject="order_id"):
    """A label was bought for a parcel; it has a number from here on."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    label_id: UUID
    carrier: Name
    """Our code of the carrier."""
    carrier_name: Name
    service: Name
    """The carrier's code of the service."""
    service_name: Text = ""
    tracking_number: Name
    tracking_url: Text = ""
    cost: Money
    weight_g: Weight
    """What was declared."""
    unwanted: Code | None = None
    """Why it is given back at once, as in LabelVoided: nobody may use it."""
    purchased_at: Time


class LabelFailed(Event, topic="waybill.labels", subject="order_id"):
    """No label was bought for a parcel, and no money moved."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    label_id: UUID
    code: Code
    """What stands in the way: `no_weight`, `no_rate`, `customs_required`, `refused` by the carrier; more may come."""
    words: Text
    """The carrier's words where it refused, and what to do."""
    failed_at: Time


class LabelVoided(Event, topic="waybill.labels", subject="order_id"):
    """A label must not be used any more; its money may come back later."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    label_id: UUID
    why: Code
    """`unpacked`, `shipped_otherwise`, `shipped` with another label, `asked` by a person, or `bought_twice`."""
    voided_at: Time


class LabelVoidRefused(Event, topic="waybill.labels", subject="order_id"):
    """The carrier does not take a label back: its money is lost unless it is used."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    label_id: UUID
    why: Code
    """Why it was to be voided, as in LabelVoided."""
    words: Text = ""
    """The carrier's."""
    refused_at: Time


class LabelRefunded(Event, topic="waybill.labels", subject="order_id"):
    """The money of a voided label has come back."""

    order_id: UUID
    brand_id: UUID
    parcel_id: UUID
    label_id: UUID
    amount: Money
    refunded_at: Time


class ReturnLabelPurchased(Event, topic="waybill.labels", subject="order_id"):
    """A label was bought with which a customer sends units back."""

    order_id: UUID
    brand_id: UUID
    return_id: UUID
    label_id: UUID
    carrier: Name
    """Our code of the carrier."""
    carrier_name: Name
    service: Name
    """The carrier's code of the service."""
    service_name: Text = ""
    tracking_number: Name
    tracking_url: Text = ""
    cost: Money
    weight_g: Weight
    """What was declared."""
    purchased_at: Time


class ReturnLabelChanged(Event, topic="waybill.labels", subject="order_id"):
    """The label of a return was not bought, or is not to be used any more."""

    order_id: UUID
    brand_id: UUID
    return_id: UUID
    label_id: UUID
    state: Code
    """`failed`, `voided`, `kept` where its carrier does not take it back, `refunded`, or `bought` where it does not
    take back what a person wished void; more may come."""
    words: Text = ""
    """Why it failed, and what to do; or the carrier's words."""
    changed_at: Time


class ManifestClosed(Event, topic="waybill.labels", subject="order_id"):
    """A carrier has a list of parcels that it takes with it, these of one order among them."""

    order_id: UUID
    brand_id: UUID
    manifest_id: UUID
    carrier: Name
    parcel_ids: tuple[UUID, ...]
    closed_at: Time
