"""Work that a service does by itself: again and again, and at once when somebody wakes it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Final

from waybill_chassis import logging

EVERY_S: Final = 2.0
_log = logging.get(__name__)


class Chore:
    """One kind of work, a piece at a time; several processes may do it, and it must bear that.

    `piece` says whether there is more of it, which is then done at once. While `held` says why, nothing is done.
    """

    def __init__(self, name: str, piece: Callable[[], Awaitable[bool]], held: Callable[[], str | None]) -> None:
        self.name, self.piece, self.held = name, piece, held
        self.wake, self.stopping = asyncio.Event(), False

    async def run(self) -> None:
        """Work until stopped; what fails is tried again with the next round."""
        while not self.stopping:
            self.wake.clear()
            more = False
            if self.held() is None:
                try:
                    more = await self.piece()
                except Exception as error:  # noqa: BLE001  # the next round tries again
                    _log.warning("chore.tries_again", chore=self.name, error=f"{type(error).__name__}: {error}"[:300])
            if not more and not self.stopping:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self.wake.wait(), EVERY_S)

    def stop(self) -> None:
        """End after the piece in hand."""
        self.stopping = True
        self.wake.set()
