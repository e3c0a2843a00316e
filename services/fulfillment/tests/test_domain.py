"""What a ledger allows, and what becomes of what it does not, without database or broker."""

from typing import Any
from uuid import UUID

import pytest
from fulfillment_builders import (
    BRAND,
    LINES,
    NOON,
    ORDER,
    REQUEST,
    cancellation,
    cause,
    hold_request,
    placed,
    scan,
)

from waybill_chassis.fold import Waiting
from waybill_events import (
    Event,
    ExceptionRaised,
    ExceptionResolved,
    HoldReason,
    ItemsFulfilled,
    LateShipmentRecorded,
    LineUnits,
    OrderLine,
    OrderReleased,
    ParcelPacked,
    ParcelUnpacked,
    RefusedUnits,
    RequestDecided,
    ShipmentUndone,
    ids,
)
from waybill_fulfillment.domain import (
    Held,
    Line,
    NoChoice,
    NothingOpen,
    NotOpen,
    NotPacked,
    NotShipped,
    NotUnits,
    Refused,
    Scanned,
    Tracking,
    UnknownException,
    UnknownLine,
    UnknownParcel,
    on_event,
    pack,
    resolve,
    ship,
    ship_parcel,
    undo,
    unpack,
)

FIRST, SECOND = ids.parcel_id(ORDER, 1), ids.parcel_id(ORDER, 2)
UPS = Tracking("UPS", "1Z")
COMMAND = UUID(int=40)


class Order:
    """A ledger to do things with; what each of them says is in `said`."""

    def __init__(self, *lines: OrderLine, holds: tuple[HoldReason, ...] = ()) -> None:
        ledger, self.said = on_event(None, placed(*lines, holds=holds), cause())
        assert ledger is not None
        self.ledger = ledger

    def does(self, command: Any, *arguments: Any) -> "Order":
        self.said = command(self.ledger, *arguments, NOON)
        self.ledger = self.ledger.after(self.said, COMMAND)
        return self

    def hears(self, event: Event, number: int = 9) -> "Order":
        ledger, self.said = on_event(self.ledger, event, cause(number))
        assert ledger is not None
        self.ledger = ledger
        return self

    def units(self, *places: str) -> dict[str, tuple[int, ...]]:
        return {line_id: tuple(getattr(line, place) for place in places) for line_id, line in self.ledger.lines.items()}

    def states(self) -> list[tuple[str, dict[str, int]]]:
        return [(parcel.state.value, dict(parcel.units)) for parcel in self.ledger.parcels]


def of(**units: int) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items())


def decided(**said: Any) -> RequestDecided:
    standard = {"request_id": REQUEST, "kind": "cancellation", "reason": "customer", "accepted": True}
    return RequestDecided(order_id=ORDER, brand_id=BRAND, **standard | said)


def test_a_ledger_opens_with_what_was_shipped_and_canceled_before() -> None:
    order = Order(OrderLine(line_id="shirt", quantity=5, shipped=2, canceled=1))

    assert order.ledger.lines == {"shirt": Line(ordered=5, open=2, packed=0, shipped=2, canceled=1)}


def test_an_order_placed_again_leaves_its_ledger_alone() -> None:
    order = Order().does(ship, None, UPS)
    before = order.ledger

    order.hears(placed())

    assert (order.ledger, order.said) == (before, [])


def test_an_order_born_with_more_gone_than_ordered_is_refused() -> None:
    with pytest.raises(ValueError, match="line shirt"):
        Order(OrderLine(line_id="shirt", quantity=1, shipped=1, canceled=1))


def test_a_request_for_an_order_that_is_not_here_yet_waits_for_it() -> None:
    with pytest.raises(Waiting, match="OrderPlaced"):
        on_event(None, cancellation(), cause())


def test_shipping_everything_leaves_nothing_open() -> None:
    order = Order().does(ship, None, UPS)

    assert order.units("open", "shipped") == {"shirt": (0, 3), "mug": (0, 1)}
    assert order.said == [
        ItemsFulfilled(
            order_id=ORDER,
            brand_id=BRAND,
            parcel_id=FIRST,
            lines=of(shirt=3, mug=1),
            company="UPS",
            number="1Z",
            shipped_at=NOON,
        )
    ]


