"""Commands on quantities."""

from collections.abc import Awaitable, Callable
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from waybill_chassis.commands import Call, Commands, Done, caller
from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin
from waybill_fulfillment.domain import Held, Ledger, NothingOpen, NotOpen, NotUnits, Refused, Ship, UnknownLine, ship
from waybill_fulfillment.settings import Settings

LineId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Printed = StringConstraints(strip_whitespace=True, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")


class LineUnits(BaseModel):
    """Some units of one line."""

    model_config = ConfigDict(extra="forbid")

    line_id: LineId
    quantity: Annotated[int, Field(strict=True)]


class NewShipment(BaseModel):
    """What leaves, and with whom. Without `lines` everything that is open leaves."""

    model_config = ConfigDict(extra="forbid")

    lines: Annotated[list[LineUnits], Field(min_length=1, max_length=2000)] | None = None
    tracking_company: Annotated[str, Printed] = ""
    tracking_number: Annotated[str, Printed, Field(min_length=1)]
    notify_customer: bool = False


def routes(begin: Begin[Ledger], settings: Settings) -> APIRouter:
    """Everything that fulfillment answers."""
    router = APIRouter(prefix="/api/v1")
    commands = Commands(begin)
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    @router.post("/orders/{order_id}/shipments", status_code=201)
    async def post_shipment(order_id: UUID, new: NewShipment, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Ship all or some open units with the brand's own carrier."""
        command = Ship(_units(new), new.tracking_company, new.tracking_number, call.at, new.notify_customer)

        def decide(ledger: Ledger | None) -> Done[Ledger]:
            try:
                after, events = ship(_found(order_id, ledger), command)
            except Refused as refused:
                raise _problem(refused) from refused
            return Done(after, events, 201, _shown(after))

        return await commands.run(order_id, call, decide)

    @router.get("/orders/{order_id}")
    async def get_ledger(order_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """The ledger of one order."""
        async with begin.database.begin(call.brand) as connection:
            return _shown(_found(order_id, (await begin.store.load(connection, [order_id])).get(order_id)))

    return router


def _units(new: NewShipment) -> dict[str, int] | None:
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
    match refused:
        case UnknownLine(line_id=line_id):
            return Problem(422, "unknown-line", str(refused), line=line_id)
        case NotUnits(line_id=line_id):
            return Problem(422, "not-units", str(refused), line=line_id)
        case NotOpen(line_id=line_id):
            return Problem(409, "not-open", str(refused), line=line_id)
        case NothingOpen(line_ids=line_ids):
            return Problem(409, "nothing-open", str(refused), line=next(iter(line_ids), None), lines=line_ids)
        case Held(holds=holds):
            return Problem(409, "order-held", str(refused), holds=holds)
        case _:
            raise AssertionError(refused)


def _shown(ledger: Ledger) -> dict[str, Any]:
    return {
        "order_id": str(ledger.order_id),
        "reference": ledger.reference,
        "holds": list(ledger.holds),
        "lines": [
            {
                "line_id": line_id,
                "ordered": line.ordered,
                "open": line.open,
                "packed": line.packed,
                "shipped": line.shipped,
                "canceled": line.canceled,
            }
            for line_id, line in ledger.lines.items()
        ],
        "parcels": [
            {
                "parcel_id": str(parcel.parcel_id),
                "lines": [{"line_id": line_id, "quantity": units} for line_id, units in parcel.units.items()],
                "tracking_company": parcel.tracking_company,
                "tracking_number": parcel.tracking_number,
                "shipped_at": parcel.shipped_at.isoformat(),
            }
            for parcel in ledger.parcels
        ],
    }
