"""What `waybill verify` looks at here.

Each order is known; its labels and their money are those that the log tells of, and none is paid for a parcel that was
taken apart; recipients and brands are the newest.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.checks import (
    Broken,
    Checks,
    Invariant,
    Judgment,
    Standing,
    Version,
    Within,
    differences,
    digest_of,
)
from waybill_chassis.records import Arrival
from waybill_events import (
    Event,
    ItemsFulfilled,
    LabelFailed,
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    LabelVoidRefused,
    LateShipmentRecorded,
    OrderPlaced,
    ParcelPacked,
    ParcelUnpacked,
    ReturnLabelChanged,
    ReturnLabelPurchased,
    ShipmentUndone,
)
from waybill_labels.domain import ASKED, FUNDS, Funds, Place, State
from waybill_labels.tables import brands, labels, parcels, recipients, returns, slips

_SOURCE: Final = "waybill/labels"
_FULFILLMENT: Final = "waybill/fulfillment"
_OF_LABEL: Final = (
    LabelPurchased,
    LabelFailed,
    LabelVoided,
    LabelVoidRefused,
    LabelRefunded,
    ReturnLabelPurchased,
    ReturnLabelChanged,
)
_OF_PARCEL: Final = (ParcelPacked, ParcelUnpacked, ItemsFulfilled, LateShipmentRecorded, ShipmentUndone)
_EVENTS: Final = {event.__name__ for event in (*_OF_LABEL, *_OF_PARCEL)}
_UNTOLD: Final = frozenset({State.WANTED, State.ASKED, State.DROPPED})
"""In these a label may be of which the log knows nothing."""
_NOT_TAKEN_BACK: Final = "refused"
"""By the log, a label that somebody wished void and its carrier does not take back: whether for sure is not told."""
_MAY_BE: Final[Mapping[str, frozenset[State]]] = {
    State.BOUGHT: frozenset({State.BOUGHT, State.VOIDING}),
    State.FAILED: frozenset({State.FAILED, State.DROPPED}),
    _NOT_TAKEN_BACK: frozenset({State.BOUGHT, State.VOIDING, State.KEPT}),
}
"""In which states a label may be after what the log last told of it; in every other case in that one alone."""
_GOES: Final = frozenset({Place.PACKED, Place.SHIPPED, Place.COMES_BACK, Place.CAME_BACK})
"""Where a parcel, or what comes back, is that needs its label, or has used it."""


async def orders_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Any]:
    """Orders with their parcels and returns, and the labels that were ever wanted for them.

    That an order is lost which has some of these is said where orders are looked at.
    """
    rows = await connection.execute(select(slips.c.order_id, slips.c.reference).where(within(slips.c.order_id)))
    found: dict[UUID, Any] = {
        row.order_id: {"reference": row.reference, "parcels": {}, "returns": {}, "labels": {}} for row in rows
    }
    packed = select(parcels.c.order_id, parcels.c.parcel_id, parcels.c.place).where(within(parcels.c.order_id))
    for parcel in await connection.execute(packed):
        if parcel.order_id in found:
            found[parcel.order_id]["parcels"][str(parcel.parcel_id)] = parcel.place
    coming = select(returns.c.order_id, returns.c.return_id, returns.c.place).where(within(returns.c.order_id))
    for back in await connection.execute(coming):
        if back.order_id in found:
            found[back.order_id]["returns"][str(back.return_id)] = back.place
    wanted = select(
        labels.c.order_id, labels.c.label_id, labels.c.parcel_id, labels.c.state, labels.c.void_why, labels.c.sale
    ).where(within(labels.c.order_id))
    for label in await connection.execute(wanted):
        if label.order_id in found:
            found[label.order_id]["labels"][str(label.label_id)] = {
                "parcel_id": str(label.parcel_id),
                "state": label.state,
                "void_why": label.void_why,
                "number": label.sale and label.sale["tracking_number"],
                "cost": label.sale and label.sale["cost"],
            }
    return found


def money(standing: Standing, history: Sequence[Arrival]) -> Judgment:
    """Each parcel that goes has one label at the most and one taken apart none; the log tells of each, as it is."""
    row = standing.row["labels"]
    own = _numbered(standing, history, _SOURCE, standing.next_sequence - 1)
    moves = _moves(standing, history)
    where = {**standing.row["parcels"], **standing.row["returns"], **_places(arrival.event for arrival in moves)}
    if says := _forgotten(row, where):
        evidence = tuple(arrival.record for arrival in (*moves, *own))
        return Judgment({"labels": len(row)}, Broken(says, evidence))
    if len(own) < standing.next_sequence - 1:
        # Told, and on the way to the log: whether it arrives is a matter of sequences.
        return Judgment({"orders whose labels are on their way": 1})
    told = _told(arrival.event for arrival in own)
    kept = {
        label_id: {name: each[name] for name in ("number", "cost", "state")}
        for label_id, each in row.items()
        if each["state"] not in _UNTOLD or label_id in told
    }
    for label_id, last in told.items():
        if label_id in kept and kept[label_id]["state"] in _MAY_BE.get(last["state"], ()):
            last["state"] = kept[label_id]["state"]
    if found := tuple(differences(kept, told)):
        evidence = tuple(arrival.record for arrival in own)
        return Judgment({"labels": len(row)}, Broken("the labels are not what the log tells", evidence, found))
    funds = [FUNDS[State(each["state"])] for each in row.values()]
    paid = sum(each not in {Funds.NONE, Funds.REFUNDED} for each in funds)
    return Judgment({"labels": len(row), "paid labels": paid})


def _forgotten(row: Mapping[str, Any], where: Mapping[str, str]) -> str:
    """What is wrong with labels that are paid and that nobody gives back; else nothing."""
    bought = [(label_id, each) for label_id, each in row.items() if each["state"] == State.BOUGHT]
    for parcel_id, count in Counter(each["parcel_id"] for _, each in bought).items():
        if count > 1:
            return f"parcel {parcel_id} has {count} paid labels"
    for label_id, each in bought:
        place = where.get(each["parcel_id"], "unknown")
        if place not in _GOES or each["void_why"]:
            why = f", and it was to be void ({each['void_why']})" if each["void_why"] else ""
            return f"label {label_id} is paid and forgotten: its parcel {each['parcel_id']} is {place}{why}"
    return ""


def _numbered(standing: Standing, history: Sequence[Arrival], source: str, last: int) -> list[Arrival]:
    """The events of a source by their number, up to the last that the snapshot may know of."""
    found: dict[int, Arrival] = {}
    for arrival in history:
        envelope = arrival.envelope
        if envelope is not None and envelope.source == source and envelope.sequence is not None:
            found.setdefault(envelope.sequence, standing.decoded(arrival, _EVENTS))
    return [found[number] for number in sorted(found) if number <= last]


def _moves(standing: Standing, history: Sequence[Arrival]) -> list[Arrival]:
    """What fulfillment told of parcels and was taken in; nothing where some of it stands still, or is lost."""
    last = standing.taken.get(_FULFILLMENT, 0)
    read = _numbered(standing, history, _FULFILLMENT, last)
    return [] if standing.parked or standing.waiting or len(read) < last else read


def _places(events: Iterable[Event | None]) -> dict[str, Place]:
    """Where parcels are, by the log."""
    places: dict[str, Place] = {}
    for event in events:
        if isinstance(event, ParcelPacked) or (isinstance(event, ShipmentUndone) and event.packed):
            places[str(event.parcel_id)] = Place.PACKED
        elif isinstance(event, ParcelUnpacked | ShipmentUndone):
            places[str(event.parcel_id)] = Place.UNPACKED
        elif isinstance(event, ItemsFulfilled | LateShipmentRecorded):
            places[str(event.parcel_id)] = Place.SHIPPED
    return places


def _told(events: Iterable[Event | None]) -> dict[str, Any]:
    """The labels of which the log tells: number, cost, and what it last said of each."""
    told: dict[str, Any] = {}
    for event in events:
        if isinstance(event, _OF_LABEL):
            known = told.setdefault(str(event.label_id), {"number": None, "cost": None, "state": ""})
            known["state"] = _state(event, known["state"])
            if isinstance(event, LabelPurchased | ReturnLabelPurchased):
                known |= {"number": event.tracking_number, "cost": event.cost.model_dump()}
    return told


def _state(
    event: LabelPurchased
    | LabelFailed
    | LabelVoided
    | LabelVoidRefused
    | LabelRefunded
    | ReturnLabelPurchased
    | ReturnLabelChanged,
    before: str,
) -> str:
    """What a label is after it."""
    match event:
        case LabelPurchased():
            return State.VOIDING if event.unwanted else State.BOUGHT
        case ReturnLabelPurchased():
            return State.BOUGHT
        case LabelFailed():
            return State.FAILED
        case LabelVoided():
            return State.VOIDED
        case LabelRefunded():
            return State.REFUNDED
        case ReturnLabelChanged():
            return event.state
        case LabelVoidRefused():
            return _NOT_TAKEN_BACK if event.why == ASKED and before != State.VOIDED else State.KEPT


async def recipients_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Version]:
    """Who receives, by version and digest."""
    rows = await connection.execute(select(recipients).where(within(recipients.c.order_id)))
    return {row.order_id: Version(row.version, digest_of(row.recipient)) for row in rows}


async def brands_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Version]:
    """Settings of brands, by version and digest."""
    rows = await connection.execute(select(brands).where(within(brands.c.brand_id)))
    return {row.brand_id: Version(row.version, digest_of(row.brand)) for row in rows}


CHECKS: Final = Checks(
    opened_by=OrderPlaced,
    read=orders_within,
    reads=(
        slips.c.order_id,
        slips.c.reference,
        parcels.c.order_id,
        parcels.c.parcel_id,
        parcels.c.place,
        returns.c.order_id,
        returns.c.return_id,
        returns.c.place,
        labels.c.order_id,
        labels.c.label_id,
        labels.c.parcel_id,
        labels.c.state,
        labels.c.void_why,
        labels.c.sale,
        recipients,
        brands,
    ),
    versions={"waybill.recipients": recipients_within, "waybill.brands": brands_within},
    invariants=(
        Invariant(
            "labels",
            "each parcel has one label at the most, one taken apart has none, and the log tells of all money",
            money,
        ),
    ),
)
