"""An order folded from events, without database or broker."""

import itertools
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

import pytest

from waybill_chassis.fold import Waiting
from waybill_events import (
    CancellationRequested,
    CarrierStatus,
    Envelope,
    Event,
    ExceptionRaised,
    ExceptionResolved,
    Hold,
    ItemsFulfilled,
    KnownShipment,
    LateShipmentRecorded,
    LineUnits,
    OrderHeld,
    OrderLine,
    OrderPlaced,
    OrderReleased,
    OrderResent,
    ParcelPacked,
    ParcelUnpacked,
    RequestDecided,
    ReturnClosed,
    ReturnedUnits,
    ReturnOpened,
    ReturnReceived,
    ReturnRequested,
    ShipmentUndone,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
)
from waybill_portal.domain import (
    Order,
    Status,
    carrier_status,
    explained,
    facets,
    flags,
    followable,
    on_event,
    outcomes,
    status,
)

ORDER, BRAND, PARCEL, OTHER, REQUEST, HOLD = (UUID(int=number) for number in range(1, 7))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UPS_PAGE = "https://www.ups.com/track?tracknum=1Z"


def placed(*lines: OrderLine, shipments: tuple[KnownShipment, ...] = (), holds: tuple[Hold, ...] = ()) -> OrderPlaced:
    return OrderPlaced(
        order_id=ORDER,
        sale_id=UUID(int=9),
        brand_id=BRAND,
        reference="10001-01",
        number="#10001",
        connection_id=UUID(int=8),
        platform="shopify",
        placed_at=NOON,
        recipient_version=1,
        holds=holds,
        lines=lines or (OrderLine(line_id="shirt", quantity=3),),
        shipments=shipments,
    )


def shipped(units: int, parcel: UUID = PARCEL) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=parcel,
        lines=(LineUnits(line_id="shirt", quantity=units),),
        company="ups",
        number="1Z",
        shipped_at=NOON,
    )


def tracked(parcel: UUID = PARCEL, url: str = UPS_PAGE) -> TrackingAdded:
    return TrackingAdded(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=parcel,
        carrier="ups",
        carrier_name="UPS",
        tracking_number="1Z",
        tracking_url=url,
        decided_by="brand",
        added_at=NOON,
    )


def of(**units: int) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items())


def about(event: type[Event], /, **said: Any) -> Any:
    return event.model_validate({"order_id": ORDER, "brand_id": BRAND, **said})


def asked(units: int | None = None, request: UUID = REQUEST) -> CancellationRequested:
    lines = None if units is None else of(shirt=units)
    return about(CancellationRequested, request_id=request, lines=lines, reason="customer", requested_at=NOON)


def decided(granted: int, **said: Any) -> RequestDecided:
    standard = {"request_id": REQUEST, "kind": "cancellation", "reason": "customer", "accepted": granted > 0}
    return about(RequestDecided, **standard | {"granted": of(shirt=granted) if granted else ()} | said)


def source_of(event: Event) -> str:
    return event.topic_of("waybill/fulfillment").replace(".", "/")


def envelope(event: Event, sequence: int) -> Envelope:
    source = source_of(event)
    return Envelope(
        id=uuid5(ORDER, f"{source} {sequence}"),
        source=source,
        type=event.type_name(),
        time=NOON,
        subject=ORDER,
        actor="test",
        causation_id=ORDER,
        sequence=sequence,
    )


def folded(*events: Event) -> Order:
    order: Order | None = None
    sequences: dict[str, int] = {}
    for event in events:
        source = source_of(event)
        sequences[source] = sequences.get(source, 0) + 1
        order, told = on_event(order, event, envelope(event, sequences[source]))
        assert told == []
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(3, 0, 0)], Status.NOT_SHIPPED),
        ([(3, 1, 0)], Status.PARTIALLY_SHIPPED),
        ([(3, 3, 0), (1, 0, 0)], Status.PARTIALLY_SHIPPED),
        ([(3, 3, 0)], Status.SHIPPED),
        ([(3, 2, 1)], Status.SHIPPED),
        ([(3, 0, 3)], Status.CANCELED),
        ([(3, 0, 1)], Status.NOT_SHIPPED),
    ],
)
def test_the_status_is_worked_out_from_the_units(lines: list[tuple[int, int, int]], expected: Status) -> None:
    order = folded(
        placed(
            *(
                OrderLine(line_id=str(at), quantity=quantity, shipped=gone, canceled=canceled)
                for at, (quantity, gone, canceled) in enumerate(lines)
            )
        )
    )

    assert status(order) is expected


