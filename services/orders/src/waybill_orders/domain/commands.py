"""What people ask of an order: each decision gives the events that say so, or raises Refused.

Quantities are fulfillment's: a cancellation, a hold, an amendment, a return is a request, which fulfillment decides.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from waybill_events import (
    Address,
    AmendmentRequested,
    CancellationRequested,
    Event,
    ExceptionResolved,
    HoldRequested,
    LineUnits,
    OrderReleased,
    ReturnClosed,
    ReturnRequested,
    ids,
)
from waybill_orders.domain.orders import Order, Units
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


def _check(order: Order, units: Units) -> None:
    for line_id, count in units.items():
        if line_id not in order.lines:
            raise UnknownLine(line_id, order.lines)
        if count > order.lines[line_id]:
            raise MoreThanOrdered(line_id, count, order.lines[line_id])


def _told(units: Units) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, quantity=quantity) for line_id, quantity in units.items())
