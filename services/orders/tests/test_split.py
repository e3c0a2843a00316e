"""How a sale becomes orders, without database or broker."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from waybill_chassis.fold import Waiting
from waybill_events import (
    Address,
    Envelope,
    Event,
    HoldReason,
    KnownShipment,
    LeftOut,
    LineUnits,
    OrderPlaced,
    Payment,
    Recipient,
    SaleLine,
    SaleReceived,
    SaleSplit,
    ids,
)
from waybill_orders.domain import Claims, incomplete, references, renamed
from waybill_orders.domain.sales import split

ACORN, BIRCH = UUID(int=1), UUID(int=2)
CLAIMS = [
    Claims(ACORN, frozenset({"acorn"}), ("AC-",)),
    Claims(BIRCH, frozenset({"birch"}), ("AC-B",)),
]
CONNECTION = UUID(int=9)
SALE = ids.sale_id(CONNECTION, "5001")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAUSE = Envelope(
    id=SALE, source="test", type="test", time=NOON, subject=SALE, actor="platform:shopify", causation_id=SALE
)


def a_sale(*lines: SaleLine, **changed: Any) -> SaleReceived:
    sale = SaleReceived(
        sale_id=SALE,
        connection_id=CONNECTION,
        connection_code="shop",
        platform="shopify",
        source_order_id="5001",
        number="#10001",
        placed_at=NOON,
        source_updated_at=NOON,
        payment=Payment.PAID,
        ship_to=Address(name="Ann", line1="1 High St", city="Troy", postcode="12180", country="US"),
        lines=lines or (a_line("1", vendor="Acorn"),),
    )
    return sale.model_copy(update=changed)


def a_line(line_id: str, quantity: int = 1, **more: Any) -> SaleLine:
    return SaleLine(line_id=line_id, quantity=quantity, **more)


def events_of(sale: SaleReceived) -> list[Event]:
    _, events = split(sale, CLAIMS)
    return events


def orders_of(sale: SaleReceived) -> list[OrderPlaced]:
    return [event for event in events_of(sale) if isinstance(event, OrderPlaced)]


def test_each_brand_gets_an_order_numbered_over_all_brands() -> None:
    sale = a_sale(a_line("1", vendor="Birch"), a_line("2", vendor="ACORN "), a_line("3", vendor="birch"))

    orders = orders_of(sale)

    assert [(order.brand_id, order.reference, [line.line_id for line in order.lines]) for order in orders] == [
        (BIRCH, "10001-01", ["1", "3"]),
        (ACORN, "10001-02", ["2"]),
    ]
    assert [order.order_id for order in orders] == [ids.order_id(SALE, 1), ids.order_id(SALE, 2)]


def test_the_split_comes_first_and_each_recipient_before_its_order() -> None:
    names = [type(event) for event in events_of(a_sale(a_line("1", vendor="acorn"), a_line("2", vendor="birch")))]

    assert names == [SaleSplit, Recipient, OrderPlaced, Recipient, OrderPlaced]


def test_a_sku_goes_to_the_longest_prefix_that_fits_and_a_vendor_before_any_prefix() -> None:
    sale = a_sale(a_line("1", sku="AC-B7"), a_line("2", sku="AC-7"), a_line("3", sku="AC-B7", vendor="acorn"))

    assert {order.brand_id: [line.line_id for line in order.lines] for order in orders_of(sale)} == {
        BIRCH: ["1"],
        ACORN: ["2", "3"],
    }


def test_a_line_that_nobody_claims_goes_to_the_connections_brand_or_is_left_out_and_named() -> None:
    sale = a_sale(a_line("1", vendor="who"))

    with_default = orders_of(sale.model_copy(update={"default_brand_id": ACORN}))
    told = events_of(sale)[0]

    assert [order.brand_id for order in with_default] == [ACORN]
    assert isinstance(told, SaleSplit)
    assert (told.orders, told.left_out) == ((), (LeftOut(line_id="1", reason="no-brand"),))


def test_what_needs_no_parcel_is_left_out_and_named() -> None:
    sale = a_sale(
        a_line("1", vendor="acorn", requires_shipping=False),
        a_line("2", 0, vendor="acorn"),
        a_line("3", vendor="acorn"),
    )

    told = events_of(sale)[0]

    assert isinstance(told, SaleSplit)
    assert told.left_out == (
        LeftOut(line_id="1", reason="nothing-to-ship"),
        LeftOut(line_id="2", reason="no-units"),
    )


def test_a_connections_brand_that_is_not_known_yet_is_waited_for() -> None:
    with pytest.raises(Waiting):
        events_of(a_sale(default_brand_id=UUID(int=77)))


@pytest.mark.parametrize(
    ("payment", "ships_when", "held"),
    [
        (Payment.PAID, "paid", False),
        (Payment.AUTHORIZED, "paid", True),
        (Payment.AUTHORIZED, "authorized", False),
        (Payment.UNPAID, "authorized", True),
        (Payment.UNKNOWN, "always", False),
        (Payment.PARTIALLY_REFUNDED, "paid", False),
        (Payment.VOIDED, "authorized", True),
    ],
)
def test_an_order_is_held_until_the_payment_is_as_far_as_its_connection_asks(
    payment: Payment, ships_when: str, held: bool
) -> None:
    (order,) = orders_of(a_sale(payment=payment, ships_when=ships_when))

    assert [hold.reason for hold in order.holds] == ([HoldReason.AWAITING_PAYMENT] if held else [])


def test_an_order_with_nothing_open_waits_for_no_payment() -> None:
    (order,) = orders_of(a_sale(a_line("1", vendor="acorn", canceled=1), payment=Payment.VOIDED))

    assert order.holds == ()


@pytest.mark.parametrize(
    ("changed", "lacks"),
    [
        ({}, ()),
        ({"name": " "}, ("name",)),
        ({"name": "", "company": "Bee & Co"}, ()),
        ({"line1": ""}, ("line1",)),
        ({"line1": "", "line2": "PO Box 7"}, ()),
        ({"line1": "PO Box 7"}, ()),
        ({"city": ""}, ("city",)),
        ({"country": None}, ("country",)),
        ({"country": "UK"}, ("country",)),
        ({"postcode": ""}, ("postcode",)),
        ({"postcode": "", "country": "HK"}, ()),
        ({"postcode": "", "country": "IE"}, ("postcode",)),
        ({"city": "", "country": "SG"}, ()),
        ({"city": "", "country": "JP"}, ("city",)),
    ],
)
def test_an_address_that_nobody_can_deliver_to_holds_an_order(changed: dict[str, Any], lacks: tuple[str, ...]) -> None:
    address = Address(name="Ann", line1="1 High St", city="Troy", postcode="12180", country="US")
    sale = a_sale(ship_to=address.model_copy(update=changed))

    (order,) = orders_of(sale)

    assert incomplete(sale.ship_to) == lacks
    assert [hold.reason for hold in order.holds] == ([HoldReason.ADDRESS] if lacks else [])


def test_an_order_without_an_address_is_held() -> None:
    (order,) = orders_of(a_sale(ship_to=None))

    assert ([hold.reason for hold in order.holds], order.country) == ([HoldReason.ADDRESS], None)
    assert order.holds[0].hold_id == ids.hold_id(order.order_id, HoldReason.ADDRESS)


def test_quantities_and_shipments_that_were_there_before_are_born_with_their_order() -> None:
    shipment = KnownShipment(
        tracking_number="X1",
        lines=(LineUnits(line_id="1", quantity=2), LineUnits(line_id="2", quantity=1)),
    )
    sale = a_sale(
        a_line("1", 5, vendor="acorn", shipped=2, canceled=1),
        a_line("2", 1, vendor="birch", shipped=1),
        shipments=(shipment,),
    )

    acorn, birch = orders_of(sale)

    assert [(line.quantity, line.shipped, line.canceled) for line in acorn.lines] == [(5, 2, 1)]
    assert acorn.shipments == (replace_lines(shipment, 0),)
    assert birch.shipments == (replace_lines(shipment, 1),)


def replace_lines(shipment: KnownShipment, at: int) -> KnownShipment:
    return shipment.model_copy(update={"lines": (shipment.lines[at],)})


def test_a_reference_that_is_taken_is_followed_by_one_with_the_connections_code() -> None:
    (order,) = orders_of(a_sale())

    preferred, with_code, last = references(order, "shop")

    assert (preferred, with_code) == ("10001-01", "shop-10001-01")
    assert last.startswith("shop-10001-01-")


def test_the_longest_number_still_makes_references_that_are_names() -> None:
    (order,) = orders_of(a_sale(number="#" + "9" * 199))

    assert all(len(name) <= 200 for name in references(order, "a" * 20))


def test_the_split_and_its_orders_carry_the_same_given_reference() -> None:
    events = events_of(a_sale())
    order_id = ids.order_id(SALE, 1)

    told, _recipient, order = [renamed(event, {order_id: "shop-10001-01"}) for event in events]

    assert isinstance(told, SaleSplit)
    assert isinstance(order, OrderPlaced)
    assert (told.orders[0].reference, order.reference) == ("shop-10001-01", "shop-10001-01")
