"""What carriers say of their parcels: by webhook, and by file."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any, Final

from fastapi import APIRouter, Depends, Request

from waybill_chassis import logging
from waybill_chassis.commands import Call, caller
from waybill_chassis.openapi import takes
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_tracking import store
from waybill_tracking.domain import Tracked
from waybill_tracking.domain.feeds import Unreadable, messages, signed
from waybill_tracking.domain.files import read_file
from waybill_tracking.settings import Feed, Settings

_log = logging.get(__name__)
_MESSAGE: Final = {
    "tracking_number": "1Z5R89390357567127",
    "messages": [{"status": "in_transit", "at": "2026-03-02T05:00:00Z", "code": "DP", "words": "Departed"}],
}
_FILE: Final = "tracking_number,status,at\n1Z5R89390357567127,delivered,2026-03-03T11:00:00Z\n"
_WRONG: Final = 100
"""Unreadable lines of a file that are named in the answer."""


def routes(begin: Begin[Tracked], settings: Settings, wake: Callable[[], None]) -> APIRouter:
    """The ways in of carrier messages; `wake` has new ones told at once."""
    router = api_router()
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    def known(feed: str) -> Feed:
        found = settings.feeds.get(feed)
        if found is None:
            raise Problem(404, "unknown-feed", f"No feed {feed[:60]!r} is set up. Name it in WAYBILL_FEEDS.")
        return found

    @router.post("/carriers/{feed}/webhook", openapi_extra=takes(_MESSAGE, "application/json"))
    async def webhook(feed: str, request: Request) -> dict[str, Any]:
        """What a carrier says of its parcels. The same message again, through whichever feed, changes nothing."""
        of = known(feed)
        body = await request.body()
        if not signed(of.kind, of.secret.get_secret_value(), body, request.headers):
            _log.warning("webhook.wrong_signature", feed=feed)
            raise Problem(401, "wrong-signature", "The signature does not fit the body and this feed's secret.")
        try:
            said = messages(of.kind, body)
        except Unreadable as error:
            raise Problem(422, "unreadable-message", f"{error}. Nothing of it was taken in.") from error
        async with begin.database.begin(writes=True) as connection:
            await store.keep_messages(connection, feed, body, said)
        wake()
        return {"messages": len(said)}

    @router.post("/api/v1/feeds/{feed}/messages", openapi_extra=takes(_FILE, "text/csv"))
    async def post_file(feed: str, request: Request, _call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """A file of messages, the body as it is: JSON Lines as the feed's webhooks say it, or CSV.

        The columns of a CSV are `tracking_number`, `status`, `at`, `code`, `words`, `estimated_delivery`. Lines that
        cannot be read are named, the others are taken in; the same file again changes nothing.
        """
        of, body = known(feed), await request.body()
        try:
            said, wrong = await asyncio.to_thread(read_file, of.kind, body)
        except Unreadable as error:
            raise Problem(422, "unreadable-file", f"{error}. Nothing of it was taken in.".capitalize()) from error
        async with begin.database.begin(writes=True) as connection:
            await store.keep_messages(connection, feed, body, said)
        wake()
        return {
            "messages": len(said),
            "unreadable": len(wrong),
            "lines": [{"line": each.line, "says": each.says} for each in wrong[:_WRONG]],
        }

    return router
