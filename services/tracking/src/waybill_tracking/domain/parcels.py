"""Whose is a number, where can its parcel be followed, and what becomes of it when it was wrong."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal
from urllib.parse import quote
from uuid import UUID

from waybill_carriers import Carrier, by_name, compact, detect, is_own
from waybill_events import (
    Event,
    ExceptionRaised,
    ExceptionResolved,
    OwnCarrier,
    ParcelDelivered,
    ParcelScanned,
    ParcelUnscanned,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
    ids,
)
from waybill_tracking.domain.messages import CLOCKS, EARLIER, Message, journey
from waybill_tracking.domain.refusals import NoChoice, SameNumber, UnknownException, UnknownParcel

UNSCANNED = "unscanned"
CHOICES = ("carrier_asked", "found", "lost", "other")
"""How a person settles a parcel that no carrier has scanned."""
SCANNED = "scanned"
"""How it settles itself."""
OTHER = "other"
"""Our code of all carriers that only a brand knows."""
_NUMBER_IN_USE, _NUMBER_TWICE = "number_in_use", "number_twice"
DecidedBy = Literal["brand", "format", "nobody"]


@dataclass(frozen=True, slots=True)
class Number:
    """A number and whose it is; `carrier` is our code, empty where it is none that we know."""

    carrier: str
    carrier_name: str
    number: str


@dataclass(frozen=True, slots=True)
class Parcel:
    """A parcel that left at `since`; its number is empty where it left without one.

    `status_at` is the carrier's time of the message that its status is of. `former` are the numbers that it had.
    `feed` follows it, `undone` it is where it has not left after all; `exception_id` names the open exception about it.
    """

    parcel_id: UUID
    carrier: str
    tracking_number: str
    since: datetime
    carrier_name: str = ""
    status: str = ""
    status_at: datetime | None = None
    scanned_at: datetime | None = None
    delivered_at: datetime | None = None
    feed: str = ""
    former: tuple[Number, ...] = ()
    undone: bool = False
    missed: bool = False
    """Whether it was told that nobody has scanned it in time."""
    exception_id: UUID | None = None
    label_id: UUID | None = None
    """The label whose number it has, where nobody typed it."""
    estimated_delivery: datetime | None = None

    @property
    def key(self) -> str:
        """The number as messages name it."""
        return compact(self.tracking_number)


@dataclass(frozen=True, slots=True)
class Tracked:
    """The parcels of one order that have left."""

    order_id: UUID
    brand_id: UUID
    parcels: tuple[Parcel, ...] = ()

    def parcel(self, parcel_id: UUID) -> Parcel | None:
        """One of its parcels."""
        return next((parcel for parcel in self.parcels if parcel.parcel_id == parcel_id), None)

    def with_parcel(self, changed: Parcel) -> "Tracked":
        """With a parcel as it is now, or a new one."""
        if self.parcel(changed.parcel_id) is None:
            return replace(self, parcels=(*self.parcels, changed))
        parcels = tuple(changed if each.parcel_id == changed.parcel_id else each for each in self.parcels)
        return replace(self, parcels=parcels)


@dataclass(frozen=True, slots=True)
class Around:
    """What is known beside an order.

    What carriers have said, by number; whose parcels bear a number (brand, order); which feed follows a carrier, by its
    code, and under `""` any.
    """

    said: Mapping[str, Sequence[Message]] = field(default_factory=lambda: MappingProxyType({}))
    bearers: Mapping[str, Collection[tuple[UUID, UUID]]] = field(default_factory=lambda: MappingProxyType({}))
    feeds: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    carriers: Mapping[UUID, Sequence[OwnCarrier]] = field(default_factory=lambda: MappingProxyType({}))
    """Those that only a brand knows, by brand."""

    def own(self, brand_id: UUID, company: str) -> OwnCarrier | None:
        """The brand's own carrier of this name."""
        mine = self.carriers.get(brand_id, ())
        return next((each for each in mine if is_own(company, [each.name])), None)

    def feed(self, carrier: str) -> str:
        """The feed that follows a carrier's parcels, if any."""
        return self.feeds.get(carrier) or self.feeds.get("", "")

    def in_use(self, number: str, brand_id: UUID, order_id: UUID) -> bool:
        """Whether a parcel of another order of the brand bears a number."""
        return any(brand == brand_id and order != order_id for brand, order in self.bearers.get(compact(number), ()))


@dataclass(frozen=True, slots=True)
class Correction:
    """The company and number that a parcel has in truth."""

    parcel_id: UUID
    company: str
    number: str
    at: datetime
    notify_customer: bool = False