def test_flags_stand_beside_the_status() -> None:
    order = folded(
        placed(OrderLine(line_id="1", quantity=3, canceled=1), holds=(Hold(hold_id=UUID(int=6), reason="address"),))
    )

    assert (status(order), flags(order)) == (Status.NOT_SHIPPED, ["on hold: address", "partly canceled"])


def packed(units: int, parcel: UUID = PARCEL) -> ParcelPacked:
    return about(ParcelPacked, parcel_id=parcel, lines=of(shirt=units), packed_at=NOON)


def unpacked(units: int) -> ParcelUnpacked:
    return about(ParcelUnpacked, parcel_id=PARCEL, lines=of(shirt=units), unpacked_at=NOON)


def undone(units: int, *, packed: bool) -> ShipmentUndone:
    return about(ShipmentUndone, parcel_id=PARCEL, lines=of(shirt=units), packed=packed, undone_at=NOON)


EXCEPTION: dict[str, Any] = {"exception_id": OTHER, "kind": "late_shipment"}
RAISED = about(ExceptionRaised, **EXCEPTION, choices=("return", "other"), lines=of(shirt=1), raised_at=NOON)


@pytest.mark.parametrize(
    ("events", "units", "expected", "beside"),
    [
        ([], (3, 0, 0, 0), Status.NOT_SHIPPED, []),
        ([packed(3)], (0, 3, 0, 0), Status.NOT_SHIPPED, []),
        ([packed(2), shipped(2)], (1, 0, 2, 0), Status.PARTIALLY_SHIPPED, []),
        ([shipped(2), packed(1, OTHER)], (0, 1, 2, 0), Status.PARTIALLY_SHIPPED, []),
        ([packed(3), shipped(3)], (0, 0, 3, 0), Status.SHIPPED, []),
        ([packed(3), unpacked(3)], (3, 0, 0, 0), Status.NOT_SHIPPED, []),
        ([shipped(3), undone(3, packed=False)], (3, 0, 0, 0), Status.NOT_SHIPPED, []),
        ([packed(3), shipped(3), undone(3, packed=True)], (0, 3, 0, 0), Status.NOT_SHIPPED, []),
        ([asked()], (3, 0, 0, 0), Status.NOT_SHIPPED, ["cancellation asked for"]),
        ([asked(), decided(3)], (0, 0, 0, 3), Status.CANCELED, []),
        ([asked(1), decided(1)], (2, 0, 0, 1), Status.NOT_SHIPPED, ["partly canceled"]),
        ([asked(), shipped(2), decided(1)], (0, 0, 2, 1), Status.SHIPPED, ["partly canceled"]),
        ([shipped(1), asked(1), decided(1)], (1, 0, 1, 1), Status.PARTIALLY_SHIPPED, ["partly canceled"]),
        ([RAISED], (3, 0, 0, 0), Status.NOT_SHIPPED, ["exception: late shipment"]),
        (
            [RAISED, about(ExceptionResolved, **EXCEPTION, choice="return", resolved_at=NOON)],
            (3, 0, 0, 0),
            Status.NOT_SHIPPED,
            [],
        ),
        (
            [about(OrderHeld, hold_id=HOLD, reason="fraud_risk", held_at=NOON)],
            (3, 0, 0, 0),
            Status.NOT_SHIPPED,
            ["on hold: fraud risk"],
        ),
        (
            [
                about(OrderHeld, hold_id=HOLD, reason="fraud_risk", held_at=NOON),
                about(OrderReleased, hold_id=HOLD, released_at=NOON),
            ],
            (3, 0, 0, 0),
            Status.NOT_SHIPPED,
            [],
        ),
    ],
)
def test_units_status_and_flags_follow_the_events(
    events: list[Event], units: tuple[int, ...], expected: Status, beside: list[str]
) -> None:
    order = folded(placed(), *events)

    (line,) = order.lines
    assert (line.open, line.packed, line.shipped, line.canceled) == units
    assert (status(order), flags(order)) == (expected, beside)


