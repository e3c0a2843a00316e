"""One order as labels knows it: what it holds, its parcels, and every label that was ever wanted for one of them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from waybill_events import Address, Box, BusinessAddress, Event, Money, OrderPlaced

PLATFORM: Final = "platform"
Units = Mapping[str, int]
"""Quantities by line id."""


@dataclass(frozen=True, slots=True)
class Item:
    """One line as it is packed: what is not canceled, and had not left before the order came.

    `portion` tells of a fractional quantity.
    """

    sku: str
    title: str
    quantity: int
    portion: str = ""
    line_id: str = ""
    weight_g: int | None = None
    """Of one unit."""
    barcode: str = ""
    unit_price: str = ""
    location: str = ""
    """Where it lies, in the words of those who pick."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The label that is wanted: carrier:service, what the scale says, the box; what is left out the brand decides."""

    service: str = ""
    weight_g: int | None = None
    box: Box | None = None


class Place(StrEnum):
    """Where a parcel is."""

    PACKED = "packed"
    SHIPPED = "shipped"
    UNPACKED = "unpacked"
    COMES_BACK = "comes_back"
    """Units that a customer may send back, with a label of ours."""
    CAME_BACK = "came_back"
    """Some of them have come."""
    CLOSED = "closed"
    """Nobody waits for them any more."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units that travel together. `number` counts the order's parcels from 1, and its returns by themselves.

    `recipient_version` is to whom it goes, None where nobody said.
    """

    parcel_id: UUID
    number: int
    place: Place
    units: Units
    shipping: str = "own"
    recipient_version: int | None = None
    wish: Wish = field(default_factory=Wish)


class State(StrEnum):
    """How far a label has come, and its money with it."""

    WANTED = "wanted"
    """No carrier was asked yet."""
    ASKED = "asked"
    """A carrier was asked to sell it and may have done so."""
    BOUGHT = "bought"
    """It is paid."""
    FAILED = "failed"
    """No carrier sold it."""
    DROPPED = "dropped"
    """Nobody needed it any more before anybody sold it."""
    VOIDING = "voiding"
    """The carrier is asked to take it back."""
    VOIDED = "voided"
    """It is void; its money has not come back yet."""
    REFUNDED = "refunded"
    """Its money is back."""
    KEPT = "kept"
    """The carrier does not take it back: its money is lost unless it is used."""


OPEN: Final = (State.WANTED, State.ASKED, State.VOIDING, State.VOIDED)
"""Something remains to be done with the carrier."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What a carrier asks for one of its services; `days` is how long it takes, None where it does not say."""

    carrier: str
    carrier_name: str
    service: str
    service_name: str
    cost: Money
    days: int | None = None

    @property
    def code(self) -> str:
        """As rules and wishes name it: carrier:service."""
        return f"{self.carrier}:{self.service}"


@dataclass(frozen=True, slots=True)
class File:
    """A document: bytes, and of what kind they are."""

    media_type: str
    content: bytes

    @property
    def digest(self) -> str:
        """By which it is found: the SHA-256 of its content, in hexadecimal digits."""
        return hashlib.sha256(self.content).hexdigest()


@dataclass(frozen=True, slots=True)
class Kept:
    """A file that is kept, byte for byte."""

    media_type: str
    digest: str


@dataclass(frozen=True, slots=True)
class Sale:
    """What a carrier sold: its own id of the label, the number, and what it cost in the end.

    `file` is the label as the carrier gave it; one without is set here.
    """

    reference: str
    tracking_number: str
    tracking_url: str
    cost: Money
    file: Kept | None = None


@dataclass(frozen=True, slots=True)
class Shipment:
    """One parcel as a carrier must know it. Grams and millimeters; `reference` is what people know the order by."""

    ship_from: BusinessAddress
    ship_to: Address
    weight_g: int
    box: Box
    reference: str

    @property
    def erased(self) -> bool:
        """Whether its addresses are gone because somebody was erased; weight and reference stay."""
        return self.ship_to == Address() and self.ship_from == BusinessAddress()

    def mark(self, label_id: UUID) -> str:
        """By which people find a purchase at its carrier: the reference, and the beginning of the label's id.

        UPS takes 35 characters of it.
        """
        return f"{self.reference[:26]} {label_id.hex[:8]}"


