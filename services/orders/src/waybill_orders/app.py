"""Puts orders together."""

from fastapi import FastAPI

from waybill_chassis.reading import Events, Tables
from waybill_chassis.service import Service, serve
from waybill_orders import handlers, store
from waybill_orders.settings import Settings


def build(settings: Settings) -> FastAPI:
    """Everything of orders, ready to run."""
    service = Service("orders", settings)
    begin = service.begin(store.Sales(), handles=handlers.HANDLES)
    service.read_tables(["waybill.brands"], Tables(begin, store.put_brands))
    service.read_events(["waybill.sales"], Events(begin, handlers.take))
    return service.app()


def main() -> None:
    """`waybill-orders`."""
    serve("orders", Settings, build)
