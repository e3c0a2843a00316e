"""The portal's pages: HTML from the projection, kept up to date by server-sent events."""

from waybill_portal.pages.live import Changes
from waybill_portal.pages.routes import mount

__all__ = ["Changes", "mount"]
