"""Parcels whose labels are bought: none is handed over without one, and each leaves with the number that it has."""

from typing import Any
from uuid import UUID

import pytest
from fulfillment_builders import (
    BRAND,
    NOON,
    ORDER,
    REQUEST,
    amended,
    amendment,
    cause,
    corrected,
    hold_request,
    label_bought,
    label_failed,
    label_voided,
    manifest,
    placed,
    scan,
)

from waybill_events import Box, ItemsFulfilled, ParcelPacked, ShipmentUndone, TrackingAdded, ids
from waybill_fulfillment.domain import (
    BeingAmended,
    Label,
    LabelState,
    Ledger,
    NotLabeled,
    Parcel,
    ParcelState,
    Tracking,
    on_event,
    pack,
    ship_parcel,
    undo,
    unpack,
)

FIRST = ids.parcel_id(ORDER, 1)
UPS = Tracking("UPS", "1Z5R89390357567127")


def opened() -> Ledger:
    ledger, _ = on_event(None, placed(), cause())
    assert ledger is not None
    return ledger


def hears(ledger: Ledger, *told: Any) -> tuple[Ledger, list[Any]]:
    made: list[Any] = []
    for event in told:
        after, events = on_event(ledger, event, cause())
        assert after is not None
        ledger, made = after, [*made, *events]
    return ledger, made


def does(ledger: Ledger, events: list[Any]) -> Ledger:
    return ledger.after(events, ORDER)


def packed(*told: Any) -> Ledger:
    return hears(does(opened(), pack(opened(), None, NOON, Label())), *told)[0]


def the_parcel(ledger: Ledger) -> Parcel:
    (parcel,) = ledger.parcels
    return parcel


def test_a_parcel_that_wants_a_label_says_to_whom_and_how_it_is_to_be_sent() -> None:
    box = Box(length_mm=300, width_mm=200, height_mm=120)

    (event,) = pack(opened(), {"shirt": 1}, NOON, Label("simulated:ground", 840, box))

    assert isinstance(event, ParcelPacked)
    wanted = (event.shipping, event.recipient_version, event.service, event.weight_g, event.box)
    assert wanted == ("platform", 1, "simulated:ground", 840, box)


def test_it_has_the_number_of_its_label_once_that_is_bought_and_leaves_with_it_when_it_is_handed_over() -> None:
    ledger = packed(label_bought())

    (event,) = ship_parcel(ledger, FIRST, None, NOON)

    assert the_parcel(packed()).label is LabelState.PENDING
    assert the_parcel(ledger).label is LabelState.LABELED
    assert (event.number, event.company, event.handed_over_by) == ("WB1", "Simulated Carrier", "person")


@pytest.mark.parametrize("told", [(), (label_failed(),), (label_bought(), label_voided())])
def test_it_is_not_handed_over_without_a_label(told: tuple[Any, ...]) -> None:
    with pytest.raises(NotLabeled):
        ship_parcel(packed(*told), FIRST, None, NOON)


def test_one_whose_label_is_voided_has_no_number_and_gets_that_of_the_next_label() -> None:
    void = packed(label_bought(), label_voided())
    again, _ = hears(void, label_bought(2))

    assert (the_parcel(void).label, the_parcel(void).tracking_number) == (LabelState.VOIDED, "")
    assert (the_parcel(again).label, the_parcel(again).tracking_number) == (LabelState.LABELED, "WB2")


def test_a_late_word_about_a_former_label_changes_nothing() -> None:
    ledger = packed(label_bought(2))

    assert hears(ledger, label_voided(1), label_failed(1))[0] == ledger


def test_it_may_leave_with_a_number_of_ones_own_and_its_label_is_forgotten() -> None:
    (event,) = ship_parcel(packed(label_bought()), FIRST, UPS, NOON)
    ledger = does(packed(label_bought()), [event])

    assert event.number == UPS.number
    assert the_parcel(ledger).label is None
    assert hears(ledger, label_voided()) == (ledger, [])


def test_a_label_that_is_bought_too_late_does_not_change_the_number_with_which_it_left() -> None:
    ledger = does(packed(), list(ship_parcel(packed(), FIRST, UPS, NOON)))

    assert hears(ledger, label_bought()) == (ledger, [])


def test_who_types_the_number_of_the_label_hands_it_over() -> None:
    (event,) = ship_parcel(packed(label_bought()), FIRST, Tracking("", "wb 1"), NOON)

    assert (event.number, event.handed_over_by) == ("WB1", "person")


