"""What goes wrong, as RFC 9457 problem details: a stable type, what it is about, and what to do next."""

from typing import Any, Final

from aiokafka.errors import KafkaError
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waybill_chassis import logging
from waybill_chassis.database import is_passing
from waybill_chassis.transaction import OrderParked

_log = logging.get(__name__)
_METHODS: Final = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")
_PREFIX: Final = "urn:waybill:problem:"


_EXAMPLE: Final = {
    "type": f"{_PREFIX}unknown-order",
    "title": "Unknown order",
    "status": 404,
    "detail": "No order 0b0b0b0b-0000-4000-8000-0000000000b1 is known here (yet). If it was just placed, ask again.",
}
_DOCUMENT: Final = {
    "title": "Problem",
    "description": "RFC 9457 problem details. `type` is stable; `detail` says what to do; more members may be there.",
    "type": "object",
    "required": list(_EXAMPLE),
    "properties": {
        "type": {"type": "string", "pattern": f"^{_PREFIX}[a-z0-9-]+$"},
        "title": {"type": "string"},
        "status": {"type": "integer", "minimum": 400, "maximum": 599},
        "detail": {"type": "string"},
    },
}
_CONTENT: Final = {"application/problem+json": {"schema": _DOCUMENT, "example": _EXAMPLE}}
RESPONSES: Final[dict[int | str, dict[str, Any]]] = {
    "4XX": {"description": "It cannot be done so. Nothing was changed.", "content": _CONTENT},
    "503": {
        "description": "Not now: send it again. With the same Idempotency-Key it counts once.",
        "content": _CONTENT,
    },
}
"""What any operation may answer beside what it promises, for its OpenAPI document."""


class Problem(Exception):
    """An answer that is no success. `more` becomes members of the document (`line`, `field`, …)."""

    def __init__(
        self, status: int, code: str, detail: str, *, headers: dict[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.code, self.detail, self.headers, self.more = status, code, detail, headers, more

    def response(self) -> JSONResponse:
        """The document, as application/problem+json."""
        return JSONResponse(
            {
                "type": f"{_PREFIX}{self.code}",
                "title": self.code.replace("-", " ").capitalize(),
                "status": self.status,
                "detail": self.detail,
                **self.more,
            },
            self.status,
            headers=self.headers,
            media_type="application/problem+json",
        )


def busy(detail: str) -> Problem:
    """A 503 that says when to come again."""
    return Problem(503, "try-again", detail, headers={"Retry-After": "2"})


def _of_the_database(error: BaseException) -> Problem | None:
    """What the database refuses because of what was sent, or of whose it is."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) or ""
    if state == "42501":
        return Problem(403, "not-yours", "This belongs to another brand.")
    if state.startswith("22") or isinstance(error, UnicodeEncodeError):
        return Problem(422, "not-storable", "A text or number in this cannot be stored, such as U+0000. Correct it.")
    return None


class Unexpected:
    """Answers when something failed that nobody foresaw; a caller gets an answer whatever happened."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; what fails after the answer has begun can only be cut off."""
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self.app(scope, receive, watched)
        except Exception as error:
            if begun or scope["type"] != "http":
                raise
            await _answer(scope["path"], error).response()(scope, receive, send)


def _answer(path: str, error: Exception) -> Problem:
    if isinstance(error, KafkaError):
        _log.warning("http.no_kafka", path=path, error=type(error).__name__)
        return busy(f"Kafka does not answer ({type(error).__name__}). Ask again when it does.")
    if is_passing(error):
        _log.warning("http.busy", path=path, error=type(error).__name__)
        return busy(
            "The database did not answer in time. Send it again; with the same Idempotency-Key it is done once."
        )
    if refusal := _of_the_database(error):
        return refusal
    _log.error("http.failed", path=path, exc_info=error)
    return Problem(500, "internal-error", "This is a fault of ours. Nothing was changed; the log says more.")


def _methods(request: Request) -> set[str]:
    """All that an address takes, by whichever route."""
    return {
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in request.app.routes)
    }


async def known_parameters(request: Request) -> None:
    """Refuse a query of an API that it does not know: a filter that is passed over would answer something else."""
    route = request.scope.get("route")
    if not request.query_params or not isinstance(route, APIRoute) or not route.path.startswith("/api/"):
        return
    known = _queries(route)
    if unknown := sorted(set(request.query_params) - known):
        may = f"It knows {', '.join(sorted(known))}." if known else "It takes none."
        says = f"There is no query parameter {', '.join(unknown)} here. {may}"
        raise Problem(422, "unknown-parameter", says[:500], field=unknown[0][:100])


def _queries(route: APIRoute) -> frozenset[str]:
    """The names in a route's query: those of its signature, and those that it says in its OpenAPI document alone."""
    known = {each["name"] for each in (route.openapi_extra or {}).get("parameters", ()) if each["in"] == "query"}
    left = [route.dependant]
    while left:
        dependant = left.pop()
        known |= {each.alias for each in dependant.query_params}
        left += dependant.dependencies
    return frozenset(known)


def answer_problems(app: FastAPI) -> None:
    """Make every failure of this app a problem document."""

    async def problem(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, Problem)
        return error.response()

    async def invalid(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, RequestValidationError)
        errors = [
            {"field": ".".join(str(part) for part in found["loc"] if part != "body"), "says": found["msg"]}
            for found in error.errors()
        ]
        named = "; ".join(f"{found['field'] or 'body'}: {found['says']}" for found in errors)
        return Problem(422, "invalid-request", f"Correct these and send it again: {named}", errors=errors).response()

    async def http(request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, HTTPException)
        code = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, f"http-{error.status_code}")
        headers = dict(error.headers or {})
        if "Allow" in headers:
            # The router names those of the first route alone that has this address.
            headers["Allow"] = ", ".join(sorted(_methods(request)))
        return Problem(error.status_code, code, str(error.detail), headers=headers).response()

    async def parked(_request: Request, error: Exception) -> JSONResponse:
        assert isinstance(error, OrderParked)
        return Problem(
            409,
            "order-parked",
            "An event of this order could not be applied, so the order stands still. "
            "An operator must redrive or discard that event first.",
            subject=str(error.subject),
        ).response()

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(OrderParked, parked)
    app.add_middleware(Unexpected)
