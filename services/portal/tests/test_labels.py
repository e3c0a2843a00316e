"""Labels of parcels, as the portal folds them from what labels tells."""

from datetime import UTC, datetime
from itertools import count
from typing import Any
from uuid import UUID

import pytest
from portal_builders import placed

from waybill_chassis.fold import Waiting
from waybill_events import (
    Envelope,
    Event,
    LabelFailed,
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    LabelVoidRefused,
    LineUnits,
    Money,
    ParcelPacked,
    ParcelUnpacked,
    ReturnLabelChanged,
    ReturnLabelPurchased,
    ReturnOpened,
    ids,
)
from waybill_portal.domain import Order, Parcel, on_event

ORDER, BRAND = UUID(int=1), UUID(int=2)
PARCEL = ids.parcel_id(ORDER, 1)
RETURN = UUID(int=7)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
USD = Money(amount="7.35", currency="USD")


def packed(shipping: str = "platform") -> ParcelPacked:
    lines = (LineUnits(line_id="shirt", quantity=3),)
    return ParcelPacked(
        order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, lines=lines, shipping=shipping, packed_at=NOON
    )


def of_label(event: type[Any], purchase: int = 1, **said: Any) -> Any:
    known = {"order_id": ORDER, "brand_id": BRAND, "parcel_id": PARCEL, "label_id": ids.label_id(PARCEL, purchase)}
    return event(**known | said)


def bought(purchase: int = 1, **changed: Any) -> LabelPurchased:
    said = {
        "carrier": "simulated",
        "carrier_name": "Simulated Carrier",
        "service": "ground",
        "service_name": "Ground",
        "tracking_number": f"WB{purchase}",
        "cost": USD,
        "weight_g": 840,
        "purchased_at": NOON,
    }
    event: LabelPurchased = of_label(LabelPurchased, purchase, **said | changed)
    return event


FAILED = of_label(LabelFailed, code="refused", words="No such street.", failed_at=NOON)
VOIDED = of_label(LabelVoided, why="asked", voided_at=NOON)
REFUNDED = of_label(LabelRefunded, amount=USD, refunded_at=NOON)


def refused(why: str) -> LabelVoidRefused:
    event: LabelVoidRefused = of_label(LabelVoidRefused, why=why, words="It was used.", refused_at=NOON)
    return event


def parcel(*events: Event) -> Parcel:
    """The parcel after these events."""
    (found,) = after(*events).parcels
    return found


def after(*events: Event) -> Order:
    """The order after these events."""
    numbers: dict[str, Any] = {}
    order: Order | None = None
    for event in (placed(ORDER, BRAND, "10001-01"), *events):
        source = event.topic.replace(".", "/")
        number = next(numbers.setdefault(source, count(1)))
        id_ = ids.event_id(ORDER, event.type_name(), ORDER, number)
        envelope = Envelope(
            id=id_, source=source, type="t", time=NOON, subject=ORDER, actor="test", causation_id=id_, sequence=number
        )
        order, _ = on_event(order, event, envelope)
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("events", "state"),
    [
        ((), "pending"),
        ((bought(),), "labeled"),
        ((bought(unwanted="unpacked"),), "pending"),
        ((FAILED,), "failed"),
        ((FAILED, bought(2)), "labeled"),
        ((bought(), VOIDED), "voided"),
        ((bought(), VOIDED, REFUNDED), "refunded"),
        ((bought(), VOIDED, bought(2)), "labeled"),
        ((bought(), refused("asked")), "labeled"),
        ((bought(), refused("unpacked")), "not taken back"),
        ((bought(), VOIDED, refused("asked")), "not taken back"),
    ],
)
def test_a_parcel_says_how_far_its_label_has_come(events: tuple[Event, ...], state: str) -> None:
    assert parcel(packed(), *events).label_state == state


def test_one_that_goes_with_its_brands_own_carrier_has_none() -> None:
    assert parcel(packed("own")).label_state == "own carrier"


