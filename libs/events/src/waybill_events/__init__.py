"""The events of Waybill: models, envelope, ids and registry. Pure: nothing here reads or writes anything."""

from waybill_events.envelope import Envelope, InvalidEnvelope, subject_of
from waybill_events.fulfillment import ItemsFulfilled
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
from waybill_events.sales import KnownShipment, Payment, SaleLine, SaleReceived
from waybill_events.tables import Brand, Recipient
from waybill_events.tracking import TrackingAdded

__all__ = [
    "EVENTS",
    "MAX_BYTES",
    "TOPICS",
    "Address",
    "Brand",
    "BusinessAddress",
    "Buyer",
    "Envelope",
    "Event",
    "Hold",
    "InvalidEnvelope",
    "ItemsFulfilled",
    "KnownShipment",
    "LeftOut",
    "LineUnits",
    "Money",
    "OrderLine",
    "OrderPlaced",
    "Payment",
    "Personal",
    "Recipient",
    "Registry",
    "SaleLine",
    "SaleReceived",
    "SaleSplit",
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
