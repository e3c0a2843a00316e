"""The life of a label: one for a parcel, and what nobody needs any more goes back."""

from typing import Any

import pytest
from labels_builders import (
    BRAND,
    FIRST,
    NOON,
    ORDER,
    USD,
    asked,
    bought,
    cause,
    hears,
    left,
    packed,
    placed,
    sale,
    the_label,
    unpacked,
)

from waybill_chassis.fold import Waiting
from waybill_events import (
    ExceptionRaised,
    ExceptionResolved,
    LabelFailed,
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    LabelVoidRefused,
    ShipmentUndone,
    ids,
)
from waybill_labels.domain import (
    Decision,
    HasLabel,
    NoChoice,
    NoNumber,
    NotBought,
    NotPacked,
    NumberKnown,
    NumberOfWhat,
    Order,
    OwnCarrier,
    ParcelLeft,
    Place,
    State,
    UnknownException,
    UnknownLabel,
    UnknownParcel,
    Wish,
    buy,
    closed,
    failed,
    list_on,
    not_sold,
    on_event,
    refunded,
    refused,
    resolve,
    sold,
    unclear,
    void,
    void_refused,
    voided,
)
from waybill_labels.domain.labels import IF_REFUSED

LABEL = ids.label_id(FIRST, 1)
OTHERWISE = {"company": "UPS", "number": "1Z5R89390357567127"}


def test_a_parcel_that_is_packed_for_it_wants_a_label_and_another_wants_none() -> None:
    assert [label.state for label in hears(packed()).labels] == [State.WANTED]
    assert hears(packed(shipping="own")).labels == ()


def test_what_is_told_of_an_order_waits_until_that_has_come() -> None:
    with pytest.raises(Waiting):
        on_event(None, packed(), cause())


def test_a_bought_label_is_told_with_its_number_and_its_price() -> None:
    order, (event,) = bought()

    assert isinstance(event, LabelPurchased)
    assert (event.tracking_number, event.cost, event.carrier, event.service) == ("WB1", USD, "simulated", "ground")
    assert (event.weight_g, event.unwanted) == (400, None)
    assert the_label(order).state is State.BOUGHT
    assert sold(order, LABEL, [sale()], NOON) == (order, [])


def test_what_a_stopped_worker_has_bought_beside_another_one_goes_back() -> None:
    order, (event,) = sold(bought(sale(1))[0], LABEL, [sale(2)], NOON)
    given_up, _ = sold(failed(asked(), LABEL, "refused", "No.", NOON)[0], LABEL, [sale(2)], NOON)

    assert (event.tracking_number, event.unwanted) == ("WB2", "bought_twice")
    assert [(label.state, label.void_why) for label in order.labels] == [
        (State.BOUGHT, ""),
        (State.VOIDING, "bought_twice"),
    ]
    assert [label.state for label in given_up.labels] == [State.FAILED, State.VOIDING]


def test_what_was_sold_twice_under_one_key_is_kept_once() -> None:
    order, events = bought(sale(1), sale(2))

    assert [(event.tracking_number, event.unwanted) for event in events if isinstance(event, LabelPurchased)] == [
        ("WB1", None),
        ("WB2", "bought_twice"),
    ]
    assert [(label.state, label.void_why) for label in order.labels] == [
        (State.BOUGHT, ""),
        (State.VOIDING, "bought_twice"),
    ]


@pytest.mark.parametrize("gone", [unpacked(), left(**OTHERWISE)])
def test_before_a_carrier_was_asked_a_useless_label_is_dropped(gone: Any) -> None:
    assert the_label(hears(packed(), gone)).state is State.DROPPED


@pytest.mark.parametrize("gone", [unpacked(), left(**OTHERWISE)])
def test_a_purchase_under_way_is_settled_by_its_carrier_and_then_given_back(gone: Any) -> None:
    under_way = hears(gone, order=asked())
    order, (event,) = sold(under_way, LABEL, [sale()], NOON)

    assert (the_label(under_way).state, bool(the_label(under_way).void_why)) == (State.ASKED, True)
    assert the_label(order).state is State.VOIDING
    assert isinstance(event, LabelPurchased)
    assert event.unwanted == the_label(order).void_why
    assert the_label(not_sold(under_way, LABEL)).state is State.DROPPED
    assert failed(under_way, LABEL, "refused", "No.", NOON) == (not_sold(under_way, LABEL), [])