def correct(tracked: Tracked, wanted: Correction, around: Around) -> tuple[Tracked, list[Event]]:
    """Give a parcel another number, or the first one; raises UnknownParcel, SameNumber.

    What was told of it by its former number is not about it.
    """
    known = tracked.parcel(wanted.parcel_id)
    if known is None or known.undone:
        raise UnknownParcel(wanted.parcel_id)
    named = by_name(wanted.company) if wanted.company else None
    same_carrier = not wanted.company or (named.name if named else wanted.company) == known.carrier_name
    if known.tracking_number == wanted.number and same_carrier:
        raise SameNumber(wanted.number)
    found = found_out(tracked, known.parcel_id, wanted, around)
    if not known.tracking_number:
        return numbered(tracked, known, found, wanted.at, around, notify_customer=wanted.notify_customer)
    return renumbered(tracked, known, found, wanted.at, around, notify_customer=wanted.notify_customer)


def renumbered(
    tracked: Tracked,
    known: Parcel,
    found: Mapping[str, Any],
    at: datetime,
    around: Around,
    *,
    notify_customer: bool = False,
    label_id: UUID | None = None,
) -> tuple[Tracked, list[Event]]:
    """A parcel has another number, as `found` says; it may be that of a label."""
    told = TrackingCorrected(
        **of(tracked, known),
        **found,
        was=known.tracking_number,
        was_carrier_name=known.carrier_name,
        notify_customer=notify_customer,
        corrected_at=at,
    )
    before = Number(known.carrier, known.carrier_name, known.tracking_number)
    parcel = Parcel(
        known.parcel_id,
        told.carrier,
        told.tracking_number,
        known.since,
        told.carrier_name,
        feed=told.feed,
        former=(*known.former, before),
        missed=known.missed,
        exception_id=known.exception_id,
        label_id=label_id,
    )
    after, more = heard(tracked.with_parcel(parcel), around.said)
    return after, [told, *more]


def heard(tracked: Tracked, said: Mapping[str, Sequence[Message]]) -> tuple[Tracked, list[Event]]:
    """What all that carriers have said of its numbers makes of an order's parcels, and what is new of it."""
    events: list[Event] = []
    borne = {parcel.key for parcel in tracked.parcels if not parcel.undone}
    for parcel in tracked.parcels:
        if parcel.undone and parcel.key in borne:
            # Its number went to another parcel, which that is about.
            continue
        after, new = _heard(tracked, parcel, said.get(parcel.key, ()) if parcel.key else ())
        if new:
            tracked = tracked.with_parcel(after)
            events += new
    return tracked, events


def missed(tracked: Tracked, parcel_id: UUID, hours: int, at: datetime) -> tuple[Tracked, list[Event]]:
    """Tell that no carrier has scanned a parcel in so many working hours, once, and ask what to do about it."""
    known = tracked.parcel(parcel_id)
    if known is None or known.scanned_at is not None or known.undone or known.missed:
        return tracked, []
    exception_id = ids.exception_id(tracked.order_id, UNSCANNED, parcel_id)
    told = ParcelUnscanned(**of(tracked, known), since=known.since, hours=hours, told_at=at)
    raised = ExceptionRaised(
        order_id=tracked.order_id,
        brand_id=tracked.brand_id,
        exception_id=exception_id,
        kind=UNSCANNED,
        choices=CHOICES,
        parcel_ids=(parcel_id,),
        raised_at=at,
    )
    return tracked.with_parcel(replace(known, missed=True, exception_id=exception_id)), [told, raised]


def resolve(
    tracked: Tracked, exception_id: UUID, choice: str, comment: str, at: datetime
) -> tuple[Tracked, list[Event]]:
    """Close the exception about a parcel with one of its choices."""
    for parcel in tracked.parcels:
        if parcel.exception_id == exception_id:
            if choice not in CHOICES:
                raise NoChoice(choice, CHOICES)
            settled = settled_by(tracked, parcel, choice, at, comment)
            return tracked.with_parcel(replace(parcel, exception_id=None)), settled
    raise UnknownException(exception_id)


def decide(company: str | None, number: str) -> tuple[Carrier | None, DecidedBy, str]:
    """The carrier, whose word it is, and its service where the number names it.

    What the brand typed wins over what the number looks like, the likeliest.
    """
    guesses = detect(number, hint=company)
    if company is None:
        return (guesses[0].carrier, "format", guesses[0].service or "") if guesses else (None, "nobody", "")
    named = by_name(company)
    if named is None:
        return None, "nobody", ""
    service = next((guess.service for guess in guesses if guess.carrier.code == named.code), None)
    return named, "brand", service or ""