@dataclass(frozen=True, slots=True)
class Label:
    """One purchase for a parcel; `purchase` counts them from 1, and its id is the key under which its carrier knows it.

    `void_why` says why it must be void whatever comes of it, empty while it must not. `offer` is what was chosen.
    """

    label_id: UUID
    parcel_id: UUID
    purchase: int
    state: State
    wish: Wish = field(default_factory=Wish)
    void_why: str = ""
    offer: Offer | None = None
    shipment: Shipment | None = None
    """As it was bought: that is printed, whatever becomes of the address."""
    sale: Sale | None = None
    purchased_at: datetime | None = None
    void_asked_at: datetime | None = None
    """Since when it must be void although it is paid."""
    voided_at: datetime | None = None
    settled_at: datetime | None = None
    """When its money came back, or was lost."""
    code: str = ""
    words: str = ""
    """Why it failed, or was not taken back."""
    exception_id: UUID | None = None
    """The open exception about it."""
    manifest_id: UUID | None = None
    """The list on which its parcel is handed over."""


@dataclass(frozen=True, slots=True)
class Order:
    """What an order holds, its parcels and its labels."""

    order_id: UUID
    brand_id: UUID
    reference: str
    placed_at: datetime
    shipping_method: str
    items: tuple[Item, ...]
    parcels: tuple[Parcel, ...] = ()
    labels: tuple[Label, ...] = ()
    gift: bool = False
    """It is for somebody else, who is not to see prices."""
    language: str = ""
    """The customer's, where the platform says so."""
    returns: tuple[Parcel, ...] = ()
    """What customers send back, each with its return's id; no parcel that goes out."""

    def parcel(self, parcel_id: UUID) -> Parcel | None:
        """One of its parcels, or of its returns."""
        return next((each for each in (*self.parcels, *self.returns) if each.parcel_id == parcel_id), None)

    def label(self, label_id: UUID) -> Label | None:
        """One of its labels."""
        return next((label for label in self.labels if label.label_id == label_id), None)

    def labels_of(self, parcel_id: UUID) -> tuple[Label, ...]:
        """All that were wanted for a parcel, the first one first."""
        return tuple(label for label in self.labels if label.parcel_id == parcel_id)

    def with_parcel(self, changed: Parcel) -> "Order":
        """With a parcel as it is now, or a new one."""
        if self.parcel(changed.parcel_id) is None:
            return replace(self, parcels=(*self.parcels, changed))
        parcels = tuple(changed if each.parcel_id == changed.parcel_id else each for each in self.parcels)
        return replace(self, parcels=parcels)

    def with_return(self, changed: Parcel) -> "Order":
        """With a return as it is now, or a new one."""
        others = [each for each in self.returns if each.parcel_id != changed.parcel_id]
        return replace(self, returns=tuple(sorted([*others, changed], key=lambda each: each.number)))

    def with_label(self, changed: Label) -> "Order":
        """With a label as it is now, or a new one."""
        if self.label(changed.label_id) is None:
            return replace(self, labels=(*self.labels, changed))
        labels = tuple(changed if each.label_id == changed.label_id else each for each in self.labels)
        return replace(self, labels=labels)


Decided = tuple[Order, list[Event]]
"""An order afterwards, and what there is to tell."""


def placed(event: OrderPlaced) -> Order:
    """An order as it was born."""
    items = tuple(
        Item(
            line.sku,
            line.title,
            line.quantity - line.canceled - line.shipped,
            line.portion,
            line.line_id,
            line.weight_g or None,
            line.barcode,
            "" if line.unit_price is None else f"{line.unit_price.amount} {line.unit_price.currency}",
            line.location,
        )
        for line in event.lines
        if line.quantity > line.canceled + line.shipped
    )
    return Order(
        event.order_id,
        event.brand_id,
        event.reference,
        event.placed_at,
        event.shipping_method,
        items,
        gift=event.gift,
        language=event.language,
    )


def without(order: Order, canceled: Units) -> Order:
    """Less what is canceled, so that nobody packs it."""
    items = (replace(item, quantity=item.quantity - canceled.get(item.line_id, 0)) for item in order.items)
    return replace(order, items=tuple(item for item in items if item.quantity > 0))


COMING: Final = frozenset({Place.COMES_BACK, Place.CAME_BACK, Place.CLOSED})
"""Where something is that comes back."""
NOTHING: Final[Units] = MappingProxyType({})
