"""Numbers that feeds are asked to follow."""

from datetime import timedelta
from typing import Final

from waybill_chassis import logging
from waybill_chassis.transaction import Begin
from waybill_tracking import store
from waybill_tracking.clients import Feeds, NotNow, Refused
from waybill_tracking.domain import Tracked

AT_ONCE: Final = 20
SOON: Final = timedelta(seconds=60)
"""Longer than it takes to ask for one batch, so that nobody else asks meanwhile."""
LATEST: Final = timedelta(hours=6)
_log = logging.get(__name__)


async def ask(begin: Begin[Tracked], feeds: Feeds) -> bool:
    """Ask feeds to follow some numbers, outside of any transaction; whether there may be more.

    Who is not answered asks again, each time after twice as long; a feed takes the same number twice for one.
    """
    async with begin.database.begin(writes=True) as connection:
        wanted = await store.claim_wanted(connection, AT_ONCE, SOON)
    for each in wanted:
        state, says, wait = "registered", "", timedelta()
        try:
            await feeds.follow(each.feed, each.number, each.carrier)
        except Refused as refused:
            state, says = "refused", str(refused)
            _log.warning("registration.refused", feed=each.feed, error=says)
        except NotNow as error:
            state, says, wait = "wanted", str(error), min(SOON * 2 ** min(each.attempts, 20), LATEST)
            _log.warning("registration.tries_again", feed=each.feed, error=says)
        async with begin.database.begin(writes=True) as connection:
            await store.registered(connection, each, state, says, wait)
    return len(wanted) == AT_ONCE
