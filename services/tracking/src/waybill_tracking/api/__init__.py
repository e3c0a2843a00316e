"""What tracking answers: carriers' webhooks and files of their messages, and commands about numbers."""

from waybill_tracking.api import parcels, webhooks

__all__ = ["parcels", "webhooks"]
