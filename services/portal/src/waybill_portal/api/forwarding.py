"""What is forwarded to the services that own it, under the same paths."""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Body, Depends, Header, Query, Request, Response

from waybill_chassis.commands import KEY
from waybill_chassis.openapi import gives, takes
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_portal.api.viewing import Who
from waybill_portal.clients import Owner
from waybill_portal.domain.people import Scope, Viewer


@dataclass(frozen=True, slots=True)
class Command:
    """A command that is forwarded to the service that owns it, under the same path, for those who may do so."""

    owner: str
    path: str
    status: int
    says: str
    example: Mapping[str, Any] = field(default_factory=dict[str, Any])
    may: Scope = Scope.SHIP


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
    Command(
        "labels",
        "/batches",
        202,
        "Print many parcels as one file.",
        {"prints": "both", "orders": [{"order_id": "0d0d0d0d-0000-4000-8000-000000000001"}]},
    ),
    Command("labels", "/batches/{batch_id}/again", 202, "Print a batch again, or only what failed."),
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
    Command(
        "orders",
        "/orders/{order_id}/amendments",
        202,
        "Ask for another address or note.",
        {"note": "ring twice"},
        may=Scope.MANAGE,
    ),
    Command(
        "orders",
        "/orders/{order_id}/returns",
        202,
        "Ask that units are taken back.",
        {"lines": _LINES, "reason": "damaged"},
        may=Scope.MANAGE,
    ),
    Command(
        "orders",
        "/orders/{order_id}/returns/{return_id}/close",
        200,
        "Wait for nothing more of a return.",
        may=Scope.MANAGE,
    ),
    Command(
        "fulfillment",
        "/orders/{order_id}/returns/{return_id}/receive",
        200,
        "Take in units that came back, by their condition.",
        {"lines": [{"line_id": "5002", "quantity": 1, "condition": "restock"}]},
    ),
    Command("orders", "/orders/{order_id}/holds/{hold_id}/release", 200, "End a hold.", may=Scope.MANAGE),
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
        viewer: Annotated[Viewer, Depends(who.of(command.may))],
        body: Annotated[dict[str, Any] | None, Body(examples=[dict(command.example)])] = None,
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
    ) -> Any:
        return await owner.command(viewer, _forwarded(command.path, request), body, idempotency_key)

    router.add_api_route(
        command.path,
        forward,
        methods=["POST"],
        status_code=command.status,
        summary=command.says,
        description=f"Forwarded to {command.owner}, whose answer it is.",
        openapi_extra={"parameters": [_path_parameter(name) for name in re.findall(r"{(\w+)}", command.path)]},
    )


_IDS: Final = {"digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"}}


def _path_parameter(name: str) -> dict[str, Any]:
    schema = _IDS.get(name, {"type": "string", "format": "uuid"})
    return {"name": name, "in": "path", "required": True, "schema": schema}


def _id(name: str, given: str) -> str:
    try:
        if name in _IDS and re.fullmatch(_IDS[name]["pattern"], given):
            return given
        return str(UUID(given))
    except ValueError as error:
        raise Problem(404, "not-found", f"{given[:60]!r} is no id. Take it from the list.") from error


_COUNT: Final = {"type": "integer", "minimum": 1}
_LABELS: Final[tuple[tuple[str, Mapping[str, Mapping[str, Any]], str], ...]] = (
    ("/batches", {}, "The latest print batches."),
    ("/batches/{batch_id}", {}, "How far a batch has come, what of it failed, and a link to its file."),
    ("/manifests", {}, "What waits to be handed over, by carrier, and the latest lists."),
    ("/manifests/{manifest_id}", {}, "How far a carrier's list has come, and what is on it."),
    (
        "/labels",
        {
            "money": {"type": "string", "enum": ["paid", "pending", "refunded", "lost"]},
            "before": {"type": "string"},
            "limit": {**_COUNT, "maximum": 200},
        },
        "Labels that were paid, by where their money is, the latest first.",
    ),
    (
        "/orders/{order_id}/parcels/{parcel_id}/rates",
        dict.fromkeys(("weight_g", "length_mm", "width_mm", "height_mm"), _COUNT),
        "What carriers ask for a parcel, as packed or of this weight in g and this size in mm.",
    ),
)
"""What labels tells, and by what it can be asked."""
PDF, ZPL = "application/pdf", "application/zpl"
_SIZE: Final = {"size": {"type": "string", "enum": ["4x6", "a6"]}}
_SIGNED: Final = {"until": {"type": "integer"}, "signature": {"type": "string"}}


@dataclass(frozen=True, slots=True)
class Document:
    """A document that labels makes; `query` is passed on."""

    path: str
    media_type: str
    says: str
    query: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])


