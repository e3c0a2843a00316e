"""The services that own what the portal only shows: commands go to them, documents come from them."""

from collections.abc import Mapping
from typing import Any, Final

import httpx

from waybill_chassis.problems import Problem, busy
from waybill_portal.domain.people import Viewer

DEADLINE_S: Final = 25.0


class Owner:
    """One owning service, called with our token on behalf of a viewer."""

    def __init__(self, name: str, url: str, token: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self.name = name
        self.http = httpx.AsyncClient(
            base_url=url,
            headers={"Authorization": f"Bearer {token}"},
            timeout=httpx.Timeout(DEADLINE_S, connect=3.0),
            transport=transport,
        )

    async def command(self, viewer: Viewer, path: str, body: Any, key: str | None) -> Any:
        """Post a command; its answer. A refusal is raised as the Problem that the owner gave."""
        return (await self._call(viewer, "POST", path, json=body, key=key)).json()

    async def upload(self, viewer: Viewer, path: str, content: bytes, key: str | None, **query: Any) -> Any:
        """Post a file as it is; its answer. A refusal is raised as the Problem that the owner gave."""
        return (await self._call(viewer, "POST", path, content=content, key=key, query=query)).json()

    async def ask(self, viewer: Viewer, path: str, **query: Any) -> Any:
        """What it knows; raises Problem."""
        return (await self._call(viewer, "GET", path, query=query)).json()

    async def not_ready(self) -> list[str]:
        """Why it is not ready; empty when it is."""
        try:
            answer = await self.http.get("/health/ready")
            reasons: list[str] = answer.json()["reasons"]
        except (httpx.HTTPError, ValueError, KeyError) as error:
            return [f"does not answer ({type(error).__name__})"]
        return reasons

    async def document(self, viewer: Viewer, path: str, **query: Any) -> tuple[bytes, dict[str, str]]:
        """A document's bytes, and the headers that belong to it."""
        answer = await self._call(viewer, "GET", path, query=query)
        kept = ("content-type", "content-disposition", "cache-control")
        return answer.content, {name: answer.headers[name] for name in kept if name in answer.headers}

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    async def _call(
        self,
        viewer: Viewer,
        method: str,
        path: str,
        *,
        json: Any = None,
        content: bytes | None = None,
        key: str | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> httpx.Response:
        headers = {"Waybill-Actor": viewer.actor}
        if viewer.brand is not None:
            headers["Waybill-Brand"] = str(viewer.brand)
        if key is not None:
            headers["Idempotency-Key"] = key
        try:
            answer = await self.http.request(method, path, json=json, content=content, headers=headers, params=query)
        except ValueError as error:
            raise Problem(422, "not-json", f"This cannot be written as JSON: {error}. Correct it.") from error
        except httpx.HTTPError as error:
            raise busy(
                f"{self.name} does not answer ({type(error).__name__}). Send it again; with the same Idempotency-Key "
                "it counts once."
            ) from error
        if answer.is_success:
            return answer
        raise _problem(answer)


def _problem(answer: httpx.Response) -> Problem:
    """The owner's problem document, passed on."""
    try:
        document: dict[str, Any] = answer.json()
    except ValueError:
        return busy(f"The owning service answered {answer.status_code} without saying why. Send it again.")
    code = str(document.pop("type", "")).rpartition(":")[2] or "refused"
    detail = str(document.pop("detail", answer.reason_phrase))
    for member in ("title", "status"):
        document.pop(member, None)
    retry = answer.headers.get("retry-after")
    return Problem(answer.status_code, code, detail, headers={"Retry-After": retry} if retry else None, **document)
