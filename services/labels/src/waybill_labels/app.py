"""Puts labels together."""

from fastapi import FastAPI

from waybill_chassis.reading import Events, Tables
from waybill_chassis.service import Service, serve
from waybill_labels import api, handlers, store
from waybill_labels.settings import Settings


def build(settings: Settings) -> FastAPI:
    """Everything of labels, ready to run."""
    service = Service("labels", settings)
    begin = service.begin(store.Slips(), handles=handlers.HANDLES)
    service.read_tables(["waybill.brands", "waybill.recipients"], Tables(begin, store.put_rows))
    service.read_events(["waybill.orders"], Events(begin, handlers.take))
    app = service.app()
    app.include_router(api.routes(begin, settings))
    return app


def main() -> None:
    """`waybill-labels`."""
    serve("labels", Settings, build)