@pytest.mark.parametrize("gone", [unpacked(), left(**OTHERWISE)])
def test_a_label_that_is_paid_and_useless_is_given_back(gone: Any) -> None:
    assert the_label(hears(gone, order=bought()[0])).state is State.VOIDING


@pytest.mark.parametrize(
    "gone", [left(handed_over_by="person", number="WB1"), left(handed_over_by="scan"), left(number="wb 1")]
)
def test_a_label_with_which_the_parcel_left_stays(gone: Any) -> None:
    order = hears(gone, order=bought()[0])

    assert the_label(order).state is State.BOUGHT
    with pytest.raises(ParcelLeft):
        void(order, LABEL, NOON)


def test_a_shipment_that_is_undone_may_have_its_label_voided() -> None:
    undone = ShipmentUndone(
        order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, lines=packed().lines, packed=True, undone_at=NOON
    )

    order = hears(left(handed_over_by="person", number="WB1"), undone, order=bought()[0])

    assert order.parcels[0].place is Place.PACKED
    assert the_label(void(order, LABEL, NOON)).state is State.VOIDING


def test_a_voided_label_gets_its_money_back_once() -> None:
    order, (void_event,) = voided(void(bought()[0], LABEL, NOON), LABEL, NOON)
    paid, (money,) = refunded(order, LABEL, NOON)

    assert isinstance(void_event, LabelVoided)
    assert void_event.why == "asked"
    assert isinstance(money, LabelRefunded)
    assert money.amount == USD
    assert the_label(paid).state is State.REFUNDED
    assert voided(order, LABEL, NOON) == (order, [])
    assert refunded(paid, LABEL, NOON) == (paid, [])


def test_a_label_that_is_not_taken_back_goes_with_its_parcel_or_is_lost_money() -> None:
    kept, (event,) = void_refused(void(bought()[0], LABEL, NOON), LABEL, "It was used.", NOON)
    lost, _ = void_refused(hears(unpacked(), order=bought()[0]), LABEL, "It was used.", NOON)

    assert isinstance(event, LabelVoidRefused)
    assert (the_label(kept).state, the_label(kept).void_why, the_label(kept).void_asked_at) == (State.BOUGHT, "", None)
    assert (the_label(lost).state, the_label(lost).words) == (State.KEPT, "It was used.")


def test_a_label_that_somebody_wanted_void_is_lost_money_once_its_parcel_is_taken_apart_or_has_another() -> None:
    apart = hears(unpacked(), order=void(bought()[0], LABEL, NOON))

    assert the_label(void_refused(apart, LABEL, "No.", NOON)[0]).state is State.KEPT


def test_no_other_label_is_bought_while_the_carrier_may_still_refuse_to_take_one_back() -> None:
    going = void(bought()[0], LABEL, NOON)

    with pytest.raises(HasLabel):
        buy(going, FIRST, None, NOON)
    assert len(buy(voided(going, LABEL, NOON)[0], FIRST, None, NOON)[0].labels) == 2


def test_a_parcel_that_left_with_a_former_label_needs_no_other() -> None:
    again, _ = buy(voided(void(bought()[0], LABEL, NOON), LABEL, NOON)[0], FIRST, None, NOON)
    failed_again, _ = failed(again, ids.label_id(FIRST, 2), "refused", "No.", NOON)

    gone = hears(left(handed_over_by="person", number="WB1"), order=again)
    scanned, events = on_event(failed_again, left(handed_over_by="scan", number="WB1"), cause())

    assert scanned is not None
    assert [label.state for label in gone.labels] == [State.VOIDED, State.DROPPED]
    assert [label.state for label in scanned.labels] == [State.VOIDED, State.DROPPED]
    assert [type(event) for event in events] == [ExceptionResolved]


def test_a_shipment_that_is_undone_and_taken_apart_gives_its_label_back() -> None:
    undone = ShipmentUndone(
        order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, lines=packed().lines, packed=False, undone_at=NOON
    )

    assert the_label(hears(left(number="WB1"), undone, order=bought()[0])).state is State.VOIDING


