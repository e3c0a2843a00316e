"""Folds events into an order; it does not matter in which order the sources come."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

from waybill_chassis.fold import Waiting
from waybill_events import (
    AmendmentRequested,
    CancellationRequested,
    Envelope,
    Event,
    ExceptionRaised,
    ExceptionResolved,
    HoldRequested,
    ItemsFulfilled,
    LabelFailed,
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    LabelVoidRefused,
    LateShipmentRecorded,
    LineUnits,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    OrderResent,
    ParcelPacked,
    ParcelUnpacked,
    RequestDecided,
    ReturnClosed,
    ReturnLabelChanged,
    ReturnLabelPurchased,
    ReturnOpened,
    ReturnReceived,
    ReturnRequested,
    ShipmentUndone,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
)
from waybill_portal.domain.order import (
    Again,
    Carried,
    Evidence,
    Former,
    Hold,
    Label,
    Line,
    Moved,
    OpenException,
    Order,
    Parcel,
    Pause,
    Refused,
    Request,
    Return,
    ReturnedUnits,
    Tracked,
    Units,
)

OfLabel = LabelPurchased | LabelFailed | LabelVoided | LabelVoidRefused | LabelRefunded
_MOVES: Final[Mapping[str, str]] = {"voided": "voided", "refunded": "refunded", "kept": "lost"}
"""What a state of a return's label says of its money."""
Changed = dict[str, Any]
"""Fields of an order with what they become."""


def on_event(order: Order | None, event: Event, envelope: Envelope) -> tuple[Order | None, list[Event]]:
    """Fold one event into an order; raises Waiting for what must have come first."""
    by = Evidence.of(envelope)
    if isinstance(event, OrderPlaced):
        before, changed = order or placed(event, by), Changed()
    else:
        if order is None:
            raise Waiting(OrderPlaced)
        before, changed = order, _FOLDS[type(event)](order, event, by)
    applied = {**before.applied, envelope.source: envelope.sequence or 0}
    return before.model_copy(update={**changed, "applied": applied}), []


def placed(event: OrderPlaced, by: Evidence) -> Order:
    """An order as it was born, with the parcels that had left before."""
    return Order(
        order_id=event.order_id,
        brand_id=event.brand_id,
        reference=event.reference,
        number=event.number,
        platform=event.platform,
        placed_at=event.placed_at,
        shipping_method=event.shipping_method,
        placed=by,
        paid_at=event.paid_at,
        replaces=event.replaces,
        ship_by=event.ship_by,
        holds=tuple(
            Hold(
                hold_id=hold.hold_id,
                reason=hold.reason,
                release_at=hold.release_at,
                held=by,
                held_at=event.placed_at,
            )
            for hold in event.holds
        ),
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
                state="shipped",
                units=_counted(shipment.lines),
                company=shipment.tracking_company,
                number=shipment.tracking_number,
                url=followable(shipment.tracking_url),
            )
            for shipment in event.shipments
        ),
        requests={},
        exceptions={},
        applied={},
    )


def _packed(order: Order, event: ParcelPacked, by: Evidence) -> Changed:
    parcel = Parcel(
        parcel_id=event.parcel_id, state="packed", units=_counted(event.lines), moved=by, shipping=event.shipping
    )
    return {"lines": _moved(order, parcel.units, packed=1), "parcels": (*order.parcels, parcel)}


def _unpacked(order: Order, event: ParcelUnpacked, by: Evidence) -> Changed:
    parcels = _with(order, event.parcel_id, state="unpacked", moved=by)
    return {"lines": _moved(order, _counted(event.lines), packed=-1), "parcels": parcels}


def _fulfilled(order: Order, event: ItemsFulfilled, by: Evidence) -> Changed:
    units = _counted(event.lines)
    known = next((parcel for parcel in order.parcels if parcel.parcel_id == event.parcel_id), None)
    left: Changed = {
        "state": "shipped",
        "units": units,
        "company": event.company or "",
        "number": event.number or "",
        "shipped_at": event.shipped_at,
        "moved": by,
    }
    if known is None:
        parcels = (*order.parcels, Parcel(parcel_id=event.parcel_id, **left))
    else:
        parcels = _with(order, event.parcel_id, **left)
    was_packed = known is not None and known.state == "packed"
    return {"lines": _moved(order, units, packed=-1 if was_packed else 0, shipped=1), "parcels": parcels}


