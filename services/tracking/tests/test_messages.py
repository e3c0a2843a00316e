"""What carriers say, in whatever order and however often, and what is true of a parcel after it."""

import hashlib
import hmac
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill_events import CarrierStatus, Event, ParcelDelivered, ParcelScanned, TrackingUpdated
from waybill_tracking.domain import Message, Parcel, Tracked, heard, journey
from waybill_tracking.domain.feeds import SIGNATURES, Unreadable, messages, signed
from waybill_tracking.domain.messages import EARLIER

ORDER, BRAND, PARCEL = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def says(status: str, hours: float, **more: Any) -> Message:
    return Message("1Z7", NOON + timedelta(hours=hours), CarrierStatus(status), **more)


LABEL, MOVES, OUT, THERE = (
    says("pre_transit", 1),
    says("in_transit", 5),
    says("out_for_delivery", 9),
    says("delivered", 11),
)


@pytest.mark.parametrize(
    ("said", "status", "scanned", "delivered"),
    [
        ([], None, None, None),
        ([LABEL], "pre_transit", None, None),
        ([LABEL, says("unknown", 2)], "unknown", None, None),
        ([LABEL, MOVES], "in_transit", 5, None),
        ([MOVES, LABEL], "in_transit", 5, None),
        ([THERE, MOVES, LABEL, OUT], "delivered", 5, 11),
        ([THERE, says("in_transit", 12)], "delivered", 11, 11),
        ([THERE, says("exception", 12)], "delivered", 11, 11),
        ([THERE, says("returned_to_sender", 30)], "returned_to_sender", 11, 11),
        ([THERE, says("in_transit", 12, retracts=True)], "in_transit", 11, None),
        ([THERE, says("in_transit", 12, retracts=True), says("delivered", 20)], "delivered", 11, 20),
        ([says("in_transit", -24)], "in_transit", -24, None),
        ([says("delivered", -24 * 60)], None, None, None),
        ([says("in_transit", 5), says("delivered", 5)], "delivered", 5, 5),
    ],
)
def test_the_status_is_that_of_the_latest_message_by_the_carriers_own_time(
    said: list[Message], status: str | None, scanned: float | None, delivered: float | None
) -> None:
    found = journey(said, NOON - EARLIER)

    assert (found.latest and found.latest.status) == status
    assert found.scanned_at == (None if scanned is None else NOON + timedelta(hours=scanned))
    assert found.delivered_at == (None if delivered is None else NOON + timedelta(hours=delivered))


@given(st.permutations([LABEL, MOVES, OUT, THERE, says("exception", 7), says("returned_to_sender", 40)]))
def test_it_does_not_matter_in_which_order_messages_come(said: list[Message]) -> None:
    assert journey(said, NOON) == journey(sorted(said, key=lambda each: each.at), NOON)


def test_a_delivery_that_is_taken_back_is_told_again_when_it_comes() -> None:
    there, _ = tell(an_order(), MOVES, THERE)
    back, taken_back = tell(there, MOVES, THERE, says("in_transit", 12, retracts=True))
    _, again = tell(back, MOVES, THERE, says("in_transit", 12, retracts=True), says("delivered", 20))

    assert [type(event) for event in taken_back] == [TrackingUpdated]
    assert [event.delivered_at for event in again if isinstance(event, ParcelDelivered)] == [says("delivered", 20).at]


def test_that_a_parcel_has_left_is_told_before_what_its_carrier_says_of_it() -> None:
    _, events = tell(an_order(), says("returned_to_sender", 5))

    assert [type(event) for event in events] == [ParcelScanned, TrackingUpdated]


def test_another_expected_delivery_is_told_though_the_carrier_says_nothing_else() -> None:
    early = says("in_transit", 5, estimated_delivery=NOON + timedelta(days=2))
    late = says("in_transit", 5, estimated_delivery=NOON + timedelta(days=3))
    moved, _ = tell(an_order(), early)

    told, events = tell(moved, early, late)

    assert early.message_id != late.message_id
    assert [event.estimated_delivery for event in events if isinstance(event, TrackingUpdated)] == [
        NOON + timedelta(days=3)
    ]
    assert tell(told, early, late) == (told, [])


def test_a_scan_from_long_before_the_label_was_bought_is_of_another_parcel() -> None:
    labeled = replace(an_order(), parcels=(replace(an_order().parcels[0], label_id=UUID(int=9)),))

    assert tell(labeled, says("in_transit", -48)) == (labeled, [])
    assert [type(event) for event in tell(labeled, says("in_transit", -12))[1]] == [ParcelScanned, TrackingUpdated]
    assert [type(event) for event in tell(an_order(), says("in_transit", -48))[1]] == [ParcelScanned, TrackingUpdated]


def tell(tracked: Tracked, *said: Message) -> tuple[Tracked, list[Event]]:
    return heard(tracked, {"1Z7": said})


