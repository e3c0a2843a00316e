"""Puts the portal together."""

from fastapi import FastAPI
from starlette.middleware.trustedhost import TrustedHostMiddleware

from waybill_chassis.database import LIVE
from waybill_chassis.reading import Events, Tables
from waybill_chassis.service import Service, serve
from waybill_portal import api, handlers, pages, store
from waybill_portal.clients import Owner
from waybill_portal.settings import Settings


def build(settings: Settings) -> FastAPI:
    """Everything of the portal, ready to run."""
    service = Service("portal", settings, generation=LIVE)
    begin = service.begin(store.Orders(), handles=handlers.HANDLES)
    changes = pages.Changes()
    service.read_tables(handlers.TABLE_TOPICS, Tables(begin, store.put_recipients, changes.tell))
    service.read_events(handlers.EVENT_TOPICS, Events(begin, handlers.take, changes.tell))
    token = settings.token.get_secret_value()
    fulfillment = Owner("fulfillment", settings.fulfillment_url, token)
    labels = Owner("labels", settings.labels_url, token)
    who = api.viewer(settings)
    app = service.app(closing=(fulfillment.close, labels.close))
    app.include_router(api.routes(begin, who, fulfillment, labels))
    pages.mount(app, begin, who, fulfillment, changes)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts))
    return app


def main() -> None:
    """`waybill-portal`."""
    serve("portal", Settings, build)
