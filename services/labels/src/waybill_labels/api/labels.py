"""Commands on labels: buy again, give back, settle what stands still."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from waybill_carriers import compact
from waybill_chassis import paging
from waybill_chassis.choices import Choice
from waybill_chassis.commands import Call, Commands, Done, caller
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Box, Brand, Recipient
from waybill_labels.domain import (
    FUNDS,
    Decided,
    Decision,
    HasLabel,
    Label,
    NoChoice,
    NoNumber,
    NotBought,
    NotPacked,
    NotReady,
    NotYet,
    NumberKnown,
    NumberOfWhat,
    Order,
    OwnCarrier,
    Parcel,
    ParcelLeft,
    Refused,
    UnknownException,
    UnknownLabel,
    UnknownParcel,
    Wish,
    buy,
    ledger,
    prepare,
    resolve,
    void,
)
from waybill_labels.settings import Settings
from waybill_labels.store import orders

Decide = Callable[[Order], Decided]
Paid = Literal["paid", "pending", "refunded", "lost"]
"""Where the money of a label is that was paid."""
_CODES: Final[Mapping[type[Refused], tuple[int, str]]] = {
    UnknownParcel: (404, "unknown-parcel"),
    UnknownLabel: (404, "unknown-label"),
    UnknownException: (404, "unknown-exception"),
    NoChoice: (422, "no-such-choice"),
    NoNumber: (422, "no-number"),
    NumberKnown: (409, "number-known"),
    NumberOfWhat: (422, "number-of-what"),
    NotPacked: (409, "not-packed"),
    OwnCarrier: (409, "own-carrier"),
    HasLabel: (409, "has-label"),
    NotBought: (409, "not-bought"),
    ParcelLeft: (409, "parcel-left"),
}


class Wanted(BaseModel):
    """The label that is wanted: of `service` (carrier:service), what the scale says, its box.

    What is left out is as it was when the parcel was packed.
    """

    model_config = example(service="simulated:ground", weight_g=840)

    service: Annotated[str, StringConstraints(max_length=100, pattern=r"^([a-z0-9_]+:[A-Za-z0-9_.-]+)?$")] = ""
    weight_g: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] | None = None
    box: Box | None = None

    def wish(self, packed: Wish) -> Wish:
        """The same for the domain; what is left out is as it was `packed`."""
        return Wish(self.service or packed.service, self.weight_g or packed.weight_g, self.box or packed.box)


class LabelChoice(Choice):
    """The same; `tracking_number` is that of a label which its carrier sold without saying so."""

    model_config = example(choice="sold", tracking_number="1Z5R89390357567127")

    tracking_number: Annotated[
        str, StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f]*$")
    ] = ""


def routes(begin: Begin[Order], settings: Settings, wake: Callable[[], None]) -> APIRouter:
    """Everything about labels of orders."""
    router = api_router("/api/v1")
    commands = Commands(begin)
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    async def run(order_id: UUID, call: Call, decide: Decide) -> JSONResponse:
        def done(order: Order | None) -> Done[Order]:
            try:
                after, events = decide(_found(order_id, order))
            except Refused as refused:
                raise _problem(refused) from refused
            return Done(after, events, 202, _shown(after))

        answer = await commands.run(order_id, call, done)
        wake()
        return answer

    @router.post("/orders/{order_id}/parcels/{parcel_id}/label", status_code=202)
    async def post_label(
        order_id: UUID, parcel_id: UUID, wanted: Wanted, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Buy a label for a packed parcel that is left without one; what cannot be bought is said at once."""
        async with begin.database.begin(call.brand) as connection:
            people = await orders.recipients_of(connection, [order_id])
            known = (await begin.store.load(connection, [order_id])).get(order_id)
            brands = {} if known is None else await orders.brands_of(connection, [known.brand_id])

        def decide(order: Order) -> Decided:
            parcel = order.parcel(parcel_id)
            if parcel is None:
                raise UnknownParcel(parcel_id)
            wish = wanted.wish(parcel.wish)
            after, events = buy(order, parcel_id, wish, call.at)
            _check(order, parcel, wish, people.get(order_id), brands.get(order.brand_id))
            return after, events

        return await run(order_id, call, decide)

    @router.post("/orders/{order_id}/labels/{label_id}/void", status_code=202)
    async def post_void(order_id: UUID, label_id: UUID, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Have a label that was bought taken back by its carrier; whether it does is told later."""
        return await run(order_id, call, lambda order: (void(order, label_id, call.at), []))

    @router.post("/orders/{order_id}/exceptions/{exception_id}/resolve", status_code=202)
    async def post_resolve(
        order_id: UUID, exception_id: UUID, chosen: LabelChoice, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Settle the exception about a label that failed (`retry`) or may have been sold (`sold`, `not_sold`).

        What was sold goes back by its number; a label that is needed is bought anew.
        """
        async with begin.database.begin() as connection:
            # Whichever brand's: they share the account with the carrier.
            taken = await orders.has_label(connection, compact(chosen.tracking_number))
        decision = Decision(chosen.choice, chosen.comment, chosen.tracking_number, taken)
        return await run(order_id, call, lambda order: resolve(order, exception_id, decision, call.at))

    @router.get("/labels")
    async def get_paid(
        call: Annotated[Call, Depends(called)],
        money: Paid | None = None,
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> dict[str, Any]:
        """Labels that were paid, or those whose money is `paid`, `pending`, `refunded` or `lost`; the latest first."""
        states = [state for state, funds in FUNDS.items() if money in {None, funds.value}]
        async with begin.database.begin(call.brand) as connection:
            found = await orders.paid(connection, states, paging.read(before), limit + 1)
            known = await begin.store.load(connection, {order_id for order_id, _ in found})
        shown = [(known[order_id], known[order_id].label(label_id)) for order_id, label_id in found[:limit]]
        listed = [(order, label) for order, label in shown if label is not None]
        last = listed[-1][1] if len(found) > limit else None
        return {
            "labels": [_in_list(order, label) for order, label in listed],
            "before": last and last.purchased_at and paging.write(last.purchased_at, last.label_id),
        }

    @router.get("/orders/{order_id}/labels")
    async def get_labels(order_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Every label that was ever wanted for an order, and its money."""
        async with begin.database.begin(call.brand) as connection:
            return _shown(_found(order_id, (await begin.store.load(connection, [order_id])).get(order_id)))

    return router


def _check(order: Order, parcel: Parcel, wish: Wish, recipient: Recipient | None, brand: Brand | None) -> None:
    """Raise Problem for what is missing, before any money moves; what has not come yet does by itself."""
    try:
        prepare(order, parcel, wish, recipient, brand)
    except NotReady as error:
        raise Problem(422, error.code.replace("_", "-"), str(error)) from error
    except NotYet:
        pass


def _found(order_id: UUID, order: Order | None) -> Order:
    if order is None:
        raise Problem(
            404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
        )
    return order


def _problem(refused: Refused) -> Problem:
    status, code = _CODES[type(refused)]
    if isinstance(refused, NoChoice):
        return Problem(status, code, str(refused), field="choice", choices=refused.choices)
    return Problem(status, code, str(refused))


def _shown(order: Order) -> dict[str, Any]:
    """The labels as they are answered."""
    return {
        "order_id": str(order.order_id),
        "reference": order.reference,
        "labels": [_one(label) for label in order.labels],
    }


def _in_list(order: Order, label: Label) -> dict[str, Any]:
    return {
        "order_id": str(order.order_id),
        "brand_id": str(order.brand_id),
        "reference": order.reference,
        **_one(label),
    }


def _one(label: Label) -> dict[str, Any]:
    offer, sale = label.offer, label.sale
    return {
        "label_id": str(label.label_id),
        "parcel_id": str(label.parcel_id),
        "purchase": label.purchase,
        "state": label.state.value,
        "void_why": label.void_why,
        "carrier": offer and offer.carrier,
        "service": offer and offer.service,
        "weight_g": label.shipment and label.shipment.weight_g,
        "tracking_number": sale and sale.tracking_number,
        "cost": sale and sale.cost.model_dump(),
        "purchased_at": label.purchased_at and label.purchased_at.isoformat(),
        "money": FUNDS[label.state].value,
        "ledger": [
            {
                "what": entry.what.value,
                "amount": entry.amount.amount,
                "currency": entry.amount.currency,
                "at": entry.at and entry.at.isoformat(),
            }
            for entry in ledger(label)
        ],
        "code": label.code,
        "words": label.words,
        "exception_id": label.exception_id and str(label.exception_id),
    }