def test_two_of_three_units_ship_and_the_third_goes_into_a_second_parcel() -> None:
    order = Order().does(ship, {"shirt": 2}, UPS).does(ship, None, UPS)

    assert order.states() == [("shipped", {"shirt": 2}), ("shipped", {"shirt": 1, "mug": 1})]
    assert [parcel.parcel_id for parcel in order.ledger.parcels] == [FIRST, SECOND]


@pytest.mark.parametrize("command", [lambda ledger, units, at: ship(ledger, units, UPS, at), pack])
@pytest.mark.parametrize(
    ("units", "refusal"),
    [({"shirt": 4}, NotOpen), ({"mug": 1, "shirt": -1}, NotUnits), ({"shirt": 0}, NotUnits), ({"hat": 1}, UnknownLine)],
)
def test_what_is_not_open_is_neither_packed_nor_shipped_and_its_line_is_named(
    command: Any, units: dict[str, int], refusal: type[NotOpen | NotUnits | UnknownLine]
) -> None:
    with pytest.raises(refusal) as refused:
        Order().does(command, units)

    assert refused.value.line_id == ("hat" if "hat" in units else "shirt")
    assert refused.value.line_id in str(refused.value)


def test_shipping_twice_is_refused() -> None:
    order = Order().does(ship, None, UPS)

    with pytest.raises(NothingOpen, match="shirt, mug"):
        order.does(ship, None, UPS)
    with pytest.raises(NotOpen):
        order.does(ship, {"shirt": 1}, UPS)


def test_what_is_packed_is_no_longer_open_and_has_not_left() -> None:
    order = Order().does(pack, {"shirt": 2})

    assert order.units("open", "packed", "shipped") == {"shirt": (1, 2, 0), "mug": (1, 0, 0)}
    (said,) = order.said
    assert said == ParcelPacked(
        order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, lines=of(shirt=2), recipient_version=1, packed_at=NOON
    )


def test_an_unpacked_parcel_gives_back_its_units_and_its_number_is_not_used_again() -> None:
    order = Order().does(pack, {"shirt": 2}).does(unpack, FIRST)
    unpacked = ParcelUnpacked(order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, lines=of(shirt=2), unpacked_at=NOON)
    assert order.said == [unpacked]

    order.does(pack, None)

    assert order.states() == [("unpacked", {"shirt": 2}), ("packed", {"shirt": 3, "mug": 1})]
    assert order.ledger.parcels[1].parcel_id == SECOND


def test_a_packed_parcel_ships_whole_under_its_own_id() -> None:
    order = Order().does(pack, {"shirt": 2}).does(ship_parcel, FIRST, UPS)

    assert order.units("open", "packed", "shipped") == {"shirt": (1, 0, 2), "mug": (1, 0, 0)}
    assert order.states() == [("shipped", {"shirt": 2})]
    assert isinstance(order.said[0], ItemsFulfilled)
    assert (order.said[0].parcel_id, order.said[0].number, order.said[0].handed_over_by) == (FIRST, "1Z", "number")


def test_a_parcel_is_handed_over_without_a_number() -> None:
    order = Order().does(pack, None).does(ship_parcel, FIRST, None)

    assert isinstance(order.said[0], ItemsFulfilled)
    assert (order.said[0].number, order.said[0].handed_over_by) == (None, "person")


@pytest.mark.parametrize(
    ("before", "command", "refusal"),
    [
        ([(ship, None, UPS)], (unpack, FIRST), NotPacked),
        ([(ship, None, UPS)], (ship_parcel, FIRST, UPS), NotPacked),
        ([(pack, None), (unpack, FIRST)], (unpack, FIRST), NotPacked),
        ([(pack, None), (unpack, FIRST)], (undo, FIRST), NotShipped),
        ([(pack, None)], (undo, FIRST), NotShipped),
        ([], (undo, FIRST), UnknownParcel),
        ([], (unpack, FIRST), UnknownParcel),
        ([], (ship_parcel, FIRST, None), UnknownParcel),
    ],
)
def test_a_parcel_that_is_elsewhere_is_left_alone(
    before: list[tuple[Any, ...]], command: tuple[Any, ...], refusal: type[Refused]
) -> None:
    order = Order()
    for each in before:
        order.does(*each)

    with pytest.raises(refusal):
        order.does(*command)


