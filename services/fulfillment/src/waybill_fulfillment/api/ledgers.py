"""Commands on quantities."""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints

from waybill_carriers import doubt
from waybill_chassis.choices import Choice
from waybill_chassis.commands import Call, Commands, Done, caller
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Box, Condition, Event, ReturnedUnits
from waybill_fulfillment.domain import (
    AlreadyTold,
    BeingAmended,
    ComesBack,
    Held,
    Label,
    Ledger,
    MoreThanExpected,
    NoChoice,
    NothingOpen,
    NothingReceived,
    NothingToSend,
    NotLabeled,
    NotOnItsWay,
    NotOpen,
    NotPacked,
    NotShipped,
    NotUnits,
    Refused,
    ReturnIsClosed,
    Scanned,
    Tracking,
    Units,
    UnknownException,
    UnknownLine,
    UnknownParcel,
    UnknownReturn,
    pack,
    receive,
    report,
    resolve,
    ship,
    ship_parcel,
    undo,
    unpack,
)
from waybill_fulfillment.settings import Settings
from waybill_fulfillment.store import UNITS
from waybill_fulfillment.store.ledgers import own_carriers, shipping_of

LineId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Printed = StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")
Warned = Annotated[str, StringConstraints(max_length=50, pattern=r"^[a-z-]+$")]
Decide = Callable[[Ledger], Sequence[Event]]
Run = Callable[[UUID, Call, int, Decide], Awaitable[JSONResponse]]
"""Decide on an order's ledger, and answer with this status."""

_NUMBER: Final = {"tracking_company": "UPS", "tracking_number": "1Z5R89390357567127"}
_CODES: Final[Mapping[type[Refused], tuple[int, str]]] = {
    UnknownLine: (422, "unknown-line"),
    NotUnits: (422, "not-units"),
    NotOpen: (409, "not-open"),
    NothingOpen: (409, "nothing-open"),
    Held: (409, "order-held"),
    UnknownParcel: (404, "unknown-parcel"),
    NotPacked: (409, "not-packed"),
    NotShipped: (409, "not-shipped"),
    Scanned: (409, "already-scanned"),
    UnknownException: (404, "unknown-exception"),
    NoChoice: (422, "no-such-choice"),
    ComesBack: (409, "comes-back"),
    NotOnItsWay: (409, "not-on-its-way"),
    AlreadyTold: (409, "already-told"),
    NothingToSend: (409, "nothing-to-send"),
    UnknownReturn: (404, "unknown-return"),
    ReturnIsClosed: (409, "return-is-closed"),
    NothingReceived: (422, "nothing-received"),
    MoreThanExpected: (409, "more-than-expected"),
    NotLabeled: (409, "not-labeled"),
    BeingAmended: (409, "being-amended"),
}


class LineUnits(BaseModel):
    """Some units of one line."""

    model_config = example(line_id="5002", quantity=2)

    line_id: LineId
    quantity: Annotated[int, Field(strict=True)]


class Contents(BaseModel):
    """What goes together. Without `lines` everything that is open."""

    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=2000)] | None = None


class NewParcel(Contents):
    """What is packed together, and how it is to be shipped: without `shipping` as its brand does.

    With `platform` shipping a label is bought: of `service` (carrier:service), or what the brand's rule chooses; for
    what the scale says, or else what its units weigh; for this box, or else the brand's.
    """

    model_config = example(lines=[{"line_id": "5002", "quantity": 2}], shipping="platform", weight_g=840)

    shipping: Literal["own", "platform"] | None = None
    service: Annotated[str, StringConstraints(max_length=100, pattern=r"^([a-z0-9_]+:[A-Za-z0-9_.-]+)?$")] = ""
    weight_g: Annotated[int, Field(strict=True, ge=1, le=10_000_000)] | None = None
    box: Box | None = None

    def label(self, brands: str) -> Label | None:
        """The label that is wanted, if any; `brands` is how its brand ships."""
        wanted = (self.shipping or brands) == "platform"
        return Label(self.service, self.weight_g, self.box) if wanted else None


class Number(BaseModel):
    """With whom a parcel leaves. `confirm` names warnings about the number that somebody has seen."""

    model_config = example(**_NUMBER)

    tracking_company: Annotated[str, Printed] = ""
    tracking_number: Annotated[str, Printed, Field(min_length=1)]
    notify_customer: bool = False
    confirm: Annotated[list[Warned], Field(max_length=20)] = []

    def check(self, own: Collection[str]) -> None:
        """Raise Problem for what may be wrong with the number, unless it is confirmed; `own` are the brand's."""
        found = doubt(self.tracking_number, self.tracking_company, own)
        if found is not None and found.code not in self.confirm:
            says = f"{found.says} Send it again with `confirm` to take it."
            raise Problem(422, "confirm-number", says, field="tracking_number", confirm=[found.code])

    def tracking(self) -> Tracking:
        """The same for the domain."""
        return Tracking(self.tracking_company, self.tracking_number, self.notify_customer)


