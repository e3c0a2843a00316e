"""What follows from what fulfillment has decided or taken in: orders states it, and raises what a person must see."""

from datetime import datetime
from uuid import UUID

from waybill_events import (
    Event,
    ExceptionRaised,
    HoldReason,
    HoldRequested,
    LineUnits,
    OrderAmended,
    OrderCanceled,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    OrderResent,
    Refusal,
    RefusedUnits,
    RequestDecided,
    RequestDeclined,
    ReturnOpened,
    ReturnReceived,
    ids,
)
from waybill_orders.domain.commands import close_return, release
from waybill_orders.domain.orders import Order, Request, RequestState, Resend, made
from waybill_orders.domain.recipients import incomplete

NUMBER = 150
"""How much of a platform's number goes into a reference: with a connection's code and an id it must stay a name."""
REFUNDED = "refunded_on_its_way"
REFUNDED_CHOICES = ("intercept", "return", "absorb")
TOO_LATE = "changed_too_late"
SALE_CHANGED = "sale_changed"
NOT_SENT_AGAIN = "not_sent_again"
CHANGED_CHOICES = ("done", "ignored")
"""How a person settles a change of the sale that came too late, or that is none that an order takes by itself."""


def stated(order: Order, decided: RequestDecided, at: datetime) -> list[Event]:
    """What came of a request, once fulfillment has decided it at this time."""
    request = made(order, decided.request_id)
    if request.state is not RequestState.PENDING:
        return []
    said: list[Event] = []
    if decided.accepted and request.kind == "cancellation":
        said.append(_canceled(order, request, decided, at))
    elif decided.accepted and request.kind == "amendment":
        said += _amended(order, request, at)
    elif decided.accepted and request.kind == "return":
        said.append(
            ReturnOpened(
                order_id=order.order_id,
                brand_id=order.brand_id,
                return_id=request.request_id,
                lines=decided.granted,
                reason=request.reason,
                wants_label=request.wants_label,
                opened_at=at,
            )
        )
    elif decided.accepted:
        said.append(
            OrderHeld(
                order_id=order.order_id,
                brand_id=order.brand_id,
                hold_id=request.request_id,
                reason=request.reason,
                release_at=request.release_at,
                held_at=at,
            )
        )
        said += _needless(order.after(said), request.request_id, at)
    if decided.refused or not decided.accepted:
        said.append(_declined(order, request, decided, at))
    shipped = tuple(each for each in decided.refused if each.why == Refusal.SHIPPED)
    if request.by_platform and shipped:
        said.append(_refunded(order, request, shipped, at))
    if request.by_platform and request.kind == "amendment" and not decided.accepted:
        why = "it is packed" if decided.why == Refusal.PACKED else "nothing of it is left to send"
        details = f"The shop has changed {', '.join(request.fields)} of it, and {why}."
        said.append(raised(order, TOO_LATE, request.request_id, details, at))
    return said


def came_back(order: Order, received: ReturnReceived, at: datetime) -> list[Event]:
    """What follows once units have come back: a return that is complete is closed."""
    after = order.after([received])
    mine = (each for each in after.returns if each.return_id == received.return_id)
    return [event for each in mine if each.complete for event in close_return(after, each.return_id, at)]


def resent(order: Order, resend: Resend, number: int, at: datetime) -> tuple[OrderPlaced, OrderResent] | None:
    """What did not arrive, as the `number`-th order of the sale; None where nobody knows how the first was placed.

    It is free to be worked on at once: what held the first one back is settled.
    """
    if order.placed is None or order.recipient is None:
        return None
    first = OrderPlaced.model_validate(order.placed)
    units = {each.line_id: each.quantity for each in resend.lines}
    lines = tuple(
        line.model_copy(update={"quantity": units[line.line_id], "shipped": 0, "canceled": 0})
        for line in first.lines
        if line.line_id in units
    )
    new_order_id = ids.order_id(order.sale_id, number)
    placed = first.model_copy(
        update={
            "order_id": new_order_id,
            "reference": f"{first.number.removeprefix('#')[:NUMBER]}-{number:02d}",
            "placed_at": at,
            "paid_at": at,
            "ship_by": None,
            "recipient_version": 1,
            "country": None if order.recipient.address is None else order.recipient.address.country,
            "holds": (),
            "lines": lines,
            "shipments": (),
            "replaces": order.order_id,
        }
    )
    told = OrderResent(
        order_id=order.order_id,
        brand_id=order.brand_id,
        exception_id=resend.exception_id,
        new_order_id=new_order_id,
        reference=placed.reference,
        lines=resend.lines,
        resent_at=at,
    )
    return placed, told


