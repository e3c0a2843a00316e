"""The life of an order: what was asked of it, what came of that, what holds it back.

Quantities are fulfillment's: a cancellation or a hold is a request, which fulfillment decides and orders states.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, assert_never
from uuid import UUID

from waybill_events import (
    Address,
    AmendmentRequested,
    CancellationRequested,
    Event,
    ExceptionRaised,
    ExceptionResolved,
    HoldReason,
    HoldRequested,
    LineUnits,
    OrderAmended,
    OrderCanceled,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    OrderResent,
    Recipient,
    Refusal,
    RefusedUnits,
    RequestDecided,
    RequestDeclined,
    ResendRequested,
    ReturnClosed,
    ReturnedUnits,
    ReturnOpened,
    ReturnReceived,
    ReturnRequested,
    ids,
)
from waybill_orders.domain.recipients import FIELDS, Amendment, incomplete
from waybill_orders.domain.refusals import (
    Incomplete,
    MoreThanOrdered,
    NoChoice,
    NotAmendable,
    NothingToAmend,
    PastRelease,
    UnknownException,
    UnknownHold,
    UnknownLine,
    UnknownReturn,
)

NUMBER = 150
"""How much of a platform's number goes into a reference: with a connection's code and an id it must stay a name."""
REFUNDED = "refunded_on_its_way"
REFUNDED_CHOICES = ("intercept", "return", "absorb")
TOO_LATE = "changed_too_late"
SALE_CHANGED = "sale_changed"
NOT_SENT_AGAIN = "not_sent_again"
CHANGED_CHOICES = ("done", "ignored")
"""How a person settles a change of the sale that came too late, or that is none that an order takes by itself."""
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


@dataclass(frozen=True, slots=True)
class Cancel:
    """Ship these units no more; `units` None stands for all that is left. `cause` is the command's id."""

    cause: UUID
    units: Units | None
    reason: str
    at: datetime
    notify_customer: bool = False


def cancel(order: Order, command: Cancel) -> list[CancellationRequested]:
    """Ask for a cancellation; raises Refused for what the order never had."""
    _check(order, command.units or {})
    return [
        CancellationRequested(
            order_id=order.order_id,
            brand_id=order.brand_id,
            request_id=ids.request_id(order.order_id, command.cause),
            lines=None if command.units is None else _told(command.units),
            reason=command.reason,
            notify_customer=command.notify_customer,
            requested_at=command.at,
        )
    ]


def _check(order: Order, units: Units) -> None:
    for line_id, count in units.items():
        if line_id not in order.lines:
            raise UnknownLine(line_id, order.lines)
        if count > order.lines[line_id]:
            raise MoreThanOrdered(line_id, count, order.lines[line_id])


@dataclass(frozen=True, slots=True)
class SendBack:
    """Take these units back, within so many days of their delivery. `cause` is the command's id."""

    cause: UUID
    units: Units
    reason: str
    days: int
    at: datetime
    wants_label: bool = False


def send_back(order: Order, command: SendBack) -> list[ReturnRequested]:
    """Ask for a return; raises Refused for what the order never had."""
    _check(order, command.units)
    return [
        ReturnRequested(
            order_id=order.order_id,
            brand_id=order.brand_id,
            request_id=ids.request_id(order.order_id, command.cause),
            lines=_told(command.units),
            reason=command.reason,
            days=command.days,
            wants_label=command.wants_label,
            requested_at=command.at,
        )
    ]


def close_return(order: Order, return_id: UUID, at: datetime) -> list[ReturnClosed]:
    """Wait for nothing more of a return; raises UnknownReturn. One that is closed stays so."""
    for each in order.returns:
        if each.return_id == return_id:
            if each.closed_at is not None:
                return []
            closed = ReturnClosed(order_id=order.order_id, brand_id=order.brand_id, return_id=return_id, closed_at=at)
            return [closed]
    raise UnknownReturn(return_id)


def came_back(order: Order, received: ReturnReceived, at: datetime) -> list[Event]:
    """What follows once units have come back: a return that is complete is closed."""
    after = order.after([received])
    mine = (each for each in after.returns if each.return_id == received.return_id)
    return [event for each in mine if each.complete for event in close_return(after, each.return_id, at)]


@dataclass(frozen=True, slots=True)
class PutOnHold:
    """Do not work on the order for now, or until a time. `cause` is the command's id."""

    cause: UUID
    reason: str
    release_at: datetime | None
    at: datetime


