"""Puts the portal together."""

from fastapi import FastAPI
from httpx import ASGITransport
from starlette.middleware.trustedhost import TrustedHostMiddleware

from waybill_chassis.database import LIVE
from waybill_chassis.reading import Events, Tables
from waybill_chassis.routing import add_routes
from waybill_chassis.service import Service, serve
from waybill_portal import api, handlers, pages, store
from waybill_portal.clients import Owner
from waybill_portal.settings import Settings


def build(settings: Settings) -> FastAPI:
    """Everything of the portal, ready to run."""
    service = Service("portal", settings, generation=LIVE)
    begin = service.begin(store.orders.Orders(), handles=handlers.HANDLES)
    changes = pages.Changes()
    service.read_tables(handlers.TABLE_TOPICS, Tables(begin, store.orders.put_recipients, changes.tell))
    service.read_events(handlers.EVENT_TOPICS, Events(begin, handlers.take, changes.tell))
    token = settings.token.get_secret_value()
    urls = {
        "connectors": settings.connectors_url,
        "orders": settings.orders_url,
        "fulfillment": settings.fulfillment_url,
        "tracking": settings.tracking_url,
        "labels": settings.labels_url,
    }
    owners = {name: Owner(name, url, token) for name, url in urls.items()}
    who = api.Who(service.database, token)
    people, tokens = api.people.People(service.database), api.tokens.Tokens(service.database)
    audit = api.audit.Audit(service.database)
    files: dict[str, int] = dict.fromkeys(("/imports", "/api/v1/imports"), settings.import_limit)
    files["/api/v1/brands/*/logo"] = settings.import_limit
    app = service.app(closing=[owner.close for owner in owners.values()], files=files)
    add_routes(app, api.orders.routes(begin, who, owners))
    add_routes(app, api.brands.routes(begin, who))
    add_routes(app, api.forwarding.routes(who, owners))
    add_routes(app, api.people.routes(who, people))
    add_routes(app, api.tokens.routes(who, tokens))
    add_routes(app, api.audit.routes(who, audit))
    # Of itself it asks without a detour over the network; the host must be one that it answers to.
    itself = Owner("portal", f"http://{settings.hosts[0]}", token, ASGITransport(app))
    pages.mount(app, begin, who, {**owners, "portal": itself}, changes, people=people, tokens=tokens, audit=audit)
    app.add_middleware(api.Audited, database=service.database)
    app.add_middleware(TrustedHostMiddleware, allowed_hosts=list(settings.hosts))
    return app


def main() -> None:
    """`waybill-portal`."""
    serve("portal", Settings, build)
