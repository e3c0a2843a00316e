"""Puts labels together."""

from datetime import timedelta

from fastapi import FastAPI

from waybill_chassis.reading import Events, Tables
from waybill_chassis.routing import add_routes
from waybill_chassis.service import Service, serve
from waybill_labels import api, handlers, store
from waybill_labels.clients import open_accounts
from waybill_labels.handlers.batches import Batches, Documents
from waybill_labels.handlers.manifests import Manifests
from waybill_labels.handlers.purchases import Purchases
from waybill_labels.settings import Settings


def build(settings: Settings) -> FastAPI:
    """Everything of labels, ready to run."""
    service, carriers = Service("labels", settings), open_accounts(settings.carriers)
    begin = service.begin(store.orders.Orders(), handles=handlers.HANDLES)
    lease = timedelta(seconds=settings.lease_s)
    purchases = service.regularly("purchases", Purchases(begin, carriers, lease).go_on)
    manifests = service.regularly("manifests", Manifests(begin, carriers, lease).go_on)
    batches = service.regularly("batches", Batches(begin).go_on)
    service.regularly("old documents", Documents(begin.database).drop_old)
    service.read_tables(["waybill.brands", "waybill.recipients"], Tables(begin, store.orders.put_rows))
    service.read_events(handlers.TOPICS, Events(begin, handlers.events.take, purchases.wake.set))
    app = service.app(closing=[carrier.close for carrier in carriers.values()])
    add_routes(app, api.documents.routes(begin, settings))
    links = api.links.Links(settings.token.get_secret_value())
    add_routes(app, api.batches.routes(begin, settings, batches.wake.set, links))
    add_routes(app, api.links.routes(begin.database, settings, links))
    add_routes(app, api.labels.routes(begin, settings, purchases.wake.set))
    add_routes(app, api.rates.routes(begin, settings, carriers))
    add_routes(app, api.manifests.routes(begin, settings, manifests.wake.set))
    return app


def main() -> None:
    """`waybill-labels`."""
    serve("labels", Settings, build)
