"""Pages that were open all along: what they show is sent again whenever it has changed."""

import asyncio
import hashlib
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from typing import Final

from sse_starlette import EventSourceResponse, ServerSentEvent

ASKED_EVERY_S: Final = 10.0
"""For how long somebody who was logged out, or has another role, may go on looking."""
POLL_S: Final = 1.0
"""How long a change that another process took in may go unseen."""


class Changes:
    """Wakes everybody who watches."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Something in the projection changed."""
        self._next.set()
        self._next = asyncio.Event()

    async def wait(self) -> None:
        """Until something changes, or for a moment."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._next.wait(), POLL_S)


def digest(html: str) -> str:
    """Short enough for a URL, long enough to tell two renderings apart."""
    return hashlib.blake2b(html.encode(), digest_size=8).hexdigest()


async def stream(
    name: str,
    render: Callable[[], Awaitable[str]],
    changes: Changes,
    seen: str,
    may_still: Callable[[], Awaitable[bool]],
) -> EventSourceResponse:
    """Send `render`'s HTML as event `name` whenever it is another than the browser has seen.

    What `render` raises at first is the answer; later it ends the stream. So does `may_still`, which is asked
    before anything is sent, unless it was within ASKED_EVERY_S.
    """
    first, asked = await render(), time.monotonic()

    async def events() -> AsyncGenerator[ServerSentEvent]:
        nonlocal asked
        html, last = first, seen
        while True:
            if (now := digest(html)) != last:
                if time.monotonic() - asked > ASKED_EVERY_S:
                    if not await may_still():
                        return
                    asked = time.monotonic()
                last = now
                yield ServerSentEvent(html, event=name)
            await changes.wait()
            html = await render()

    return EventSourceResponse(events(), ping=15, headers={"Cache-Control": "no-store"})
