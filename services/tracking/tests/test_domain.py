"""Whose number it is, without database or broker."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from waybill_events import (
    CarrierStatus,
    CorrectionRequested,
    Envelope,
    Event,
    ExceptionRaised,
    ExceptionResolved,
    ItemsFulfilled,
    LateShipmentRecorded,
    LineUnits,
    OwnCarrier,
    ParcelDelivered,
    ParcelScanned,
    ParcelUnscanned,
    ShipmentUndone,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
)
from waybill_tracking.domain import (
    Around,
    Correction,
    Message,
    NoChoice,
    Parcel,
    SameNumber,
    Tracked,
    UnknownException,
    UnknownParcel,
    correct,
    heard,
    missed,
    on_event,
    resolve,
)

ORDER, BRAND, PARCEL = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAUSE = Envelope(id=ORDER, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=ORDER)


def shipped(company: str | None, number: str | None) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=PARCEL,
        lines=(LineUnits(line_id="shirt", quantity=1),),
        company=company,
        number=number,
        shipped_at=NOON,
    )


def told(company: str | None, number: str) -> TrackingAdded:
    _, events = on_event(None, shipped(company, number), CAUSE, around=Around())
    (event,) = events
    assert isinstance(event, TrackingAdded)
    return event


@pytest.mark.parametrize(
    ("company", "number", "carrier", "name", "decided_by"),
    [
        ("UPS", "1Z12345E0205271686", "ups", "UPS", "brand"),
        (None, "1Z12345E0205271686", "ups", "UPS", "format"),
        ("DHL", "1Z12345E0205271686", "dhl", "DHL", "brand"),
        ("Bob's van", "1Z12345E0205271686", "", "Bob's van", "nobody"),
        (None, "bob-7", "", "", "nobody"),
    ],
)
def test_the_brands_word_wins_then_the_format_then_nobodys(
    company: str | None, number: str, carrier: str, name: str, decided_by: str
) -> None:
    event = told(company, number)

    assert (event.carrier, event.carrier_name, event.decided_by) == (carrier, name, decided_by)
    assert event.tracking_number == number


def test_a_known_carriers_parcel_has_a_page_and_an_unknown_ones_none() -> None:
    assert told("UPS", "1Z12345E0205271686").tracking_url == "https://www.ups.com/track?tracknum=1Z12345E0205271686"
    assert told("Bob's van", "7").tracking_url == ""


@pytest.mark.parametrize(
    ("company", "number", "carrier", "name", "page"),
    [
        (
            "Royal Mail",
            "RB123456785GB",
            "s10",
            "Royal Mail",
            "royalmail.com/track-your-item#/tracking-results/RB123456785GB",
        ),
        (None, "RB123456785GB", "s10", "Royal Mail", "royalmail.com/track-your-item#/tracking-results/RB123456785GB"),
        (
            "USPS Priority",
            "RB123456785US",
            "usps",
            "USPS",
            "tools.usps.com/go/TrackConfirmAction?tLabels=RB123456785US",
        ),
        (
            "USPS",
            "420 19380 9261290336128704280838",
            "usps",
            "USPS",
            "TrackConfirmAction?tLabels=9261290336128704280838",
        ),
    ],
)
def test_the_page_is_asked_for_what_the_carrier_knows_the_parcel_by(
    company: str | None, number: str, carrier: str, name: str, page: str
) -> None:
    event = told(company, number)

    assert (event.carrier, event.carrier_name) == (carrier, name)
    assert event.tracking_url.endswith(page)


UPS, OTHER = "1Z12345E0205271686", "1Z879E930346834440"


def tracked(number: str | None = UPS, around: Around | None = None) -> Tracked:
    """An order of which one parcel has left."""
    found, _ = on_event(None, shipped("UPS", number), CAUSE, around=around or Around())
    assert found is not None
    return found


def undone() -> ShipmentUndone:
    line = LineUnits(line_id="shirt", quantity=1)
    return ShipmentUndone(order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, lines=(line,), packed=False, undone_at=NOON)


def fixed(number: str, company: str = "", **more: bool) -> Correction:
    return Correction(PARCEL, company, number, NOON + timedelta(hours=1), **more)


def says(number: str, status: str, hours: float) -> Message:
    return Message(number, NOON + timedelta(hours=hours), CarrierStatus(status))


def kinds(events: list[Event]) -> list[type[Event]]:
    return [type(event) for event in events]


def test_a_parcel_is_told_once() -> None:
    known = tracked()

    assert on_event(known, shipped("UPS", UPS), CAUSE, around=Around()) == (known, [])


def test_a_parcel_without_a_number_is_kept_and_not_told_of() -> None:
    found, events = on_event(None, shipped("UPS", None), CAUSE, around=Around())

    assert found == Tracked(ORDER, BRAND, (Parcel(PARCEL, "", "", NOON),))
    assert events == []


def test_the_first_number_of_a_parcel_that_left_without_one_is_told_as_its_number() -> None:
    after, events = correct(tracked(None), fixed(UPS), Around())

    assert kinds(events) == [TrackingAdded]
    assert after.parcels[0].tracking_number == UPS
    assert after.parcels[0].former == ()


def test_the_service_is_filled_in_where_the_number_names_it() -> None:
    assert told(None, "1Z12345E0205271686").service == "2nd Day Air"
    assert told("Bob's van", "7").service == ""


@pytest.mark.parametrize(
    ("feeds", "company", "feed"),
    [
        ({}, "UPS", ""),
        ({"ups": "ours"}, "UPS", "ours"),
        ({"fedex": "ours"}, "UPS", ""),
        ({"": "all"}, "UPS", "all"),
        ({"": "all", "ups": "ours"}, "UPS", "ours"),
        ({"": "all"}, "Bob's van", ""),
    ],
)
def test_a_number_is_followed_by_the_feed_of_its_carrier_else_by_nobody(
    feeds: dict[str, str], company: str, feed: str
) -> None:
    after = tracked(around=Around(feeds=feeds)) if company == "UPS" else None
    _, (event, *_) = on_event(None, shipped(company, UPS), CAUSE, around=Around(feeds=feeds))

    assert isinstance(event, TrackingAdded)
    assert event.feed == feed
    assert after is None or after.parcels[0].feed == feed


def test_a_carrier_that_only_the_brand_knows_has_its_name_and_its_page_and_is_followed_by_nobody() -> None:
    velo = OwnCarrier(name="Velo Courier", url="https://velo.example/t?n={number}&x=1")
    known = Around(carriers={BRAND: [velo], UUID(int=8): [OwnCarrier(name="Own van")]}, feeds={"": "all"})

    _, (mine, *_) = on_event(None, shipped("velo courier ", "A/7 ü"), CAUSE, around=known)
    _, (others, *_) = on_event(None, shipped("Own van", "7"), CAUSE, around=known)

    assert isinstance(mine, TrackingAdded)
    assert (mine.carrier, mine.carrier_name, mine.decided_by) == ("other", "Velo Courier", "brand")
    assert (mine.tracking_url, mine.feed) == ("https://velo.example/t?n=A%2F7%20%C3%BC&x=1", "")
    assert isinstance(others, TrackingAdded)
    assert (others.carrier, others.carrier_name, others.decided_by) == ("", "Own van", "nobody")


def test_a_correction_tells_the_new_number_and_forgets_what_was_said_of_the_former() -> None:
    on_its_way, _ = heard(tracked(), {UPS: [says(UPS, "delivered", 9)]})
    there = {OTHER: [says(OTHER, "in_transit", 5)]}

    after, events = correct(on_its_way, fixed(OTHER, "UPS", notify_customer=True), Around(said=there))

    assert kinds(events) == [TrackingCorrected, ParcelScanned, TrackingUpdated]
    corrected = events[0]
    assert isinstance(corrected, TrackingCorrected)
    assert (corrected.was, corrected.tracking_number, corrected.notify_customer) == (UPS, OTHER, True)
    assert corrected.tracking_url.endswith(OTHER)
    (parcel,) = after.parcels
    assert (parcel.status, parcel.delivered_at) == ("in_transit", None)
    assert [former.number for former in parcel.former] == [UPS]
    assert heard(after, {UPS: [says(UPS, "delivered", 9)]}) == (after, [])


def test_a_correction_may_change_the_carrier_alone_and_every_one_is_kept() -> None:
    once, first = correct(tracked(), fixed(UPS, "Bob's van"), Around())
    twice, _ = correct(once, fixed(OTHER, "UPS"), Around())

    assert isinstance(first[0], TrackingCorrected)
    assert (first[0].was_carrier_name, first[0].carrier_name, first[0].decided_by) == ("UPS", "Bob's van", "nobody")
    assert [(each.carrier_name, each.number) for each in twice.parcels[0].former] == [("UPS", UPS), ("Bob's van", UPS)]


def test_a_correction_to_what_it_is_changes_nothing() -> None:
    with pytest.raises(SameNumber):
        correct(tracked(), fixed(UPS, "ups"), Around())
    with pytest.raises(SameNumber):
        correct(tracked(), fixed(UPS), Around())


def test_what_has_not_left_has_no_number_to_correct() -> None:
    back, _ = on_event(tracked(), undone(), CAUSE, around=Around())
    assert back is not None

    with pytest.raises(UnknownParcel):
        correct(back, fixed(OTHER), Around())
    with pytest.raises(UnknownParcel):
        correct(Tracked(ORDER, BRAND), fixed(OTHER), Around())


def test_a_file_corrects_a_number_and_the_same_again_changes_nothing() -> None:
    asked = CorrectionRequested(order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, number=OTHER, requested_at=NOON)

    after, events = on_event(tracked(), asked, CAUSE, around=Around())

    assert kinds(events) == [TrackingCorrected]
    assert on_event(after, asked, CAUSE, around=Around()) == (after, [])


def test_a_parcel_that_was_undone_is_still_listened_for() -> None:
    back, _ = on_event(tracked(), undone(), CAUSE, around=Around())
    assert back is not None

    after, events = heard(back, {UPS: [says(UPS, "in_transit", 5)]})
    again, nothing = on_event(after, shipped("UPS", UPS), CAUSE, around=Around())

    assert kinds(events) == [ParcelScanned, TrackingUpdated]
    assert nothing == []
    assert again is not None
    assert not again.parcels[0].undone


def test_a_parcel_that_left_without_a_number_came_back_and_left_with_one_has_that() -> None:
    back, _ = on_event(tracked(None), undone(), CAUSE, around=Around())

    after, events = on_event(back, shipped("UPS", UPS), CAUSE, around=Around())

    assert kinds(events) == [TrackingAdded]
    assert after is not None
    assert (after.parcels[0].tracking_number, after.parcels[0].undone) == (UPS, False)


@pytest.mark.parametrize(
    ("bearers", "warnings"),
    [
        ({}, ()),
        ({UPS: {(BRAND, ORDER)}}, ()),
        ({UPS: {(BRAND, UUID(int=9))}}, ("number_in_use",)),
        ({UPS: {(UUID(int=8), UUID(int=9))}}, ()),
    ],
    ids=["nobody", "this order", "another order", "another brand's"],
)
def test_a_number_that_another_order_of_the_brand_has_is_told_with_a_warning(
    bearers: dict[str, set[tuple[UUID, UUID]]], warnings: tuple[str, ...]
) -> None:
    _, (event, *_) = on_event(None, shipped("UPS", UPS), CAUSE, around=Around(bearers=bearers))

    assert isinstance(event, TrackingAdded)
    assert event.warnings == warnings


def test_a_number_on_two_parcels_of_an_order_is_told_with_a_warning_unless_the_other_came_back() -> None:
    second = shipped("UPS", "1z 12345E0205271686").model_copy(update={"parcel_id": UUID(int=4)})
    back, _ = on_event(tracked(), undone(), CAUSE, around=Around())

    _, (twice, *_) = on_event(tracked(), second, CAUSE, around=Around())
    _, (alone, *_) = on_event(back, second, CAUSE, around=Around())

    assert isinstance(twice, TrackingAdded)
    assert isinstance(alone, TrackingAdded)
    assert (twice.warnings, alone.warnings) == (("number_twice",), ())


def test_a_parcel_that_nobody_scans_is_told_once_and_settles_itself_with_the_first_scan() -> None:
    late, events = missed(tracked(), PARCEL, 48, NOON + timedelta(days=2))
    again = missed(late, PARCEL, 48, NOON + timedelta(days=3))
    after, then = heard(late, {UPS: [says(UPS, "in_transit", 50)]})

    assert kinds(events) == [ParcelUnscanned, ExceptionRaised]
    assert again == (late, [])
    assert kinds(then) == [ParcelScanned, ExceptionResolved, TrackingUpdated]
    assert isinstance(then[1], ExceptionResolved)
    assert then[1].choice == "scanned"
    assert after.parcels[0].exception_id is None


def test_a_parcel_that_was_scanned_or_came_back_is_not_missed() -> None:
    seen, _ = heard(tracked(), {UPS: [says(UPS, "delivered", 5)]})
    back, _ = on_event(tracked(), undone(), CAUSE, around=Around())
    assert back is not None

    assert missed(seen, PARCEL, 48, NOON) == (seen, [])
    assert missed(back, PARCEL, 48, NOON) == (back, [])
    assert ParcelDelivered in kinds(heard(tracked(), {UPS: [says(UPS, "delivered", 5)]})[1])


def test_somebody_settles_it_with_one_of_its_choices_or_it_comes_back() -> None:
    late, (_, raised) = missed(tracked(), PARCEL, 48, NOON)
    assert isinstance(raised, ExceptionRaised)

    after, events = resolve(late, raised.exception_id, "lost", "asked twice", NOON)
    back, (settled,) = on_event(late, undone(), CAUSE, around=Around())

    assert isinstance(events[0], ExceptionResolved)
    assert (events[0].choice, events[0].comment) == ("lost", "asked twice")
    assert isinstance(settled, ExceptionResolved)
    assert settled.choice == "undone"
    assert back is not None
    assert back.parcels[0].exception_id is None
    with pytest.raises(UnknownException):
        resolve(after, raised.exception_id, "lost", "", NOON)
    with pytest.raises(NoChoice):
        resolve(late, raised.exception_id, "sing", "", NOON)


def test_a_number_that_went_from_an_undone_parcel_to_another_one_is_about_that_one_alone() -> None:
    back, _ = on_event(tracked(), undone(), CAUSE, around=Around())
    second = shipped("UPS", UPS).model_copy(update={"parcel_id": UUID(int=4)})
    both, _ = on_event(back, second, CAUSE, around=Around())
    assert both is not None

    _, events = heard(both, {UPS: [says(UPS, "in_transit", 5)]})

    assert [event.parcel_id for event in events if isinstance(event, ParcelScanned)] == [UUID(int=4)]


def test_a_parcel_that_came_back_and_leaves_with_another_number_has_that() -> None:
    numbered, _ = correct(tracked(None), fixed(UPS), Around())
    back, _ = on_event(numbered, undone(), CAUSE, around=Around())

    after, events = on_event(back, shipped("UPS", OTHER), CAUSE, around=Around())

    assert kinds(events) == [TrackingCorrected]
    assert after is not None
    assert (after.parcels[0].tracking_number, after.parcels[0].undone) == (OTHER, False)


def test_a_file_corrects_what_is_on_its_way_all_the_same_or_what_a_former_release_did_not_keep() -> None:
    asked = CorrectionRequested(order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, number=OTHER, requested_at=NOON)
    late = LateShipmentRecorded(order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, lines=(), scanned_at=NOON)
    back, _ = on_event(tracked(), undone(), CAUSE, around=Around())
    left, nothing = on_event(back, late, CAUSE, around=Around())

    after, events = on_event(left, asked, CAUSE, around=Around())
    new, added = on_event(None, asked, CAUSE, around=Around())

    assert nothing == []
    assert kinds(events) == [TrackingCorrected]
    assert kinds(added) == [TrackingAdded]
    for each in (after, new):
        assert each is not None
        assert (each.parcels[0].tracking_number, each.parcels[0].undone) == (OTHER, False)
