"""The SQL of fulfillment."""

from waybill_fulfillment.store.ledgers import UNITS, Ledgers

__all__ = ["UNITS", "Ledgers"]
