"""Webhooks of carriers in."""

from collections.abc import Callable
from typing import Any

from fastapi import APIRouter, Request

from waybill_chassis import logging
from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin
from waybill_tracking import store
from waybill_tracking.domain import Tracked
from waybill_tracking.domain.feeds import Unreadable, messages, signed
from waybill_tracking.settings import Settings

_log = logging.get(__name__)


def routes(begin: Begin[Tracked], settings: Settings, wake: Callable[[], None]) -> APIRouter:
    """Everything that tracking answers; `wake` has new messages told at once."""
    router = APIRouter()

    @router.post("/carriers/{feed}/webhook")
    async def webhook(feed: str, request: Request) -> dict[str, Any]:
        """What a carrier says of its parcels. The same message again, through whichever feed, changes nothing."""
        known = settings.feeds.get(feed)
        if known is None:
            raise Problem(404, "unknown-feed", f"No feed {feed[:60]!r} is set up. Name it in WAYBILL_FEEDS.")
        body = await request.body()
        if not signed(known.kind, known.secret.get_secret_value(), body, request.headers):
            _log.warning("webhook.wrong_signature", feed=feed)
            raise Problem(401, "wrong-signature", "The signature does not fit the body and this feed's secret.")
        try:
            said = messages(known.kind, body)
        except Unreadable as error:
            raise Problem(422, "unreadable-message", f"{error}. Nothing of it was taken in.") from error
        async with begin.database.begin(writes=True) as connection:
            await store.keep(connection, feed, body, said)
        wake()
        return {"messages": len(said)}

    return router
