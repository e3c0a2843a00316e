"""Puts fulfillment together."""

from functools import partial

from fastapi import FastAPI

from waybill_chassis.reading import Events, Tables
from waybill_chassis.routing import add_routes
from waybill_chassis.service import Service, serve
from waybill_fulfillment import api, handlers
from waybill_fulfillment.settings import Settings
from waybill_fulfillment.store import Ledgers
from waybill_fulfillment.store.ledgers import put_brands


def build(settings: Settings) -> FastAPI:
    """Everything of fulfillment, ready to run."""
    service = Service("fulfillment", settings)
    begin = service.begin(Ledgers(), handles=handlers.HANDLES)
    service.read_tables(["waybill.brands"], Tables(begin, put_brands))
    service.read_events(handlers.TOPICS, Events(begin, handlers.take))
    files = service.regularly("imports", partial(handlers.go_on, begin, {}))
    app = service.app(files={"/api/v1/imports": settings.import_limit})
    add_routes(app, api.ledgers.routes(begin, settings))
    add_routes(app, api.imports.routes(begin, settings, files.wake.set))
    return app


def main() -> None:
    """`waybill-fulfillment`."""
    serve("fulfillment", Settings, build)
