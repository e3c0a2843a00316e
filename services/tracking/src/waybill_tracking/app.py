"""Puts tracking together."""

from functools import partial

from fastapi import FastAPI

from waybill_chassis.reading import Events
from waybill_chassis.service import Service, serve
from waybill_tracking import api, handlers
from waybill_tracking.settings import Settings
from waybill_tracking.store import TrackedOrders


def build(settings: Settings) -> FastAPI:
    """Everything of tracking, ready to run."""
    service = Service("tracking", settings)
    begin = service.begin(TrackedOrders(), handles=handlers.HANDLES)
    service.read_events(["waybill.fulfillment"], Events(begin, handlers.take))
    told = service.regularly("messages", partial(handlers.tell, begin))
    app = service.app()
    app.include_router(api.routes(begin, settings, told.wake.set))
    return app


def main() -> None:
    """`waybill-tracking`."""
    serve("tracking", Settings, build)
