"""The port to carriers: what they are asked, and what they may answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from waybill_labels.domain import File, Offer, Sale, Shipment


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier does not do it, in its own words; asking again would not help."""

    words: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No answer, or none that says whether it was done. Whoever asked to buy must look before asking again."""

    why: str


@dataclass(frozen=True, slots=True)
class NoBooks:
    """What was sold without an answer cannot be looked up; only a person can, at the carrier's own site."""


@dataclass(frozen=True, slots=True)
class TakenBack:
    """A label is void at its carrier; its money has come back, or is to come."""

    refunded: bool


@dataclass(frozen=True, slots=True)
class Sold:
    """What was sold, and the label where the carrier gives one."""

    sale: Sale
    file: File | None = None


class Carrier(Protocol):
    """One carrier's account. Every call ends by its deadline and never raises for what the network or carrier does."""

    code: str
    settles_s: float
    """Seconds after which what was bought without an answer is in its books."""
    voids_again: bool
    """Whether a label that is void already is taken back again; where it is not, a second refusal says nothing."""

    async def rates(self, shipment: Shipment, /) -> Sequence[Offer] | Refused | Unknown:
        """What its services cost."""
        ...

    async def buy(self, key: UUID, offer: Offer, shipment: Shipment, /) -> Sold | Refused | Unknown:
        """Buy a label under a key."""
        ...

    async def bought(self, key: UUID, /) -> Sequence[Sold] | NoBooks | Unknown:
        """All that was ever bought under a key."""
        ...

    async def void(self, sale: Sale, /) -> TakenBack | Refused | Unknown:
        """Have a label taken back; again for one that was, where it `voids_again`."""
        ...

    async def manifest(self, key: UUID, sales: Sequence[Sale], /) -> str | Refused | Unknown:
        """Have these labels taken along, on one list; its number, empty where a carrier has no lists.

        The same key again gives the same list.
        """
        ...

    async def close(self) -> None:
        """Close the connections."""
        ...


class NoAccount:
    """A carrier with which there is no account any more: nobody knows what became of what it sold."""

    settles_s = 60.0
    voids_again = True

    def __init__(self, code: str) -> None:
        self.code, self.unknown = code, Unknown(f"no account with {code} is set up any more")

    async def rates(self, _shipment: Shipment) -> Unknown:
        """Nobody answers."""
        return self.unknown

    async def buy(self, _key: UUID, _offer: Offer, _shipment: Shipment) -> Unknown:
        """Nobody answers."""
        return self.unknown

    async def bought(self, _key: UUID) -> Unknown:
        """Nobody answers."""
        return self.unknown

    async def void(self, _sale: Sale) -> Unknown:
        """Nobody answers."""
        return self.unknown

    async def manifest(self, _key: UUID, _sales: Sequence[Sale]) -> Unknown:
        """Nobody answers."""
        return self.unknown

    async def close(self) -> None:
        """There is nothing to close."""
