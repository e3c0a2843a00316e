"""An order as a brand sees it. Whatever stands here says which event made it so."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from waybill_events import Envelope, Money

Units = Mapping[str, int]
"""Quantities by line id."""


class Frozen(BaseModel):
    """State that changes only by making another."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Evidence(Frozen):
    """The event that made something so. `cause` is the command or event that brought it about."""

    event_id: UUID
    source: str
    type: str
    actor: str
    at: datetime
    cause: UUID

    @classmethod
    def of(cls, envelope: Envelope) -> "Evidence":
        """What an event's envelope says of it."""
        return cls(
            event_id=envelope.id,
            source=envelope.source,
            type=envelope.type,
            actor=envelope.actor,
            at=envelope.time,
            cause=envelope.causation_id,
        )


class Line(Frozen):
    """One line, and what became of its units."""

    line_id: str
    sku: str
    title: str
    portion: str
    quantity: int
    shipped: int
    canceled: int
    image_url: str
    packed: int = 0
    late: int = 0
    returned: int = 0

    @property
    def open(self) -> int:
        """Units that are neither packed, shipped nor canceled."""
        return self.quantity - self.packed - self.shipped - self.canceled

    @property
    def sent(self) -> int:
        """Units that have left and have not come back."""
        return self.shipped + self.late - self.returned

    @property
    def left(self) -> int:
        """Units that have neither left nor been canceled."""
        return self.open + self.packed


class Tracked(Frozen):
    """A parcel's number and carrier as tracking has settled them."""

    carrier_name: str
    tracking_number: str
    tracking_url: str
    service: str = ""
    feed: str = ""
    """Which feed of carrier messages follows it; empty: nobody does."""
    warnings: tuple[str, ...] = ()


class Former(Frozen):
    """A number that a parcel had, and the event that corrected it."""

    carrier_name: str
    tracking_number: str
    corrected: Evidence


class Carried(Frozen):
    """What the carrier last said of a parcel, in our word and in its own, and which event told so."""

    status: str
    words: str
    at: datetime
    estimated_delivery: datetime | None
    told: Evidence


class Moved(Frozen):
    """One line of the money of a label: `what` is `bought`, `voided`, `refunded` or `lost`."""

    what: str
    amount: Money
    at: datetime


class Label(Frozen):
    """A label that was bought for a parcel, or could not be, and what became of its money.

    `state` is `bought`, `failed`, `voided`, `not taken back` or `refunded`; `unwanted` says why nobody may use it.
    """

    label_id: UUID
    state: str
    carrier_name: str = ""
    service_name: str = ""
    tracking_number: str = ""
    cost: Money | None = None
    unwanted: str = ""
    words: str = ""
    """Why it failed, or was not taken back."""
    ledger: tuple[Moved, ...] = ()
    """Its money, the first first; empty in a row of a release before: a rebuild gives it."""
    told: Evidence

    @property
    def money(self) -> str:
        """Where its money is: `none` was paid, `paid`, `pending` once it is to come back, `refunded` or `lost`."""
        last = self.ledger[-1].what if self.ledger else ""
        return "pending" if last == "bought" and self.unwanted else _MONEY.get(last, "none")

    def moved(self, what: str, at: datetime) -> tuple[Moved, ...]:
        """Its money after one more move; one without a price never had any."""
        return self.ledger if self.cost is None else (*self.ledger, Moved(what=what, amount=self.cost, at=at))


_MONEY: Final = {"bought": "paid", "voided": "pending", "refunded": "refunded", "lost": "lost"}
"""Where the money of a label is after it moved so."""


class Parcel(Frozen):
    """Units that travel together. `parcel_id` is None for one that had left before the order came to us.

    `state` is `packed`, `shipped`, or `unpacked`: then it is none any more. `late` are canceled units in it.
    """

    parcel_id: UUID | None
    state: str
    units: Units
    company: str = ""
    number: str = ""
    url: str = ""
    shipped_at: datetime | None = None
    late: Units = {}
    tracked: Tracked | None = None
    carried: Carried | None = None
    former: tuple[Former, ...] = ()
    """The numbers that it had, the first one first."""
    moved: Evidence | None = None
    """What brought it into its state."""
    shipping: str = "own"
    """With its brand's `own` carrier, or with a label that is bought (`platform`)."""
    labels: tuple[Label, ...] = ()
    """All that were bought for it, or could not be, the first one first."""

    @property
    def label(self) -> Label | None:
        """The label with which it goes, if it has one: the latest."""
        mine = (label for label in reversed(self.labels) if label.state == "bought" and not label.unwanted)
        return next(mine, None)

    @property
    def label_state(self) -> str:
        """`own carrier`, `pending`, `labeled`, or `failed`, `voided` where it is left without one."""
        if self.shipping != "platform":
            return "own carrier"
        if self.label is not None:
            return "labeled"
        return next((label.state for label in reversed(self.labels) if not label.unwanted), "pending")

    @property
    def carrier_name(self) -> str:
        """The carrier's name; as the brand typed it until tracking has settled it."""
        return self.company if self.tracked is None else self.tracked.carrier_name

    @property
    def tracking_number(self) -> str:
        """The number; as the brand typed it until tracking has settled it."""
        return self.number if self.tracked is None else self.tracked.tracking_number

    @property
    def tracking_url(self) -> str:
        """The page to follow it on, where there is one."""
        return self.url if self.tracked is None else self.tracked.tracking_url


