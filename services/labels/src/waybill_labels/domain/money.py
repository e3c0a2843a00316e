"""The money of a label: a small ledger of what it cost and what came back, derived from the label itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from waybill_events import Money
from waybill_labels.domain.orders import Label, State


class Moved(StrEnum):
    """What happened to the money of a label."""

    BOUGHT = "bought"
    VOID_REQUESTED = "void_requested"
    """Its carrier is asked to take it back."""
    VOIDED = "voided"
    """Its carrier took it back, and is to pay."""
    REFUNDED = "refunded"
    LOST = "lost"
    """Its carrier does not take it back, or does not pay."""


class Funds(StrEnum):
    """Where the money of a label is."""

    NONE = "none"
    """With us: nothing was paid."""
    PAID = "paid"
    PENDING = "pending"
    """It was asked back, and has not come."""
    REFUNDED = "refunded"
    LOST = "lost"


FUNDS: Final[Mapping[State, Funds]] = {
    State.WANTED: Funds.NONE,
    State.ASKED: Funds.NONE,
    State.FAILED: Funds.NONE,
    State.DROPPED: Funds.NONE,
    State.BOUGHT: Funds.PAID,
    State.VOIDING: Funds.PENDING,
    State.VOIDED: Funds.PENDING,
    State.REFUNDED: Funds.REFUNDED,
    State.KEPT: Funds.LOST,
}


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the ledger; `at` is None where a release before did not note it."""

    what: Moved
    amount: Money
    at: datetime | None


def ledger(label: Label) -> tuple[Entry, ...]:
    """What happened to the money of a label, the first first; nothing where it never was sold."""
    if label.sale is None:
        return ()
    moves = [(Moved.BOUGHT, label.purchased_at)]
    if FUNDS[label.state] is not Funds.PAID:
        moves.append((Moved.VOID_REQUESTED, label.void_asked_at))
    if label.voided_at is not None:
        moves.append((Moved.VOIDED, label.voided_at))
    if label.state is State.REFUNDED:
        moves.append((Moved.REFUNDED, label.settled_at))
    if label.state is State.KEPT:
        moves.append((Moved.LOST, label.settled_at))
    return tuple(Entry(what, label.sale.cost, at) for what, at in moves)
