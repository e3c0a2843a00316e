"""An order: what was asked of it, what came of that, what holds it back. It is what its events make of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, assert_never
from uuid import UUID

from waybill_events import (
    AmendmentRequested,
    CancellationRequested,
    Event,
    ExceptionRaised,
    ExceptionResolved,
    HoldRequested,
    LineUnits,
    OrderAmended,
    OrderCanceled,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    OrderResent,
    Recipient,
    RefusedUnits,
    RequestDeclined,
    ResendRequested,
    ReturnClosed,
    ReturnedUnits,
    ReturnOpened,
    ReturnReceived,
    ReturnRequested,
)
from waybill_orders.domain.recipients import Amendment

Units = Mapping[str, int]
"""Quantities by line id."""
Told = (
    CancellationRequested
    | HoldRequested
    | AmendmentRequested
    | ReturnRequested
    | ReturnOpened
    | ReturnReceived
    | ReturnClosed
    | ResendRequested
    | OrderResent
    | Recipient
    | OrderAmended
    | OrderCanceled
    | RequestDeclined
    | OrderHeld
    | OrderReleased
    | ExceptionRaised
    | ExceptionResolved
)
"""What changes an order after it was placed: what orders tells of it, and what fulfillment does of its returns."""


class RequestState(StrEnum):
    """How far a request has come."""

    PENDING = "pending"
    GRANTED = "granted"
    PARTLY_GRANTED = "partly_granted"
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class Request:
    """Something that was asked of an order, and what came of it. `lines` None stands for all that is left."""

    request_id: UUID
    kind: str
    reason: str
    requested_at: datetime
    lines: tuple[LineUnits, ...] | None = None
    by_platform: bool = False
    notify_customer: bool = False
    release_at: datetime | None = None
    state: RequestState = RequestState.PENDING
    granted: tuple[LineUnits, ...] = ()
    refused: tuple[RefusedUnits, ...] = ()
    why: str | None = None
    fields: tuple[str, ...] = ()
    """What an amendment is to change."""
    wants_label: bool = False


@dataclass(frozen=True, slots=True)
class Return:
    """Units that may come back, those that have, and whether nobody waits for more."""

    return_id: UUID
    lines: tuple[LineUnits, ...]
    reason: str
    wants_label: bool
    opened_at: datetime
    received: tuple[ReturnedUnits, ...] = ()
    closed_at: datetime | None = None

    @property
    def complete(self) -> bool:
        """Whether all of it has come back."""
        came: dict[str, int] = {}
        for each in self.received:
            came[each.line_id] = came.get(each.line_id, 0) + each.quantity
        return all(came.get(line.line_id, 0) >= line.quantity for line in self.lines)


@dataclass(frozen=True, slots=True)
class Resend:
    """Units that did not arrive, and the order that was made of them; None while that is to be done."""

    exception_id: UUID
    lines: tuple[LineUnits, ...]
    requested_at: datetime
    new_order_id: UUID | None = None
    given_up: bool = False

    @property
    def pending(self) -> bool:
        """Whether it is still to be done."""
        return self.new_order_id is None and not self.given_up


@dataclass(frozen=True, slots=True)
class Hold:
    """Why an order may not be worked on, and until when if that is known."""

    hold_id: UUID
    reason: str
    release_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class OpenException:
    """Something that a person has to decide."""

    exception_id: UUID
    kind: str
    choices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Order:
    """One order. `lines` says how many units of each line were ordered.

    `recipient` is who receives it, None where it was placed by a release that did not keep that; `amendments` are what
    its undecided requests are to change of it. Neither is for anybody's eyes but the recipient's topic.
    """

    order_id: UUID
    brand_id: UUID
    sale_id: UUID
    reference: str
    lines: Units
    holds: tuple[Hold, ...] = ()
    requests: tuple[Request, ...] = ()
    exceptions: tuple[OpenException, ...] = ()
    returns: tuple[Return, ...] = ()
    resends: tuple[Resend, ...] = ()
    placed: Mapping[str, Any] | None = None
    """How it was placed, as the event says it; None where that was by a release that did not keep it."""
    recipient: Recipient | None = None
    amendments: Mapping[UUID, Amendment] = field(default_factory=lambda: MappingProxyType({}))

    def request(self, request_id: UUID) -> Request | None:
        """One of its requests."""
        return next((request for request in self.requests if request.request_id == request_id), None)

    def after(self, events: Iterable[Event]) -> "Order":
        """What these events make of it."""
        order = self
        for event in events:
            assert isinstance(event, Told)
            order = _after(order, event)
        return order


def opened(event: OrderPlaced) -> Order:
    """An order as it was born."""
    return Order(
        event.order_id,
        event.brand_id,
        event.sale_id,
        event.reference,
        MappingProxyType({line.line_id: line.quantity for line in event.lines}),
        tuple(Hold(hold.hold_id, hold.reason, hold.release_at) for hold in event.holds),
        placed=event.model_dump(mode="json"),
    )


def given_up(order: Order, resend: Resend) -> Order:
    """With a resend that cannot be done."""
    resends = tuple(
        replace(each, given_up=True) if each.exception_id == resend.exception_id else each for each in order.resends
    )
    return replace(order, resends=resends)


def made(order: Order, request_id: UUID) -> Request:
    """One of its requests, which must be there."""
    request = order.request(request_id)
    if request is None:
        raise LookupError(f"order {order.order_id} never made the request {request_id}")
    return request


def _after(order: Order, event: Told) -> Order:
    match event:
        case CancellationRequested() | HoldRequested() | AmendmentRequested() | ReturnRequested():
            return replace(order, requests=(*order.requests, _asked(event)))
        case OrderCanceled() | OrderHeld() | OrderAmended() | ReturnOpened():
            return _granted(order, event)
        case ReturnReceived() | ReturnClosed():
            return replace(order, returns=tuple(_returned(each, event) for each in order.returns))
        case Recipient():
            return replace(order, recipient=event)
        case ResendRequested() | OrderResent():
            return replace(order, resends=_resends(order.resends, event))
        case RequestDeclined():
            return _refused(order, event)
        case OrderReleased():
            return replace(order, holds=tuple(hold for hold in order.holds if hold.hold_id != event.hold_id))
        case ExceptionRaised():
            raised = OpenException(event.exception_id, event.kind, event.choices)
            return replace(order, exceptions=(*order.exceptions, raised))
        case ExceptionResolved():
            rest = tuple(each for each in order.exceptions if each.exception_id != event.exception_id)
            return replace(order, exceptions=rest)
        case _:
            assert_never(event)


def _asked(event: CancellationRequested | HoldRequested | AmendmentRequested | ReturnRequested) -> Request:
    match event:
        case CancellationRequested():
            return Request(
                event.request_id,
                "cancellation",
                event.reason,
                event.requested_at,
                event.lines,
                by_platform=event.by_platform,
                notify_customer=event.notify_customer,
            )
        case HoldRequested():
            return Request(event.request_id, "hold", event.reason, event.requested_at, release_at=event.release_at)
        case ReturnRequested():
            return Request(
                event.request_id,
                "return",
                event.reason,
                event.requested_at,
                event.lines,
                wants_label=event.wants_label,
            )
        case AmendmentRequested():
            return Request(
                event.request_id,
                "amendment",
                "amendment",
                event.requested_at,
                by_platform=event.by_platform,
                fields=event.fields,
            )
        case _:
            assert_never(event)


def _resends(known: tuple[Resend, ...], event: ResendRequested | OrderResent) -> tuple[Resend, ...]:
    if isinstance(event, ResendRequested):
        if any(each.exception_id == event.exception_id for each in known):
            return known
        return (*known, Resend(event.exception_id, event.lines, event.requested_at))
    return tuple(
        replace(each, new_order_id=event.new_order_id) if each.exception_id == event.exception_id else each
        for each in known
    )


def _returned(known: Return, event: ReturnReceived | ReturnClosed) -> Return:
    if known.return_id != event.return_id:
        return known
    if isinstance(event, ReturnClosed):
        return replace(known, closed_at=event.closed_at)
    return replace(known, received=(*known.received, *event.lines))


def _granted(order: Order, event: OrderCanceled | OrderHeld | OrderAmended | ReturnOpened) -> Order:
    if isinstance(event, ReturnOpened):
        opened = Return(event.return_id, event.lines, event.reason, event.wants_label, event.opened_at)
        request = replace(made(order, event.return_id), state=RequestState.GRANTED, granted=event.lines)
        return _with_request(replace(order, returns=(*order.returns, opened)), request)
    if isinstance(event, OrderHeld):
        held = replace(order, holds=(*order.holds, Hold(event.hold_id, event.reason, event.release_at)))
        return _with_request(held, replace(made(order, event.hold_id), state=RequestState.GRANTED))
    request = replace(made(order, event.request_id), state=RequestState.GRANTED)
    if isinstance(event, OrderCanceled):
        request = replace(request, granted=event.lines)
    return _with_request(_forgetting(order, event.request_id), request)


def _forgetting(order: Order, request_id: UUID) -> Order:
    """Without what a request was to change: it is decided."""
    left = {id_: wanted for id_, wanted in order.amendments.items() if id_ != request_id}
    return order if len(left) == len(order.amendments) else replace(order, amendments=MappingProxyType(left))


def _with_request(order: Order, changed: Request) -> Order:
    requests = tuple(changed if each.request_id == changed.request_id else each for each in order.requests)
    return replace(order, requests=requests)


def _refused(order: Order, event: RequestDeclined) -> Order:
    request = made(order, event.request_id)
    partly = request.state is RequestState.GRANTED
    state = RequestState.PARTLY_GRANTED if partly else RequestState.DECLINED
    changed = replace(request, state=state, refused=event.refused, why=event.why)
    return _with_request(_forgetting(order, event.request_id), changed)
