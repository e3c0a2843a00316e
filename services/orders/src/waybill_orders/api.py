"""Commands about orders: each is a request, which fulfillment decides."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Final, Protocol
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints, TypeAdapter

from waybill_chassis.choices import Choice
from waybill_chassis.commands import Call, Commands, Done, caller
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Address, CancelReason, Event, HoldReason, ReturnReason, ids
from waybill_events.model import Time
from waybill_orders import store
from waybill_orders.domain import (
    Amend,
    Cancel,
    Incomplete,
    MoreThanOrdered,
    NoChoice,
    NotAmendable,
    NothingToAmend,
    Order,
    PastRelease,
    PutOnHold,
    Refused,
    Request,
    SendBack,
    State,
    UnknownException,
    UnknownHold,
    UnknownLine,
    UnknownReturn,
    amend,
    cancel,
    close_return,
    hold,
    release,
    resolve,
    send_back,
)
from waybill_orders.settings import Settings

Decide = Callable[[Order], tuple[Order, Sequence[Event]]]


class Run(Protocol):
    """Decide about an order and answer: with the order, or where it `asks`, with its request."""

    def __call__(self, order_id: UUID, call: Call, decide: Decide, *, asks: bool = False) -> Awaitable[JSONResponse]:
        """The answer; raises Problem."""
        ...


LineId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Note = Annotated[str, StringConstraints(strip_whitespace=True, max_length=4000, pattern=r"^[^\x00]*$")]
_ORDER: Final = TypeAdapter(Order)
_REQUEST: Final = TypeAdapter(Request)
_CODES: Final[Mapping[type[Refused], tuple[int, str]]] = {
    UnknownLine: (422, "unknown-line"),
    MoreThanOrdered: (422, "more-than-ordered"),
    UnknownHold: (404, "unknown-hold"),
    PastRelease: (422, "past-release-date"),
    UnknownException: (404, "unknown-exception"),
    NoChoice: (422, "no-such-choice"),
    NothingToAmend: (422, "nothing-to-amend"),
    Incomplete: (422, "incomplete-address"),
    NotAmendable: (409, "not-amendable"),
    UnknownReturn: (404, "unknown-return"),
}


class LineUnits(BaseModel):
    """Some units of one line."""

    model_config = example(line_id="5002", quantity=2)

    line_id: LineId
    quantity: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]


class Cancellation(BaseModel):
    """What is not to be shipped, and why. Without `lines` all that is left."""

    model_config = example(lines=[{"line_id": "5002", "quantity": 1}], reason="customer")

    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=2000)] | None = None
    reason: CancelReason
    notify_customer: bool = False


class NewReturn(BaseModel):
    """What is to come back, and why."""

    model_config = example(lines=[{"line_id": "5002", "quantity": 1}], reason="damaged", wants_label=True)

    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=2000)]
    reason: ReturnReason
    wants_label: bool = False


class NewHold(BaseModel):
    """Why the order is not to be worked on, and until when if that is known."""

    model_config = example(reason="inventory", release_at="2036-03-02T08:00:00Z")

    reason: HoldReason
    release_at: Time | None = None


class NewRecipient(BaseModel):
    """Another address, another note, or both; the address is the whole of it."""

    model_config = example(
        address={"name": "Ann Bee", "line1": "1 High St", "city": "Troy", "postcode": "12180", "country": "US"},
        note="ring twice",
    )

    address: Address | None = None
    note: Note | None = None


def routes(begin: Begin[State], settings: Settings) -> APIRouter:
    """Everything that orders answers."""
    router = api_router("/api/v1")
    commands = Commands(begin)
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    async def run(order_id: UUID, call: Call, decide: Decide, *, asks: bool = False) -> JSONResponse:
        def done(state: State | None) -> Done[State]:
            order = _found(order_id, state)
            try:
                after, events = decide(order)
            except Refused as refused:
                raise _problem(refused) from refused
            if not asks:
                return Done(after, events, 200, shown(after))
            request = after.request(ids.request_id(order_id, call.id))
            assert request is not None
            link = f"/api/v1/orders/{order_id}/requests/{request.request_id}"
            return Done(after, events, 202, {**_REQUEST.dump_python(request, mode="json"), "outcome": link})

        return await commands.run(order_id, call, done)

    @router.post("/orders/{order_id}/cancellations", status_code=202)
    async def post_cancellation(
        order_id: UUID, new: Cancellation, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Ask that units are not shipped; `outcome` tells where the answer will be."""
        command = Cancel(
            call.id, None if new.lines is None else _counted(new.lines), new.reason, call.at, new.notify_customer
        )
        return await run(order_id, call, lambda order: _told(order, cancel(order, command)), asks=True)

    @router.post("/orders/{order_id}/holds", status_code=202)
    async def post_hold(order_id: UUID, new: NewHold, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Ask that the order is not worked on; `outcome` tells where the answer will be."""
        command = PutOnHold(call.id, new.reason, new.release_at, call.at)
        return await run(order_id, call, lambda order: _told(order, hold(order, command)), asks=True)

    @router.post("/orders/{order_id}/amendments", status_code=202)
    async def post_amendment(order_id: UUID, new: NewRecipient, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Ask for another address or note, until something is packed; `outcome` tells where the answer will be."""
        command = Amend(call.id, new.address, new.note, call.at)
        return await run(order_id, call, lambda order: amend(order, command), asks=True)

    @router.post("/orders/{order_id}/holds/{hold_id}/release")
    async def post_release(order_id: UUID, hold_id: UUID, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """End a hold; others may stand."""
        return await run(order_id, call, lambda order: _told(order, release(order, hold_id, call.at)))

    _add_returns(router, begin, run, called)

    @router.post("/orders/{order_id}/exceptions/{exception_id}/resolve")
    async def post_resolve(
        order_id: UUID, exception_id: UUID, chosen: Choice, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Settle an exception with one of its choices."""
        return await run(
            order_id,
            call,
            lambda order: _told(order, resolve(order, exception_id, chosen.choice, chosen.comment, call.at)),
        )

    @router.get("/orders/{order_id}")
    async def get_order(order_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """An order: what holds it back, and what was asked of it."""
        return shown(await _one(begin, call, order_id))

    @router.get("/orders/{order_id}/requests/{request_id}")
    async def get_request(order_id: UUID, request_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """What came of a request; `pending` until fulfillment has decided it."""
        request = (await _one(begin, call, order_id)).request(request_id)
        if request is None:
            raise Problem(404, "unknown-request", f"No request {request_id} was made of this order.")
        answer: dict[str, Any] = _REQUEST.dump_python(request, mode="json")
        return answer

    return router


def _add_returns(router: APIRouter, begin: Begin[State], run: Run, called: Callable[..., Awaitable[Call]]) -> None:
    @router.post("/orders/{order_id}/returns", status_code=202)
    async def post_return(order_id: UUID, new: NewReturn, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Ask that units are taken back; `outcome` tells where the answer will be."""
        async with begin.database.begin(call.brand) as connection:
            days = await store.return_days(connection, order_id)
        command = SendBack(call.id, _counted(new.lines), new.reason, days, call.at, new.wants_label)
        return await run(order_id, call, lambda order: _told(order, send_back(order, command)), asks=True)

    @router.post("/orders/{order_id}/returns/{return_id}/close")
    async def post_close(order_id: UUID, return_id: UUID, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Wait for nothing more of a return."""
        return await run(order_id, call, lambda order: _told(order, close_return(order, return_id, call.at)))


def _told(order: Order, events: Sequence[Event]) -> tuple[Order, Sequence[Event]]:
    """What these events make of an order, and they."""
    return order.after(events), events


async def _one(begin: Begin[State], call: Call, order_id: UUID) -> Order:
    async with begin.database.begin(call.brand) as connection:
        return _found(order_id, (await begin.store.load(connection, [order_id])).get(order_id))


def _found(order_id: UUID, state: State | None) -> Order:
    if not isinstance(state, Order):
        raise Problem(
            404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
        )
    return state


def _counted(lines: Sequence[LineUnits]) -> dict[str, int]:
    units: dict[str, int] = {}
    for line in lines:
        if line.line_id in units:
            raise Problem(
                422, "line-twice", f"Line {line.line_id} is named twice. Name it once, with its sum.", line=line.line_id
            )
        units[line.line_id] = line.quantity
    return units


def _problem(refused: Refused) -> Problem:
    status, code = _CODES[type(refused)]
    match refused:
        case UnknownLine(line_id=line_id) | MoreThanOrdered(line_id=line_id):
            return Problem(status, code, str(refused), line=line_id)
        case Incomplete(lacks=lacks):
            return Problem(status, code, str(refused), field=f"address.{lacks[0]}", lacks=lacks)
        case NoChoice(choices=choices):
            return Problem(status, code, str(refused), field="choice", choices=choices)
        case _:
            return Problem(status, code, str(refused))


def shown(order: Order) -> dict[str, Any]:
    """An order as it is answered."""
    plain = replace(order, lines=dict(order.lines), recipient=None, amendments={}, placed=None)
    answer: dict[str, Any] = _ORDER.dump_python(plain, mode="json", exclude={"recipient", "amendments", "placed"})
    return answer
