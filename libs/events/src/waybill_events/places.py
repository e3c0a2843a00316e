"""Where things go and to whom."""

from typing import Annotated

from waybill_events.model import Country, Personal, PersonalText, Text, Value


class Address(Value):
    """A postal address as its writer gave it; nothing is corrected."""

    name: PersonalText = ""
    company: PersonalText = ""
    line1: PersonalText = ""
    line2: PersonalText = ""
    city: PersonalText = ""
    region: PersonalText = ""
    postcode: PersonalText = ""
    country: Annotated[Country, Personal()] | None = None
    phone: PersonalText = ""


class Buyer(Value):
    """Who bought, and how to reach them."""

    name: PersonalText = ""
    email: PersonalText = ""
    phone: PersonalText = ""


class BusinessAddress(Value):
    """The address of a brand, which is no personal data."""

    name: Text = ""
    line1: Text = ""
    line2: Text = ""
    city: Text = ""
    region: Text = ""
    postcode: Text = ""
    country: Country | None = None
    phone: Text = ""