def _undone(order: Order, event: ShipmentUndone, by: Evidence) -> Changed:
    state = "packed" if event.packed else "unpacked"
    return {
        "lines": _moved(order, _counted(event.lines), packed=1 if event.packed else 0, shipped=-1),
        "parcels": _with(order, event.parcel_id, state=state, moved=by),
    }


def _late(order: Order, event: LateShipmentRecorded, by: Evidence) -> Changed:
    units = _counted(event.lines)
    (known,) = (parcel for parcel in order.parcels if parcel.parcel_id == event.parcel_id)
    left: Units = known.units if known.state == "shipped" else {}
    parcels = _with(
        order,
        event.parcel_id,
        state="shipped",
        units=left,
        late=units,
        shipped_at=known.shipped_at or event.scanned_at,
        moved=by,
    )
    return {"lines": _moved(order, units, late=1), "parcels": parcels}


def _asked(order: Order, event: CancellationRequested | HoldRequested | AmendmentRequested, by: Evidence) -> Changed:
    known = order.requests.get(event.request_id) or _request(event)
    said: Changed = {"asked": by}
    if isinstance(event, CancellationRequested):
        lines = None if event.lines is None else _counted(event.lines)
        said |= {"by_platform": event.by_platform, "lines": lines}
    elif isinstance(event, ReturnRequested):
        said |= {"lines": _counted(event.lines)}
    elif isinstance(event, AmendmentRequested):
        said |= {"by_platform": event.by_platform, "fields": event.fields}
    return _with_request(order, known.model_copy(update=said))


def _decided(order: Order, event: RequestDecided, by: Evidence) -> Changed:
    known = order.requests.get(event.request_id) or _request(event)
    granted = _counted(event.granted)
    refused = tuple(Refused(**each.model_dump()) for each in event.refused)
    said = {"granted": granted, "refused": refused, "why": event.why, "decided": by}
    changed = _with_request(order, known.model_copy(update=said))
    return {**changed, "lines": _moved(order, granted, canceled=1)} if event.kind == "cancellation" else changed


def _held(order: Order, event: OrderHeld, by: Evidence) -> Changed:
    hold = Hold(hold_id=event.hold_id, reason=event.reason, release_at=event.release_at, held=by, held_at=event.held_at)
    return {"holds": (*order.holds, hold)}


def _released(order: Order, event: OrderReleased, _by: Evidence) -> Changed:
    ended = [hold for hold in order.holds if hold.hold_id == event.hold_id]
    pauses = [Pause(began=hold.held_at or order.placed_at, ended=event.released_at) for hold in ended]
    return {
        "holds": tuple(hold for hold in order.holds if hold.hold_id != event.hold_id),
        "pauses": (*order.pauses, *pauses),
    }


def _raised(order: Order, event: ExceptionRaised, by: Evidence) -> Changed:
    raised = OpenException(
        exception_id=event.exception_id,
        owner=by.source.rpartition("/")[2],
        kind=event.kind,
        choices=event.choices,
        details=event.details,
        lines=_counted(event.lines),
        parcel_ids=event.parcel_ids,
        raised=by,
    )
    return {"exceptions": {**order.exceptions, event.exception_id: raised}}


def _resolved(order: Order, event: ExceptionResolved, _by: Evidence) -> Changed:
    return {"exceptions": {id_: each for id_, each in order.exceptions.items() if id_ != event.exception_id}}


def _opened(order: Order, event: ReturnOpened, by: Evidence) -> Changed:
    said = {
        "reason": event.reason,
        "lines": _counted(event.lines),
        "wants_label": event.wants_label,
        "opened": by,
    }
    return _with_return(order, event.return_id, said)


def _came_back(order: Order, event: ReturnReceived, by: Evidence) -> Changed:
    known = order.returns.get(event.return_id) or Return(return_id=event.return_id)
    came = tuple(ReturnedUnits(**each.model_dump()) for each in event.lines)
    units: dict[str, int] = {}
    for each in came:
        units[each.line_id] = units.get(each.line_id, 0) + each.quantity
    said = {"received": (*known.received, *came), "arrivals": (*known.arrivals, by)}
    return {**_with_return(order, event.return_id, said), "lines": _moved(order, units, returned=1)}


