"""The carriers that are known, and how a typed name or a number leads to one."""

import re
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote


@dataclass(frozen=True, slots=True)
class Carrier:
    """A carrier. `names` are how people write it, in lower case without spaces and marks."""

    code: str
    name: str
    names: frozenset[str]
    formats: tuple[re.Pattern[str], ...]
    """What its numbers look like, compact (no spaces or dashes, upper case)."""
    page_of: str
    """Where its parcels are followed; `{}` stands for the number."""

    def page(self, number: str) -> str:
        """The public page of one parcel."""
        return self.page_of.replace("{}", quote(compact(number), safe=""))

    def wrote(self, number: str) -> bool:
        """Whether `number`, compact, has a format of this carrier."""
        return any(form.fullmatch(number) for form in self.formats)


CARRIERS: Final = (
    Carrier(
        code="ups",
        name="UPS",
        names=frozenset({"ups", "unitedparcelservice", "upsground", "upsexpress", "upsmailinnovations"}),
        formats=(re.compile(r"1Z[0-9A-Z]{15}\d"),),
        page_of="https://www.ups.com/track?tracknum={}",
    ),
    Carrier(
        code="usps",
        name="USPS",
        names=frozenset({"usps", "unitedstatespostalservice", "uspostalservice", "uspriority", "uspspriority"}),
        # Impb numbers, with or without the routing prefix 420 + ZIP, and the S10 format of the Universal Postal Union.
        formats=(re.compile(r"(420\d{5}(\d{4})?)?9[1-5]\d{18,20}"), re.compile(r"[A-Z]{2}\d{9}US")),
        page_of="https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
    ),
    Carrier(
        code="fedex",
        name="FedEx",
        names=frozenset({"fedex", "federalexpress", "fedexground", "fedexexpress", "fedexhomedelivery"}),
        formats=(re.compile(r"\d{12}"), re.compile(r"\d{15}"), re.compile(r"96\d{18}(\d\d)?")),
        page_of="https://www.fedex.com/fedextrack/?trknbr={}",
    ),
    Carrier(
        code="dhl",
        name="DHL",
        names=frozenset({"dhl", "dhlexpress", "dhlecommerce", "deutschepostdhl"}),
        formats=(re.compile(r"\d{10}"), re.compile(r"JJ?D\d{16,18}"), re.compile(r"GM\d{16,20}")),
        page_of="https://www.dhl.com/global-en/home/tracking.html?tracking-id={}",
    ),
)
"""Formats and pages as each carrier publishes them in its tracking help."""


def compact(number: str) -> str:
    """A number as it is compared: upper case, without the spaces and dashes that people group digits with."""
    return re.sub(r"[\s\-\u2010-\u2015]", "", number).upper()


def by_name(name: str) -> Carrier | None:
    """The carrier that people mean by `name`, or None."""
    wanted = re.sub(r"[\W_]", "", name).lower()
    return next((carrier for carrier in CARRIERS if wanted in carrier.names), None)


def by_number(number: str) -> Carrier | None:
    """The one carrier that writes such numbers; None where none or several do."""
    plain = compact(number)
    found = [carrier for carrier in CARRIERS if carrier.wrote(plain)]
    return found[0] if len(found) == 1 else None
