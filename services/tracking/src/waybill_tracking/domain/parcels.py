"""Whose is a number, and where can its parcel be followed."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from waybill_carriers import Carrier, by_name, compact, detect
from waybill_events import (
    Envelope,
    Event,
    ItemsFulfilled,
    ParcelDelivered,
    ParcelScanned,
    TrackingAdded,
    TrackingUpdated,
)
from waybill_tracking.domain.messages import Message, journey


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel with a number, entered at `since`; `carrier` is our code, empty where it is none that we know.

    `status_at` is the carrier's time of the message that its status is of.
    """

    parcel_id: UUID
    carrier: str
    tracking_number: str
    since: datetime
    status: str = ""
    status_at: datetime | None = None
    scanned_at: datetime | None = None
    delivered_at: datetime | None = None

    @property
    def key(self) -> str:
        """The number as messages name it."""
        return compact(self.tracking_number)


@dataclass(frozen=True, slots=True)
class Tracked:
    """The parcels of one order that have a number."""

    order_id: UUID
    brand_id: UUID
    parcels: tuple[Parcel, ...] = ()


def on_event(
    tracked: Tracked | None, event: Event, _envelope: Envelope, *, said: Mapping[str, Sequence[Message]]
) -> tuple[Tracked | None, list[Event]]:
    """Fill in what the brand left out: the carrier's proper name and the page to follow the parcel on.

    `said` is what carriers have said already, by number.
    """
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
    parcel = Parcel(event.parcel_id, told.carrier, event.number, event.shipped_at)
    after, more = heard(replace(tracked, parcels=(*tracked.parcels, parcel)), said)
    return after, [told, *more]


def heard(tracked: Tracked, said: Mapping[str, Sequence[Message]]) -> tuple[Tracked, list[Event]]:
    """What all that carriers have said of its numbers makes of an order's parcels, and what is new of it."""
    parcels: list[Parcel] = []
    events: list[Event] = []
    for parcel in tracked.parcels:
        after, new = _heard(tracked, parcel, said.get(parcel.key, ()))
        parcels.append(after)
        events += new
    return (replace(tracked, parcels=tuple(parcels)) if events else tracked), events


def _heard(tracked: Tracked, parcel: Parcel, messages: Sequence[Message]) -> tuple[Parcel, list[Event]]:
    known = journey(messages, parcel.since)
    of_parcel: dict[str, Any] = {
        "order_id": tracked.order_id,
        "brand_id": tracked.brand_id,
        "parcel_id": parcel.parcel_id,
    }
    events: list[Event] = []
    latest = known.latest
    if latest is not None and (latest.status, latest.at) != (parcel.status, parcel.status_at):
        told = TrackingUpdated(
            **of_parcel,
            status=latest.status,
            code=latest.code,
            words=latest.words,
            at=latest.at,
            estimated_delivery=latest.estimated_delivery,
        )
        events.append(told)
        parcel = replace(parcel, status=latest.status.value, status_at=latest.at)
    if known.scanned_at is not None and parcel.scanned_at is None:
        events.append(ParcelScanned(**of_parcel, scanned_at=known.scanned_at))
        parcel = replace(parcel, scanned_at=known.scanned_at)
    if known.delivered_at is not None and parcel.delivered_at is None:
        events.append(ParcelDelivered(**of_parcel, delivered_at=known.delivered_at))
        parcel = replace(parcel, delivered_at=known.delivered_at)
    return parcel, events


def decide(company: str | None, number: str) -> tuple[Carrier | None, Literal["brand", "format", "nobody"]]:
    """The carrier, and whose word it is: what the brand typed wins over what the number looks like, the likeliest."""
    if company is not None:
        named = by_name(company)
        return named, "nobody" if named is None else "brand"
    guesses = detect(number)
    return (guesses[0].carrier, "format") if guesses else (None, "nobody")
