"""Commands about numbers."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from waybill_carriers import compact, doubt
from waybill_chassis.choices import Choice
from waybill_chassis.commands import Call, Commands, Done, caller
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Event
from waybill_tracking import store
from waybill_tracking.domain import (
    Around,
    Correction,
    GoesWithLabel,
    NoChoice,
    Parcel,
    Refused,
    SameNumber,
    Tracked,
    UnknownException,
    UnknownParcel,
    correct,
    resolve,
)
from waybill_tracking.settings import Settings

Printed = StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
Warned = Annotated[str, StringConstraints(max_length=50, pattern=r"^[a-z-]+$")]
Decide = Callable[[Tracked], tuple[Tracked, Sequence[Event]]]
_CODES: Final[Mapping[type[Refused], tuple[int, str]]] = {
    UnknownParcel: (404, "unknown-parcel"),
    SameNumber: (409, "same-number"),
    GoesWithLabel: (409, "goes-with-its-label"),
    UnknownException: (404, "unknown-exception"),
    NoChoice: (422, "no-such-choice"),
}


class RightNumber(BaseModel):
    """The company and number that a parcel has in truth. `confirm` names warnings that somebody has seen."""

    model_config = example(tracking_company="UPS", tracking_number="1Z5R89390357567127", confirm=["number-in-use"])

    tracking_company: Annotated[str, Printed] = ""
    tracking_number: Annotated[str, Printed, Field(min_length=1)]
    notify_customer: bool = False
    confirm: Annotated[list[Warned], Field(max_length=20)] = []


def routes(begin: Begin[Tracked], settings: Settings) -> APIRouter:
    """Everything about the parcels of orders."""
    router = api_router("/api/v1")
    commands = Commands(begin)
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())
    followed = settings.followed()

    async def run(order_id: UUID, call: Call, decide: Decide) -> JSONResponse:
        def done(tracked: Tracked | None) -> Done[Tracked]:
            known = _found(order_id, tracked)
            try:
                after, events = decide(known)
            except Refused as refused:
                raise _problem(refused) from refused
            return Done(after, events, 200, _shown(after, Around(), {}))

        return await commands.run(order_id, call, done)

    @router.post("/orders/{order_id}/parcels/{parcel_id}/number")
    async def post_number(
        order_id: UUID, parcel_id: UUID, new: RightNumber, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Correct a parcel's number or company, or give it its first one; the platform is told again."""
        key = compact(new.tracking_number)
        async with begin.database.begin(call.brand) as connection:
            known = await store.around(connection, followed, [key])
        wanted = Correction(parcel_id, new.tracking_company, new.tracking_number, call.at, new.notify_customer)

        def decide(tracked: Tracked) -> tuple[Tracked, Sequence[Event]]:
            parcel = tracked.parcel(parcel_id)
            if parcel is not None and parcel.label_id is not None:
                raise GoesWithLabel(parcel.tracking_number)
            after, events = correct(tracked, wanted, known)
            _check(tracked, new, known)
            return after, events

        return await run(order_id, call, decide)

    @router.post("/orders/{order_id}/exceptions/{exception_id}/resolve")
    async def post_resolve(
        order_id: UUID, exception_id: UUID, chosen: Choice, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Settle an exception with one of its choices."""
        return await run(
            order_id, call, lambda tracked: resolve(tracked, exception_id, chosen.choice, chosen.comment, call.at)
        )

    @router.get("/orders/{order_id}")
    async def get_tracked(order_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """The parcels of an order that have left: number, carrier, history of corrections, who follows them."""
        async with begin.database.begin(call.brand) as connection:
            tracked = _found(order_id, (await begin.store.load(connection, [order_id])).get(order_id))
            numbers = {parcel.key for parcel in tracked.parcels if parcel.key}
            known = Around(bearers=await store.bearers_of(connection, numbers))
            return _shown(tracked, known, await store.registrations_of(connection, numbers))

    return router


def _check(tracked: Tracked, new: RightNumber, known: Around) -> None:
    """Raise Problem for what somebody should see first, unless it is confirmed."""
    warnings: list[dict[str, str]] = []
    own = [each.name for each in known.carriers.get(tracked.brand_id, ())]
    if (found := doubt(new.tracking_number, new.tracking_company, own)) is not None:
        warnings.append({"code": found.code, "says": found.says})
    if known.in_use(new.tracking_number, tracked.brand_id, tracked.order_id):
        warnings.append({"code": "number-in-use", "says": f"Another order has the number {new.tracking_number}."})
    left = [warning for warning in warnings if warning["code"] not in new.confirm]
    if left:
        says = " ".join(warning["says"] for warning in left)
        codes = [warning["code"] for warning in left]
        raise Problem(422, "confirm-number", f"{says} Send it again with `confirm` to take it.", confirm=codes)


def _found(order_id: UUID, tracked: Tracked | None) -> Tracked:
    if tracked is None:
        raise Problem(
            404, "unknown-order", f"No parcel of order {order_id} has left (yet). If it was just shipped, ask again."
        )
    return tracked


def _problem(refused: Refused) -> Problem:
    status, code = _CODES[type(refused)]
    if isinstance(refused, NoChoice):
        return Problem(status, code, str(refused), field="choice", choices=refused.choices)
    return Problem(status, code, str(refused))


def _shown(
    tracked: Tracked,
    around: Around,
    registrations: Mapping[tuple[str, str], tuple[str, str]],
) -> dict[str, Any]:
    """The parcels as they are answered."""

    def one(parcel: Parcel) -> dict[str, Any]:
        state, says = registrations.get(
            (parcel.feed, parcel.key), ("registered" if parcel.feed else "not followed", "")
        )
        return {
            "parcel_id": str(parcel.parcel_id),
            "carrier": parcel.carrier,
            "carrier_name": parcel.carrier_name,
            "tracking_number": parcel.tracking_number,
            "former": [{"carrier_name": each.carrier_name, "tracking_number": each.number} for each in parcel.former],
            "undone": parcel.undone,
            "status": parcel.status or None,
            "scanned_at": parcel.scanned_at and parcel.scanned_at.isoformat(),
            "delivered_at": parcel.delivered_at and parcel.delivered_at.isoformat(),
            "feed": parcel.feed,
            "following": state,
            "feed_says": says,
            "in_use_elsewhere": around.in_use(parcel.tracking_number, tracked.brand_id, tracked.order_id),
            "exception_id": parcel.exception_id and str(parcel.exception_id),
        }

    return {"order_id": str(tracked.order_id), "parcels": [one(parcel) for parcel in tracked.parcels]}
