"""Puts tracking together."""

from functools import partial

from fastapi import FastAPI

from waybill_chassis.reading import Events, Tables
from waybill_chassis.routing import add_routes
from waybill_chassis.service import Service, serve
from waybill_tracking import api, handlers, store
from waybill_tracking.clients import Feeds
from waybill_tracking.settings import Settings

FILE_LIMIT = 20_000_000
"""Bytes of a file of carrier messages."""


def build(settings: Settings) -> FastAPI:
    """Everything of tracking, ready to run."""
    service, feeds = Service("tracking", settings), Feeds(settings.feeds)
    asked = [name for name, feed in settings.feeds.items() if feed.register_at is not None]
    begin = service.begin(store.TrackedOrders(asked), handles=handlers.HANDLES)
    service.read_tables(["waybill.brands"], Tables(begin, store.put_brands))
    take = partial(handlers.events.take, followed=settings.followed())
    service.read_events(handlers.TOPICS, Events(begin, take))
    told = service.regularly("messages", partial(handlers.messages.tell, begin))
    service.regularly("unscanned", partial(handlers.unscanned.look, begin))
    if asked:
        service.regularly("registrations", partial(handlers.registrations.ask, begin, feeds))
    files = {f"/api/v1/feeds/{name}/messages": FILE_LIMIT for name in settings.feeds}
    app = service.app(closing=[feeds.close], files=files)
    add_routes(app, api.webhooks.routes(begin, settings, told.wake.set))
    add_routes(app, api.parcels.routes(begin, settings))
    return app


def main() -> None:
    """`waybill-tracking`."""
    serve("tracking", Settings, build)
