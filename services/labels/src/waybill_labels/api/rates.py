"""What a label for a parcel would cost, before anybody buys one."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel

from waybill_chassis.commands import Call, caller
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Box, Money
from waybill_labels.clients import Carrier, offers_of
from waybill_labels.domain import (
    NotReady,
    NotYet,
    Offer,
    Order,
    Wish,
    able,
    choose,
    prepare,
    size_in_words,
    weight_in_words,
)
from waybill_labels.settings import Settings
from waybill_labels.store import orders

Weight = Annotated[int | None, Query(ge=1, le=10_000_000, description="Grams; as packed where it is left out.")]
Side = Annotated[int | None, Query(ge=1, le=10_000, description="Millimeters; all three, or as packed.")]


class Rate(BaseModel):
    """One service that carries the parcel; `days` is None where its carrier does not say how long it takes.

    `chosen` is the one that is bought where nobody names one.
    """

    service: str
    carrier_name: str
    service_name: str
    cost: Money
    days: int | None
    chosen: bool


class LeftOut(BaseModel):
    """A service that does not carry it, or a carrier that does not say, and why."""

    service: str
    why: str


class Rates(BaseModel):
    """What was asked for, grams and millimeters, and what carriers say, the cheapest first.

    `parcel` counts the order's parcels from 1, or its returns; `weight` and `size` are as people say them.
    """

    reference: str
    parcel: int
    weight_g: int
    box: Box
    weight: str
    size: str
    rates: list[Rate]
    left_out: list[LeftOut]


def routes(begin: Begin[Order], settings: Settings, carriers: Mapping[str, Carrier]) -> APIRouter:
    """The question."""
    router = api_router("/api/v1")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    @router.get("/orders/{order_id}/parcels/{parcel_id}/rates")
    async def get_rates(
        order_id: UUID,
        parcel_id: UUID,
        call: Annotated[Call, Depends(called)],
        weight_g: Weight = None,
        length_mm: Side = None,
        width_mm: Side = None,
        height_mm: Side = None,
    ) -> Rates:
        """What carriers ask for one parcel, of this weight and size; nothing is bought."""
        async with begin.database.begin(call.brand) as connection:
            order = (await begin.store.load(connection, [order_id])).get(order_id)
            people = await orders.recipients_of(connection, [order_id])
            brand = (await orders.brands_of(connection, [order.brand_id])).get(order.brand_id) if order else None
        parcel = order.parcel(parcel_id) if order else None
        if order is None or parcel is None:
            raise Problem(404, "unknown-parcel", f"No parcel {parcel_id} is known here (yet). Open the order again.")
        wish = Wish(
            weight_g=weight_g or parcel.wish.weight_g, box=_box(length_mm, width_mm, height_mm) or parcel.wish.box
        )
        try:
            shipment = prepare(order, parcel, wish, people.get(order_id), brand)
        except NotReady as error:
            raise Problem(422, error.code.replace("_", "-"), str(error)) from error
        except NotYet as error:
            raise Problem(409, "not-yet", f"{error}. Ask again in a moment.") from error
        assert brand is not None
        said = await offers_of(carriers, shipment)
        offers, left_out = able(said.offers, shipment)
        try:
            chosen = choose(said.offers, shipment, wish, brand.rate_rule).code
        except NotReady:
            chosen = ""
        return Rates(
            reference=order.reference,
            parcel=parcel.number,
            weight_g=shipment.weight_g,
            box=shipment.box,
            weight=weight_in_words(shipment.weight_g),
            size=size_in_words(shipment.box, shipment.ship_from.country),
            rates=[_rate(offer, chosen) for offer in offers],
            left_out=[LeftOut(service=code, why=why) for code, why in {**left_out, **said.without}.items()],
        )

    return router


def _box(*sides: int | None) -> Box | None:
    """A box, where all of it is said; raises Problem for a part."""
    said = [side for side in sides if side is not None]
    if not said:
        return None
    if len(said) < len(sides):
        raise Problem(422, "half-a-box", "A box has a length, a width and a height. Say all three, or none.")
    return Box(length_mm=said[0], width_mm=said[1], height_mm=said[2])


def _rate(offer: Offer, chosen: str) -> Rate:
    return Rate(
        service=offer.code,
        carrier_name=offer.carrier_name,
        service_name=offer.service_name,
        cost=offer.cost,
        days=offer.days,
        chosen=offer.code == chosen,
    )
