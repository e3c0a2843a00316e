"""urllib for a library that sends by it: in time, once, to who has a certificate, and with how it was answered kept."""

import http.client
import socket
import ssl
import time
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.error import HTTPError, URLError


@dataclass
class Exchange:
    """The requests of one call, and what the last of them was answered with; a status of None is no answer."""

    ends: float
    """By the monotonic clock."""
    status: int | None = None
    sent: list[urllib.request.Request] = field(default_factory=list[urllib.request.Request])

    def left(self) -> float:
        """Seconds until its end; raises NotSent after it."""
        if (left := self.ends - time.monotonic()) <= 0:
            raise NotSent("the deadline is over")
        return left


_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def exchange_until(ends: float) -> Generator[Exchange]:
    """What is sent meanwhile in this thread belongs to one call."""
    token = _exchange.set(exchange := Exchange(ends))
    try:
        yield exchange
    finally:
        _exchange.reset(token)


class NotSent(URLError):
    """A request that must not go out: it has already, or is too late."""


class Watch(urllib.request.BaseHandler):
    """Ends each request by its call's deadline, sends none twice, and keeps with what it was answered."""

    handler_order = 100

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Before it is sent."""
        if (exchange := _exchange.get()) is None:
            return request
        if any(request is each for each in exchange.sent):
            raise NotSent("it was sent before")
        request.timeout = exchange.left()
        exchange.status = None
        exchange.sent.append(request)
        return request

    def http_response(self, _request: urllib.request.Request, response: Any) -> Any:
        """Once there is an answer."""
        if (exchange := _exchange.get()) is not None:
            exchange.status = response.code
        return response

    https_request, https_response = http_request, http_response


class _InTime(http.client.HTTPConnection):
    """A connection over which nothing goes after the deadline, however long it took to come about."""

    def connect(self) -> None:
        super().connect()
        if (exchange := _exchange.get()) is not None:
            try:
                self.sock.settimeout(exchange.left())
            except NotSent:
                self.close()
                raise


class _SafeInTime(_InTime, http.client.HTTPSConnection):
    """The same with a certificate."""


class _Http(urllib.request.HTTPHandler):
    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_InTime, req)


class _Https(urllib.request.HTTPSHandler):
    """It looks at certificates, whatever the process does by default."""

    def __init__(self) -> None:
        self.certificates = ssl.create_default_context()
        super().__init__(context=self.certificates)

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(_SafeInTime, req, context=self.certificates)


def opener() -> urllib.request.OpenerDirector:
    """Opens what is sent within an exchange; without one it is as urllib does it, but for certificates."""
    return urllib.request.build_opener(Watch(), _Http(), _Https())


@cache
def install() -> None:
    """Have urllib send everything so: nobody else does by urllib here."""
    urllib.request.install_opener(opener())


def never_left(error: BaseException) -> bool:
    """Whether the last request was not sent for certain: there was nobody to send it to."""
    reason = getattr(error, "reason", error)
    return isinstance(reason, ConnectionRefusedError | socket.gaierror | NotSent)


def hang_up(error: BaseException | None) -> None:
    """Close what was answered and not read, wherever karrio went on from it."""
    while error is not None:
        if isinstance(error, HTTPError):
            error.close()
        error = error.__context__