class NewShipment(Contents, Number):
    """What leaves, and with whom. Without `lines` everything that is open leaves."""

    model_config = example(**_NUMBER, lines=[{"line_id": "5002", "quantity": 2}])


class Report(BaseModel):
    """What became of a parcel that did not arrive as it left."""

    model_config = example(problem="lost", comment="the carrier has looked for it")

    problem: Literal["lost", "damaged"]
    comment: Annotated[str, StringConstraints(strip_whitespace=True, max_length=1000, pattern=r"^[^\x00]*$")] = ""


class Received(BaseModel):
    """Units of one line that came back, and their condition."""

    model_config = example(line_id="5002", quantity=1, condition="restock")

    line_id: LineId
    quantity: Annotated[int, Field(strict=True, ge=1, le=2**31 - 1)]
    condition: Condition


class Arrival(BaseModel):
    """What has come back."""

    model_config = example(lines=[{"line_id": "5002", "quantity": 1, "condition": "restock"}])

    lines: Annotated[list[Received], Field(min_length=1, max_length=2000)]


def routes(begin: Begin[Ledger], settings: Settings) -> APIRouter:
    """Everything that fulfillment answers."""
    router = api_router("/api/v1")
    commands = Commands(begin)
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    async def run(order_id: UUID, call: Call, status: int, decide: Decide) -> JSONResponse:
        def done(ledger: Ledger | None) -> Done[Ledger]:
            known = _found(order_id, ledger)
            try:
                events = decide(known)
            except Refused as refused:
                raise _problem(refused) from refused
            after = known.after(events, call.id)
            return Done(after, events, status, shown(after))

        return await commands.run(order_id, call, done)

    @router.post("/orders/{order_id}/shipments", status_code=201)
    async def post_shipment(order_id: UUID, new: NewShipment, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Ship all or some open units with the brand's own carrier."""
        units, own = _units(new), await doubted(begin, order_id, call, new)

        def decide(ledger: Ledger) -> Sequence[Event]:
            events = ship(ledger, units, new.tracking(), call.at)
            new.check(own.get(ledger.brand_id, ()))
            return events

        return await run(order_id, call, 201, decide)

    @router.post("/orders/{order_id}/parcels", status_code=201)
    async def post_parcel(order_id: UUID, new: NewParcel, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Pack all or some open units into a parcel, which has not left yet."""
        units, brands = _units(new), new.shipping or await _shipping(begin, order_id, call)
        return await run(order_id, call, 201, lambda ledger: pack(ledger, units, call.at, new.label(brands)))

    _add_commands_on_parcels(router, begin, run, called)

    @router.post("/orders/{order_id}/returns/{return_id}/receive")
    async def post_receive(
        order_id: UUID, return_id: UUID, arrival: Arrival, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Take in units that came back, by their condition."""
        units = [ReturnedUnits(**each.model_dump()) for each in arrival.lines]
        return await run(order_id, call, 200, lambda ledger: receive(ledger, return_id, units, call.at))

    @router.post("/orders/{order_id}/exceptions/{exception_id}/resolve")
    async def post_resolve(
        order_id: UUID, exception_id: UUID, chosen: Choice, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Settle an exception with one of its choices."""
        return await run(
            order_id,
            call,
            200,
            lambda ledger: resolve(ledger, exception_id, chosen.choice, chosen.comment, call.at),
        )

    @router.get("/orders/{order_id}")
    async def get_ledger(order_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """The ledger of one order."""
        async with begin.database.begin(call.brand) as connection:
            return shown(_found(order_id, (await begin.store.load(connection, [order_id])).get(order_id)))

    return router


async def doubted(begin: Begin[Ledger], order_id: UUID, call: Call, number: Number) -> Mapping[UUID, Collection[str]]:
    """The carriers that only the order's brand knows, by brand; looked up only for a company that nobody else knows."""
    found = doubt(number.tracking_number, number.tracking_company)
    if found is None or found.code != "unknown-company" or found.code in number.confirm:
        return {}
    async with begin.database.begin(call.brand) as connection:
        ledger = (await begin.store.load(connection, [order_id])).get(order_id)
        return {} if ledger is None else await own_carriers(connection, [ledger.brand_id])


async def _shipping(begin: Begin[Ledger], order_id: UUID, call: Call) -> str:
    async with begin.database.begin(call.brand) as connection:
        return await shipping_of(connection, order_id)


def _add_commands_on_parcels(
    router: APIRouter, begin: Begin[Ledger], run: Run, called: Callable[..., Awaitable[Call]]
) -> None:
    @router.post("/orders/{order_id}/parcels/{parcel_id}/unpack")
    async def post_unpack(order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Take a packed parcel apart; its units are open again."""
        return await run(order_id, call, 200, lambda ledger: unpack(ledger, parcel_id, call.at))

    @router.post("/orders/{order_id}/parcels/{parcel_id}/ship")
    async def post_ship(
        order_id: UUID, parcel_id: UUID, number: Number, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Ship a packed parcel with the brand's own carrier."""
        own = await doubted(begin, order_id, call, number)

        def decide(ledger: Ledger) -> Sequence[Event]:
            events = ship_parcel(ledger, parcel_id, number.tracking(), call.at)
            number.check(own.get(ledger.brand_id, ()))
            return events

        return await run(order_id, call, 200, decide)

    @router.post("/orders/{order_id}/parcels/{parcel_id}/hand-over")
    async def post_hand_over(order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Say that a packed parcel has left, with the number that it has, if any."""
        return await run(order_id, call, 200, lambda ledger: ship_parcel(ledger, parcel_id, None, call.at))

    @router.post("/orders/{order_id}/parcels/{parcel_id}/report")
    async def post_report(
        order_id: UUID, parcel_id: UUID, told: Report, call: Annotated[Call, Depends(called)]
    ) -> JSONResponse:
        """Say that a parcel was lost or damaged on its way: an exception, which may be settled with `send_again`."""
        return await run(
            order_id, call, 200, lambda ledger: report(ledger, parcel_id, told.problem, told.comment, call.at)
        )

    @router.post("/orders/{order_id}/parcels/{parcel_id}/undo")
    async def post_undo(order_id: UUID, parcel_id: UUID, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Say that a parcel has not left after all; refused once the carrier has seen it."""
        return await run(order_id, call, 200, lambda ledger: undo(ledger, parcel_id, call.at))


def _units(new: Contents) -> Units | None:
    if new.lines is None:
        return None
    units: dict[str, int] = {}
    for line in new.lines:
        if line.line_id in units:
            raise Problem(
                422, "line-twice", f"Line {line.line_id} is named twice. Name it once, with its sum.", line=line.line_id
            )
        units[line.line_id] = line.quantity
    return units


def _found(order_id: UUID, ledger: Ledger | None) -> Ledger:
    if ledger is None:
        raise Problem(
            404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
        )
    return ledger


def _problem(refused: Refused) -> Problem:
    status, code = _CODES[type(refused)]
    match refused:
        case (
            UnknownLine(line_id=line_id)
            | NotUnits(line_id=line_id)
            | NotOpen(line_id=line_id)
            | MoreThanExpected(line_id=line_id)
        ):
            return Problem(status, code, str(refused), line=line_id)
        case NothingOpen(line_ids=line_ids):
            return Problem(status, code, str(refused), line=next(iter(line_ids), None), lines=line_ids)
        case Held(reasons=reasons):
            return Problem(status, code, str(refused), holds=reasons)
        case NoChoice(choices=choices):
            return Problem(status, code, str(refused), field="choice", choices=choices)
        case _:
            return Problem(status, code, str(refused))


def shown(ledger: Ledger) -> dict[str, Any]:
    """A ledger as it is answered."""
    return {
        "order_id": str(ledger.order_id),
        "reference": ledger.reference,
        "holds": [{"hold_id": str(hold.hold_id), "reason": hold.reason} for hold in ledger.holds],
        "lines": [
            {"line_id": line_id, **{name: getattr(line, name) for name in UNITS}}
            for line_id, line in ledger.lines.items()
        ],
        "parcels": [
            {
                "parcel_id": str(parcel.parcel_id),
                "number": parcel.number,
                "state": parcel.state.value,
                "lines": _lines(parcel.units),
                "late": _lines(parcel.late),
                "label": parcel.label,
                "label_id": parcel.label_id and str(parcel.label_id),
                "tracking_company": parcel.tracking_company,
                "tracking_number": parcel.tracking_number,
                "packed_at": parcel.packed_at and parcel.packed_at.isoformat(),
                "shipped_at": parcel.shipped_at and parcel.shipped_at.isoformat(),
                "scanned_at": parcel.scanned_at and parcel.scanned_at.isoformat(),
                "delivered_at": parcel.delivered_at and parcel.delivered_at.isoformat(),
                "moved_by": str(parcel.moved_by),
            }
            for parcel in ledger.parcels
        ],
        "canceled_by": [{"cause": str(cause), "lines": _lines(units)} for cause, units in ledger.canceled_by.items()],
        "returns": [
            {
                "return_id": str(each.return_id),
                "lines": _lines(each.units),
                "received": _lines(each.received),
                "closed": each.closed,
            }
            for each in ledger.returns
        ],
        "exceptions": [
            {"exception_id": str(each.exception_id), "kind": each.kind, "choices": list(each.choices)}
            for each in ledger.exceptions
        ],
    }


def _lines(units: Units) -> list[dict[str, Any]]:
    return [{"line_id": line_id, "quantity": quantity} for line_id, quantity in units.items()]
