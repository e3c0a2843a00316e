"""Puts fulfillment together."""

from fastapi import FastAPI

from waybill_chassis.reading import Events
from waybill_chassis.service import Service, serve
from waybill_fulfillment import api, handlers
from waybill_fulfillment.settings import Settings
from waybill_fulfillment.store import Ledgers


def build(settings: Settings) -> FastAPI:
    """Everything of fulfillment, ready to run."""
    service = Service("fulfillment", settings)
    begin = service.begin(Ledgers(), handles=handlers.HANDLES)
    service.read_events(handlers.TOPICS, Events(begin, handlers.take))
    app = service.app()
    app.include_router(api.routes(begin, settings))
    return app


def main() -> None:
    """`waybill-fulfillment`."""
    serve("fulfillment", Settings, build)
