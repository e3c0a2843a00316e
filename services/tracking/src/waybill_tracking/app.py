"""Puts tracking together."""

from functools import partial

from fastapi import FastAPI

from waybill_chassis.service import Service, serve
from waybill_tracking import handlers
from waybill_tracking.settings import Settings
from waybill_tracking.store import TrackedOrders


def build(settings: Settings) -> FastAPI:
    """Everything of tracking, ready to run."""
    service = Service("tracking", settings)
    begin = service.begin(TrackedOrders(), handles=handlers.HANDLES)
    service.read_events(
        ["waybill.fulfillment"],
        partial(handlers.on_fulfillment, begin=begin),
        on_early=partial(handlers.on_early, begin=begin),
    )
    return service.app()


def main() -> None:
    """`waybill-tracking`."""
    serve("tracking", Settings, build)
