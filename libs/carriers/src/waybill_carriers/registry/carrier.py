"""A carrier as the registry describes it."""

from dataclasses import dataclass, field
from urllib.parse import quote

from waybill_carriers.formats import Format, Shape
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

    asking: tuple[Shape, ...] = field(init=False, repr=False)
    """Of its shapes those of which a page is asked for a part."""

    def __post_init__(self) -> None:
        shapes = (read for each in self.formats for read in each.read if "asked" in read.parts)
        object.__setattr__(self, "asking", tuple(shapes))

    def page(self, number: str) -> str:
        """The public page of one parcel, asked for what the carrier knows it by: a barcode may hold more."""
        asked = compact(number)
        for read in self.asking:
            if read.length == len(asked) and read.pattern.fullmatch(asked):
                asked = asked[read.parts["asked"]]
                break
        return self.page_of.replace("{}", asked if asked.isascii() and asked.isalnum() else quote(asked, safe=""))