def test_canceled_units_that_left_all_the_same_are_late_and_stay_canceled() -> None:
    late = about(LateShipmentRecorded, parcel_id=PARCEL, lines=of(shirt=2), scanned_at=NOON)

    order = folded(placed(), packed(2), unpacked(2), asked(2), decided(2), late)

    (line,), (parcel,) = order.lines, order.standing
    assert (line.canceled, line.late, line.open) == (2, 2, 1)
    assert (parcel.state, parcel.units, parcel.late) == ("shipped", {}, {"shirt": 2})


def test_a_parcel_that_was_taken_apart_is_shown_no_more() -> None:
    assert folded(placed(), packed(2), unpacked(2)).standing == ()


def test_each_badge_names_the_lines_and_the_events_that_make_it_so() -> None:
    order = folded(placed(), shipped(1), asked(1), decided(1))

    badges = explained(order)

    assert [(badge.badge, [each.type for each in badge.events]) for badge in badges] == [
        (
            "partially shipped",
            ["waybill.OrderPlaced.v2", "waybill.ItemsFulfilled.v2", "waybill.RequestDecided.v1"],
        ),
        ("partly canceled", ["waybill.RequestDecided.v1"]),
    ]
    assert [badge.badge for badge in badges] == [status(order).value, *flags(order)]
    assert all(badge.says and badge.lines for badge in badges)


def test_of_each_unit_it_is_said_who_won_it_by_which_event_and_who_lost() -> None:
    refused = {"line_id": "shirt", "quantity": 2, "why": "shipped", "won_by": [ORDER], "parcel_ids": [PARCEL]}
    order = folded(placed(), shipped(2), asked(), decided(1, refused=[refused]))

    won = {(each.outcome, each.quantity): each for each in outcomes(order)}

    assert won.keys() == {("shipped", 2), ("canceled", 1)}
    assert won["shipped", 2].event.type == "waybill.ItemsFulfilled.v2"
    assert (won["shipped", 2].parcel_id, won["shipped", 2].lost) == (str(PARCEL), (str(REQUEST),))
    assert (won["canceled", 1].event.type, won["canceled", 1].request_id) == (
        "waybill.RequestDecided.v1",
        str(REQUEST),
    )


def test_of_units_that_were_canceled_twice_it_is_said_who_came_second() -> None:
    first = folded(placed(), asked(), decided(3)).requests[REQUEST]
    assert first.asked is not None
    refused = {"line_id": "shirt", "quantity": 3, "why": "canceled", "won_by": [first.asked.event_id]}
    again = asked().model_copy(update={"request_id": OTHER})
    lost = decided(0, refused=[refused]).model_copy(update={"request_id": OTHER})

    (canceled,) = outcomes(folded(placed(), asked(), decided(3), again, lost))

    assert (canceled.outcome, canceled.request_id, canceled.lost) == ("canceled", str(REQUEST), (str(OTHER),))


# Whether units are open, packed, shipped, canceled: what the order is then.
EVERY_MIX: dict[tuple[bool, bool, bool, bool], Status] = {
    (True, False, False, False): Status.NOT_SHIPPED,
    (False, True, False, False): Status.NOT_SHIPPED,
    (True, True, False, False): Status.NOT_SHIPPED,
    (True, False, False, True): Status.NOT_SHIPPED,
    (False, True, False, True): Status.NOT_SHIPPED,
    (True, True, False, True): Status.NOT_SHIPPED,
    (True, False, True, False): Status.PARTIALLY_SHIPPED,
    (False, True, True, False): Status.PARTIALLY_SHIPPED,
    (True, True, True, False): Status.PARTIALLY_SHIPPED,
    (True, False, True, True): Status.PARTIALLY_SHIPPED,
    (False, True, True, True): Status.PARTIALLY_SHIPPED,
    (True, True, True, True): Status.PARTIALLY_SHIPPED,
    (False, False, True, False): Status.SHIPPED,
    (False, False, True, True): Status.SHIPPED,
    (False, False, False, True): Status.CANCELED,
}


