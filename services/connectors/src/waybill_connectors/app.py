"""Puts connectors together."""

from fastapi import FastAPI

from waybill_chassis.routing import add_routes
from waybill_chassis.service import Service, serve
from waybill_chassis.transaction import NoState
from waybill_connectors import api
from waybill_connectors.settings import Settings


def build(settings: Settings) -> FastAPI:
    """Everything of connectors, ready to run."""
    service = Service("connectors", settings)
    app = service.app()
    add_routes(app, api.routes(service.begin(NoState()), settings))
    return app


def main() -> None:
    """`waybill-connectors`."""
    serve("connectors", Settings, build)
