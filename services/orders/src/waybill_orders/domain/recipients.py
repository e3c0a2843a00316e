"""Who receives an order: whether an address can be delivered to, and what of it is to change."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

from waybill_chassis.postal import used_in
from waybill_events import Address, Recipient

FIELDS: Final = tuple(Address.model_fields)
NOTHING: Final[Mapping[str, Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Amendment:
    """What of a recipient is to change: fields of the address by name, and the note; None where it stays."""

    address: Mapping[str, Any] = field(default_factory=lambda: NOTHING)
    note: str | None = None

    def __bool__(self) -> bool:
        """Whether anything is to change."""
        return bool(self.address) or self.note is not None

    @property
    def fields(self) -> tuple[str, ...]:
        """What is to change, by name: `address.city`, `note`."""
        named = tuple(f"address.{name}" for name in FIELDS if name in self.address)
        return named if self.note is None else (*named, "note")

    def applied(self, to: Recipient) -> Recipient:
        """The next version of a recipient, with what is to change."""
        before = to.address or Address()
        address = before.model_copy(update=dict(self.address)) if self.address else to.address
        note = to.note if self.note is None else self.note
        return to.model_copy(update={"version": to.version + 1, "address": address, "note": note})


def incomplete(address: Address | None) -> tuple[str, ...]:
    """What an address lacks: `name`, `line1`, `city`, `country`, `postcode`; all but the last where there is none.

    A company stands for a name, a PO box for a street. A postcode is asked for where the country has them, a city where
    its addresses name one: in Singapore and some other cities they do not.
    """
    address = address or Address()
    used = frozenset[str]() if address.country is None else used_in(address.country)
    lacks = {
        "name": not (address.name.strip() or address.company.strip()),
        "line1": not (address.line1.strip() or address.line2.strip()),
        "city": not address.city.strip() and (not used or bool(used & {"city", "country_area"})),
        "country": not used,
        "postcode": "postal_code" in used and not address.postcode.strip(),
    }
    return tuple(name for name, lacking in lacks.items() if lacking)


def difference(before: Address | None, after: Address | None) -> Mapping[str, Any]:
    """The fields of an address that are others now, with what they are now; a removed address changes nothing."""
    if after is None:
        return NOTHING
    old = before or Address()
    return MappingProxyType(
        {name: getattr(after, name) for name in FIELDS if getattr(after, name) != getattr(old, name)}
    )
