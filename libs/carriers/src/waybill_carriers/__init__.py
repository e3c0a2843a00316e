"""Carrier names, number formats and tracking pages. Pure: nothing here reads or writes anything."""

from waybill_carriers.carriers import CARRIERS, Carrier, by_name, by_number, compact

__all__ = ["CARRIERS", "Carrier", "by_name", "by_number", "compact"]