def test_undoing_what_a_number_shipped_opens_its_units_and_ends_the_parcel() -> None:
    order = Order().does(ship, {"shirt": 2}, UPS).does(undo, FIRST)

    assert order.units("open", "shipped") == {"shirt": (3, 0), "mug": (1, 0)}
    assert order.states() == [("unpacked", {"shirt": 2})]
    assert order.said == [
        ShipmentUndone(order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, lines=of(shirt=2), packed=False, undone_at=NOON)
    ]


def test_undoing_a_hand_over_leaves_a_packed_parcel() -> None:
    order = Order().does(pack, {"shirt": 2}).does(ship_parcel, FIRST, None).does(undo, FIRST)

    assert order.units("open", "packed", "shipped") == {"shirt": (1, 2, 0), "mug": (1, 0, 0)}
    assert order.states() == [("packed", {"shirt": 2})]


def test_undoing_what_was_packed_before_a_number_shipped_it_packs_it_again_in_a_new_parcel() -> None:
    order = Order().does(pack, {"shirt": 2}).does(ship_parcel, FIRST, UPS).does(undo, FIRST)

    assert order.units("open", "packed", "shipped") == {"shirt": (1, 2, 0), "mug": (1, 0, 0)}
    assert order.states() == [("unpacked", {"shirt": 2}), ("packed", {"shirt": 2})]
    assert order.ledger.parcels[1].tracking_number == ""


def test_undoing_what_was_packed_packs_nothing_while_a_hold_stands() -> None:
    order = Order().does(pack, {"shirt": 2}).does(ship_parcel, FIRST, UPS).hears(hold_request()).does(undo, FIRST)

    assert order.units("open", "packed", "shipped") == {"shirt": (3, 0, 0), "mug": (1, 0, 0)}


def test_a_scan_of_an_undone_parcel_that_is_packed_again_is_of_the_same_box() -> None:
    order = Order().does(pack, {"shirt": 2}).does(ship_parcel, FIRST, UPS).does(undo, FIRST).hears(scan(FIRST))

    assert order.units("open", "packed", "shipped") == {"shirt": (1, 0, 2), "mug": (1, 0, 0)}
    assert order.states() == [("shipped", {"shirt": 2}), ("unpacked", {"shirt": 2})]
    assert order.ledger.exceptions == ()


def test_what_the_carrier_has_seen_cannot_be_undone() -> None:
    order = Order().does(ship, None, UPS).hears(scan(FIRST))

    assert order.said == []
    with pytest.raises(Scanned):
        order.does(undo, FIRST)


def test_the_first_scan_ships_a_packed_parcel() -> None:
    order = Order().does(pack, {"shirt": 2}).hears(scan(FIRST))

    assert order.units("packed", "shipped") == {"shirt": (0, 2), "mug": (0, 0)}
    assert isinstance(order.said[0], ItemsFulfilled)
    assert order.said[0].handed_over_by == "scan"


def test_the_first_scan_is_never_refused_not_even_by_a_hold() -> None:
    order = Order().does(pack, {"shirt": 2}).hears(hold_request()).hears(scan(FIRST))

    assert order.states() == [("shipped", {"shirt": 2})]


def test_a_scan_of_an_unpacked_parcel_ships_the_units_that_are_still_open() -> None:
    order = Order().does(pack, {"shirt": 2}).does(unpack, FIRST).hears(scan(FIRST))

    assert order.units("open", "shipped") == {"shirt": (1, 2), "mug": (1, 0)}
    assert order.states() == [("shipped", {"shirt": 2})]


def test_a_scan_of_an_undone_parcel_ships_it_after_all_with_its_number() -> None:
    order = Order().does(ship, {"shirt": 2}, UPS).does(undo, FIRST).hears(scan(FIRST))

    assert order.units("open", "shipped") == {"shirt": (1, 2), "mug": (1, 0)}
    assert isinstance(order.said[0], ItemsFulfilled)
    assert order.said[0].number == "1Z"


