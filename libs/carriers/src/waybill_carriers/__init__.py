"""Carriers: their names, their numbers, where to follow a parcel. Pure: nothing here reads or writes anything."""

from waybill_carriers.detection import Candidate, CheckDigit, detect
from waybill_carriers.doubts import Doubt, doubt, is_own
from waybill_carriers.names import by_name, suggest
from waybill_carriers.numbers import compact
from waybill_carriers.registry import CARRIERS, Carrier

__all__ = [
    "CARRIERS",
    "Candidate",
    "Carrier",
    "CheckDigit",
    "Doubt",
    "by_name",
    "compact",
    "detect",
    "doubt",
    "is_own",
    "suggest",
]
