"""An order as a brand sees it: folded from events, with its status worked out and explained. Pure."""

from waybill_portal.domain.deadlines import AtRisk, ShipBy, at_risk, ship_by
from waybill_portal.domain.fold import HANDLES, followable, on_event
from waybill_portal.domain.order import (
    Again,
    Evidence,
    Former,
    Hold,
    Label,
    Line,
    OpenException,
    Order,
    Parcel,
    Request,
    Return,
    Tracked,
)
from waybill_portal.domain.status import Badge, Mark, Outcome, Status, explained, flags, marks, outcomes, status

__all__ = [
    "HANDLES",
    "Again",
    "AtRisk",
    "Badge",
    "Evidence",
    "Former",
    "Hold",
    "Label",
    "Line",
    "Mark",
    "OpenException",
    "Order",
    "Outcome",
    "Parcel",
    "Request",
    "Return",
    "ShipBy",
    "Status",
    "Tracked",
    "at_risk",
    "explained",
    "flags",
    "followable",
    "marks",
    "on_event",
    "outcomes",
    "ship_by",
    "status",
]
