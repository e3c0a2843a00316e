"""Puts orders together."""

from functools import partial

from fastapi import FastAPI

from waybill_chassis.service import Service, serve
from waybill_orders import handlers
from waybill_orders.settings import Settings
from waybill_orders.store import Sales


def build(settings: Settings) -> FastAPI:
    """Everything of orders, ready to run."""
    service = Service("orders", settings)
    begin = service.begin(Sales(), handles=handlers.HANDLES)
    service.read_tables(["waybill.brands"], partial(handlers.on_brands, begin=begin))
    service.read_events(
        ["waybill.sales"], partial(handlers.on_sales, begin=begin), on_early=partial(handlers.on_early, begin=begin)
    )
    return service.app()


def main() -> None:
    """`waybill-orders`."""
    serve("orders", Settings, build)