def test_a_parcel_that_was_left_behind_may_stand_on_another_list() -> None:
    undone = ShipmentUndone(
        order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, lines=packed().lines, packed=True, undone_at=NOON
    )
    listed = list_on(bought()[0], ORDER, [LABEL])

    assert the_label(listed).manifest_id == ORDER
    assert [event.parcel_ids for event in closed(listed, ORDER, "simulated", NOON)] == [(FIRST,)]
    assert the_label(hears(left(handed_over_by="manifest", number="WB1"), undone, order=listed)).manifest_id is None


def test_money_that_does_not_come_back_is_lost() -> None:
    order, _ = voided(void(bought()[0], LABEL, NOON), LABEL, NOON)

    assert the_label(void_refused(order, LABEL, "It did not come.", NOON)[0]).state is State.KEPT


def test_a_label_that_nobody_sells_is_for_somebody_to_look_after() -> None:
    order, events = failed(asked(), LABEL, "refused", "No such street.", NOON)

    assert [type(event) for event in events] == [LabelFailed, ExceptionRaised]
    assert (the_label(order).state, the_label(order).words) == (State.FAILED, "No such street.")
    assert failed(order, LABEL, "refused", "Again.", NOON) == (order, [])


def test_what_a_carrier_refuses_is_told_with_what_to_do() -> None:
    order, (told, raised) = refused(asked(), LABEL, "UPS says: No such street", NOON)
    says = f"UPS says: No such street. {IF_REFUSED}"

    assert isinstance(told, LabelFailed)
    assert isinstance(raised, ExceptionRaised)
    assert (told.code, told.words, raised.details) == ("refused", says, says)
    assert the_label(order).words == says
    assert all(words in says for words in ("unpack", "amend", "pack it again", "another service", "own carrier"))


def test_who_tries_again_buys_another_label_under_a_key_of_its_own() -> None:
    order, _ = failed(asked(), LABEL, "refused", "No such street.", NOON)
    exception = the_label(order).exception_id
    assert exception is not None

    again, (settled,) = resolve(order, exception, Decision("retry", "he moved"), NOON)
    other, _ = buy(order, FIRST, Wish("simulated:express"), NOON)

    assert isinstance(settled, ExceptionResolved)
    assert (settled.kind, settled.choice, settled.comment) == ("label_failed", "retry", "he moved")
    assert (the_label(again, 2).state, the_label(again, 2).label_id) == (State.WANTED, ids.label_id(FIRST, 2))
    assert the_label(other, 2).wish.service == "simulated:express"
    with pytest.raises(NoChoice):
        resolve(order, exception, Decision("sold", number="1Z"), NOON)
    with pytest.raises(UnknownException):
        resolve(again, exception, Decision("retry"), NOON)


def test_what_a_carrier_sold_without_saying_so_goes_back_and_another_is_bought() -> None:
    order, (raised,) = unclear(asked(), LABEL, NOON)
    same, nothing = unclear(order, LABEL, NOON)
    exception = the_label(order).exception_id
    assert exception is not None

    found, (settled, purchased) = resolve(order, exception, Decision("sold", "on the list", "1Z7"), NOON)

    assert isinstance(raised, ExceptionRaised)
    assert (raised.kind, raised.choices, raised.parcel_ids) == ("label_unclear", ("sold", "not_sold"), (FIRST,))
    assert (same, nothing) == (order, [])
    assert isinstance(settled, ExceptionResolved)
    assert (settled.kind, settled.choice, settled.comment) == ("label_unclear", "sold", "on the list")
    assert isinstance(purchased, LabelPurchased)
    assert (purchased.tracking_number, purchased.unwanted, purchased.cost) == ("1Z7", "label_unclear", USD)
    assert [(label.state, label.void_why) for label in found.labels] == [
        (State.VOIDING, "label_unclear"),
        (State.WANTED, ""),
    ]


@pytest.mark.parametrize(
    ("decision", "says"),
    [
        (Decision("sold"), NoNumber),
        (Decision("sold", number="../7"), NoNumber),
        (Decision("sold", number="WB1", taken=True), NumberKnown),
        (Decision("not_sold", number="WB1"), NumberOfWhat),
    ],
)
def test_what_is_given_back_has_a_number_and_is_no_other_label(decision: Decision, says: type[Exception]) -> None:
    order, _ = unclear(asked(), LABEL, NOON)
    exception = the_label(order).exception_id
    assert exception is not None

    with pytest.raises(says):
        resolve(order, exception, decision, NOON)