@pytest.mark.parametrize("beside", list(itertools.product([False, True], repeat=3)))
@pytest.mark.parametrize("mix", EVERY_MIX)
def test_status_and_flags_of_every_combination(
    mix: tuple[bool, bool, bool, bool], beside: tuple[bool, bool, bool]
) -> None:
    """Each in a line of its own, and all in one line: where the units are says it, not how they are spread."""
    held, returned, problem = beside
    events: list[Event] = [
        *([about(OrderHeld, hold_id=HOLD, reason="fraud_risk", held_at=NOON)] if held else ()),
        *([about(ReturnOpened, **OPENED)] if returned else ()),
        *([RAISED] if problem else ()),
    ]
    expected = [
        *(["on hold: fraud risk"] if held else ()),
        *(["partly canceled"] if mix[3] and any(mix[:3]) else ()),
        *(["return open"] if returned else ()),
        *(["exception: late shipment"] if problem else ()),
    ]
    places = dict(zip(("open", "packed", "shipped", "canceled"), map(int, mix), strict=True))
    done = {name: places[name] for name in ("shipped", "canceled")}
    spread = [
        OrderLine(line_id=name, quantity=1, **{name: 1} if name in done else {})
        for name, is_so in places.items()
        if is_so
    ]

    for lines, box in ((spread, "packed"), ([OrderLine(line_id="all", quantity=sum(mix), **done)], "all")):
        put = about(ParcelPacked, parcel_id=PARCEL, lines=of(**{box: 1}), packed_at=NOON)
        order = folded(placed(*lines), *([put] if mix[1] else ()), *events)
        assert (status(order), flags(order)) == (EVERY_MIX[mix], expected)


SAYS = [None, *(each.value for each in CarrierStatus)]


@pytest.mark.parametrize("feed", ["", "easypost"])
@pytest.mark.parametrize("said", SAYS)
def test_a_parcels_carrier_status_of_every_combination(said: str | None, feed: str) -> None:
    update = [about(TrackingUpdated, parcel_id=PARCEL, status=said, words="So it is", at=NOON)] if said else []
    order = folded(placed(), shipped(3), tracked().model_copy(update={"feed": feed}), *update)
    expected = said.replace("_", " ") if said else (None if feed else "not followed")

    assert carrier_status(order.parcels[0]) == expected
    found = [
        (each.badge, each.says, [line.line_id for line in each.lines], [event.type for event in each.events])
        for each in explained(order)[1:]
    ]
    told = "waybill.TrackingUpdated.v1" if said else "waybill.ItemsFulfilled.v2"
    says = "Its carrier says: So it is" if said else "No feed of messages follows its carrier."
    assert found == ([] if expected is None else [(f"parcel 1: {expected}", says, ["shirt"], [told])])


def test_a_parcel_without_a_number_has_no_carrier_status() -> None:
    assert carrier_status(folded(placed(), packed(2)).parcels[0]) is None


def test_a_parcel_shows_the_carriers_last_word_and_which_event_told_it() -> None:
    said = about(TrackingUpdated, parcel_id=PARCEL, status="out_for_delivery", words="On the van", at=NOON)

    (parcel,) = folded(placed(), shipped(3), tracked(), said).parcels

    assert parcel.carried is not None
    assert (parcel.carried.status, parcel.carried.words) == ("out_for_delivery", "On the van")
    assert parcel.carried.told.type == "waybill.TrackingUpdated.v1"
    with pytest.raises(Waiting):
        folded(placed(), said)


def test_a_decision_may_be_read_before_the_request_that_it_decides() -> None:
    first = folded(placed(), asked(2), decided(1))
    second = folded(placed(), decided(1), asked(2))

    assert first == second
    assert [request.state for request in first.requests.values()] == ["granted"]