def test_a_label_shows_its_price_its_number_and_what_its_carrier_said_of_it() -> None:
    (label,) = parcel(packed(), bought(), refused("asked")).labels

    assert (label.cost, label.tracking_number, label.service_name, label.words) == (
        USD,
        "WB1",
        "Ground",
        "It was used.",
    )


@pytest.mark.parametrize(
    ("events", "money", "moves"),
    [
        ((FAILED,), "none", []),
        ((bought(),), "paid", ["bought"]),
        ((bought(unwanted="unpacked"),), "pending", ["bought"]),
        ((bought(), VOIDED), "pending", ["bought", "voided"]),
        ((bought(), VOIDED, REFUNDED), "refunded", ["bought", "voided", "refunded"]),
        ((bought(), VOIDED, refused("asked")), "lost", ["bought", "voided", "lost"]),
        ((bought(), refused("unpacked")), "lost", ["bought", "lost"]),
        ((bought(), refused("asked")), "paid", ["bought"]),
    ],
)
def test_the_money_of_a_label_is_a_ledger_in_which_pending_and_lost_differ(
    events: tuple[Event, ...], money: str, moves: list[str]
) -> None:
    (label,) = parcel(packed(), *events).labels

    assert label.money == money
    assert [(each.what, each.amount, each.at) for each in label.ledger] == [(what, USD, NOON) for what in moves]


def test_a_label_that_was_paid_is_listed_though_its_parcel_was_taken_apart() -> None:
    apart = ParcelUnpacked(order_id=ORDER, brand_id=BRAND, parcel_id=PARCEL, lines=packed().lines, unpacked_at=NOON)
    order = after(packed(), bought(), apart, refused("unpacked"))

    assert order.standing == ()
    assert [(whose, label.tracking_number, label.money) for whose, label in order.paid] == [("Unpacked", "WB1", "lost")]
    assert [whose for whose, _ in after(packed(), bought()).paid] == ["Parcel 1"]
    assert after(packed(), FAILED).paid == ()


def test_all_labels_of_a_parcel_are_kept() -> None:
    labels = parcel(
        packed(), FAILED, bought(2), of_label(LabelVoided, 2, why="asked", voided_at=NOON), bought(3)
    ).labels

    assert [(label.state, label.tracking_number) for label in labels] == [
        ("failed", ""),
        ("voided", "WB2"),
        ("bought", "WB3"),
    ]


def test_a_label_waits_for_its_parcel() -> None:
    with pytest.raises(Waiting, match="ParcelPacked"):
        parcel(bought())


def test_a_return_shows_the_label_with_which_it_comes_back_and_what_became_of_it() -> None:
    about = {"order_id": ORDER, "brand_id": BRAND, "return_id": RETURN}
    back = ReturnOpened(**about, lines=(), reason="other", wants_label=True, opened_at=NOON)
    label = {**about, "label_id": ids.label_id(RETURN, 1)}
    sold = ReturnLabelPurchased(
        **label,
        carrier="simulated",
        carrier_name="Simulated Carrier",
        service="ground",
        tracking_number="WB9",
        cost=USD,
        weight_g=200,
        purchased_at=NOON,
    )
    gone = ReturnLabelChanged(**label, state="voided", changed_at=NOON)
    none = ReturnLabelChanged(**label, state="failed", words="Enter a box.", changed_at=NOON)

    def shown(*events: Event) -> tuple[str, str, str]:
        found = after(*events).returns[RETURN].label
        assert found is not None
        return found.state, found.tracking_number, found.words

    assert shown(back, sold) == ("bought", "WB9", "")
    assert shown(back, sold, gone) == ("voided", "WB9", "")
    assert shown(back, none) == ("failed", "", "Enter a box.")
    assert [(whose, label.money) for whose, label in after(back, sold, gone).paid] == [("Return 1", "pending")]
    assert after(back, none).paid == ()
