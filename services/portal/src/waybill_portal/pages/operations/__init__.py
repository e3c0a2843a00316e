"""The operators' pages: what stands still in all services, and how it goes on."""

from waybill_portal.pages.operations.desk import FILTERS, Desk
from waybill_portal.pages.operations.routes import routes

__all__ = ["FILTERS", "Desk", "routes"]
