"""A carrier as the registry describes it."""

from dataclasses import dataclass
from urllib.parse import quote

from waybill_carriers.formats import Format
from waybill_carriers.numbers import compact


@dataclass(frozen=True, slots=True)
class Carrier:
    """A company that carries parcels."""

    code: str
    name: str
    aliases: tuple[str, ...]
    """How else people and platforms write it; case, spaces and marks do not matter."""
    page_of: str
    """Where its parcels are followed; `{}` stands for the number. Empty where it has no public page."""
    source: str
    """Where name and page come from."""
    formats: tuple[Format, ...] = ()
    family: str = ""
    """The code of the carrier that people may mean as well when they write only the name of the group."""
    posts: bool = False
    """Whether it stands for whichever post the number's country names."""

    def page(self, number: str) -> str:
        """The public page of one parcel."""
        plain = compact(number)
        return self.page_of.replace("{}", plain if plain.isascii() and plain.isalnum() else quote(plain, safe=""))
