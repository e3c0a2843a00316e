"""What carriers say of a number, and what is true of its parcel after all of it.

A status is that of the latest message by the carrier's own time, however late or often a message comes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID, uuid5

from waybill_events import CarrierStatus, ids

EARLIER: Final = timedelta(days=14)
"""How long before its number was typed a parcel may have been with its carrier: people do that later, and carriers give
a number out again after months at the earliest."""
CLOCKS: Final = timedelta(days=1)
"""How long before its label was bought a parcel is scanned by a carrier that tells the local time without a zone."""
_NO_SCAN: Final = {CarrierStatus.PRE_TRANSIT, CarrierStatus.UNKNOWN}
_AFTER_DELIVERY: Final = {CarrierStatus.RETURNED_TO_SENDER}
_ORDER: Final = (
    CarrierStatus.UNKNOWN,
    CarrierStatus.PRE_TRANSIT,
    CarrierStatus.IN_TRANSIT,
    CarrierStatus.EXCEPTION,
    CarrierStatus.OUT_FOR_DELIVERY,
    CarrierStatus.ATTEMPTED,
    CarrierStatus.AVAILABLE_FOR_PICKUP,
    CarrierStatus.DELIVERED,
    CarrierStatus.RETURNED_TO_SENDER,
)
_FAR: Final = {status: at for at, status in enumerate(_ORDER)}


@dataclass(frozen=True, slots=True)
class Message:
    """One thing that a carrier said: when by its own clock, in our word, and in its own code and words.

    `retracts` says that the carrier takes back what it had said of a delivery.
    """

    number: str
    at: datetime
    status: CarrierStatus
    code: str = ""
    words: str = ""
    retracts: bool = False
    estimated_delivery: datetime | None = None

    @property
    def message_id(self) -> UUID:
        """The same for the same message, through whichever feed and however often it comes."""
        said = f"message|{self.number}|{self.at.isoformat()}|{self.status}|{self.code}|{self.words}"
        expected = "" if self.estimated_delivery is None else f"|{self.estimated_delivery.isoformat()}"
        return uuid5(ids.NAMESPACE, said + expected)


@dataclass(frozen=True, slots=True)
class Journey:
    """What is true of a parcel after all that its carrier said; `latest` is the message that its status is of."""

    latest: Message | None = None
    scanned_at: datetime | None = None
    delivered_at: datetime | None = None


def journey(messages: Iterable[Message], since: datetime) -> Journey:
    """The journey of a parcel that may have been with its carrier from `since` on, after messages as they came in.

    After a delivery only a return to the sender counts, or the carrier's own retraction of the delivery.
    """
    mine = sorted((each for each in messages if each.at >= since), key=_in_order)
    latest: Message | None = None
    delivered_at: datetime | None = None
    for each in mine:
        if delivered_at is not None and not each.retracts and each.status not in _AFTER_DELIVERY:
            continue
        latest = each
        if each.status is CarrierStatus.DELIVERED:
            delivered_at = each.at
        elif each.retracts:
            delivered_at = None
    scans = (each.at for each in mine if each.status not in _NO_SCAN)
    return Journey(latest, next(scans, None), delivered_at)


def _in_order(message: Message) -> tuple[datetime, int]:
    """By the carrier's clock; of what it says at one moment, what is further along, or came in later, comes later."""
    return message.at, _FAR[message.status]
