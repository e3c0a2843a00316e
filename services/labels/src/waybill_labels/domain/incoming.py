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
    ReturnClosed,
    ReturnOpened,
    ReturnReceived,
    ShipmentUndone,
)
from waybill_labels.domain.labels import current, not_needed, want
from waybill_labels.domain.orders import PLATFORM, Decided, Label, Order, Parcel, Place, Wish, placed, without

Incoming = (
    OrderPlaced
    | OrderCanceled
    | ParcelPacked
    | ParcelUnpacked
    | ItemsFulfilled
    | ShipmentUndone
    | LateShipmentRecorded
    | ReturnOpened
    | ReturnReceived
    | ReturnClosed
)
OfReturn = ReturnOpened | ReturnReceived | ReturnClosed


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
            return _undone(order, event)
        case ReturnOpened() | ReturnReceived() | ReturnClosed():
            return _returned(order, event)
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
    """A parcel has left with the label that has its number; all others of it are useless."""
    units = {each.line_id: each.quantity for each in event.lines}
    known = order.parcel(event.parcel_id) or Parcel(event.parcel_id, len(order.parcels) + 1, Place.SHIPPED, units)
    after = order.with_parcel(replace(known, place=Place.SHIPPED, units=units))
    used = _used(order, event)
    why = "shipped_otherwise" if event.handed_over_by == "number" else "shipped"
    return not_needed(after, event.parcel_id, why, event.shipped_at, keep=None if used is None else used.label_id)


def _used(order: Order, event: ItemsFulfilled) -> Label | None:
    """The label with which it left; a scan may have come before anybody else knew of its number."""
    number = compact(event.number or "")
    for label in order.labels_of(event.parcel_id):
        if label.sale is not None and compact(label.sale.tracking_number) == number:
            return label
    return current(order, event.parcel_id) if event.handed_over_by == "scan" and not number else None


def _undone(order: Order, event: ShipmentUndone) -> Decided:
    """It has not left after all: it may go with its label on another list, or needs none any more."""
    if not event.packed:
        after = order.with_parcel(replace(_known(order, event), place=Place.UNPACKED))
        return not_needed(after, event.parcel_id, "unpacked", event.undone_at)
    after = order.with_parcel(replace(_known(order, event), place=Place.PACKED))
    for label in after.labels_of(event.parcel_id):
        after = after.with_label(replace(label, manifest_id=None))
    return after, []


def _returned(order: Order, event: OfReturn) -> Decided:
    """A return may want a label; one that ends before anything came needs none any more."""
    known = order.parcel(event.return_id)
    if isinstance(event, ReturnClosed):
        if known is None or known.place is Place.CAME_BACK:
            return order, []
        after = order.with_return(replace(known, place=Place.CLOSED))
        return not_needed(after, event.return_id, "return_closed", event.closed_at)
    units = {each.line_id: each.quantity for each in event.lines}
    number = len(order.returns) + 1 if known is None else known.number
    if isinstance(event, ReturnReceived):
        # It may have come before we hear that it was to come; then it needs no label any more.
        came = known or Parcel(event.return_id, number, Place.CAME_BACK, units, PLATFORM)
        return order.with_return(replace(came, place=Place.CAME_BACK)), []
    if known is not None:
        return order, []
    opened = Parcel(event.return_id, number, Place.COMES_BACK, units, PLATFORM)
    after = order.with_return(opened)
    return (want(after, opened, Wish()) if event.wants_label else after), []


def _known(order: Order, event: ParcelUnpacked | ShipmentUndone | LateShipmentRecorded) -> Parcel:
    parcel = order.parcel(event.parcel_id)
    if parcel is None:
        raise LookupError(f"order {order.order_id} has no parcel {event.parcel_id}")
    return parcel
