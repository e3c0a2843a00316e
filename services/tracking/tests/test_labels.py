"""Numbers of labels: known before the parcel leaves, told again when another label takes its place."""

from datetime import UTC, datetime
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest

from waybill_chassis.fold import Waiting
from waybill_events import (
    CarrierStatus,
    CorrectionRequested,
    Envelope,
    Event,
    ItemsFulfilled,
    LabelPurchased,
    LabelVoided,
    LabelVoidRefused,
    LineUnits,
    Money,
    ParcelScanned,
    TrackingAdded,
    TrackingCorrected,
    ids,
)
from waybill_tracking.domain import Around, Message, Tracked, heard, missed, on_event

ORDER, BRAND = UUID(int=1), UUID(int=2)
PARCEL = ids.parcel_id(ORDER, 1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = datetime(2026, 3, 2, 12, tzinfo=UTC)
UPS = "1Z5R89390357567127"
AROUND = Around(feeds={"simulated": "simulator"})


def bought(purchase: int = 1, **changed: Any) -> LabelPurchased:
    said: dict[str, Any] = {
        "order_id": ORDER,
        "brand_id": BRAND,
        "parcel_id": PARCEL,
        "label_id": ids.label_id(PARCEL, purchase),
        "carrier": "simulated",
        "carrier_name": "Simulated Carrier",
        "service": "ground",
        "service_name": "Ground",
        "tracking_number": f"WB{purchase}",
        "tracking_url": f"https://carrier.example/WB{purchase}",
        "cost": Money(amount="7.35", currency="USD"),
        "weight_g": 840,
        "purchased_at": NOON,
    }
    return LabelPurchased(**said | changed)


def of_label(event: type[Any], purchase: int = 1, **said: Any) -> Any:
    return event(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=PARCEL,
        label_id=ids.label_id(PARCEL, purchase),
        why="unpacked",
        **said,
    )


VOIDED = of_label(LabelVoided, voided_at=NOON)


def left(number: str | None = None, by: str = "number", company: str | None = None) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=PARCEL,
        lines=(LineUnits(line_id="1", quantity=1),),
        company=company,
        number=number,
        shipped_at=LATER,
        handed_over_by=by,
    )


def cause() -> Envelope:
    return Envelope(id=ORDER, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=ORDER)


def hears(*events: Event) -> tuple[Tracked, list[Any]]:
    tracked, told = None, list[Any]()
    for event in events:
        tracked, more = on_event(tracked, event, cause(), around=AROUND)
        told += more
    assert tracked is not None
    return tracked, told


def test_a_bought_label_gives_its_parcel_a_number_a_page_and_whoever_follows_it() -> None:
    _, (event,) = hears(bought())

    assert isinstance(event, TrackingAdded)
    assert (event.tracking_number, event.carrier, event.carrier_name) == ("WB1", "simulated", "Simulated Carrier")
    assert (event.tracking_url, event.service, event.feed) == ("https://carrier.example/WB1", "Ground", "simulator")


def test_a_label_that_nobody_needs_gives_no_number() -> None:
    assert hears(bought(unwanted="unpacked"))[1] == []


def test_a_parcel_that_leaves_with_its_label_is_told_once() -> None:
    assert [type(event) for event in hears(bought(), left("WB1", "person"))[1]] == [TrackingAdded]


def test_a_parcel_that_left_with_a_label_of_which_nothing_is_known_waits_for_it() -> None:
    for by in ("person", "manifest"):
        with pytest.raises(Waiting, match="LabelPurchased"):
            hears(left("WB1", by))


def test_a_parcel_that_left_with_its_next_label_waits_for_that() -> None:
    with pytest.raises(Waiting, match="LabelPurchased"):
        hears(bought(1), left("WB2", "person"))
    tracked, told = hears(bought(1), VOIDED, bought(2), left("WB1", "person"))
    assert (tracked.parcels[0].tracking_number, len(told)) == ("WB2", 2)


def test_a_file_does_not_correct_the_number_of_a_label() -> None:
    asked = CorrectionRequested(order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, number=UPS, requested_at=NOON)

    assert hears(bought(), asked)[1][1:] == []


def test_another_label_is_another_number_which_is_told_again() -> None:
    tracked, (_, event) = hears(bought(1), VOIDED, bought(2))

    assert isinstance(event, TrackingCorrected)
    assert (event.was, event.tracking_number) == ("WB1", "WB2")
    assert not tracked.parcels[0].undone


def test_a_number_that_was_typed_wins_whichever_is_heard_of_first() -> None:
    for events in permutations((bought(), left(UPS, company="UPS"))):
        tracked, told = hears(*events)

        assert tracked.parcels[0].tracking_number == UPS
        assert told[-1].tracking_number == UPS


@pytest.mark.parametrize(
    ("void", "waits"),
    [
        (VOIDED, False),
        (of_label(LabelVoided, 2, voided_at=NOON), True),
        (of_label(LabelVoidRefused, refused_at=NOON), False),
        (of_label(LabelVoidRefused, refused_at=NOON).model_copy(update={"why": "asked"}), True),
    ],
)
def test_nobody_waits_for_the_scan_of_a_label_that_is_given_back(void: Event, waits: bool) -> None:
    tracked, _ = hears(bought(), void)

    assert bool(missed(tracked, PARCEL, 48, LATER)[1]) is waits


def test_the_scan_of_a_voided_label_counts_all_the_same() -> None:
    tracked, _ = hears(bought(), VOIDED)

    _, told = heard(tracked, {"WB1": [Message("WB1", LATER, CarrierStatus.IN_TRANSIT)]})

    assert any(isinstance(event, ParcelScanned) for event in told)


def test_what_is_told_of_labels_of_parcels_that_are_not_known_changes_nothing() -> None:
    assert on_event(None, VOIDED, cause(), around=AROUND) == (None, [])