def hold(order: Order, command: PutOnHold) -> list[HoldRequested]:
    """Ask for a hold; raises PastRelease."""
    if command.release_at is not None and command.release_at <= command.at:
        raise PastRelease
    return [
        HoldRequested(
            order_id=order.order_id,
            brand_id=order.brand_id,
            request_id=ids.request_id(order.order_id, command.cause),
            reason=command.reason,
            release_at=command.release_at,
            requested_at=command.at,
        )
    ]


@dataclass(frozen=True, slots=True)
class Amend:
    """Another address or note; None leaves one as it is. `cause` is the command's id."""

    cause: UUID
    address: Address | None
    note: str | None
    at: datetime


def amend(order: Order, command: Amend) -> tuple[Order, list[Event]]:
    """Ask for another address or note; raises NothingToAmend, Incomplete, NotAmendable."""
    address = {} if command.address is None else {name: getattr(command.address, name) for name in FIELDS}
    wanted = Amendment(MappingProxyType(address), command.note)
    if not wanted:
        raise NothingToAmend
    if command.address is not None and (lacks := incomplete(command.address)):
        raise Incomplete(lacks)
    if order.recipient is None:
        raise NotAmendable
    return asked_to_amend(order, wanted, ids.request_id(order.order_id, command.cause), command.at)


def asked_to_amend(
    order: Order, wanted: Amendment, request_id: UUID, at: datetime, *, by_platform: bool = False
) -> tuple[Order, list[Event]]:
    """The order with a request to change its recipient, and what is told of that: which fields, not what to."""
    told = AmendmentRequested(
        order_id=order.order_id,
        brand_id=order.brand_id,
        request_id=request_id,
        fields=wanted.fields,
        by_platform=by_platform,
        requested_at=at,
    )
    amendments = MappingProxyType({**order.amendments, request_id: wanted})
    return replace(order.after([told]), amendments=amendments), [told]


def release(order: Order, hold_id: UUID, at: datetime) -> list[OrderReleased]:
    """End one hold; raises UnknownHold."""
    if all(hold.hold_id != hold_id for hold in order.holds):
        raise UnknownHold(hold_id)
    return [OrderReleased(order_id=order.order_id, brand_id=order.brand_id, hold_id=hold_id, released_at=at)]


def due(order: Order, at: datetime) -> list[OrderReleased]:
    """End the holds whose time has come."""
    return [
        each
        for hold in order.holds
        if hold.release_at is not None and hold.release_at <= at
        for each in release(order, hold.hold_id, at)
    ]


def resolve(order: Order, exception_id: UUID, choice: str, comment: str, at: datetime) -> list[ExceptionResolved]:
    """Close an open exception with one of its choices."""
    for each in order.exceptions:
        if each.exception_id == exception_id:
            if choice not in each.choices:
                raise NoChoice(choice, each.choices)
            return [
                ExceptionResolved(
                    order_id=order.order_id,
                    brand_id=order.brand_id,
                    exception_id=exception_id,
                    kind=each.kind,
                    choice=choice,
                    comment=comment,
                    resolved_at=at,
                )
            ]
    raise UnknownException(exception_id)


def stated(order: Order, decided: RequestDecided, at: datetime) -> list[Event]:
    """What came of a request, once fulfillment has decided it at this time."""
    request = _made(order, decided.request_id)
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


def given_up(order: Order, resend: Resend) -> Order:
    """With a resend that cannot be done."""
    resends = tuple(
        replace(each, given_up=True) if each.exception_id == resend.exception_id else each for each in order.resends
    )
    return replace(order, resends=resends)


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
        request = replace(_made(order, event.return_id), state=RequestState.GRANTED, granted=event.lines)
        return _with_request(replace(order, returns=(*order.returns, opened)), request)
    if isinstance(event, OrderHeld):
        held = replace(order, holds=(*order.holds, Hold(event.hold_id, event.reason, event.release_at)))
        return _with_request(held, replace(_made(order, event.hold_id), state=RequestState.GRANTED))
    request = replace(_made(order, event.request_id), state=RequestState.GRANTED)
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


def _made(order: Order, request_id: UUID) -> Request:
    request = order.request(request_id)
    if request is None:
        raise LookupError(f"order {order.order_id} never made the request {request_id}")
    return request


def _refused(order: Order, event: RequestDeclined) -> Order:
    request = _made(order, event.request_id)
    partly = request.state is RequestState.GRANTED
    state = RequestState.PARTLY_GRANTED if partly else RequestState.DECLINED
    changed = replace(request, state=state, refused=event.refused, why=event.why)
    return _with_request(_forgetting(order, event.request_id), changed)


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


def _told(units: Units) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, quantity=quantity) for line_id, quantity in units.items())
