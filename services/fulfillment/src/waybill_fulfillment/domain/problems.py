"""Parcels that do not arrive: somebody has to choose what becomes of that, perhaps to send it again."""

from datetime import datetime
from typing import Final
from uuid import UUID

from waybill_events import (
    CarrierStatus,
    Event,
    ExceptionRaised,
    ExceptionResolved,
    TrackingCorrected,
    TrackingUpdated,
    ids,
)
from waybill_fulfillment.domain.ledger import PROBLEMS, Ledger, raised
from waybill_fulfillment.domain.parcels import ParcelState
from waybill_fulfillment.domain.refusals import AlreadyTold, NotOnItsWay, UnknownParcel

SEND_AGAIN: Final = "send_again"
_SAID_LOST: Final = ("unscanned", "lost")
"""Tracking's exception, and the choice that gives a parcel up."""
CHOICES: Final = (SEND_AGAIN, "refund", "other")


def report(ledger: Ledger, parcel_id: UUID, problem: str, comment: str, at: datetime) -> list[ExceptionRaised]:
    """A person says that a parcel is lost or damaged; raises UnknownParcel, NotOnItsWay, AlreadyTold."""
    parcel = ledger.parcel(parcel_id)
    if parcel is None:
        raise UnknownParcel(parcel_id)
    if parcel.state is not ParcelState.SHIPPED:
        raise NotOnItsWay(parcel_id, parcel.number, parcel.state)
    if parcel.problem:
        raise AlreadyTold(parcel_id, parcel.number, parcel.problem)
    return [raised(ledger, problem, parcel, CHOICES, at, units=parcel.units, details=comment)]


def decide_update(ledger: Ledger, event: TrackingUpdated) -> list[Event]:
    """A parcel that its carrier sends back is an exception, once."""
    parcel = ledger.parcel(event.parcel_id)
    sent_back = event.status == CarrierStatus.RETURNED_TO_SENDER
    if parcel is None or not sent_back or parcel.state is not ParcelState.SHIPPED or parcel.problem:
        return []
    kind = CarrierStatus.RETURNED_TO_SENDER
    return [raised(ledger, kind, parcel, CHOICES, event.at, units=parcel.units, details=event.words)]


def decide_given_up(ledger: Ledger, event: ExceptionResolved) -> list[Event]:
    """Whoever settles that nobody has scanned a parcel by calling it lost is asked what becomes of that."""
    if (event.kind, event.choice) != _SAID_LOST:
        return []
    for parcel in ledger.parcels:
        if event.exception_id == ids.exception_id(ledger.order_id, event.kind, parcel.parcel_id):
            if parcel.state is not ParcelState.SHIPPED or parcel.problem:
                return []
            at, says = event.resolved_at, event.comment
            return [raised(ledger, event.choice, parcel, CHOICES, at, units=parcel.units, details=says)]
    return []


def decide_correction(ledger: Ledger, event: TrackingCorrected) -> list[Event]:
    """What was told of a parcel by its former number was not about it."""
    return [
        ExceptionResolved(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            exception_id=each.exception_id,
            kind=each.kind,
            choice="number_corrected",
            resolved_at=event.corrected_at,
        )
        for each in ledger.exceptions
        if each.kind in PROBLEMS and event.parcel_id in each.parcel_ids
    ]