def an_order() -> Tracked:
    return Tracked(ORDER, BRAND, (Parcel(PARCEL, "ups", "1z 7", NOON),))


def test_what_is_new_is_told_once() -> None:
    once, first = tell(an_order(), LABEL)
    moved, second = tell(once, LABEL, MOVES)
    there, third = tell(moved, LABEL, MOVES, THERE)

    assert [type(event) for event in first] == [TrackingUpdated]
    assert [type(event) for event in second] == [ParcelScanned, TrackingUpdated]
    assert [type(event) for event in third] == [TrackingUpdated, ParcelDelivered]
    assert tell(there, LABEL, MOVES, THERE) == (there, [])


def test_a_late_scan_does_not_take_a_delivery_back() -> None:
    there, _ = tell(an_order(), MOVES, THERE)

    assert tell(there, MOVES, OUT, THERE) == (there, [])


def test_messages_about_other_numbers_are_none_of_its_business() -> None:
    assert heard(an_order(), {"other": [THERE]}) == (an_order(), [])


EASYPOST = {
    "object": "Event",
    "description": "tracker.updated",
    "result": {
        "object": "Tracker",
        "tracking_code": "1z 7",
        "est_delivery_date": "2026-03-04T00:00:00Z",
        "tracking_details": [
            {"status": "pre_transit", "message": "Label made", "datetime": "2026-03-01T13:00:00Z"},
            {
                "status": "in_transit",
                "status_detail": "departed_facility",
                "message": "Departed",
                "carrier_code": "DP",
                "datetime": "2026-03-01T17:00:00Z",
            },
            {"status": "a new word", "message": None, "datetime": "2026-03-01T18:00:00Z"},
        ],
    },
}
GENERIC = {"tracking_number": "1z-7", "messages": [{"status": "delivered", "at": "2026-03-01T23:00:00Z", "code": "D"}]}


def test_easyposts_tracker_is_read_with_its_own_code_and_words_beside_ours() -> None:
    first, second, third = messages("easypost", json.dumps(EASYPOST).encode())

    assert (first.number, first.status, first.at) == ("1Z7", CarrierStatus.PRE_TRANSIT, LABEL.at)
    assert (second.status, second.code, second.words) == (CarrierStatus.IN_TRANSIT, "DP", "Departed")
    assert (second.estimated_delivery, third.estimated_delivery) == (None, datetime(2026, 3, 4, tzinfo=UTC))
    assert (third.status, third.code) == (CarrierStatus.UNKNOWN, "a new word")


def test_the_generic_form_is_read() -> None:
    (message,) = messages("generic", json.dumps(GENERIC).encode())

    assert (message.number, message.status, message.code, message.at) == ("1Z7", "delivered", "D", THERE.at)


def test_what_is_about_something_else_says_nothing() -> None:
    assert messages("easypost", b'{"object": "Event", "result": {"object": "Batch"}}') == []


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("easypost", b"{"),
        ("easypost", b"[]"),
        ("easypost", b'{"object": "Tracker"}'),
        ("easypost", b'{"object": "Tracker", "tracking_code": "1", "tracking_details": [{"status": "delivered"}]}'),
        ("generic", b"{}"),
        ("generic", b'{"tracking_number": "1", "messages": []}'),
        ("generic", b'{"tracking_number": "1", "messages": [{"status": "lost", "at": "2026-03-01T12:00:00Z"}]}'),
        ("generic", b'{"tracking_number": "1", "messages": [{"status": "unknown", "at": "2026-03-01T12:00:00"}]}'),
    ],
)
def test_what_is_not_what_its_feed_promises_is_refused(kind: Any, body: bytes) -> None:
    with pytest.raises(Unreadable):
        messages(kind, body)


@pytest.mark.parametrize(
    ("kind", "header", "prefix"),
    [("easypost", "x-hmac-signature", "hmac-sha256-hex="), ("generic", "waybill-signature", "sha256=")],
)
def test_a_signature_is_that_of_the_bytes_and_the_secret(kind: Any, header: str, prefix: str) -> None:
    right = prefix + hmac.new(b"secret", b"body", hashlib.sha256).hexdigest()

    assert signed(kind, "secret", b"body", {header: right})
    assert not signed(kind, "secret", b"body ", {header: right})
    assert not signed(kind, "other", b"body", {header: right})
    assert not signed(kind, "secret", b"body", {})


@pytest.mark.parametrize(("kind", "key"), [("easypost", "se\u0301cret"), ("generic", "s\u00e9cret")])
def test_easypost_signs_with_its_secret_decomposed_and_the_generic_form_with_its_bytes(kind: Any, key: str) -> None:
    """As `validate_webhook` of EasyPost's clients."""
    header, prefix = SIGNATURES[kind]
    right = prefix + hmac.new(key.encode(), b"body", hashlib.sha256).hexdigest()

    assert signed(kind, "s\u00e9cret", b"body", {header: right})
