"""The events of Waybill: models, envelope, ids and registry. Pure: nothing here reads or writes anything."""

from waybill_events.envelope import Envelope, InvalidEnvelope, subject_of
from waybill_events.exceptions import ExceptionRaised, ExceptionResolved
from waybill_events.fulfillment import (
    ItemsFulfilled,
    LateShipmentRecorded,
    ParcelPacked,
    ParcelUnpacked,
    ShipmentUndone,
)
from waybill_events.model import MAX_BYTES, Event, LineUnits, Money, Personal, Value, personal_fields, without_personal
from waybill_events.orders import Hold, LeftOut, OrderLine, OrderPlaced, SaleSplit, SplitOrder
from waybill_events.places import Address, BusinessAddress, Buyer
from waybill_events.registry import (
    EVENTS,
    TOPICS,
    Registry,
    Topic,
    Undecodable,
    UnknownType,
    UnknownVersion,
)
from waybill_events.requests import (
    CancellationRequested,
    CancelReason,
    HoldReason,
    HoldRequested,
    OrderCanceled,
    OrderHeld,
    OrderReleased,
    Refusal,
    RefusedUnits,
    RequestDecided,
    RequestDeclined,
)
from waybill_events.sales import KnownShipment, Payment, SaleCanceled, SaleChanged, SaleLine, SaleReceived
from waybill_events.tables import Brand, Recipient
from waybill_events.tracking import ParcelScanned, TrackingAdded

__all__ = [
    "EVENTS",
    "MAX_BYTES",
    "TOPICS",
    "Address",
    "Brand",
    "BusinessAddress",
    "Buyer",
    "CancelReason",
    "CancellationRequested",
    "Envelope",
    "Event",
    "ExceptionRaised",
    "ExceptionResolved",
    "Hold",
    "HoldReason",
    "HoldRequested",
    "InvalidEnvelope",
    "ItemsFulfilled",
    "KnownShipment",
    "LateShipmentRecorded",
    "LeftOut",
    "LineUnits",
    "Money",
    "OrderCanceled",
    "OrderHeld",
    "OrderLine",
    "OrderPlaced",
    "OrderReleased",
    "ParcelPacked",
    "ParcelScanned",
    "ParcelUnpacked",
    "Payment",
    "Personal",
    "Recipient",
    "Refusal",
    "RefusedUnits",
    "Registry",
    "RequestDecided",
    "RequestDeclined",
    "SaleCanceled",
    "SaleChanged",
    "SaleLine",
    "SaleReceived",
    "SaleSplit",
    "ShipmentUndone",
    "SplitOrder",
    "Topic",
    "TrackingAdded",
    "Undecodable",
    "UnknownType",
    "UnknownVersion",
    "Value",
    "personal_fields",
    "subject_of",
    "without_personal",
]
