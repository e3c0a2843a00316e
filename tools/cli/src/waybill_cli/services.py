"""The operators' API of the services, over HTTP: all of them asked at once, one of them told what to do."""

import getpass
import re
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, Any, Final

import httpx
import typer

from waybill_cli.home import SERVICES, Home, Invalid

_NOT_FOUND: Final = 404
_DEADLINE_S: Final = 60
_NO_ACTOR: Final = re.compile(r"[^\w:.@ -]")

Why = Annotated[str, typer.Option("--why", help="Why you do it; it is kept with your name.")]
As = Annotated[str | None, typer.Option("--as", help="Who does it; default: your login name.")]
OneService = Annotated[str | None, typer.Option("--service", help=f"Only this one of {', '.join(SERVICES)}.")]


class Refused(RuntimeError):
    """A service said no; the message is what it said."""


class Silent(RuntimeError):
    """A service does not answer; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What services answered, and what is to be said of those that did not."""

    answers: list[dict[str, Any]]
    silent: list[str]


class Services:
    """The services of one home, asked and told on behalf of `actor`."""

    def __init__(self, home: Home, actor: str | None = None) -> None:
        if not home.exists:
            raise Invalid(f"{home.folder} is no home of Waybill's. Start one (make up), or name one with WAYBILL_HOME.")
        self.home = home
        headers = {"Authorization": f"Bearer {home.secret('token')}", "Waybill-Actor": _actor(actor)}
        self.http = httpx.Client(headers=headers, timeout=httpx.Timeout(_DEADLINE_S, connect=3), trust_env=False)

    def ask(self, path: str, only: str | None = None, **query: Any) -> Asked:
        """Ask all services, or one. Those that know nothing of it (404) are left out. Raises Refused."""

        def one(service: str) -> dict[str, Any] | str | None:
            try:
                return self._call(service, "GET", path, query=query)
            except LookupError:
                return None
            except Silent as silent:
                return str(silent)

        wanted = chosen(only)
        with ThreadPoolExecutor(len(wanted)) as threads:
            found = list(threads.map(one, wanted))
        return Asked(
            [each for each in found if isinstance(each, dict)], [each for each in found if isinstance(each, str)]
        )

    def get(self, service: str, path: str, **query: Any) -> dict[str, Any]:
        """Ask one service; raises Refused and Silent."""
        chosen(service)
        try:
            return self._call(service, "GET", path, query=query)
        except LookupError as error:
            raise Refused(str(error)) from error

    def do(self, service: str, path: str, **body: Any) -> dict[str, Any]:
        """Tell one service to do something; raises Refused and Silent."""
        chosen(service)
        try:
            return self._call(service, "POST", path, body={k: v for k, v in body.items() if v is not None})
        except LookupError as error:
            raise Refused(str(error)) from error

    def api(self, service: str, method: str, path: str, *, body: Any = None, **query: Any) -> dict[str, Any]:
        """What everybody's API of a service answers; raises Refused and Silent."""
        try:
            return self._call(service, method, path, root="/api/v1", query=query, body=body)
        except LookupError as error:
            raise Refused(str(error)) from error

    def document(self, service: str, path: str, **query: Any) -> bytes:
        """A document of a service; raises Refused and Silent."""
        answer = self._request(service, "GET", f"/api/v1{path}", query, None)
        if not answer.is_success:
            raise Refused(f"{service}: {_detail(answer)}")
        return answer.content

    def _request(self, service: str, method: str, path: str, query: Mapping[str, Any], body: Any) -> httpx.Response:
        given = {name: value for name, value in query.items() if value is not None}
        try:
            return self.http.request(method, f"{self.home.url(service)}{path}", params=given, json=body)
        except httpx.HTTPError as error:
            raise Silent(f"{service} does not answer ({type(error).__name__}); `waybill status` says more") from error

    def _call(
        self,
        service: str,
        method: str,
        path: str,
        *,
        root: str = "/ops/v1",
        query: Mapping[str, Any] | None = None,
        body: Any = None,
    ) -> dict[str, Any]:
        answer = self._request(service, method, f"{root}{path}", query or {}, body)
        try:
            document: dict[str, Any] = answer.json()
        except ValueError:
            document = {}
        says = f"{service}: {_detail(answer)}"
        if answer.status_code == _NOT_FOUND:
            raise LookupError(says)
        if not answer.is_success:
            raise Refused(says)
        return document


def _detail(answer: httpx.Response) -> str:
    """Why it is no success, in the service's words."""
    try:
        said: Any = answer.json()["detail"]
    except (ValueError, KeyError, TypeError):
        return f"answered {answer.status_code}"
    return str(said)


def chosen(only: str | None) -> Collection[str]:
    """All services, or the one that was named; raises Invalid."""
    if only is not None and only not in SERVICES:
        raise Invalid(f"no service {only}; there are {', '.join(SERVICES)}")
    return SERVICES if only is None else (only,)


def _actor(named: str | None) -> str:
    """Who acts, as the services keep it."""
    name = named or getpass.getuser()
    return _NO_ACTOR.sub("_", name if ":" in name else f"person:{name}")[:200]
