"""Carriers, as labels calls them."""

from collections.abc import Mapping

from waybill_labels.clients.carriers import Carrier, NoAccount, Refused, Sold, TakenBack, Unknown
from waybill_labels.clients.simulated import Simulated
from waybill_labels.settings import Account

__all__ = ["Carrier", "NoAccount", "Refused", "Sold", "TakenBack", "Unknown", "open_accounts"]


def open_accounts(accounts: Mapping[str, Account]) -> dict[str, Carrier]:
    """The carriers that are set up, by our code of each."""
    return {code: Simulated(code, account) for code, account in accounts.items()}
