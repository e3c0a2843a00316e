"""Parcels that do not arrive: an exception once, settled by a choice, perhaps sent again."""

from typing import Any
from uuid import UUID

import pytest
from fulfillment_builders import BRAND, NOON, ORDER, cause, corrected, placed

from waybill_events import (
    ExceptionRaised,
    ExceptionResolved,
    ItemsFulfilled,
    ResendRequested,
    TrackingAdded,
    TrackingUpdated,
    ids,
)
from waybill_fulfillment.domain import (
    AlreadyTold,
    Ledger,
    NothingToSend,
    NotOnItsWay,
    Tracking,
    UnknownParcel,
    on_event,
    pack,
    report,
    resolve,
    ship,
    ship_parcel,
    undo,
)

FIRST = ids.parcel_id(ORDER, 1)


def shipped() -> Ledger:
    ledger, _ = on_event(None, placed(), cause())
    assert ledger is not None
    return ledger.after(ship(ledger, {"shirt": 2}, Tracking("UPS", "1Z"), NOON), ORDER)


def says(status: str) -> TrackingUpdated:
    return TrackingUpdated(
        order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, status=status, words="Address unknown", at=NOON
    )


def hears(ledger: Ledger, event: Any) -> tuple[Ledger, list[Any]]:
    after, events = on_event(ledger, event, cause())
    assert after is not None
    return after, events


def test_a_parcel_that_comes_back_to_its_sender_is_an_exception_once() -> None:
    fine, nothing = hears(shipped(), says("exception"))
    after, (raised,) = hears(fine, says("returned_to_sender"))

    assert nothing == []
    assert isinstance(raised, ExceptionRaised)
    assert (raised.kind, raised.choices) == ("returned_to_sender", ("send_again", "refund", "other"))
    assert [(each.line_id, each.quantity) for each in raised.lines] == [("shirt", 2)]
    assert raised.details == "Address unknown"
    assert hears(after, says("returned_to_sender")) == (after, [])


def test_somebody_says_that_a_parcel_is_lost_once_and_only_of_one_that_has_left() -> None:
    ledger = shipped()
    lost = ledger.after(report(ledger, FIRST, "lost", "looked for twice", NOON), ORDER)

    assert [each.kind for each in lost.exceptions] == ["lost"]
    with pytest.raises(AlreadyTold):
        report(lost, FIRST, "damaged", "", NOON)
    with pytest.raises(UnknownParcel):
        report(ledger, UUID(int=9), "lost", "", NOON)
    with pytest.raises(NotOnItsWay):
        report(ledger.after(undo(ledger, FIRST, NOON), ORDER), FIRST, "lost", "", NOON)


def settled(choice: str, parcel: UUID = FIRST, kind: str = "unscanned") -> ExceptionResolved:
    return ExceptionResolved(
        order_id=ORDER,
        brand_id=BRAND,
        exception_id=ids.exception_id(ORDER, kind, parcel),
        kind=kind,
        choice=choice,
        comment="never came to the depot",
        resolved_at=NOON,
    )


def test_a_parcel_that_nobody_scanned_and_that_is_called_lost_may_be_sent_again() -> None:
    ledger = shipped()

    after, (raised,) = hears(ledger, settled("lost"))

    assert isinstance(raised, ExceptionRaised)
    assert (raised.kind, raised.choices, raised.parcel_ids) == ("lost", ("send_again", "refund", "other"), (FIRST,))
    assert raised.details == "never came to the depot"
    assert hears(after, settled("lost")) == (after, [])
    assert hears(ledger, settled("found")) == (ledger, [])
    assert hears(ledger, settled("lost", kind="late_shipment")) == (ledger, [])
    assert hears(ledger, settled("lost", UUID(int=9))) == (ledger, [])
    undone = ledger.after(undo(ledger, FIRST, NOON), ORDER)
    assert hears(undone, settled("lost")) == (undone, [])


def test_what_was_in_it_is_sent_again_and_the_ledger_stays_what_it_is() -> None:
    lost = shipped()
    lost = lost.after(report(lost, FIRST, "lost", "", NOON), ORDER)

    resolved, wanted = resolve(lost, lost.exceptions[0].exception_id, "send_again", "", NOON)
    after = lost.after([resolved, wanted], ORDER)

    assert isinstance(resolved, ExceptionResolved)
    assert isinstance(wanted, ResendRequested)
    assert [(each.line_id, each.quantity) for each in wanted.lines] == [("shirt", 2)]
    assert (after.lines, after.exceptions) == (lost.lines, ())
    assert len(resolve(lost, lost.exceptions[0].exception_id, "refund", "", NOON)) == 1


def test_what_nobody_knows_the_contents_of_is_not_sent_again() -> None:
    further = ItemsFulfilled(
        order_id=ORDER, brand_id=BRAND, parcel_id=ids.parcel_id(ORDER, 2), lines=(), number="1Z2", shipped_at=NOON
    )
    ledger = shipped().after([further], ORDER)
    lost = ledger.after(report(ledger, further.parcel_id, "lost", "", NOON), ORDER)

    with pytest.raises(NothingToSend):
        resolve(lost, lost.exceptions[0].exception_id, "send_again", "", NOON)


def lost() -> Ledger:
    ledger = shipped()
    return ledger.after(report(ledger, FIRST, "lost", "", NOON), ORDER)


def test_what_is_said_to_be_lost_has_left_and_is_not_undone() -> None:
    with pytest.raises(AlreadyTold):
        undo(lost(), FIRST, NOON)


def test_what_was_told_of_a_mistyped_number_is_not_about_its_parcel() -> None:
    sent_back, _ = hears(shipped(), says("returned_to_sender"))

    after, (resolved,) = hears(sent_back, corrected(FIRST))
    again, (raised,) = hears(after, says("returned_to_sender"))

    assert isinstance(resolved, ExceptionResolved)
    assert (resolved.kind, resolved.choice) == ("returned_to_sender", "number_corrected")
    assert after.exceptions == ()
    assert isinstance(raised, ExceptionRaised)
    assert len(again.exceptions) == 1


def test_a_first_number_that_tracking_was_given_is_known_here_and_a_typed_one_stays() -> None:
    ledger, _ = on_event(None, placed(), cause())
    assert ledger is not None
    packed = ledger.after(pack(ledger, {"shirt": 2}, NOON), ORDER)
    left = packed.after(ship_parcel(packed, FIRST, None, NOON), ORDER)
    added = TrackingAdded(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=FIRST,
        carrier_name="UPS",
        tracking_number="1Z9",
        decided_by="brand",
        added_at=NOON,
    )

    numbered, _ = hears(left, added)
    back = numbered.after(undo(numbered, FIRST, NOON), ORDER)
    typed, _ = hears(shipped(), added)

    assert numbered.parcels[0].tracking_number == "1Z9"
    assert (back.parcels[0].state, back.lines["shirt"].packed) == ("unpacked", 2)
    assert typed == shipped()