def test_a_shipment_shows_what_was_typed_until_its_carrier_is_settled() -> None:
    before = folded(placed(), shipped(3))
    after = folded(placed(), shipped(3), tracked())

    assert [(parcel.carrier_name, parcel.tracking_url) for parcel in before.parcels] == [("ups", "")]
    assert [(parcel.carrier_name, parcel.tracking_url) for parcel in after.parcels] == [("UPS", UPS_PAGE)]


def test_a_correction_shows_the_new_number_and_keeps_the_former_with_who_corrected_it() -> None:
    said = TrackingUpdated(order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, status="delivered", at=NOON)
    right = TrackingCorrected(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=PARCEL,
        was="1Z",
        was_carrier_name="UPS",
        carrier_name="FedEx",
        tracking_number="98",
        decided_by="brand",
        feed="ours",
        warnings=("number_in_use",),
        corrected_at=NOON,
    )

    (parcel,) = folded(placed(), shipped(1), tracked(), said, right).parcels

    assert (parcel.carrier_name, parcel.tracking_number, parcel.carried) == ("FedEx", "98", None)
    assert parcel.tracked is not None
    assert (parcel.tracked.feed, parcel.tracked.warnings) == ("ours", ("number_in_use",))
    assert [(was.carrier_name, was.tracking_number) for was in parcel.former] == [("UPS", "1Z")]
    assert parcel.former[0].corrected.type.endswith("TrackingCorrected.v1")
    with pytest.raises(Waiting):
        folded(placed(), right)


def test_it_does_not_matter_how_the_sources_interleave() -> None:
    first, second, told, again = shipped(1), shipped(2, OTHER), tracked(), tracked(OTHER)
    orders = [
        folded(placed(), *events)
        for events in itertools.permutations((first, second, told, again))
        if events.index(first) < events.index(second)
        and events.index(told) < events.index(again)
        and events.index(first) < events.index(told)
        and events.index(second) < events.index(again)
    ]

    assert len(orders) == 2
    assert orders[0] == orders[1]


def test_what_comes_before_its_order_or_its_parcel_waits() -> None:
    with pytest.raises(Waiting):
        folded(shipped(1))
    with pytest.raises(Waiting):
        folded(placed(), tracked())


def test_shipments_from_before_are_parcels_of_their_own() -> None:
    known = KnownShipment(
        tracking_company="USPS",
        tracking_number="94",
        tracking_url="javascript:alert(1)",
        lines=(LineUnits(line_id="shirt", quantity=1),),
    )

    order = folded(placed(OrderLine(line_id="shirt", quantity=3, shipped=1), shipments=(known,)))

    (parcel,) = order.parcels
    assert (parcel.parcel_id, parcel.tracking_number, parcel.tracking_url) == (None, "94", "")


@pytest.mark.parametrize(
    ("url", "kept"), [("https://a.b/c", True), ("javascript:x", False), ("//a.b", False), ("http://[", False)]
)
def test_a_browser_is_sent_to_web_pages_only(url: str, kept: bool) -> None:
    assert followable(url) == (url if kept else "")


def test_holds_that_ended_are_kept_as_the_time_in_which_they_stood() -> None:
    born = Hold(hold_id=HOLD, reason="awaiting_payment")
    paid = about(OrderReleased, hold_id=HOLD, released_at=NOON + timedelta(days=2))
    held = about(OrderHeld, hold_id=OTHER, reason="other", held_at=NOON + timedelta(days=3))
    back = about(OrderReleased, hold_id=OTHER, released_at=NOON + timedelta(days=4))

    order = folded(placed(holds=(born,)), paid, held, back)

    assert [((each.began - NOON).days, (each.ended - NOON).days) for each in order.pauses] == [(0, 2), (3, 4)]
    assert order.holds == ()


