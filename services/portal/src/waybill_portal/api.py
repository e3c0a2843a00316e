"""The JSON API: what the pages show, for programs."""

import re
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Literal
from uuid import UUID
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.commands import KEY, cause
from waybill_chassis.fold import Caused
from waybill_chassis.openapi import example, gives, takes
from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin
from waybill_events import Address, Box, Brand, BusinessAddress, Buyer, OwnCarrier, RateRule, SlipLook, Weekday
from waybill_events.model import Name, Weight
from waybill_events.tables import WORKING_WEEK, ClockTime, Days
from waybill_portal import store
from waybill_portal.clients import Owner, Viewer
from waybill_portal.domain import (
    Again,
    AtRisk,
    Badge,
    Former,
    Hold,
    Label,
    Line,
    Mark,
    OpenException,
    Order,
    Outcome,
    Parcel,
    Return,
    ShipBy,
    Status,
    at_risk,
    explained,
    flags,
    outcomes,
    ship_by,
    status,
)
from waybill_portal.domain import (
    Request as Asked,
)
from waybill_portal.settings import Settings

LOOKED_AT: Final = 5_000
"""How many of the oldest orders that are left are looked at for those at risk."""
Who = Callable[..., Awaitable[Viewer]]


def viewer(settings: Settings) -> Who:
    """A dependency that says who looks: the service's token, else the demo operator where that is allowed."""

    async def read(
        request: Request,
        authorization: Annotated[str, Header()] = "",
        sec_fetch_site: Annotated[str, Header()] = "",
    ) -> Viewer:
        token = settings.token.get_secret_value()
        if authorization:
            if not secrets.compare_digest(authorization.removeprefix("Bearer ").encode(), token.encode()):
                raise Problem(401, "unauthorized", "Send the portal's token as `Authorization: Bearer …`, or none.")
            return Viewer("token:service")
        if not settings.demo_operator:
            raise Problem(
                403,
                "no-login",
                "Logins come in a later release. On a machine of your own set WAYBILL_DEMO_OPERATOR=true.",
            )
        if request.method not in {"GET", "HEAD"} and sec_fetch_site not in {"", "same-origin", "none"}:
            raise Problem(403, "cross-site", "This came from another site's page. Open the portal and do it there.")
        return Viewer("person:demo-operator")

    return read


class ParcelShown(BaseModel):
    """A parcel: where it is, what is in it, and where to follow it."""

    parcel_id: UUID | None
    state: str
    units: dict[str, int]
    late: dict[str, int]
    carrier_name: str
    tracking_number: str
    tracking_url: str
    service: str
    feed: str
    """Which feed of carrier messages follows it; empty: it is not followed."""
    warnings: list[str]
    former: list[Former]
    """The numbers that it had, the first one first."""
    shipped_at: datetime | None
    carrier_status: str | None
    """The carrier's last word, None while it has said nothing."""
    carrier_status_at: datetime | None
    estimated_delivery: datetime | None
    label_state: str
    """`own carrier` where none is bought; else `pending`, `labeled`, or where it is left without `failed`, `voided`."""
    labels: list[Label]
    """All that were bought for it, or could not be, the first one first."""


class OrderShown(BaseModel):
    """An order in a list."""

    order_id: UUID
    brand_id: UUID
    reference: str
    number: str
    placed_at: datetime
    status: Status
    flags: list[str]
    ship_by: ShipBy | None
    """By when what is left of it is to leave; None where nothing is left."""
    lines: list[Line]
    parcels: list[ParcelShown]


class Recipient(BaseModel):
    """To whom an order goes."""

    address: Address | None
    buyer: Buyer
    note: str


class OrderInFull(OrderShown):
    """An order by itself; `recipient` is null once it was erased."""

    platform: str
    shipping_method: str
    recipient: Recipient | None
    holds: list[Hold]
    requests: list[Asked]
    exceptions: list[OpenException]
    returns: list[Return]
    replaces: UUID | None
    """The order of which something is sent again with this one."""
    sent_again: list[Again]


class Explained(BaseModel):
    """Why an order's badges stand there, and which event decided about each unit."""

    badges: list[Badge]
    units: list[Outcome]


