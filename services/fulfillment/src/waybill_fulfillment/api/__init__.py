"""What fulfillment answers: commands on quantities, and files of tracking numbers."""

from waybill_fulfillment.api import imports, ledgers

__all__ = ["imports", "ledgers"]