def test_a_return_shows_what_may_come_back_and_what_has_in_whatever_order_that_is_told() -> None:
    line = LineUnits(line_id="shirt", quantity=2)
    came = ReturnedUnits(line_id="shirt", quantity=1, condition="damaged")
    asked = about(ReturnRequested, request_id=REQUEST, lines=(line,), reason="damaged", days=30, requested_at=NOON)
    granted = about(RequestDecided, request_id=REQUEST, kind="return", reason="damaged", accepted=True, granted=(line,))
    opened = about(ReturnOpened, return_id=REQUEST, lines=(line,), reason="damaged", opened_at=NOON)
    back = about(ReturnReceived, return_id=REQUEST, lines=(came,), received_at=NOON)
    closed = about(ReturnClosed, return_id=REQUEST, closed_at=NOON)

    order = folded(placed(), shipped(3), asked, granted, opened, back)
    turned = folded(placed(), shipped(3), granted, back, asked, opened)
    ended = folded(placed(), shipped(3), asked, granted, opened, back, closed)

    assert order == turned
    assert (order.lines[0].returned, order.lines[0].canceled, order.lines[0].sent) == (1, 0, 2)
    assert flags(order) == ["return partly received"]
    assert flags(ended) == ["return closed"]
    assert status(order) is Status.SHIPPED
    (badge,) = (each for each in explained(order) if each.badge.startswith("return"))
    assert badge.says == "1 of 2 have come back."
    assert [each.type.split(".")[1] for each in badge.events] == ["ReturnOpened", "ReturnReceived"]


def test_an_order_that_is_sent_again_leads_to_the_other_one_and_back() -> None:
    line = LineUnits(line_id="shirt", quantity=1)
    again = about(
        OrderResent, exception_id=REQUEST, new_order_id=OTHER, reference="10001-02", lines=(line,), resent_at=NOON
    )

    first = folded(placed(), shipped(3), again)
    second = folded(placed().model_copy(update={"replaces": OTHER}))

    assert [(each.order_id, each.reference) for each in first.sent_again] == [(OTHER, "10001-02")]
    assert second.replaces == OTHER


LOST = {"exception_id": OTHER, "kind": "lost", "choices": ("other",), "raised_at": NOON}
OPENED = {
    "return_id": REQUEST,
    "lines": (LineUnits(line_id="shirt", quantity=2),),
    "reason": "other",
    "opened_at": NOON,
}


def came_back(units: int) -> ReturnReceived:
    lines = (ReturnedUnits(line_id="shirt", quantity=units, condition="restock"),)
    return about(ReturnReceived, return_id=REQUEST, lines=lines, received_at=NOON)


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], ("not shipped", "none", "none", "waits", "to_ship")),
        ([packed(1)], ("not shipped", "none", "none", "waits", "to_ship")),
        ([shipped(1)], ("partially shipped", "none", "none", "waits", "to_ship")),
        ([packed(3), shipped(3)], ("shipped", "none", "none")),
        ([asked(), decided(1)], ("not shipped", "partly", "none", "waits", "to_ship")),
        ([asked(), decided(3)], ("not shipped", "canceled", "none")),
        ([shipped(2), asked(), decided(1)], ("shipped", "partly", "none")),
        ([shipped(3), about(ReturnOpened, **OPENED)], ("shipped", "none", "requested")),
        ([shipped(3), about(ReturnOpened, **OPENED), came_back(1)], ("shipped", "none", "requested")),
        ([shipped(3), about(ReturnOpened, **OPENED), came_back(2)], ("shipped", "none", "received")),
        (
            [shipped(3), about(ReturnOpened, **OPENED), about(ReturnClosed, return_id=REQUEST, closed_at=NOON)],
            ("shipped", "none", "closed"),
        ),
        ([about(ExceptionRaised, **LOST)], ("not shipped", "none", "none", "waits", "to_ship", "exception")),
    ],
)
def test_an_order_is_found_by_how_far_each_of_three_things_has_come(events: Any, expected: tuple[str, ...]) -> None:
    found = asdict(facets(folded(placed(), *events)))

    named = [found.pop(name).value for name in ("shipments", "cancellations", "returns")]
    assert (*named, *(name for name, is_so in found.items() if is_so)) == expected


def test_what_is_on_hold_waits_and_is_not_to_be_shipped() -> None:
    found = facets(folded(placed(holds=(Hold(hold_id=HOLD, reason="other"),))))

    assert (found.waits, found.to_ship, found.on_hold) == (True, False, True)


GRANTED = {
    "request_id": REQUEST,
    "kind": "cancellation",
    "reason": "customer",
    "accepted": True,
    "granted": (LineUnits(line_id="shirt", quantity=1),),
}