class Pressing(BaseModel):
    """An order that may leave late, and why."""

    rank: int
    reason: str
    """`overdue`, `due_today`, `due_next`, or `held` where its date comes and a hold stands."""
    says: str
    order: OrderShown


class Page(BaseModel):
    """Some orders, and what to ask for to get those after them."""

    orders: list[OrderShown]
    before: str | None


def _known_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError("is no time zone; write one such as America/New_York") from error
    return name


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
    ship_from: BusinessAddress = BusinessAddress()
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


def typed(search: str) -> str:
    """What somebody searches for, without what no text holds."""
    return search.replace("\x00", "").strip()


def cursor_of(order: Order) -> str:
    """Where a page ended."""
    return f"{order.placed_at.isoformat()}_{order.order_id}"


def read_cursor(text: str | None) -> tuple[datetime, UUID] | None:
    """Where a page is to begin; raises Problem."""
    if not text:
        return None
    time, _, id_ = text.rpartition("_")
    try:
        return datetime.fromisoformat(time).astimezone(UTC), UUID(id_)
    except (ValueError, OverflowError) as error:
        raise Problem(422, "bad-cursor", "Take `before` from the page before, unchanged.", field="before") from error


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is forwarded to the service that owns it, under the same path."""

    owner: str
    path: str
    status: int
    says: str
    example: Mapping[str, Any] = field(default_factory=dict[str, Any])


_LINES: Final = [{"line_id": "5002", "quantity": 2}]
_NUMBER: Final = {"tracking_company": "UPS", "tracking_number": "1Z5R89390357567127"}
_PARCEL: Final = "/orders/{order_id}/parcels/{parcel_id}"
COMMANDS: Final = (
    Command(
        "fulfillment",
        "/orders/{order_id}/shipments",
        201,
        "Ship open units with the brand's own carrier.",
        {**_NUMBER, "lines": _LINES},
    ),
    Command("fulfillment", "/orders/{order_id}/parcels", 201, "Pack open units into a parcel.", {"lines": _LINES}),
    Command("fulfillment", f"{_PARCEL}/unpack", 200, "Take a packed parcel apart."),
    Command("fulfillment", f"{_PARCEL}/ship", 200, "Ship a packed parcel with the brand's own carrier.", _NUMBER),
    Command("fulfillment", f"{_PARCEL}/hand-over", 200, "Say that a packed parcel has left."),
    Command("fulfillment", f"{_PARCEL}/report", 200, "Say that a parcel was lost or damaged.", {"problem": "lost"}),
    Command("fulfillment", f"{_PARCEL}/undo", 200, "Say that a parcel has not left after all."),
    Command("labels", f"{_PARCEL}/label", 202, "Buy a label for a packed parcel that is left without one."),
    Command("labels", "/orders/{order_id}/labels/{label_id}/void", 202, "Give a label back to its carrier."),
    Command("labels", "/manifests", 202, "Close a carrier's list of labeled parcels.", {"carrier": "simulated"}),
    Command("tracking", f"{_PARCEL}/number", 200, "Correct a parcel's number or company.", _NUMBER),
    Command(
        "orders",
        "/orders/{order_id}/cancellations",
        202,
        "Ask that units are not shipped.",
        {"lines": _LINES, "reason": "customer"},
    ),
    Command("orders", "/orders/{order_id}/holds", 202, "Ask that the order is not worked on.", {"reason": "inventory"}),
    Command("orders", "/orders/{order_id}/amendments", 202, "Ask for another address or note.", {"note": "ring twice"}),
    Command(
        "orders",
        "/orders/{order_id}/returns",
        202,
        "Ask that units are taken back.",
        {"lines": _LINES, "reason": "damaged"},
    ),
    Command("orders", "/orders/{order_id}/returns/{return_id}/close", 200, "Wait for nothing more of a return."),
    Command(
        "fulfillment",
        "/orders/{order_id}/returns/{return_id}/receive",
        200,
        "Take in units that came back, by their condition.",
        {"lines": [{"line_id": "5002", "quantity": 1, "condition": "restock"}]},
    ),
    Command("orders", "/orders/{order_id}/holds/{hold_id}/release", 200, "End a hold."),
    Command(
        "fulfillment",
        "/imports/{import_id}/apply",
        202,
        "Ship what the rows of a file say that can go.",
        {"confirm": ["unknown-company"]},
    ),
    Command("fulfillment", "/imports/{import_id}/undo", 202, "Take back the parcels of a file."),
)


def _forward(router: APIRouter, who: Who, owner: Owner, command: Command) -> None:
    async def forward(
        request: Request,
        viewer: Annotated[Viewer, Depends(who)],
        body: Annotated[dict[str, Any] | None, Body(examples=[dict(command.example)])] = None,
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
    ) -> Any:
        ids = {name: _id(given) for name, given in request.path_params.items()}
        return await owner.command(viewer, f"/api/v1{command.path.format(**ids)}", body, idempotency_key)

    router.add_api_route(
        command.path,
        forward,
        methods=["POST"],
        status_code=command.status,
        summary=command.says,
        description=f"Forwarded to {command.owner}, whose answer it is.",
        openapi_extra={"parameters": [_path_parameter(name) for name in re.findall(r"{(\w+)}", command.path)]},
    )


def _path_parameter(name: str) -> dict[str, Any]:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string", "format": "uuid"}}


def _id(given: str) -> str:
    """An id as it goes on in another address; raises Problem for what is none, which must not lead elsewhere."""
    try:
        return str(UUID(given))
    except ValueError as error:
        raise Problem(404, "not-found", f"{given[:60]!r} is no id. Take it from the list.") from error


def _add_documents(router: APIRouter, who: Who, labels: Owner) -> None:
    @router.get("/orders/{order_id}/packing-slip.pdf", response_class=Response, responses=gives("application/pdf"))
    async def packing_slip(order_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> Response:
        """The packing slip, made by labels."""
        pdf, headers = await labels.document(viewer, f"/api/v1/orders/{order_id}/packing-slip.pdf")
        return Response(pdf, headers=headers)

    @router.get("/orders/{order_id}/parcels/{parcel_id}/packing-slip.pdf", responses=gives("application/pdf"))
    async def parcel_slip(order_id: UUID, parcel_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> Response:
        """The packing slip of one parcel: what is in it, and what is to follow."""
        path = f"/api/v1/orders/{order_id}/parcels/{parcel_id}/packing-slip.pdf"
        pdf, headers = await labels.document(viewer, path)
        return Response(pdf, headers=headers)

    @router.get("/orders/{order_id}/parcels/{parcel_id}/label.pdf", responses=gives("application/pdf"))
    async def label_pdf(
        order_id: UUID, parcel_id: UUID, viewer: Annotated[Viewer, Depends(who)], size: Literal["4x6", "a6"] = "4x6"
    ) -> Response:
        """The label with which a parcel goes, made by labels."""
        path = f"/api/v1/orders/{order_id}/parcels/{parcel_id}/label.pdf"
        pdf, headers = await labels.document(viewer, path, size=size)
        return Response(pdf, headers=headers)

    @router.get("/orders/{order_id}/parcels/{parcel_id}/label.zpl", responses=gives("application/zpl"))
    async def label_zpl(
        order_id: UUID, parcel_id: UUID, viewer: Annotated[Viewer, Depends(who)], size: Literal["4x6", "a6"] = "4x6"
    ) -> Response:
        """The same for a label printer."""
        path = f"/api/v1/orders/{order_id}/parcels/{parcel_id}/label.zpl"
        zpl, headers = await labels.document(viewer, path, size=size)
        return Response(zpl, headers=headers)


_FILE: Final = "reference,tracking_company,tracking_number\n10001-01,UPS,1Z5R89390357567127\n"


def _add_imports(router: APIRouter, who: Who, fulfillment: Owner) -> None:
    """Files of tracking numbers: forwarded to fulfillment, whose answers these are."""

    @router.post("/imports", status_code=201, openapi_extra=takes(_FILE, "text/csv"))
    async def upload(
        request: Request,
        viewer: Annotated[Viewer, Depends(who)],
        name: Annotated[str, Query(max_length=200)] = "",
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
    ) -> Any:
        """Read a CSV file of tracking numbers, the body as it is, and say what would become of each row."""
        content = await request.body()
        return await fulfillment.upload(viewer, "/api/v1/imports", content, idempotency_key, name=name)

    @router.get("/imports/{import_id}")
    async def progress(import_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> Any:
        """How far a file has come."""
        return await fulfillment.ask(viewer, f"/api/v1/imports/{import_id}")

    @router.get("/imports/{import_id}/corrections.csv", response_class=Response, responses=gives("text/csv"))
    async def corrections(import_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> Response:
        """The rows that did not go, with their reasons."""
        content, headers = await fulfillment.document(viewer, f"/api/v1/imports/{import_id}/corrections.csv")
        return Response(content, headers=headers)


def routes(begin: Begin[Order], who: Who, owners: Mapping[str, Owner]) -> APIRouter:
    """Everything under /api/v1."""
    router = APIRouter(prefix="/api/v1")
    labels = owners["labels"]

    @router.get("/orders")
    async def orders(
        viewer: Annotated[Viewer, Depends(who)],
        status: Annotated[list[Status], Query()] = [],  # noqa: B006  # FastAPI copies defaults
        mark: Annotated[list[Mark], Query()] = [],  # noqa: B006  # FastAPI copies defaults
        brand_id: UUID | None = None,
        q: Annotated[str, Query(max_length=200)] = "",
        before: str | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> Page:
        """Orders, newest first, with any of the marks; `q` is a reference or its beginning, or a platform's number."""
        wanted = store.Wanted(tuple(status), tuple(mark), brand_id, typed(q), read_cursor(before), limit)
        async with begin.database.begin(viewer.brand) as connection:
            found = await store.newest(connection, wanted)
            brands = await store.every_brand(connection)
        shown = found[:limit]
        return Page(
            orders=[OrderShown(**_shown(order, brands)) for order in shown],
            before=cursor_of(shown[-1]) if len(found) > limit else None,
        )

    @router.get("/orders/at-risk")
    async def pressing(
        viewer: Annotated[Viewer, Depends(who)],
        brand_id: UUID | None = None,
        limit: Annotated[int, Query(ge=1, le=200)] = 50,
    ) -> list[Pressing]:
        """Orders that are overdue or due by the next working day, the most pressing first; worked out now."""
        async with begin.database.begin(viewer.brand) as connection:
            found, brands = await pressing_orders(connection, brand_id)
        return [
            Pressing(
                rank=each.rank,
                reason=each.reason,
                says=each.says,
                order=OrderShown(**_shown(each.order, brands)),
            )
            for each in found[:limit]
        ]

    @router.get("/orders/{order_id}")
    async def order(order_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> OrderInFull:
        """One order, with its recipient."""
        found, recipient = await one(begin, viewer, order_id)
        async with begin.database.begin(viewer.brand) as connection:
            brands = await store.every_brand(connection)
        return OrderInFull(
            **_shown(found, brands),
            platform=found.platform,
            holds=list(found.holds),
            requests=list(found.requests.values()),
            exceptions=list(found.exceptions.values()),
            returns=list(found.returns.values()),
            replaces=found.replaces,
            sent_again=list(found.sent_again),
            shipping_method=found.shipping_method,
            recipient=None
            if recipient is None
            else Recipient(address=recipient.address, buyer=recipient.buyer, note=recipient.note),
        )

    @router.get("/orders/{order_id}/explain")
    async def explain(order_id: UUID, viewer: Annotated[Viewer, Depends(who)]) -> Explained:
        """For each badge of an order the lines and events that make it so, and of each unit who won it."""
        found, _ = await one(begin, viewer, order_id)
        return Explained(badges=explained(found), units=outcomes(found))

    @router.post("/orders/{order_id}/exceptions/{exception_id}/resolve")
    async def resolve(
        order_id: UUID,
        exception_id: UUID,
        body: Annotated[dict[str, Any], Body(examples=[{"choice": "absorb"}])],
        viewer: Annotated[Viewer, Depends(who)],
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
    ) -> Any:
        """Settle an exception with one of its choices: forwarded to the service that raised it, whose answer it is."""
        found, _ = await one(begin, viewer, order_id)
        exception = found.exceptions.get(exception_id)
        if exception is None or exception.owner not in owners:
            raise Problem(
                404, "unknown-exception", f"No exception {exception_id} is open here. Somebody may have settled it."
            )
        path = f"/api/v1/orders/{order_id}/exceptions/{exception_id}/resolve"
        return await owners[exception.owner].command(viewer, path, body, idempotency_key)

    _add_imports(router, who, owners["fulfillment"])
    for command in COMMANDS:
        _forward(router, who, owners[command.owner], command)

    _add_documents(router, who, labels)

    @router.get("/brands")
    async def brands(viewer: Annotated[Viewer, Depends(who)]) -> list[Brand]:
        """All brands and their settings."""
        async with begin.database.begin(viewer.brand) as connection:
            return list((await store.every_brand(connection)).values())

    @router.put("/brands/{brand_id}")
    async def put_brand(brand_id: UUID, settings: BrandSettings, viewer: Annotated[Viewer, Depends(who)]) -> Brand:
        """Make a brand, or replace its settings; every service learns of it."""
        async with begin.on(brand_id, viewer.brand) as tx:
            known = (await store.every_brand(tx.connection)).get(brand_id)
            brand = Brand(brand_id=brand_id, version=1 if known is None else known.version + 1, **_of(settings))
            if known is not None and known == brand.model_copy(update={"version": known.version}):
                return known
            await store.put_brand(tx.connection, brand)
            told = cause(brand_id, actor=viewer.actor, source="command/put-brand", at=datetime.now(UTC))
            await tx.publish([Caused(brand, told)])
            return brand

    return router


def _of(settings: BrandSettings) -> dict[str, Any]:
    return {
        **dict(settings),
        "rate_rule": RateRule(**settings.rate_rule.model_dump()),
        "slip": SlipLook(**settings.slip.model_dump()),
    }


async def one(begin: Begin[Order], viewer: Viewer, order_id: UUID) -> tuple[Order, Any]:
    """An order and its recipient; raises Problem 404."""
    async with begin.database.begin(viewer.brand) as connection:
        found = (await begin.store.load(connection, [order_id])).get(order_id)
        recipient = await store.recipient_of(connection, order_id)
    if found is None:
        raise Problem(
            404, "unknown-order", f"No order {order_id} is known here (yet). If it was just placed, ask again."
        )
    return found, recipient


async def pressing_orders(
    connection: AsyncConnection, brand_id: UUID | None = None
) -> tuple[list[AtRisk], Mapping[UUID, Brand]]:
    """Orders at risk among the oldest that are left, and the brands."""
    brands = await store.every_brand(connection)
    return at_risk(await store.oldest_left(connection, brand_id, LOOKED_AT), brands, datetime.now(UTC)), brands


def _shown(order: Order, brands: Mapping[UUID, Brand]) -> dict[str, Any]:
    brand = brands.get(order.brand_id)
    return {
        "order_id": order.order_id,
        "brand_id": order.brand_id,
        "reference": order.reference,
        "number": order.number,
        "placed_at": order.placed_at,
        "status": status(order),
        "flags": flags(order),
        "ship_by": None if brand is None else ship_by(order, brand),
        "lines": order.lines,
        "parcels": [_parcel(parcel) for parcel in order.standing],
    }


def _parcel(parcel: Parcel) -> ParcelShown:
    carried = parcel.carried
    return ParcelShown(
        parcel_id=parcel.parcel_id,
        state=parcel.state,
        units=dict(parcel.units),
        late=dict(parcel.late),
        carrier_name=parcel.carrier_name,
        tracking_number=parcel.tracking_number,
        tracking_url=parcel.tracking_url,
        service="" if parcel.tracked is None else parcel.tracked.service,
        feed="" if parcel.tracked is None else parcel.tracked.feed,
        warnings=[] if parcel.tracked is None else list(parcel.tracked.warnings),
        former=list(parcel.former),
        shipped_at=parcel.shipped_at,
        carrier_status=carried and carried.status,
        carrier_status_at=carried and carried.at,
        estimated_delivery=carried and carried.estimated_delivery,
        label_state=parcel.label_state,
        labels=list(parcel.labels),
    )