_DOCUMENTS: Final = (
    Document("/orders/{order_id}/packing-slip.pdf", PDF, "The packing slip of an order."),
    Document(f"{_PARCEL}/packing-slip.pdf", PDF, "The packing slip of one parcel: what is in it, and what follows."),
    Document(f"{_PARCEL}/label.pdf", PDF, "The label with which a parcel goes.", _SIZE),
    Document(f"{_PARCEL}/label.zpl", ZPL, "The same for a label printer.", _SIZE),
    Document(f"{_PARCEL}/label", PDF, "The same as its carrier gave it, byte for byte, in whichever format."),
    Document("/manifests/{manifest_id}/manifest.pdf", PDF, "A list that its carrier has taken."),
    Document("/documents/{brand_id}/{digest}", PDF, "A document by a link that was given for it.", _SIGNED),
)


def _add_labels(router: APIRouter, who: Who, labels: Owner) -> None:
    def tells(path: str, asked: Mapping[str, Mapping[str, Any]], says: str) -> None:
        async def tell(viewer: Annotated[Viewer, Depends(who.reads)], request: Request) -> Any:
            return await labels.ask(viewer, _forwarded(path, request), **_named(request, asked))

        _get(router, path, tell, says, asked)

    def gives_document(document: Document) -> None:
        async def give(viewer: Annotated[Viewer, Depends(who.reads)], request: Request) -> Response:
            query = _named(request, document.query)
            content, headers = await labels.document(viewer, _forwarded(document.path, request), **query)
            return Response(content, headers=headers)

        more: dict[str, Any] = {"response_class": Response, "responses": gives(document.media_type)}
        _get(router, document.path, give, document.says, document.query, **more)

    for path, asked, says in _LABELS:
        tells(path, asked, says)
    for document in _DOCUMENTS:
        gives_document(document)


def _get(
    router: APIRouter,
    path: str,
    answer: Callable[..., Any],
    says: str,
    query: Mapping[str, Mapping[str, Any]],
    **more: Any,
) -> None:
    queries = [{"name": name, "in": "query", "schema": schema} for name, schema in query.items()]
    parameters = [*(_path_parameter(name) for name in re.findall(r"{(\w+)}", path)), *queries]
    more["openapi_extra"] = {"parameters": parameters}
    router.add_api_route(path, answer, methods=["GET"], summary=says, description="Made by labels.", **more)


def _named(request: Request, names: Collection[str]) -> dict[str, str]:
    """What a query says by these names."""
    return {name: value for name, value in request.query_params.items() if name in names}


def _forwarded(path: str, request: Request) -> str:
    """A path as it goes on; raises Problem for an id that is none, which must not lead elsewhere."""
    return f"/api/v1{path.format(**{name: _id(name, given) for name, given in request.path_params.items()})}"


_FILE: Final = "reference,tracking_company,tracking_number\n10001-01,UPS,1Z5R89390357567127\n"


def _add_imports(router: APIRouter, who: Who, fulfillment: Owner) -> None:
    """Files of tracking numbers: forwarded to fulfillment, whose answers these are."""

    @router.post("/imports", status_code=201, openapi_extra=takes(_FILE, "text/csv"))
    async def upload(
        request: Request,
        viewer: Annotated[Viewer, Depends(who.ships)],
        name: Annotated[str, Query(max_length=200)] = "",
        idempotency_key: Annotated[str | None, Header(max_length=200, pattern=KEY)] = None,
    ) -> Any:
        """Read a CSV file of tracking numbers, the body as it is, and say what would become of each row."""
        content = await request.body()
        return await fulfillment.upload(viewer, "/api/v1/imports", content, idempotency_key, name=name)

    @router.get("/imports/{import_id}")
    async def progress(import_id: UUID, viewer: Annotated[Viewer, Depends(who.reads)]) -> Any:
        """How far a file has come."""
        return await fulfillment.ask(viewer, f"/api/v1/imports/{import_id}")

    @router.get("/imports/{import_id}/corrections.csv", response_class=Response, responses=gives("text/csv"))
    async def corrections(import_id: UUID, viewer: Annotated[Viewer, Depends(who.reads)]) -> Response:
        """The rows that did not go, with their reasons."""
        content, headers = await fulfillment.document(viewer, f"/api/v1/imports/{import_id}/corrections.csv")
        return Response(content, headers=headers)


def routes(who: Who, owners: Mapping[str, Owner]) -> APIRouter:
    """Commands, files and documents."""
    router = api_router("/api/v1")
    for command in COMMANDS:
        _forward(router, who, owners[command.owner], command)
    _add_imports(router, who, owners["fulfillment"])
    _add_labels(router, who, owners["labels"])
    return router