def _closed(order: Order, event: ReturnClosed, by: Evidence) -> Changed:
    return _with_return(order, event.return_id, {"closed": by})


def _with_return(order: Order, return_id: UUID, said: Changed) -> Changed:
    known = order.returns.get(return_id) or Return(return_id=return_id)
    return {"returns": {**order.returns, return_id: known.model_copy(update=said)}}


def _return_labeled(order: Order, event: ReturnLabelPurchased, by: Evidence) -> Changed:
    label = Label(
        label_id=event.label_id,
        state="bought",
        carrier_name=event.carrier_name,
        service_name=event.service_name,
        tracking_number=event.tracking_number,
        cost=event.cost,
        ledger=(Moved(what="bought", amount=event.cost, at=event.purchased_at),),
        told=by,
    )
    return _with_return(order, event.return_id, {"label": label})


def _return_label_changed(order: Order, event: ReturnLabelChanged, by: Evidence) -> Changed:
    known = order.returns.get(event.return_id)
    label = None if known is None else known.label
    if label is None or label.label_id != event.label_id:
        label = Label(label_id=event.label_id, state=event.state, told=by)
    said: Changed = {"state": event.state, "words": event.words, "told": by}
    if (what := _MOVES.get(event.state)) is not None:
        said |= {"ledger": label.moved(what, event.changed_at)}
    return _with_return(order, event.return_id, {"label": label.model_copy(update=said)})


def _resent(order: Order, event: OrderResent, by: Evidence) -> Changed:
    again = Again(order_id=event.new_order_id, reference=event.reference, lines=_counted(event.lines), told=by)
    return {"sent_again": (*order.sent_again, again)}


def _tracked(order: Order, event: TrackingAdded | TrackingCorrected, by: Evidence) -> Changed:
    """Raises Waiting while the parcel has not left yet."""
    known = next((parcel for parcel in order.parcels if parcel.parcel_id == event.parcel_id), None)
    if known is None:
        raise Waiting(ItemsFulfilled)
    changed: Changed = {
        "tracked": Tracked(
            carrier_name=event.carrier_name,
            tracking_number=event.tracking_number,
            tracking_url=followable(event.tracking_url),
            service=event.service,
            feed=event.feed,
            warnings=event.warnings,
        )
    }
    if isinstance(event, TrackingCorrected):
        # What the carrier said was about the former number.
        was = Former(carrier_name=event.was_carrier_name, tracking_number=event.was, corrected=by)
        changed |= {"carried": None, "former": (*known.former, was)}
    return {"parcels": _with(order, event.parcel_id, **changed)}


def _carried(order: Order, event: TrackingUpdated, by: Evidence) -> Changed:
    """Raises Waiting while the parcel has not left yet."""
    if all(parcel.parcel_id != event.parcel_id for parcel in order.parcels):
        raise Waiting(ItemsFulfilled)
    said = Carried(
        status=event.status, words=event.words, at=event.at, estimated_delivery=event.estimated_delivery, told=by
    )
    return {"parcels": _with(order, event.parcel_id, carried=said)}


def _bought(order: Order, event: LabelPurchased, by: Evidence) -> Changed:
    return _with_label(
        order,
        event,
        Label(
            label_id=event.label_id,
            state="bought",
            carrier_name=event.carrier_name,
            service_name=event.service_name,
            tracking_number=event.tracking_number,
            cost=event.cost,
            ledger=(Moved(what="bought", amount=event.cost, at=event.purchased_at),),
            unwanted=event.unwanted or "",
            told=by,
        ),
    )


def _not_bought(order: Order, event: LabelFailed, by: Evidence) -> Changed:
    return _with_label(order, event, Label(label_id=event.label_id, state="failed", words=event.words, told=by))


