"""What orders and fulfillment tell, and which labels it makes necessary or useless."""

from dataclasses import replace

from waybill_carriers import compact
from waybill_chassis.fold import Waiting
from waybill_events import (
    Envelope,
    Event,
    ItemsFulfilled,
    LateShipmentRecorded,
    OrderCanceled,
    OrderPlaced,
    ParcelPacked,
    ParcelUnpacked,
    ShipmentUndone,
)
from waybill_labels.domain.labels import current, not_needed, want
from waybill_labels.domain.orders import PLATFORM, Decided, Order, Parcel, Place, Wish, placed, without

Incoming = (
    OrderPlaced | OrderCanceled | ParcelPacked | ParcelUnpacked | ItemsFulfilled | ShipmentUndone | LateShipmentRecorded
)


def on_event(order: Order | None, event: Event, _envelope: Envelope) -> tuple[Order | None, list[Event]]:
    """Note what an order holds and where its parcels are; want a label for one that is packed for it."""
    assert isinstance(event, Incoming)
    if isinstance(event, OrderPlaced):
        return order or placed(event), []
    if order is None:
        raise Waiting(OrderPlaced)
    match event:
        case OrderCanceled():
            return without(order, {each.line_id: each.quantity for each in event.lines}), []
        case ParcelPacked():
            return _packed(order, event), []
        case ParcelUnpacked():
            after = order.with_parcel(replace(_known(order, event), place=Place.UNPACKED))
            return not_needed(after, event.parcel_id, "unpacked", event.unpacked_at)
        case ItemsFulfilled():
            return _left(order, event)
        case ShipmentUndone():
            place = Place.PACKED if event.packed else Place.UNPACKED
            return order.with_parcel(replace(_known(order, event), place=place)), []
        case _:
            return order.with_parcel(replace(_known(order, event), place=Place.SHIPPED)), []


def _packed(order: Order, event: ParcelPacked) -> Order:
    wish = Wish(event.service, event.weight_g, event.box)
    parcel = Parcel(
        event.parcel_id,
        len(order.parcels) + 1,
        Place.PACKED,
        {each.line_id: each.quantity for each in event.lines},
        event.shipping,
        event.recipient_version,
        wish,
    )
    after = order.with_parcel(parcel)
    return want(after, parcel, wish) if event.shipping == PLATFORM else after


def _left(order: Order, event: ItemsFulfilled) -> Decided:
    """A parcel has left; with another number than that of its label, that label is useless."""
    units = {each.line_id: each.quantity for each in event.lines}
    known = order.parcel(event.parcel_id) or Parcel(event.parcel_id, len(order.parcels) + 1, Place.SHIPPED, units)
    after = order.with_parcel(replace(known, place=Place.SHIPPED, units=units))
    label = current(order, event.parcel_id)
    mine = "" if label is None or label.sale is None else compact(label.sale.tracking_number)
    if event.handed_over_by != "number" or (mine and compact(event.number or "") == mine):
        return after, []
    return not_needed(after, event.parcel_id, "shipped_otherwise", event.shipped_at)


def _known(order: Order, event: ParcelUnpacked | ShipmentUndone | LateShipmentRecorded) -> Parcel:
    parcel = order.parcel(event.parcel_id)
    if parcel is None:
        raise LookupError(f"order {order.order_id} has no parcel {event.parcel_id}")
    return parcel
