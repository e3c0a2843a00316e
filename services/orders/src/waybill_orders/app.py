"""Puts orders together."""

from functools import partial

from fastapi import FastAPI

from waybill_chassis.reading import Events, Tables
from waybill_chassis.routing import add_routes
from waybill_chassis.service import Service, serve
from waybill_orders import api, handlers, store
from waybill_orders.settings import Settings


def build(settings: Settings) -> FastAPI:
    """Everything of orders, ready to run."""
    service = Service("orders", settings)
    begin = service.begin(store.States(), handles=handlers.HANDLES)
    service.read_tables(["waybill.brands"], Tables(begin, store.put_brands))
    service.read_events(handlers.TOPICS, Events(begin, handlers.take))
    service.regularly("releases", partial(handlers.release_due, begin))
    service.regularly("resends", partial(handlers.send_again, begin))
    app = service.app()
    add_routes(app, api.routes(begin, settings))
    return app


def main() -> None:
    """`waybill-orders`."""
    serve("orders", Settings, build)