def test_canceled_units_that_the_carrier_has_all_the_same_are_late_and_somebody_must_decide() -> None:
    order = Order().does(pack, {"shirt": 2}).hears(cancellation({"shirt": 2})).hears(scan(FIRST))

    # One shirt of the parcel is open again: it has left. The other was canceled: it is late.
    assert order.units("open", "shipped", "canceled", "late") == {"shirt": (0, 1, 2, 1), "mug": (1, 0, 0, 0)}
    assert [type(event) for event in order.said] == [ItemsFulfilled, LateShipmentRecorded, ExceptionRaised]
    assert order.ledger.parcels[0].late == {"shirt": 1}
    assert [each.kind for each in order.ledger.exceptions] == ["late_shipment"]


def test_a_parcel_scanned_twice_is_late_once() -> None:
    order = Order().does(pack, None).hears(cancellation()).hears(scan(FIRST)).hears(scan(FIRST))

    assert order.said == []
    assert order.units("canceled", "late") == {"shirt": (3, 3), "mug": (1, 1)}


def test_units_that_are_in_another_parcel_as_well_are_sent_twice() -> None:
    order = Order().does(pack, None).does(unpack, FIRST).does(ship, None, UPS).hears(scan(FIRST))

    assert order.units("shipped", "late") == {"shirt": (3, 0), "mug": (1, 0)}
    assert [(each.kind, each.exception_id) for each in order.ledger.exceptions] == [
        ("sent_twice", ids.exception_id(ORDER, "sent_twice", FIRST))
    ]


def test_an_exception_is_closed_with_one_of_its_choices() -> None:
    order = Order().does(pack, None).hears(cancellation()).hears(scan(FIRST))
    (open_,) = order.ledger.exceptions

    with pytest.raises(NoChoice, match="keep_and_bill"):
        order.does(resolve, open_.exception_id, "burn", "")
    order.does(resolve, open_.exception_id, "return", "It comes back.")

    assert order.ledger.exceptions == ()
    assert isinstance(order.said[0], ExceptionResolved)
    with pytest.raises(UnknownException):
        order.does(resolve, open_.exception_id, "return", "")


def test_an_order_on_hold_is_neither_packed_nor_shipped_and_its_parcels_stay() -> None:
    order = Order().does(pack, {"mug": 1}).hears(hold_request())

    for command in ((ship, None, UPS), (pack, None), (ship_parcel, FIRST, UPS), (ship_parcel, FIRST, None)):
        with pytest.raises(Held, match="fraud risk"):
            order.does(*command)
    order.does(unpack, FIRST)
    assert order.units("open", "packed") == {"shirt": (3, 0), "mug": (1, 0)}


def test_an_order_born_on_hold_is_not_shipped_until_that_hold_is_released() -> None:
    order = Order(holds=(HoldReason.AWAITING_PAYMENT,))
    with pytest.raises(Held, match="awaiting payment"):
        order.does(ship, None, UPS)

    hold = ids.hold_id(ORDER, HoldReason.AWAITING_PAYMENT)
    order.hears(OrderReleased(order_id=ORDER, brand_id=BRAND, hold_id=hold, released_at=NOON))

    assert order.does(ship, None, UPS).units("open") == {"shirt": (0,), "mug": (0,)}


def test_of_several_holds_each_is_released_by_itself() -> None:
    order = Order(holds=(HoldReason.ADDRESS,)).hears(hold_request())

    order.hears(OrderReleased(order_id=ORDER, brand_id=BRAND, hold_id=REQUEST, released_at=NOON))

    with pytest.raises(Held, match="address"):
        order.does(pack, None)


def test_a_hold_on_an_order_that_has_left_is_declined() -> None:
    order = Order().does(ship, None, UPS).hears(hold_request())

    assert order.said == [decided(kind="hold", reason="fraud_risk", accepted=False, why="nothing_left")]
    assert order.ledger.holds == ()


