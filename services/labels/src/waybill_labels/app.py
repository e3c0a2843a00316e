"""Puts labels together."""

from functools import partial

from fastapi import FastAPI

from waybill_chassis.service import Service, serve
from waybill_labels import api, handlers
from waybill_labels.settings import Settings
from waybill_labels.store import Slips


def build(settings: Settings) -> FastAPI:
    """Everything of labels, ready to run."""
    service = Service("labels", settings)
    begin = service.begin(Slips(), handles=handlers.HANDLES)
    service.read_tables(["waybill.brands", "waybill.recipients"], partial(handlers.on_tables, begin=begin))
    service.read_events(
        ["waybill.orders"], partial(handlers.on_orders, begin=begin), on_early=partial(handlers.on_early, begin=begin)
    )
    app = service.app()
    app.include_router(api.routes(begin, settings))
    return app


def main() -> None:
    """`waybill-labels`."""
    serve("labels", Settings, build)
