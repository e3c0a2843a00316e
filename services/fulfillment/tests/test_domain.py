"""What a ledger allows, without database or broker."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill_events import Envelope, Hold, ItemsFulfilled, LineUnits, OrderLine, OrderPlaced, ids
from waybill_fulfillment.domain import (
    Held,
    Ledger,
    Line,
    NothingOpen,
    NotOpen,
    NotUnits,
    Refused,
    Ship,
    UnknownLine,
    on_event,
    ship,
)

ORDER, BRAND = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAUSE = Envelope(id=ORDER, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=ORDER)


def placed(*lines: OrderLine, holds: tuple[Hold, ...] = ()) -> OrderPlaced:
    return OrderPlaced(
        order_id=ORDER,
        sale_id=UUID(int=3),
        brand_id=BRAND,
        reference="10001-01",
        number="#10001",
        connection_id=UUID(int=4),
        platform="shopify",
        placed_at=NOON,
        recipient_version=1,
        holds=holds,
        lines=lines or (OrderLine(line_id="shirt", quantity=3), OrderLine(line_id="mug", quantity=1)),
    )


def a_ledger(*lines: OrderLine, holds: tuple[Hold, ...] = ()) -> Ledger:
    ledger, events = on_event(None, placed(*lines, holds=holds), CAUSE)
    assert ledger is not None
    assert events == []
    return ledger


def shipping(units: dict[str, int] | None = None, **changed: Any) -> Ship:
    return Ship(**{"units": units, "tracking_company": "UPS", "tracking_number": "1Z", "at": NOON, **changed})


def test_a_ledger_opens_with_what_was_shipped_and_canceled_before() -> None:
    ledger = a_ledger(OrderLine(line_id="shirt", quantity=5, shipped=2, canceled=1))

    assert ledger.lines == {"shirt": Line(ordered=5, open=2, packed=0, shipped=2, canceled=1)}


def test_an_order_placed_again_leaves_its_ledger_alone() -> None:
    after, _ = ship(a_ledger(), shipping())

    assert on_event(after, placed(), CAUSE) == (after, [])


def test_an_order_born_with_more_gone_than_ordered_is_refused() -> None:
    with pytest.raises(ValueError, match="line shirt"):
        a_ledger(OrderLine(line_id="shirt", quantity=1, shipped=1, canceled=1))


def test_shipping_everything_leaves_nothing_open() -> None:
    after, events = ship(a_ledger(), shipping())

    assert {line_id: (line.open, line.shipped) for line_id, line in after.lines.items()} == {
        "shirt": (0, 3),
        "mug": (0, 1),
    }
    assert events == [
        ItemsFulfilled(
            order_id=ORDER,
            brand_id=BRAND,
            parcel_id=ids.parcel_id(ORDER, 1),
            lines=(LineUnits(line_id="shirt", quantity=3), LineUnits(line_id="mug", quantity=1)),
            company="UPS",
            number="1Z",
            shipped_at=NOON,
        )
    ]


def test_shipping_some_leaves_the_rest_for_a_second_parcel() -> None:
    first, _ = ship(a_ledger(), shipping({"shirt": 2}))
    second, _ = ship(first, shipping())

    assert [dict(parcel.units) for parcel in second.parcels] == [{"shirt": 2}, {"shirt": 1, "mug": 1}]
    assert [parcel.parcel_id for parcel in second.parcels] == [ids.parcel_id(ORDER, 1), ids.parcel_id(ORDER, 2)]


@pytest.mark.parametrize(
    ("units", "refusal"),
    [({"shirt": 4}, NotOpen), ({"mug": 1, "shirt": -1}, NotUnits), ({"shirt": 0}, NotUnits), ({"hat": 1}, UnknownLine)],
)
def test_what_cannot_be_shipped_is_refused_and_its_line_named(
    units: dict[str, int], refusal: type[NotOpen | NotUnits | UnknownLine]
) -> None:
    with pytest.raises(refusal) as refused:
        ship(a_ledger(), shipping(units))

    assert refused.value.line_id == ("hat" if "hat" in units else "shirt")
    assert refused.value.line_id in str(refused.value)


def test_shipping_twice_is_refused() -> None:
    after, _ = ship(a_ledger(), shipping())

    with pytest.raises(NothingOpen, match="shirt, mug"):
        ship(after, shipping())
    with pytest.raises(NotOpen):
        ship(after, shipping({"shirt": 1}))


def test_an_order_on_hold_is_not_shipped() -> None:
    with pytest.raises(Held, match="address"):
        ship(a_ledger(holds=(Hold.ADDRESS,)), shipping())


@given(
    st.lists(
        st.dictionaries(st.sampled_from(["shirt", "mug", "hat"]), st.integers(-2, 5), max_size=3) | st.none(),
        max_size=6,
    )
)
def test_units_always_add_up_whatever_is_asked(asked: list[dict[str, int] | None]) -> None:
    ledger = a_ledger()
    for units in asked:
        try:
            ledger, _ = ship(ledger, shipping(units))
        except Refused:
            continue

    for line_id, line in ledger.lines.items():
        assert line.ordered == line.open + line.packed + line.shipped + line.canceled
        assert min(line.open, line.packed, line.shipped, line.canceled) >= 0
        assert line.shipped == sum(parcel.units.get(line_id, 0) for parcel in ledger.parcels)
