"""Feeds of carrier messages, asked to follow a number.

Sources: EasyPost's "Trackers" guide (POST of a `tracker` with its `tracking_code`, HTTP Basic with the API key as the
user); the generic form is our own.
"""

import base64
import json
from collections.abc import Mapping
from typing import Any, Final

import httpx

from waybill_tracking.domain.feeds import signature
from waybill_tracking.settings import Feed, Registration

_TIMEOUT: Final = httpx.Timeout(10.0, connect=3.0)
_AGAIN: Final = {408, 425, 429}
_SERVER_ERROR: Final = 500


class Refused(Exception):
    """The feed does not follow this number; asking again would not help."""


class NotNow(Exception):
    """The feed did not answer, or has no time; it is asked again."""


class Feeds:
    """The feeds that are set up, by name."""

    def __init__(self, feeds: Mapping[str, Feed]) -> None:
        self.feeds, self.http = feeds, httpx.AsyncClient(timeout=_TIMEOUT)

    async def follow(self, feed: str, number: str, carrier: str) -> None:
        """Have a number followed; raises Refused or NotNow. A feed that is set up no more follows nothing."""
        known = self.feeds.get(feed)
        if known is None or known.register_at is None:
            raise Refused(f"no feed {feed} is set up any more")
        body, headers = _request(known, number, carrier)
        try:
            answer = await self.http.post(
                str(known.register_at.url), content=body, headers={**headers, **_key(known.register_at)}
            )
        except httpx.HTTPError as error:
            raise NotNow(f"{type(error).__name__}") from error
        if answer.status_code >= _SERVER_ERROR or answer.status_code in _AGAIN:
            raise NotNow(f"HTTP {answer.status_code}")
        if not answer.is_success:
            raise Refused(f"HTTP {answer.status_code}: {answer.text[:300]}".replace("\x00", ""))

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()


def _request(feed: Feed, number: str, carrier: str) -> tuple[bytes, dict[str, str]]:
    document: dict[str, Any]
    if feed.kind == "easypost":
        # Without a carrier it finds it by the number; its names of carriers are its own.
        document = {"tracker": {"tracking_code": number}}
    else:
        document = {"tracking_number": number, "carrier": carrier}
    body = json.dumps(document).encode()
    headers = {"Content-Type": "application/json"}
    if feed.kind == "generic":
        headers |= signature(feed.kind, feed.secret.get_secret_value(), body)
    return body, headers


def _key(registration: Registration) -> dict[str, str]:
    """HTTP Basic with the key as the user, where there is one."""
    if registration.api_key is None:
        return {}
    user = base64.b64encode(f"{registration.api_key.get_secret_value()}:".encode()).decode()
    return {"Authorization": f"Basic {user}"}
