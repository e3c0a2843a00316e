"""Whose is a number, and where can its parcel be followed."""

from dataclasses import dataclass, replace
from typing import Literal
from uuid import UUID

from waybill_carriers import Carrier, by_name, detect
from waybill_events import Envelope, Event, ItemsFulfilled, TrackingAdded


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel with a number; `carrier` is our code, empty where it is none that we know."""

    parcel_id: UUID
    carrier: str
    tracking_number: str


@dataclass(frozen=True, slots=True)
class Tracked:
    """The parcels of one order that have a number."""

    order_id: UUID
    brand_id: UUID
    parcels: tuple[Parcel, ...] = ()


def on_event(tracked: Tracked | None, event: Event, _envelope: Envelope) -> tuple[Tracked | None, list[Event]]:
    """Fill in what the brand left out: the carrier's proper name and the page to follow the parcel on."""
    assert isinstance(event, ItemsFulfilled)
    tracked = tracked or Tracked(event.order_id, event.brand_id)
    if event.number is None or any(parcel.parcel_id == event.parcel_id for parcel in tracked.parcels):
        return tracked, []
    carrier, decided_by = decide(event.company, event.number)
    told = TrackingAdded(
        order_id=event.order_id,
        brand_id=event.brand_id,
        parcel_id=event.parcel_id,
        carrier="" if carrier is None else carrier.code,
        carrier_name=(event.company or "") if carrier is None else carrier.name,
        tracking_number=event.number,
        tracking_url="" if carrier is None else carrier.page(event.number),
        decided_by=decided_by,
        added_at=event.shipped_at,
    )
    parcel = Parcel(event.parcel_id, told.carrier, event.number)
    return replace(tracked, parcels=(*tracked.parcels, parcel)), [told]


def decide(company: str | None, number: str) -> tuple[Carrier | None, Literal["brand", "format", "nobody"]]:
    """The carrier, and whose word it is: what the brand typed wins over what the number looks like, the likeliest."""
    if company is not None:
        named = by_name(company)
        return named, "nobody" if named is None else "brand"
    guesses = detect(number)
    return (guesses[0].carrier, "format") if guesses else (None, "nobody")
