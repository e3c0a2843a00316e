"""What somebody decides about a label that stands still."""

from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

from waybill_carriers import by_name, compact
from waybill_labels.domain.labels import CHOICES, FAILED, SOLD, UNCLEAR, buy, not_sold, resolved, sold, want
from waybill_labels.domain.orders import Decided, Label, Order, Sale, State
from waybill_labels.domain.refusals import NoChoice, NoNumber, NumberKnown, NumberOfWhat, UnknownException


@dataclass(frozen=True, slots=True)
class Decision:
    """How an exception is to be closed; `number` is the tracking number of what was found to be sold.

    It must not be that of another label: `taken` says whether one has it, of whichever order.
    """

    choice: str
    comment: str = ""
    number: str = ""
    taken: bool = False


def resolve(order: Order, exception_id: UUID, decision: Decision, at: datetime) -> Decided:
    """Close the exception about a label: buy one again, or say what its carrier did not.

    Raises UnknownException, NoChoice, NoNumber, NumberKnown, NumberOfWhat.
    """
    label = next((label for label in order.labels if label.exception_id == exception_id), None)
    if label is None:
        raise UnknownException(exception_id)
    kind = UNCLEAR if label.state is State.ASKED else FAILED
    if decision.choice not in CHOICES[kind]:
        raise NoChoice(decision.choice, CHOICES[kind])
    if kind == FAILED:
        return buy(order, label.parcel_id, None, at, decision.comment)
    events = resolved(order, label, decision.choice, at, decision.comment)
    settled = order.with_label(replace(label, exception_id=None))
    if decision.choice == SOLD:
        settled, more = _found(settled, label, decision, at)
        events += more
    elif decision.number:
        raise NumberOfWhat(decision.number)
    else:
        settled = not_sold(settled, label.label_id)
    parcel = settled.parcel(label.parcel_id)
    assert parcel is not None
    return want(settled, parcel, label.wish) if not label.void_why else settled, events


def _found(order: Order, label: Label, decision: Decision, at: datetime) -> Decided:
    """It was sold, and is given back: nobody has its file."""
    number = compact(decision.number)
    if not number.isascii() or not number.isalnum():
        raise NoNumber
    if decision.taken:
        raise NumberKnown(number)
    assert label.offer is not None
    known = by_name(label.offer.carrier)
    url = known.page(number) if known else ""
    useless = order.with_label(replace(label, exception_id=None, void_why=label.void_why or UNCLEAR))
    return sold(useless, label.label_id, [Sale(number, number, url, label.offer.cost)], at)
