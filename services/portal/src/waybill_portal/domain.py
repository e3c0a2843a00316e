"""An order as a brand sees it: folded from events, with its status worked out, never stored by anybody's word."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, assert_never
from urllib.parse import urlsplit
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from waybill_chassis.fold import Waiting
from waybill_events import Envelope, Event, ItemsFulfilled, OrderPlaced, TrackingAdded


class Frozen(BaseModel):
    """State that changes only by making another."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Line(Frozen):
    """One line, and what became of its units."""

    line_id: str
    sku: str
    title: str
    portion: str
    quantity: int
    shipped: int
    canceled: int
    image_url: str

    @property
    def open(self) -> int:
        """Units that are neither shipped nor canceled."""
        return self.quantity - self.shipped - self.canceled


class Parcel(Frozen):
    """Units that left together. `parcel_id` is None for one that had left before the order came to us."""

    parcel_id: UUID | None
    units: Mapping[str, int]
    carrier_name: str
    tracking_number: str
    tracking_url: str
    shipped_at: datetime | None


class Order(Frozen):
    """One order. `applied` says up to which sequence each source went into it."""

    order_id: UUID
    brand_id: UUID
    reference: str
    number: str
    platform: str
    placed_at: datetime
    shipping_method: str
    holds: tuple[str, ...]
    lines: tuple[Line, ...]
    parcels: tuple[Parcel, ...]
    applied: Mapping[str, int]


class Status(StrEnum):
    """How far the brand has come with an order."""

    NOT_SHIPPED = "not shipped"
    PARTIALLY_SHIPPED = "partially shipped"
    SHIPPED = "shipped"
    CANCELED = "canceled"


def status(order: Order) -> Status:
    """All canceled: canceled; nothing open: shipped; something shipped: partially shipped; else not shipped."""
    if all(line.canceled == line.quantity for line in order.lines):
        return Status.CANCELED
    if all(line.open == 0 for line in order.lines):
        return Status.SHIPPED
    if any(line.shipped for line in order.lines):
        return Status.PARTIALLY_SHIPPED
    return Status.NOT_SHIPPED


def flags(order: Order) -> list[str]:
    """What stands beside the status, so that open work never hides behind another word."""
    found = [f"on hold: {hold}" for hold in order.holds]
    if status(order) is not Status.CANCELED and any(line.canceled for line in order.lines):
        found.append("partly canceled")
    return found


def on_event(order: Order | None, event: Event, envelope: Envelope) -> tuple[Order | None, list[Event]]:
    """Fold one event into an order; it does not matter in which order the sources come."""
    assert isinstance(event, OrderPlaced | ItemsFulfilled | TrackingAdded)
    match event:
        case OrderPlaced():
            before, changed = order or placed(event), dict[str, Any]()
        case ItemsFulfilled():
            before = _known(order)
            changed = fulfilled(before, event)
        case TrackingAdded():
            before = _known(order)
            changed = tracked(before, event)
        case _:
            assert_never(event)
    applied = {**before.applied, envelope.source: envelope.sequence or 0}
    return before.model_copy(update={**changed, "applied": applied}), []


def placed(event: OrderPlaced) -> Order:
    """An order as it was born, with the parcels that had left before."""
    return Order(
        order_id=event.order_id,
        brand_id=event.brand_id,
        reference=event.reference,
        number=event.number,
        platform=event.platform,
        placed_at=event.placed_at,
        shipping_method=event.shipping_method,
        holds=tuple(hold.value for hold in event.holds),
        lines=tuple(
            Line(
                line_id=line.line_id,
                sku=line.sku,
                title=line.title,
                portion=line.portion,
                quantity=line.quantity,
                shipped=line.shipped,
                canceled=line.canceled,
                image_url=line.image_url,
            )
            for line in event.lines
        ),
        parcels=tuple(
            Parcel(
                parcel_id=None,
                units={units.line_id: units.quantity for units in shipment.lines},
                carrier_name=shipment.tracking_company,
                tracking_number=shipment.tracking_number,
                tracking_url=followable(shipment.tracking_url),
                shipped_at=None,
            )
            for shipment in event.shipments
        ),
        applied={},
    )


def fulfilled(order: Order, event: ItemsFulfilled) -> dict[str, Any]:
    """What a parcel that left changes; until tracking has settled its carrier it shows what the brand typed."""
    units = {each.line_id: each.quantity for each in event.lines}
    parcel = Parcel(
        parcel_id=event.parcel_id,
        units=units,
        carrier_name=event.company or "",
        tracking_number=event.number or "",
        tracking_url="",
        shipped_at=event.shipped_at,
    )
    lines = tuple(
        line.model_copy(update={"shipped": line.shipped + units[line.line_id]}) if line.line_id in units else line
        for line in order.lines
    )
    return {"lines": lines, "parcels": (*order.parcels, parcel)}


def tracked(order: Order, event: TrackingAdded) -> dict[str, Any]:
    """What the settled carrier of a parcel changes; raises Waiting while the parcel has not left yet."""
    if all(parcel.parcel_id != event.parcel_id for parcel in order.parcels):
        raise Waiting(ItemsFulfilled)
    settled = {
        "carrier_name": event.carrier_name,
        "tracking_number": event.tracking_number,
        "tracking_url": followable(event.tracking_url),
    }
    parcels = tuple(
        parcel.model_copy(update=settled) if parcel.parcel_id == event.parcel_id else parcel for parcel in order.parcels
    )
    return {"parcels": parcels}


def followable(url: str) -> str:
    """The address if a browser may be sent there, else nothing: platforms pass on what people typed."""
    try:
        return url if urlsplit(url).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def _known(order: Order | None) -> Order:
    if order is None:
        raise Waiting(OrderPlaced)
    return order
