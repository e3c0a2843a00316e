"""Table topics: compacted, the highest version of a key is the truth, a tombstone removes it."""

from datetime import date
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from waybill_events.model import Box, Code, Event, Name, PersonalText, Text, Value, Version, Weight
from waybill_events.places import Address, BusinessAddress, Buyer


class Recipient(Event, topic="waybill.recipients", subject="order_id", sequenced=False):
    """Who receives an order. Erasing writes a tombstone under the same key."""

    order_id: UUID
    brand_id: UUID
    version: Version
    address: Address | None = None
    buyer: Buyer = Buyer()
    note: PersonalText = ""
    gift_message: PersonalText = ""
    """What is to be said to whom it is for; goes into the parcel."""


class Weekday(StrEnum):
    """A day of the week; in order from Monday."""

    MONDAY = "monday"
    TUESDAY = "tuesday"
    WEDNESDAY = "wednesday"
    THURSDAY = "thursday"
    FRIDAY = "friday"
    SATURDAY = "saturday"
    SUNDAY = "sunday"


WORKING_WEEK = tuple(Weekday)[:5]
ClockTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
"""A time of day on the wall, `16:00`."""
Days = Annotated[int, Field(ge=0, le=365)]


class OwnCarrier(Value):
    """A carrier of a brand's that nobody else knows, and the page on which its parcels are followed."""

    name: Name
    url: Annotated[str, Field(max_length=1000, pattern=r"^(https?://[^\s\x00]+)?$")] = ""
    """`{number}` in it stands for the parcel's number."""


class RateRule(Value):
    """Which of the offered services a label is bought of: the `cheapest`, the `fastest`, or one of `services`.

    The first of `services` that is offered, each written carrier:service; without any of them no label is bought.
    """

    choose: Code = "cheapest"
    services: Annotated[tuple[Name, ...], Field(max_length=50)] = ()


class Logo(Value):
    """A picture, as the file that it came as."""

    media_type: Annotated[str, Field(pattern=r"^image/[a-z+]{1,20}$")]
    """`image/png`, `image/jpeg`, `image/svg+xml`."""
    content: Annotated[str, Field(max_length=350_000, pattern=r"^[A-Za-z0-9+/]+={0,2}$")]
    """In base64; 256 kB at most."""


class SlipLook(Value):
    """How a brand's packing slips look."""

    language: Annotated[str, Field(pattern=r"^[a-z]{2}$")] = "en"
    paper: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,49}$")] = "a4"
    """`a4` or `letter`."""
    color: Annotated[str, Field(pattern=r"^#[0-9a-f]{6}$")] = "#000000"
    message: Annotated[str, Field(max_length=500, pattern=r"^[^\x00]*$")] = ""
    """What the brand says to its customers."""
    prices: bool = False
    """Whether prices are shown; on a gift's they are not."""
    logo: Logo | None = None


class Brand(Event, topic="waybill.brands", subject="brand_id", sequenced=False):
    """The settings of a brand; the portal owns them."""

    brand_id: UUID
    version: Version
    name: Name
    vendors: tuple[Name, ...] = ()
    sku_prefixes: tuple[Name, ...] = ()
    """With `vendors`, the rules that claim lines of a sale for this brand."""
    ship_from: BusinessAddress = BusinessAddress()
    time_zone: Text = "UTC"
    """The name of a zone, as the IANA database has it."""
    working_days: tuple[Weekday, ...] = WORKING_WEEK
    holidays: tuple[date, ...] = ()
    """Dates on which nobody works there."""
    cut_off: ClockTime = "16:00"
    """What comes after it counts as the next working day's."""
    ship_by_days: Days = 2
    """Working days after the payment, or after the order where that was later, in which it is to leave."""
    unscanned_hours: Annotated[int, Field(ge=1, le=2_000)] = 48
    """Working hours in which a carrier should have scanned a parcel."""
    return_days: Days = 30
    """Days after the delivery in which something may be returned."""
    carriers: Annotated[tuple[OwnCarrier, ...], Field(max_length=100)] = ()
    """Carriers of its own, beside those that everybody knows."""
    shipping: Code = "own"
    """How its parcels are shipped unless somebody says otherwise: with its `own` carrier, or with a label that labels
    buys (`platform`)."""
    default_box: Box | None = None
    """What a parcel is packed in, where nobody says."""
    default_weight_g: Weight | None = None
    """What one unit weighs of which nobody has said it."""
    rate_rule: RateRule = RateRule()
    slip: SlipLook = SlipLook()
    document_days: Annotated[int, Field(ge=1, le=3_650)] = 30
    """How long labels that carriers returned, and what was printed of many orders at once, are kept."""