def test_what_somebody_looked_up_is_not_taken_for_another_one_when_its_carrier_lists_it() -> None:
    order, _ = unclear(asked(), LABEL, NOON)
    exception = the_label(order).exception_id
    assert exception is not None
    found, _ = resolve(order, exception, Decision("sold", number="WB1"), NOON)

    assert sold(found, LABEL, [sale(1)], NOON) == (found, [])


def test_what_is_unclear_and_then_refused_is_settled_and_failed() -> None:
    order, events = failed(unclear(asked(), LABEL, NOON)[0], LABEL, "refused", "No.", NOON)
    useless = hears(unpacked(), order=unclear(asked(), LABEL, NOON)[0])
    dropped, settled = failed(useless, LABEL, "refused", "No.", NOON)

    assert [type(event) for event in events] == [ExceptionResolved, LabelFailed, ExceptionRaised]
    assert the_label(order).state is State.FAILED
    assert [type(event) for event in settled] == [ExceptionResolved]
    assert (the_label(dropped).state, the_label(dropped).exception_id) == (State.DROPPED, None)


def test_a_label_that_may_be_void_is_not_used_again() -> None:
    asked_back = void(bought()[0], LABEL, NOON)

    certain, _ = void_refused(asked_back, LABEL, "No.", NOON)
    doubtful, _ = void_refused(asked_back, LABEL, "No.", NOON, certain=False)

    assert (the_label(certain).state, the_label(doubtful).state) == (State.BOUGHT, State.KEPT)


@pytest.mark.parametrize(("told", "states"), [((), ["dropped", "wanted"]), ((unpacked(),), ["dropped"])])
def test_what_was_not_sold_after_all_is_bought_anew_where_it_is_needed(told: Any, states: list[str]) -> None:
    order = hears(*told, order=unclear(asked(), LABEL, NOON)[0])
    exception = the_label(order).exception_id
    assert exception is not None

    after, (settled,) = resolve(order, exception, Decision("not_sold"), NOON)

    assert isinstance(settled, ExceptionResolved)
    assert [label.state for label in after.labels] == states


def test_what_is_unclear_is_settled_when_its_carrier_says_so_after_all() -> None:
    order, (settled, purchased) = sold(unclear(asked(), LABEL, NOON)[0], LABEL, [sale()], NOON)

    assert isinstance(settled, ExceptionResolved)
    assert (settled.kind, settled.choice) == ("label_unclear", "sold")
    assert isinstance(purchased, LabelPurchased)
    assert the_label(order).exception_id is None


@pytest.mark.parametrize("gone", [unpacked(), left(**OTHERWISE)])
def test_a_failed_label_settles_itself_when_nobody_needs_it(gone: Any) -> None:
    order, _ = failed(asked(), LABEL, "refused", "No such street.", NOON)

    after, events = on_event(order, gone, cause())

    assert after is not None
    assert the_label(after).state is State.DROPPED
    assert [type(event) for event in events] == [ExceptionResolved]


def test_only_what_is_packed_and_has_no_label_gets_one() -> None:
    with pytest.raises(HasLabel):
        buy(hears(packed()), FIRST, None, NOON)
    with pytest.raises(HasLabel):
        buy(bought()[0], FIRST, None, NOON)
    with pytest.raises(NotPacked):
        buy(hears(packed(), unpacked()), FIRST, None, NOON)
    with pytest.raises(OwnCarrier):
        buy(hears(packed(shipping="own")), FIRST, None, NOON)
    with pytest.raises(UnknownParcel):
        buy(hears(), FIRST, None, NOON)


def test_only_what_is_bought_is_voided() -> None:
    with pytest.raises(NotBought):
        void(asked(), LABEL, NOON)
    with pytest.raises(UnknownLabel):
        void(hears(), LABEL, NOON)


def test_the_same_order_told_again_changes_nothing() -> None:
    order: Order = bought()[0]

    assert hears(placed(), order=order) == order
