"""What every page's answer has: headers that harden it, and problems that a person can read."""

from collections.abc import Callable
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waybill_chassis.problems import Problem
from waybill_portal.api.viewing import NOT_LOGGED_IN
from waybill_portal.pages import logins

_HARDENED: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' https:; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
}
_NOT_FOUND: Final = 404


class Harden:
    """Tells browsers what a page may load and who may frame it."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Add the headers to each answer that does not have its own."""

        async def hardened(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HARDENED.items():
                    headers.setdefault(name, value)
            await send(message)

        await self.app(scope, receive, hardened)


def answer_people(app: FastAPI, render: Callable[..., str]) -> None:
    """Where a browser asks for a page, a problem is a page too."""
    for_programs: Any = app.exception_handlers[Problem]

    async def problem(request: Request, error: Exception) -> Any:
        assert isinstance(error, Problem)
        if not _is_for_people(request):
            return await for_programs(request, error)
        reads = request.method == "GET"
        if error.code == NOT_LOGGED_IN and reads and "hx-request" not in request.headers:
            return RedirectResponse(logins.to_login(request), 303)
        viewer = getattr(request.state, "viewer", None)
        whole = "problem.html" if "hx-request" not in request.headers else "notice.html"
        page = render(whole, viewer=viewer, problem=error)
        return HTMLResponse(page, error.status, headers=error.headers)

    async def invalid(request: Request, error: Exception) -> Any:
        assert isinstance(error, RequestValidationError)
        says = "; ".join(f"{found['loc'][-1]}: {found['msg']}" for found in error.errors())
        wrong_address = any(found["loc"][0] == "path" for found in error.errors())
        code = ("not-found", _NOT_FOUND) if wrong_address else ("invalid-request", 422)
        return await problem(request, Problem(code[1], code[0], f"This address leads nowhere: {says}."))

    for_requests: Any = app.exception_handlers[RequestValidationError]

    async def invalid_or_program(request: Request, error: Exception) -> Any:
        return await (invalid if _is_for_people(request) else for_requests)(request, error)

    for_the_rest: Any = app.exception_handlers[HTTPException]

    async def http_or_program(request: Request, error: Exception) -> Any:
        assert isinstance(error, HTTPException)
        if not _is_for_people(request):
            return await for_the_rest(request, error)
        return await problem(request, Problem(error.status_code, "not-found", f"{error.detail}: {request.url.path}"))

    app.add_exception_handler(HTTPException, http_or_program)
    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(RequestValidationError, invalid_or_program)


def _is_for_people(request: Request) -> bool:
    """Whether the answer is shown by a browser; htmx asks for anything."""
    return "text/html" in request.headers.get("accept", "") or "hx-request" in request.headers