def _given_back(order: Order, event: LabelVoided | LabelVoidRefused | LabelRefunded, by: Evidence) -> Changed:
    """Somebody's wish that its carrier refuses changes nothing but the words: the parcel goes with it.

    A carrier that has taken it back, and then does not pay, keeps the money all the same.
    """
    known = next((label for label in _parcel(order, event).labels if label.label_id == event.label_id), None)
    if known is None:
        return {}
    said: Changed = {"told": by}
    match event:
        case LabelVoided():
            said |= {"state": "voided", "ledger": known.moved("voided", event.voided_at)}
        case LabelVoidRefused() if event.why == "asked" and known.state == "bought":
            said |= {"words": event.words}
        case LabelVoidRefused():
            moved = known.moved("lost", event.refused_at)
            said |= {"words": event.words, "state": "not taken back", "ledger": moved}
        case LabelRefunded():
            said |= {"state": "refunded", "ledger": known.moved("refunded", event.refunded_at)}
    return _with_label(order, event, known.model_copy(update=said))


def _with_label(order: Order, event: OfLabel, changed: Label) -> Changed:
    """Raises Waiting while the parcel is not packed yet."""
    known = _parcel(order, event).labels
    if all(label.label_id != changed.label_id for label in known):
        return {"parcels": _with(order, event.parcel_id, labels=(*known, changed))}
    labels = tuple(changed if label.label_id == changed.label_id else label for label in known)
    return {"parcels": _with(order, event.parcel_id, labels=labels)}


def _parcel(order: Order, event: OfLabel) -> Parcel:
    known = next((parcel for parcel in order.parcels if parcel.parcel_id == event.parcel_id), None)
    if known is None:
        raise Waiting(ParcelPacked)
    return known


_FOLDS: Final[Mapping[type[Event], Callable[[Order, Any, Evidence], Changed]]] = {
    CancellationRequested: _asked,
    HoldRequested: _asked,
    AmendmentRequested: _asked,
    ReturnRequested: _asked,
    ReturnOpened: _opened,
    ReturnReceived: _came_back,
    ReturnClosed: _closed,
    OrderResent: _resent,
    OrderHeld: _held,
    OrderReleased: _released,
    RequestDecided: _decided,
    ParcelPacked: _packed,
    ParcelUnpacked: _unpacked,
    ItemsFulfilled: _fulfilled,
    ShipmentUndone: _undone,
    LateShipmentRecorded: _late,
    ExceptionRaised: _raised,
    ExceptionResolved: _resolved,
    LabelPurchased: _bought,
    ReturnLabelPurchased: _return_labeled,
    ReturnLabelChanged: _return_label_changed,
    LabelFailed: _not_bought,
    LabelVoided: _given_back,
    LabelVoidRefused: _given_back,
    LabelRefunded: _given_back,
    TrackingAdded: _tracked,
    TrackingCorrected: _tracked,
    TrackingUpdated: _carried,
}
HANDLES: Final[tuple[type[Event], ...]] = (OrderPlaced, *_FOLDS)
"""What goes into an order."""


def followable(url: str) -> str:
    """The address if a browser may be sent there, else nothing: platforms pass on what people typed."""
    try:
        return url if urlsplit(url).scheme in {"http", "https"} else ""
    except ValueError:
        return ""


def _counted(lines: Iterable[LineUnits]) -> Units:
    return {each.line_id: each.quantity for each in lines}


def _moved(order: Order, units: Units, **places: int) -> tuple[Line, ...]:
    """The lines with these units added to some places and taken from others."""
    return tuple(
        line.model_copy(
            update={place: getattr(line, place) + sign * units[line.line_id] for place, sign in places.items()}
        )
        if line.line_id in units
        else line
        for line in order.lines
    )


def _with(order: Order, parcel_id: Any, **changed: Any) -> tuple[Parcel, ...]:
    return tuple(
        parcel.model_copy(update=changed) if parcel.parcel_id == parcel_id else parcel for parcel in order.parcels
    )


def _request(
    event: CancellationRequested | HoldRequested | AmendmentRequested | ReturnRequested | RequestDecided,
) -> Request:
    kind = event.kind if isinstance(event, RequestDecided) else _KINDS[type(event)]
    reason = "amendment" if isinstance(event, AmendmentRequested) else event.reason
    return Request(request_id=event.request_id, kind=kind, reason=reason)


_KINDS: Final[Mapping[type[Event], str]] = {
    CancellationRequested: "cancellation",
    HoldRequested: "hold",
    AmendmentRequested: "amendment",
    ReturnRequested: "return",
}


def _with_request(order: Order, request: Request) -> Changed:
    return {"requests": {**order.requests, request.request_id: request}}