def test_canceling_an_order_cancels_everything_that_is_open() -> None:
    order = Order().hears(cancellation())

    assert order.units("open", "canceled") == {"shirt": (0, 3), "mug": (0, 1)}
    assert order.said == [decided(granted=of(shirt=3, mug=1))]


def test_canceling_twice_has_the_effect_of_once() -> None:
    order = Order().hears(cancellation())
    before = order.ledger

    order.hears(cancellation(request_id=UUID(int=51)), number=10)

    assert order.ledger == before
    assert order.said == [decided(request_id=UUID(int=51), accepted=False, why="nothing_left")]


def test_canceling_one_unit_leaves_the_others() -> None:
    order = Order().hears(cancellation({"shirt": 1}))

    assert order.units("open", "canceled") == {"shirt": (2, 1), "mug": (1, 0)}


def test_a_packed_parcel_is_canceled_by_unpacking_it_whole_and_the_rest_of_it_is_open() -> None:
    order = Order().does(pack, None).hears(cancellation({"mug": 1}))

    assert order.units("open", "packed", "canceled") == {"shirt": (3, 0, 0), "mug": (0, 0, 1)}
    assert order.states() == [("unpacked", {"shirt": 3, "mug": 1})]
    unpacked, answer = order.said
    assert isinstance(unpacked, ParcelUnpacked)
    assert (unpacked.parcel_id, unpacked.request_id) == (FIRST, REQUEST)
    assert answer == decided(granted=of(mug=1))


def test_what_is_open_is_canceled_before_a_parcel_is_touched() -> None:
    order = Order().does(pack, {"shirt": 2}).hears(cancellation({"shirt": 1}))

    assert order.states() == [("packed", {"shirt": 2})]
    assert order.units("open", "packed", "canceled")["shirt"] == (0, 2, 1)


def test_of_several_parcels_the_one_that_costs_the_fewest_other_units_is_unpacked() -> None:
    order = Order(OrderLine(line_id="shirt", quantity=3), OrderLine(line_id="mug", quantity=2))
    order.does(pack, {"mug": 1}).does(pack, {"mug": 1, "shirt": 3})

    order.hears(cancellation({"mug": 1}))

    assert order.states() == [("unpacked", {"mug": 1}), ("packed", {"mug": 1, "shirt": 3})]


def test_shipped_units_are_not_canceled_and_the_answer_names_who_had_them_first() -> None:
    order = Order().does(ship, {"shirt": 2}, UPS).hears(cancellation())

    assert order.units("open", "shipped", "canceled") == {"shirt": (0, 2, 1), "mug": (0, 0, 1)}
    shipped = RefusedUnits(line_id="shirt", quantity=2, why="shipped", won_by=(COMMAND,), parcel_ids=(FIRST,))
    assert order.said == [decided(granted=of(shirt=1, mug=1), refused=(shipped,))]


def test_units_canceled_before_are_refused_and_the_answer_names_that_request() -> None:
    order = Order().hears(cancellation({"mug": 1}), number=9)

    order.hears(cancellation({"mug": 1}, request_id=UUID(int=51)), number=10)

    again = RefusedUnits(line_id="mug", quantity=1, why="canceled", won_by=(UUID(int=9),))
    assert order.said == [decided(request_id=UUID(int=51), accepted=False, refused=(again,))]


def test_more_than_was_ordered_and_lines_that_are_none_are_refused_and_the_rest_is_granted() -> None:
    order = Order().hears(cancellation({"mug": 3, "hat": 1}))

    refused = (
        RefusedUnits(line_id="mug", quantity=2, why="not_ordered"),
        RefusedUnits(line_id="hat", quantity=1, why="unknown_line"),
    )
    assert order.said == [decided(granted=of(mug=1), refused=refused)]


def test_a_canceled_order_does_not_come_back() -> None:
    order = Order().hears(cancellation())

    with pytest.raises(NothingOpen):
        order.does(ship, None, UPS)
    with pytest.raises(NothingOpen):
        order.does(pack, None)
    assert order.hears(placed(*LINES)).units("open") == {"shirt": (0,), "mug": (0,)}
