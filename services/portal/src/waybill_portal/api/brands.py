"""Brands and their settings, which the portal owns."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Depends, Request
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused
from waybill_chassis.openapi import example, takes
from waybill_chassis.postal import is_country
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_events import Box, Brand, BusinessAddress, Logo, OwnCarrier, RateRule, SlipLook, Weekday
from waybill_events.model import Name, Weight
from waybill_events.tables import WORKING_WEEK, ClockTime, Days
from waybill_portal import store
from waybill_portal.api.viewing import Who
from waybill_portal.domain import Order
from waybill_portal.domain.logos import MOST_BYTES, BadLogo, logo
from waybill_portal.domain.people import Scope, Viewer


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no time zone; write one such as America/New_York") from error
    return name


def _known_country(address: BusinessAddress) -> BusinessAddress:
    if address.country is not None and not is_country(address.country):
        raise ValueError(f"there is no country {address.country}; write its two letters, such as US")
    return address


Typed = Annotated[Name, StringConstraints(strip_whitespace=True, min_length=1)]
ServiceCode = Annotated[str, StringConstraints(max_length=100, pattern=r"^[a-z0-9_]+:[A-Za-z0-9_.-]+$")]
"""A name as somebody typed it."""


class Rule(BaseModel):
    """Of which service labels are bought: the cheapest, the fastest, or the first of `services` that is offered."""

    choose: Literal["cheapest", "fastest", "fixed"] = "cheapest"
    services: Annotated[tuple[ServiceCode, ...], Field(max_length=50)] = ()


class Look(BaseModel):
    """How packing slips look; `message` is what the brand says to its customers."""

    model_config = ConfigDict(extra="forbid")

    language: Literal["en", "de"] = "en"
    paper: Literal["a4", "letter"] = "a4"
    color: Annotated[str, StringConstraints(pattern=r"^#[0-9a-f]{6}$")] = "#000000"
    message: Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")] = ""
    prices: bool = False
    """Whether prices are shown; on a gift's they are not."""


class BrandSettings(BaseModel):
    """What a brand is set to."""

    model_config = example(
        name="Acorn Apparel",
        vendors=["Acorn"],
        time_zone="America/New_York",
        holidays=["2026-11-26"],
        cut_off="15:00",
        ship_by_days=1,
    )

    name: Typed
    vendors: Annotated[tuple[Typed, ...], Field(max_length=1000)] = ()
    sku_prefixes: Annotated[tuple[Typed, ...], Field(max_length=1000)] = ()
    ship_from: Annotated[BusinessAddress, AfterValidator(_known_country)] = BusinessAddress()
    time_zone: Annotated[str, Field(max_length=100), AfterValidator(_known_zone)] = "UTC"
    working_days: Annotated[tuple[Weekday, ...], Field(min_length=1, max_length=7)] = WORKING_WEEK
    holidays: Annotated[tuple[date, ...], Field(max_length=1000)] = ()
    cut_off: ClockTime = "16:00"
    ship_by_days: Days = 2
    unscanned_hours: Annotated[int, Field(ge=1, le=2_000)] = 48
    return_days: Days = 30
    carriers: Annotated[tuple[OwnCarrier, ...], Field(max_length=100)] = ()
    shipping: Literal["own", "platform"] = "own"
    default_box: Box | None = None
    default_weight_g: Weight | None = None
    rate_rule: Rule = Rule()
    slip: Look = Look()
    """Its logo is put by itself, and stays."""
    document_days: Annotated[int, Field(ge=1, le=3_650)] = 30


def routes(begin: Begin[Order], who: Who) -> APIRouter:
    """Brands."""
    router = api_router("/api/v1")

    @router.get("/brands")
    async def brands(viewer: Annotated[Viewer, Depends(who.reads)]) -> list[Brand]:
        """All brands and their settings."""
        async with begin.database.begin(viewer.brand) as connection:
            return list((await store.orders.every_brand(connection)).values())

    async def put(viewer: Viewer, brand_id: UUID, settle: Callable[[Brand | None], Brand]) -> Brand:
        """Change a brand, and tell every service where that made another one of it."""
        async with begin.on(brand_id, viewer.brand) as tx:
            known = (await store.orders.every_brand(tx.connection)).get(brand_id)
            brand = settle(known)
            if brand == known:
                return brand
            brand = brand.model_copy(update={"version": 1 if known is None else known.version + 1})
            await store.orders.put_brand(tx.connection, brand)
            told = cause(brand_id, actor=viewer.actor, source="command/put-brand", at=datetime.now(UTC))
            await tx.publish([Caused(brand, told)])
            return brand

    @router.put("/brands/{brand_id}")
    async def put_brand(
        brand_id: UUID, settings: BrandSettings, viewer: Annotated[Viewer, Depends(who.manages)]
    ) -> Brand:
        """Make a brand, or replace its settings; every service learns of it."""

        def settle(known: Brand | None) -> Brand:
            slip = SlipLook(**settings.slip.model_dump(), logo=None if known is None else known.slip.logo)
            claims = (settings.vendors, settings.sku_prefixes)
            if not viewer.may(Scope.OPERATE) and (known is None or claims != (known.vendors, known.sku_prefixes)):
                raise Problem(
                    403,
                    "not-allowed",
                    "Which vendors and SKUs are a brand's, operators alone say: they decide whose sales these are. "
                    "Send `vendors` and `sku_prefixes` as they are.",
                )
            rule = RateRule(**settings.rate_rule.model_dump())
            said: dict[str, Any] = {**dict(settings), "slip": slip, "rate_rule": rule}
            return Brand(brand_id=brand_id, version=1 if known is None else known.version, **said)

        return await put(viewer, brand_id, settle)

    @router.put("/brands/{brand_id}/logo", openapi_extra=takes("<svg/>", "image/svg+xml"))
    async def put_logo(brand_id: UUID, request: Request, viewer: Annotated[Viewer, Depends(who.manages)]) -> Brand:
        """Print a logo on its slips: the body is a PNG, JPEG or SVG file of 256 kB at most."""
        try:
            found = logo(await request.body())
        except BadLogo as error:
            raise Problem(422, "bad-logo", str(error), most_bytes=MOST_BYTES) from error
        return await put(viewer, brand_id, lambda known: _with_logo(known, brand_id, found))

    @router.delete("/brands/{brand_id}/logo")
    async def delete_logo(brand_id: UUID, viewer: Annotated[Viewer, Depends(who.manages)]) -> Brand:
        """Print no logo any more."""
        return await put(viewer, brand_id, lambda known: _with_logo(known, brand_id, None))

    return router


def _with_logo(brand: Brand | None, brand_id: UUID, logo: Logo | None) -> Brand:
    if brand is None:
        raise Problem(
            404, "unknown-brand", f"There is no brand {brand_id}. Make it first: PUT /api/v1/brands/{brand_id}."
        )
    return brand.model_copy(update={"slip": brand.slip.model_copy(update={"logo": logo})})