def numbered(
    tracked: Tracked,
    parcel: Parcel,
    found: Mapping[str, Any],
    at: datetime,
    around: Around,
    *,
    notify_customer: bool = False,
    label_id: UUID | None = None,
) -> tuple[Tracked, list[Event]]:
    """A parcel has got its first number, as `found` says; it may be that of a label."""
    told = TrackingAdded(**of(tracked, parcel), **found, notify_customer=notify_customer, added_at=at)
    after = replace(
        parcel,
        carrier=told.carrier,
        carrier_name=told.carrier_name,
        tracking_number=told.tracking_number,
        feed=told.feed,
        label_id=label_id,
    )
    heard_of, more = heard(tracked.with_parcel(after), around.said)
    return heard_of, [told, *more]


def found_out(tracked: Tracked, parcel_id: UUID, wanted: Correction, around: Around) -> dict[str, Any]:
    """What is filled in beside a company and number that somebody typed."""
    company, number = wanted.company or None, wanted.number
    if (own := around.own(tracked.brand_id, company or "")) is not None:
        return _of_own(own, number, warnings(tracked, parcel_id, number, around))
    carrier, decided_by, service = decide(company, number)
    code = "" if carrier is None else carrier.code
    return {
        "carrier": code,
        "carrier_name": (company or "") if carrier is None else carrier.name,
        "tracking_number": number,
        "tracking_url": "" if carrier is None else carrier.page(number),
        "decided_by": decided_by,
        "service": service,
        "feed": around.feed(code) if code else "",
        "warnings": warnings(tracked, parcel_id, number, around),
    }


def _of_own(own: OwnCarrier, number: str, found: tuple[str, ...]) -> dict[str, Any]:
    """A number of a carrier that only the brand knows; nobody follows it but its page."""
    return {
        "carrier": OTHER,
        "carrier_name": own.name,
        "tracking_number": number,
        "tracking_url": own.url.replace("{number}", quote(number, safe="")),
        "decided_by": "brand",
        "service": "",
        "feed": "",
        "warnings": found,
    }


def warnings(tracked: Tracked, parcel_id: UUID, number: str, around: Around) -> tuple[str, ...]:
    """What is odd about a number: another parcel of the order has it, or one of another order."""
    key = compact(number)
    twice = any(each.key == key for each in tracked.parcels if each.parcel_id != parcel_id and not each.undone)
    in_use = around.in_use(number, tracked.brand_id, tracked.order_id)
    return ((_NUMBER_TWICE,) if twice else ()) + ((_NUMBER_IN_USE,) if in_use else ())


def _heard(tracked: Tracked, parcel: Parcel, messages: Sequence[Message]) -> tuple[Parcel, list[Event]]:
    since = parcel.since - (EARLIER if parcel.label_id is None else CLOCKS)
    known, of_parcel = journey(messages, since), of(tracked, parcel)
    events: list[Event] = []
    if known.scanned_at is not None and parcel.scanned_at is None:
        # First of all: what else is told is about a parcel that has left.
        events.append(ParcelScanned(**of_parcel, scanned_at=known.scanned_at))
        events += settled_by(tracked, parcel, SCANNED, known.scanned_at)
        parcel = replace(parcel, scanned_at=known.scanned_at, exception_id=None)
    latest = known.latest
    said = latest and (latest.status.value, latest.at, latest.estimated_delivery)
    if latest is not None and said != (parcel.status, parcel.status_at, parcel.estimated_delivery):
        told = TrackingUpdated(
            **of_parcel,
            status=latest.status,
            code=latest.code,
            words=latest.words,
            at=latest.at,
            estimated_delivery=latest.estimated_delivery,
        )
        events.append(told)
        parcel = replace(
            parcel, status=latest.status.value, status_at=latest.at, estimated_delivery=latest.estimated_delivery
        )
    if known.delivered_at is not None and parcel.delivered_at != known.delivered_at:
        events.append(ParcelDelivered(**of_parcel, delivered_at=known.delivered_at))
    # None where it was taken back: the next delivery is told again.
    return replace(parcel, delivered_at=known.delivered_at), events


def settled_by(tracked: Tracked, parcel: Parcel, choice: str, at: datetime, comment: str = "") -> list[Event]:
    """The exception about a parcel is closed, if one is open."""
    if parcel.exception_id is None:
        return []
    return [
        ExceptionResolved(
            order_id=tracked.order_id,
            brand_id=tracked.brand_id,
            exception_id=parcel.exception_id,
            kind=UNSCANNED,
            choice=choice,
            comment=comment,
            resolved_at=at,
        )
    ]


def of(tracked: Tracked, parcel: Parcel) -> dict[str, Any]:
    """What every event about a parcel names."""
    return {"order_id": tracked.order_id, "brand_id": tracked.brand_id, "parcel_id": parcel.parcel_id}
