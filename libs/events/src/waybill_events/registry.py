"""Which events exist, on which topics, and how a record's bytes become one of them."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from pydantic import ValidationError

from waybill_events.exceptions import ExceptionRaised, ExceptionResolved
from waybill_events.former import v1
from waybill_events.fulfillment import (
    CorrectionRequested,
    ItemsFulfilled,
    LateShipmentRecorded,
    ParcelPacked,
    ParcelUnpacked,
    ResendRequested,
    ShipmentUndone,
)
from waybill_events.labels import (
    LabelFailed,
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    LabelVoidRefused,
    ManifestClosed,
    ReturnLabelChanged,
    ReturnLabelPurchased,
)
from waybill_events.model import OWN, Event
from waybill_events.orders import OrderPlaced, OrderResent, SaleSplit
from waybill_events.requests import (
    AmendmentRequested,
    CancellationRequested,
    HoldRequested,
    OrderAmended,
    OrderCanceled,
    OrderHeld,
    OrderReleased,
    RequestDecided,
    RequestDeclined,
)
from waybill_events.returns import ReturnClosed, ReturnOpened, ReturnReceived, ReturnRequested
from waybill_events.sales import SaleCanceled, SaleChanged, SaleReceived
from waybill_events.tables import Brand, Recipient
from waybill_events.tracking import (
    ParcelDelivered,
    ParcelScanned,
    ParcelUnscanned,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
)

_VERSION: Final = re.compile(r"[1-9][0-9]{0,8}")


class UnknownType(LookupError):
    """No event of this name is known at all; a reader passes over it."""


class UnknownVersion(LookupError):
    """The event is known, this version of it is not: newer code must read it."""


class Undecodable(ValueError):
    """The value is not what its type says; the message names the fields, never their contents."""


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic, who writes to it, and how long it keeps records.

    `log` keeps everything, `table` is compacted, `expiring` deletes after 30 days.
    """

    name: str
    owner: str
    kind: Literal["log", "table", "expiring"]
    says: str


TOPICS: Final = (
    Topic("waybill.sales", "connectors", "expiring", "Sales as the platforms tell them."),
    Topic("waybill.connectors", "connectors", "log", "Shipments made in brands' own shops, and write-backs."),
    Topic("waybill.orders", "orders", "log", "The life of an order, without names and addresses."),
    Topic("waybill.recipients", "orders", "table", "Who receives an order; erasable."),
    Topic("waybill.fulfillment", "fulfillment", "log", "Every decision about quantities and parcels."),
    Topic("waybill.labels", "labels", "log", "Labels bought and voided, and their money."),
    Topic("waybill.tracking", "tracking", "log", "Numbers, carriers, and what carriers report."),
    Topic("waybill.brands", "portal", "table", "The settings of brands."),
)


class Registry:
    """The events that a reader knows, by name and version. The newest version is written, former ones are read."""

    def __init__(self, events: Iterable[type[Event]]) -> None:
        """Raise ValueError for two classes of one type name, no such topic, or a version without a way to the next."""
        self._versions: dict[str, dict[int, type[Event]]] = {}
        topics = {OWN, *(topic.name for topic in TOPICS)}
        for event in events:
            versions = self._versions.setdefault(event.__name__, {})
            if event.schema_version in versions:
                raise ValueError(f"{event.type_name()} is registered twice")
            if event.topic not in topics:
                raise ValueError(f"{event.type_name()} goes to {event.topic}, which is no topic")
            versions[event.schema_version] = event
        for versions in self._versions.values():
            _check_way(versions)
        self._by_type = {event.type_name(): event for event in self}

    def __iter__(self) -> Iterator[type[Event]]:
        """All event classes that are read, by name and version."""
        for _, versions in sorted(self._versions.items()):
            yield from (versions[number] for number in sorted(versions))

    def on_topic(self, topic: Topic) -> Iterator[type[Event]]:
        """What may stand on a topic; what every service may tell, on each log."""
        return (event for event in self if event.topic == topic.name or (event.topic == OWN and topic.kind == "log"))

    def written(self) -> Iterator[type[Event]]:
        """The newest version of each event, by name: what this release writes, and all that its handlers meet."""
        return (event for event in self if not event.is_former())

    def find(self, type_name: str) -> type[Event]:
        """The class of `waybill.OrderPlaced.v1`; raises UnknownType or UnknownVersion."""
        if (known := self._by_type.get(type_name)) is not None:
            return known
        prefix, _, rest = type_name.partition(".")
        name, _, version = rest.partition(".v")
        versions = self._versions.get(name)
        if prefix != "waybill" or versions is None or not _VERSION.fullmatch(version):
            raise UnknownType(type_name)
        known_versions = ", ".join(f"v{number}" for number in sorted(versions))
        raise UnknownVersion(
            f"{type_name} is not known here (known: {known_versions}); it goes on when newer code starts"
        )

    def decode(self, type_name: str, value: bytes) -> Event:
        """The event in a record, as its newest version; raises UnknownType, UnknownVersion or Undecodable."""
        found = self.find(type_name)
        try:
            event = found.from_json(value)
            while (newer := event.upcast()) is not None:
                event = newer
        except ValidationError as error:
            problems = "; ".join(
                f"{'.'.join(map(str, problem['loc'])) or 'value'}: {problem['msg']}"
                for problem in error.errors(include_input=False, include_url=False, include_context=False)
            )
            raise Undecodable(f"{type_name}: {problems}") from error
        except Exception as error:  # a bug in an upcaster may cost one order, never the partition behind it
            raise Undecodable(f"{type_name}: its upcaster failed with {type(error).__name__}") from error
        return event


def _check_way(versions: dict[int, type[Event]]) -> None:
    """Each former version leads to the next, and none of them moved to another topic or key."""
    last = versions[max(versions)]
    for number, event in versions.items():
        if event.is_former() and event is last:
            raise ValueError(f"{event.type_name()} is the newest version and has an upcaster")
        if event is not last and not (event.is_former() and number + 1 in versions):
            raise ValueError(f"{event.type_name()} has no way to v{number + 1}")
        if (event.topic, event.subject_field, event.sequenced) != (last.topic, last.subject_field, last.sequenced):
            raise ValueError(f"{event.type_name()} and {last.type_name()} differ in topic, key or numbering")


EVENTS: Final = Registry(
    (
        SaleReceived,
        SaleChanged,
        SaleCanceled,
        SaleSplit,
        v1.OrderPlaced,
        OrderPlaced,
        OrderResent,
        Recipient,
        CancellationRequested,
        HoldRequested,
        AmendmentRequested,
        OrderAmended,
        OrderCanceled,
        OrderHeld,
        OrderReleased,
        RequestDeclined,
        RequestDecided,
        ParcelPacked,
        ParcelUnpacked,
        v1.ItemsFulfilled,
        ItemsFulfilled,
        ShipmentUndone,
        LateShipmentRecorded,
        CorrectionRequested,
        ResendRequested,
        ReturnRequested,
        ReturnOpened,
        ReturnReceived,
        ReturnClosed,
        LabelPurchased,
        LabelFailed,
        LabelVoided,
        LabelVoidRefused,
        LabelRefunded,
        ReturnLabelPurchased,
        ReturnLabelChanged,
        ManifestClosed,
        TrackingAdded,
        TrackingCorrected,
        TrackingUpdated,
        ParcelScanned,
        ParcelUnscanned,
        ParcelDelivered,
        ExceptionRaised,
        ExceptionResolved,
        Brand,
    ),
)
"""Every event of Waybill, former versions included. A new one is added here and gets a golden sample."""