class Hold(Frozen):
    """Why the order may not be worked on, and until when if that is known."""

    hold_id: UUID
    reason: str
    release_at: datetime | None
    held: Evidence | None = None
    held_at: datetime | None = None
    """None in a row of a release before; it then counts from the order's placing."""


class Pause(Frozen):
    """Time in which a hold stood."""

    began: datetime
    ended: datetime


class Refused(Frozen):
    """Units of a request that were not granted, and who had them first."""

    line_id: str
    quantity: int
    why: str
    won_by: tuple[UUID, ...]
    parcel_ids: tuple[UUID, ...]


class Request(Frozen):
    """Something that was asked of the order: `asked` as orders tells it, `decided` as fulfillment does."""

    request_id: UUID
    kind: str
    reason: str
    by_platform: bool = False
    lines: Units | None = None
    fields: tuple[str, ...] = ()
    """What an amendment is to change."""
    asked: Evidence | None = None
    granted: Units = {}
    refused: tuple[Refused, ...] = ()
    why: str | None = None
    decided: Evidence | None = None

    @property
    def state(self) -> str:
        """`pending`, `granted`, `partly granted` or `declined`."""
        if self.decided is None:
            return "pending"
        if self.refused and self.granted:
            return "partly granted"
        return "declined" if self.refused or self.why else "granted"


class ReturnedUnits(Frozen):
    """Units of one line that came back in one condition."""

    line_id: str
    quantity: int
    condition: str


class Return(Frozen):
    """Units that may come back: `opened` as orders tells it; those that have, as fulfillment does."""

    return_id: UUID
    reason: str = ""
    lines: Units = {}
    wants_label: bool = False
    label: Label | None = None
    """The latest that was bought for it, or could not be."""
    opened: Evidence | None = None
    received: tuple[ReturnedUnits, ...] = ()
    arrivals: tuple[Evidence, ...] = ()
    closed: Evidence | None = None

    @property
    def state(self) -> str:
        """`open`, `partly received`, `received` or `closed`: closed is one that ended without all of it."""
        came = sum(each.quantity for each in self.received)
        if came >= sum(self.lines.values()) > 0:
            return "received"
        if self.closed is not None:
            return "closed"
        return "partly received" if came else "open"


class Again(Frozen):
    """An order with which something of another one is sent again."""

    order_id: UUID
    reference: str
    lines: Units
    told: Evidence


class OpenException(Frozen):
    """Something that a person has to decide; `owner` is the service that takes the choice."""

    exception_id: UUID
    owner: str
    kind: str
    choices: tuple[str, ...]
    details: str = ""
    lines: Units
    parcel_ids: tuple[UUID, ...]
    raised: Evidence


class Order(Frozen):
    """One order. `applied` says up to which sequence each source went into it."""

    order_id: UUID
    brand_id: UUID
    reference: str
    number: str
    platform: str
    placed_at: datetime
    shipping_method: str
    placed: Evidence | None = None
    """None in a row of a release before; a rebuild gives it."""
    paid_at: datetime | None = None
    ship_by: datetime | None = None
    """By when the platform wants it to leave, where it says so."""
    holds: tuple[Hold, ...]
    pauses: tuple[Pause, ...] = ()
    """Holds that have ended."""
    lines: tuple[Line, ...]
    parcels: tuple[Parcel, ...]
    requests: Mapping[UUID, Request] = {}
    exceptions: Mapping[UUID, OpenException] = {}
    returns: Mapping[UUID, Return] = {}
    replaces: UUID | None = None
    """The order of which something is sent again with this one."""
    sent_again: tuple[Again, ...] = ()
    applied: Mapping[str, int]

    @property
    def standing(self) -> tuple[Parcel, ...]:
        """Its parcels without those that were taken apart."""
        return tuple(parcel for parcel in self.parcels if parcel.state != "unpacked")

    @property
    def paid(self) -> tuple[tuple[str, Label], ...]:
        """Every label that was paid, of parcels that were taken apart and of returns too, and whose it is."""
        numbers = {id(parcel): f"Parcel {number}" for number, parcel in enumerate(self.standing, 1)}
        labels = [(numbers.get(id(each), "Unpacked"), label) for each in self.parcels for label in each.labels]
        backs = [(f"Return {number}", each.label) for number, each in enumerate(self.returns.values(), 1)]
        return tuple((whose, label) for whose, label in (*labels, *backs) if label is not None and label.ledger)
