"""What `waybill verify` looks at here.

Each order is known, its labels and their money are those that the log tells of, recipients and brands are the newest.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
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
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    LabelVoidRefused,
    OrderPlaced,
    ReturnLabelChanged,
    ReturnLabelPurchased,
)
from waybill_labels.domain import PAID, State
from waybill_labels.tables import brands, labels, recipients, slips

_SOURCE: Final = "waybill/labels"
_TELL: Final = (
    LabelPurchased,
    LabelVoided,
    LabelVoidRefused,
    LabelRefunded,
    ReturnLabelPurchased,
    ReturnLabelChanged,
)
_EVENTS: Final = {event.__name__ for event in _TELL}
_MONEY: Final = {state.value: "paid" for state in PAID} | {State.REFUNDED.value: "refunded"}
"""Where the money of a label is; nowhere but with us in every other state."""


async def orders_within(connection: AsyncConnection, within: Within) -> Mapping[UUID, Any]:
    """Orders with the labels that were ever wanted for them."""
    rows = await connection.execute(select(slips.c.order_id, slips.c.reference).where(within(slips.c.order_id)))
    found: dict[UUID, Any] = {row.order_id: {"reference": row.reference, "labels": {}} for row in rows}
    wanted = select(
        labels.c.order_id, labels.c.label_id, labels.c.parcel_id, labels.c.state, labels.c.void_why, labels.c.sale
    ).where(within(labels.c.order_id))
    for row in await connection.execute(wanted):
        if row.order_id not in found:
            # That it is lost is said where orders are looked at.
            continue
        found[row.order_id]["labels"][str(row.label_id)] = {
            "parcel_id": str(row.parcel_id),
            "state": row.state,
            "wanted": row.void_why == "",
            "number": row.sale and row.sale["tracking_number"],
            "cost": row.sale and row.sale["cost"],
        }
    return found


def money(standing: Standing, history: Sequence[Arrival]) -> Judgment:
    """Each parcel has one label at the most, and the log tells of each one that was paid, and where its money is."""
    row, own = standing.row["labels"], _own(standing, history)
    evidence = tuple(arrival.record for arrival in own.values())
    bought = Counter(
        each["parcel_id"] for each in row.values() if each["state"] == State.BOUGHT.value and each["wanted"]
    )
    for parcel_id, count in bought.items():
        if count > 1:
            return Judgment({"labels": len(row)}, Broken(f"parcel {parcel_id} has {count} paid labels", evidence))
    numbers = {arrival.envelope.sequence for arrival in own.values() if arrival.envelope is not None}
    if len(numbers) < standing.next_sequence - 1:
        # Told, and on the way to the log: whether it arrives is a matter of sequences.
        return Judgment({"orders whose labels are on their way": 1})
    kept = {
        label_id: {"number": each["number"], "cost": each["cost"], "money": _MONEY[each["state"]]}
        for label_id, each in row.items()
        if each["state"] in _MONEY
    }
    if found := tuple(differences(kept, _told(own))):
        return Judgment({"labels": len(row)}, Broken("the labels are not what the log tells", evidence, found))
    return Judgment({"labels": len(row), "paid labels": sum(each["money"] == "paid" for each in kept.values())})


def _own(standing: Standing, history: Sequence[Arrival]) -> dict[int, Arrival]:
    """Our own events by their number, as far as they were told in the snapshot."""
    found: dict[int, Arrival] = {}
    for arrival in history:
        envelope = arrival.envelope
        if envelope is not None and envelope.source == _SOURCE and envelope.sequence is not None:
            found.setdefault(envelope.sequence, standing.decoded(arrival, _EVENTS))
    return {number: found[number] for number in sorted(found) if number < standing.next_sequence}


def _told(own: Mapping[int, Arrival]) -> dict[str, Any]:
    """The labels that were paid, by the log."""
    told: dict[str, Any] = {}
    for arrival in own.values():
        match arrival.event:
            case (LabelPurchased() | ReturnLabelPurchased()) as event:
                cost = event.cost.model_dump()
                told[str(event.label_id)] = {"number": event.tracking_number, "cost": cost, "money": "paid"}
            case LabelRefunded() as event:
                told.setdefault(str(event.label_id), {})["money"] = "refunded"
            case ReturnLabelChanged(state="refunded") as event:
                told.setdefault(str(event.label_id), {})["money"] = "refunded"
            case _:
                pass
    return told


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
    invariants=(Invariant("labels", "each parcel has one label at the most, and the log tells of all money", money),),
)