def test_one_that_was_handed_over_is_packed_again_with_its_label_when_it_had_not_left() -> None:
    ledger = does(packed(label_bought()), list(ship_parcel(packed(label_bought()), FIRST, None, NOON)))
    (event,) = undo(ledger, FIRST, NOON)
    after = does(ledger, [event])

    assert isinstance(event, ShipmentUndone)
    assert event.packed
    assert (the_parcel(after).state, the_parcel(after).labeled) == (ParcelState.PACKED, True)


def test_a_closed_manifest_ships_what_is_on_it() -> None:
    ledger, (event,) = hears(packed(label_bought()), manifest())

    assert isinstance(event, ItemsFulfilled)
    assert (event.handed_over_by, event.number) == ("manifest", "WB1")
    assert the_parcel(ledger).state is ParcelState.SHIPPED


def test_a_manifest_ships_neither_what_was_taken_apart_nor_what_has_left() -> None:
    apart = does(packed(label_bought()), list(unpack(packed(label_bought()), FIRST, NOON)))
    gone, _ = hears(packed(label_bought()), scan(FIRST))

    assert hears(apart, manifest()) == (apart, [])
    assert hears(gone, manifest()) == (gone, [])


def test_what_is_held_and_on_a_manifest_stays_and_somebody_is_told_to_pull_it_out() -> None:
    ledger, (_, event) = hears(packed(label_bought()), hold_request(), manifest())

    assert (event.kind, event.choices) == ("on_manifest", ("pulled_out", "other"))
    assert the_parcel(ledger).state is ParcelState.PACKED


def test_a_scan_before_the_label_is_known_ships_it_and_the_number_follows() -> None:
    number = TrackingAdded(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=FIRST,
        carrier="simulated",
        carrier_name="Simulated Carrier",
        tracking_number="WB1",
        decided_by="brand",
        added_at=NOON,
    )

    ledger, _ = hears(packed(), number, scan(FIRST), label_bought())

    parcel = the_parcel(ledger)
    assert (parcel.state, parcel.label, parcel.tracking_number) == (ParcelState.SHIPPED, LabelState.LABELED, "WB1")


def test_a_label_that_is_void_while_its_parcel_is_on_its_way_is_for_somebody_to_look_after() -> None:
    ledger, events = hears(packed(label_bought()), scan(FIRST), label_voided())

    assert [event.kind for event in events if hasattr(event, "kind")] == ["label_voided"]
    assert [each.kind for each in ledger.exceptions] == ["label_voided"]


def test_a_parcel_that_had_not_left_is_packed_again_without_the_label_that_is_void_by_now() -> None:
    ledger = does(packed(label_bought()), list(ship_parcel(packed(label_bought()), FIRST, None, NOON)))
    void, _ = hears(ledger, label_voided())
    after = does(void, list(undo(void, FIRST, NOON)))

    assert (the_parcel(after).state, the_parcel(after).label) == (ParcelState.PACKED, LabelState.VOIDED)
    assert the_parcel(after).tracking_number == ""
    with pytest.raises(NotLabeled):
        ship_parcel(after, FIRST, None, NOON)


def test_what_tracking_tells_late_of_a_void_label_gives_its_parcel_no_number() -> None:
    late = TrackingAdded(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=FIRST,
        carrier_name="Simulated Carrier",
        tracking_number="WB1",
        decided_by="brand",
        added_at=NOON,
    )
    void = packed(label_bought(), label_voided())

    assert hears(void, late)[0] == void
    again = packed(label_bought(), label_voided(), label_bought(2))
    assert hears(again, corrected(FIRST, "WB9"))[0] == again


def test_the_scan_of_a_parcel_whose_label_is_void_is_for_somebody_to_look_after() -> None:
    _, events = hears(packed(label_bought(), label_voided()), scan(FIRST))

    assert [type(event).__name__ for event in events] == ["ItemsFulfilled", "ExceptionRaised"]


def test_no_label_is_wanted_while_the_address_changes_and_then_for_the_new_one() -> None:
    changing, _ = hears(opened(), amendment())
    changed, _ = hears(changing, amended(2))

    with pytest.raises(BeingAmended):
        pack(changing, None, NOON, Label())
    assert pack(changed, None, NOON, Label())[0].recipient_version == 2
    assert changing.amending == (REQUEST,)
    assert pack(changing, None, NOON)[0].shipping == "own"


def test_labels_of_parcels_that_nobody_packed_are_refused() -> None:
    with pytest.raises(LookupError):
        on_event(opened(), label_bought(parcel=UUID(int=77)), cause())