def raised(
    order: Order, kind: str, about: UUID, details: str, at: datetime, *, lines: tuple[LineUnits, ...] = ()
) -> ExceptionRaised:
    """A change of the sale that somebody has to look at."""
    return ExceptionRaised(
        order_id=order.order_id,
        brand_id=order.brand_id,
        exception_id=ids.exception_id(order.order_id, kind, about),
        kind=kind,
        choices=CHANGED_CHOICES,
        lines=lines,
        details=details,
        caused_by=about,
        raised_at=at,
    )


def _canceled(order: Order, request: Request, decided: RequestDecided, at: datetime) -> OrderCanceled:
    return OrderCanceled(
        order_id=order.order_id,
        brand_id=order.brand_id,
        request_id=request.request_id,
        lines=decided.granted,
        reason=request.reason,
        by_platform=request.by_platform,
        notify_customer=request.notify_customer,
        canceled_at=at,
    )


def _amended(order: Order, request: Request, at: datetime) -> list[Event]:
    """The next version of the recipient; an address that is complete now holds the order no longer."""
    assert order.recipient is not None
    recipient = order.amendments[request.request_id].applied(order.recipient)
    told = OrderAmended(
        order_id=order.order_id,
        brand_id=order.brand_id,
        request_id=request.request_id,
        fields=request.fields,
        country=None if recipient.address is None else recipient.address.country,
        recipient_version=recipient.version,
        by_platform=request.by_platform,
        amended_at=at,
    )
    said: list[Event] = [recipient, told]
    ours = _address_holds(order)
    if not incomplete(recipient.address):
        said += [each for hold_id in ours for each in release(order, hold_id, at)]
    elif not ours and any(field.startswith("address.") for field in request.fields):
        hold_request = HoldRequested(
            order_id=order.order_id,
            brand_id=order.brand_id,
            request_id=ids.request_id(order.order_id, request.request_id, HoldReason.ADDRESS),
            reason=HoldReason.ADDRESS,
            requested_at=at,
        )
        said.append(hold_request)
    return said


def _needless(order: Order, hold_id: UUID, at: datetime) -> list[OrderReleased]:
    """The end of a hold for an incomplete address that was completed before the hold was granted."""
    complete = order.recipient is not None and not incomplete(order.recipient.address)
    return release(order, hold_id, at) if complete and hold_id in _address_holds(order) else []


def _address_holds(order: Order) -> list[UUID]:
    """The holds that stand because the address is incomplete; one that a person made for it is that person's."""
    ours = {ids.hold_id(order.order_id, HoldReason.ADDRESS)} | {
        ids.request_id(order.order_id, request.request_id, HoldReason.ADDRESS) for request in order.requests
    }
    return [hold.hold_id for hold in order.holds if hold.hold_id in ours]


def _declined(order: Order, request: Request, decided: RequestDecided, at: datetime) -> RequestDeclined:
    return RequestDeclined(
        order_id=order.order_id,
        brand_id=order.brand_id,
        request_id=request.request_id,
        kind=request.kind,
        reason=request.reason,
        by_platform=request.by_platform,
        refused=decided.refused,
        why=decided.why,
        declined_at=at,
    )


def _refunded(order: Order, request: Request, shipped: tuple[RefusedUnits, ...], at: datetime) -> ExceptionRaised:
    """The platform has given the money back, and the goods are on their way."""
    return ExceptionRaised(
        order_id=order.order_id,
        brand_id=order.brand_id,
        exception_id=ids.exception_id(order.order_id, REFUNDED, request.request_id),
        kind=REFUNDED,
        choices=REFUNDED_CHOICES,
        lines=tuple(LineUnits(line_id=each.line_id, quantity=each.quantity) for each in shipped),
        parcel_ids=tuple(dict.fromkeys(parcel for each in shipped for parcel in each.parcel_ids)),
        caused_by=request.request_id,
        raised_at=at,
    )
