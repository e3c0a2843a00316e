"""What may come back, and what has: never more than has left."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from fulfillment_builders import (
    NOON,
    ORDER,
    REQUEST,
    cancellation,
    cause,
    delivered,
    placed,
    return_closed,
    return_request,
    scan,
)

from waybill_events import Event, OrderLine, RequestDecided, ReturnedUnits, ReturnReceived, ids
from waybill_fulfillment.domain import (
    ComesBack,
    Ledger,
    MoreThanExpected,
    NothingReceived,
    ReturnIsClosed,
    Tracking,
    UnknownLine,
    UnknownReturn,
    on_event,
    pack,
    receive,
    ship,
    undo,
    unpack,
)

FIRST, SECOND = ids.parcel_id(ORDER, 1), ids.parcel_id(ORDER, 2)
OTHER = UUID(int=51)
DAY = timedelta(days=1)


def hears(ledger: Ledger, *events: Event) -> Ledger:
    for event in events:
        after, _ = on_event(ledger, event, cause())
        assert after is not None
        ledger = after
    return ledger


def shipped(*units: dict[str, int], lines: tuple[OrderLine, ...] = ()) -> Ledger:
    """Three shirts and a mug, of which these left in parcels of their own; all of them where none are given."""
    ledger, _ = on_event(None, placed(*lines), cause())
    assert ledger is not None
    for each in units or ({"shirt": 3, "mug": 1},):
        ledger = ledger.after(ship(ledger, each, Tracking("UPS", "1Z"), NOON), ORDER)
    return ledger


def decided(ledger: Ledger, units: dict[str, int], **changed: Any) -> tuple[Ledger, dict[str, int], dict[str, Any]]:
    """The ledger afterwards, what was granted, and what was refused and why."""
    after, (event,) = on_event(ledger, return_request(units, **changed), cause())
    assert after is not None
    assert isinstance(event, RequestDecided)
    assert (event.kind, event.accepted) == ("return", bool(event.granted))
    refused = {each.line_id: (each.quantity, each.why) for each in event.refused}
    return after, {each.line_id: each.quantity for each in event.granted}, refused


def came(line_id: str, quantity: int, condition: str = "restock") -> ReturnedUnits:
    return ReturnedUnits(line_id=line_id, quantity=quantity, condition=condition)


def received(ledger: Ledger, *units: ReturnedUnits, return_id: UUID = REQUEST) -> Ledger:
    return ledger.after(receive(ledger, return_id, units, NOON), ORDER)


def test_what_has_left_may_come_back_and_what_has_not_may_not() -> None:
    _, granted, refused = decided(shipped({"shirt": 2}), {"shirt": 3, "mug": 1, "hat": 1})

    assert granted == {"shirt": 2}
    assert refused == {"shirt": (1, "not_shipped"), "mug": (1, "not_shipped"), "hat": (1, "unknown_line")}


def test_several_returns_at_once_never_take_more_than_has_left() -> None:
    once, _, _ = decided(shipped(), {"shirt": 2})

    twice, granted, refused = decided(once, {"shirt": 2}, request_id=OTHER)
    _, more, none = decided(twice, {"shirt": 1}, request_id=UUID(int=52))

    assert (granted, refused) == ({"shirt": 1}, {"shirt": (1, "returned")})
    assert (more, none) == ({}, {"shirt": (1, "returned")})


def test_units_that_nobody_waits_for_any_more_may_be_asked_for_again() -> None:
    opened, _, _ = decided(shipped(), {"shirt": 3})
    closed = hears(received(opened, came("shirt", 1)), return_closed())

    _, granted, refused = decided(closed, {"shirt": 3}, request_id=OTHER)

    assert (granted, refused) == ({"shirt": 2}, {"shirt": (1, "returned")})


@pytest.mark.parametrize(
    ("arrived", "asked", "granted"),
    [(0, 30, True), (0, 31, False), (None, 44, True), (None, 45, False)],
    ids=["in time", "too late", "in time without a delivery", "too late without a delivery"],
)
def test_a_return_is_asked_for_within_the_brands_days_of_the_delivery(
    arrived: int | None, asked: int, granted: bool
) -> None:
    ledger = shipped()
    if arrived is not None:
        ledger = hears(ledger, delivered(FIRST, NOON + arrived * DAY))

    _, found, refused = decided(ledger, {"mug": 1}, requested_at=NOON + asked * DAY)

    assert found == ({"mug": 1} if granted else {})
    assert refused == ({} if granted else {"mug": (1, "window_closed")})


def test_what_came_back_in_time_does_not_shorten_what_is_in_time_now() -> None:
    ledger = hears(shipped({"shirt": 2}, {"shirt": 1}), delivered(FIRST, NOON), delivered(SECOND, NOON + 35 * DAY))
    opened, _, _ = decided(ledger, {"shirt": 2})

    _, granted, _ = decided(opened, {"shirt": 1}, request_id=OTHER, requested_at=NOON + 40 * DAY)

    assert granted == {"shirt": 1}


def test_what_left_before_the_order_came_here_may_come_back_at_any_time() -> None:
    ledger = shipped({"shirt": 1}, lines=(OrderLine(line_id="shirt", quantity=3, shipped=2),))

    _, granted, refused = decided(ledger, {"shirt": 3}, requested_at=NOON + 100 * DAY)

    assert (granted, refused) == ({"shirt": 2}, {"shirt": (1, "window_closed")})


def test_late_units_may_come_back() -> None:
    ledger, _ = on_event(None, placed(), cause())
    assert ledger is not None
    ledger = ledger.after(pack(ledger, {"mug": 1}, NOON), ORDER)
    ledger = ledger.after(unpack(ledger, FIRST, NOON), ORDER)
    ledger = hears(ledger, cancellation({"mug": 1}), scan(FIRST))
    assert ledger.lines["mug"].late == 1

    opened, granted, _ = decided(ledger, {"mug": 1}, request_id=OTHER)

    assert granted == {"mug": 1}
    assert received(opened, came("mug", 1), return_id=OTHER).lines["mug"].returned == 1


def test_units_are_received_by_condition_in_as_many_parts_as_they_come() -> None:
    opened, _, _ = decided(shipped(), {"shirt": 3, "mug": 1})

    (event,) = receive(opened, REQUEST, [came("shirt", 1), came("shirt", 1, "damaged")], NOON)
    part = opened.after([event], ORDER)
    whole = received(part, came("shirt", 1), came("mug", 1, "refused"))

    assert isinstance(event, ReturnReceived)
    assert (part.lines["shirt"].returned, part.returns[0].missing("shirt")) == (2, 1)
    assert {line_id: line.returned for line_id, line in whole.lines.items()} == {"shirt": 3, "mug": 1}


def test_what_cannot_have_come_back_is_refused() -> None:
    opened, _, _ = decided(shipped(), {"shirt": 2})

    with pytest.raises(UnknownReturn):
        receive(opened, OTHER, [came("shirt", 1)], NOON)
    with pytest.raises(UnknownLine):
        receive(opened, REQUEST, [came("mug", 1)], NOON)
    with pytest.raises(MoreThanExpected, match="2 units may still come back"):
        receive(opened, REQUEST, [came("shirt", 2), came("shirt", 1, "damaged")], NOON)
    with pytest.raises(NothingReceived):
        receive(opened, REQUEST, [], NOON)
    with pytest.raises(ReturnIsClosed):
        receive(hears(opened, return_closed()), REQUEST, [came("shirt", 1)], NOON)


def test_a_shipment_that_comes_back_is_not_undone() -> None:
    opened, _, _ = decided(shipped({"shirt": 2}, {"shirt": 1}), {"shirt": 1})

    with pytest.raises(ComesBack):
        undo(opened, FIRST, NOON) and undo(opened.after(undo(opened, FIRST, NOON), ORDER), SECOND, NOON)
    assert undo(hears(opened, return_closed()), FIRST, NOON)
