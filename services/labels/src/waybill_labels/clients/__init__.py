"""Carriers, as labels calls them."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from waybill_labels.clients.carriers import Carrier, NoAccount, NoBooks, Refused, Sold, TakenBack, Unknown
from waybill_labels.clients.karrio import Karrio
from waybill_labels.clients.simulated import Simulated
from waybill_labels.domain import Offer, Shipment
from waybill_labels.settings import KarrioAccount, SimulatedAccount

__all__ = [
    "Carrier",
    "NoAccount",
    "NoBooks",
    "Refused",
    "Said",
    "Sold",
    "TakenBack",
    "Unknown",
    "offers_of",
    "open_accounts",
]


@dataclass(frozen=True, slots=True)
class Said:
    """What all carriers say of a shipment: their offers, and by our code of each who refuses it or does not answer."""

    offers: Sequence[Offer]
    refused: Mapping[str, str]
    unanswered: Mapping[str, str]

    @property
    def without(self) -> Mapping[str, str]:
        """Who makes no offer, and why."""
        return {**self.refused, **{code: f"no answer ({why})" for code, why in self.unanswered.items()}}


async def offers_of(carriers: Mapping[str, Carrier], shipment: Shipment) -> Said:
    """Ask all carriers at once."""
    answers = dict(
        zip(carriers, await asyncio.gather(*(each.rates(shipment) for each in carriers.values())), strict=True)
    )
    return Said(
        [offer for said in answers.values() if not isinstance(said, Refused | Unknown) for offer in said],
        {code: said.words for code, said in answers.items() if isinstance(said, Refused)},
        {code: said.why for code, said in answers.items() if isinstance(said, Unknown)},
    )


def open_accounts(accounts: Mapping[str, SimulatedAccount | KarrioAccount]) -> dict[str, Carrier]:
    """The carriers that are set up, by our code of each; raises ValueError."""
    return {
        code: Karrio(code, account) if isinstance(account, KarrioAccount) else Simulated(code, account)
        for code, account in accounts.items()
    }
