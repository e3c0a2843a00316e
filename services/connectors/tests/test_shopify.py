"""Shopify's words for an order, without database or broker."""

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from waybill_connectors.domain import shopify
from waybill_connectors.domain.connections import Connection, Unreadable, refusal
from waybill_events import Address, Buyer, KnownShipment, LineUnits, Money, Payment, SaleChanged, SaleReceived

CONNECTION = Connection(
    connection_id=UUID(int=1),
    platform="shopify",
    code="shop",
    name="A shop",
    secret="secret",
    brand_id=UUID(int=2),
    start_date=datetime(2026, 1, 1, tzinfo=UTC),
    test_orders=False,
    ships_when="paid",
)


def an_order(*lines: dict[str, Any], **changed: Any) -> dict[str, Any]:
    return {
        "id": 1,
        "name": "#1001",
        "created_at": "2026-01-10T11:00:00-05:00",
        "financial_status": "paid",
        "currency": "USD",
        "line_items": list(lines) or [a_line()],
        **changed,
    }


def a_line(line_id: int = 7, quantity: int = 3, **more: Any) -> dict[str, Any]:
    return {"id": line_id, "quantity": quantity, "title": "Mug", **more}


def fulfillment(units: int, status: str = "success", **more: Any) -> dict[str, Any]:
    return {"id": 5, "status": status, "line_items": [{"id": 7, "quantity": units}], **more}


def refund(units: int, restock: str) -> dict[str, Any]:
    return {"refund_line_items": [{"line_item_id": 7, "quantity": units, "restock_type": restock}]}


def read(order: dict[str, Any]) -> SaleReceived:
    return shopify.sale(order, CONNECTION)


@pytest.mark.parametrize(
    ("order", "shipped", "canceled"),
    [
        (an_order(), 0, 0),
        (an_order(fulfillments=[fulfillment(2)]), 2, 0),
        (an_order(fulfillments=[fulfillment(2, "failure"), fulfillment(1, "cancelled")]), 0, 0),
        (an_order(fulfillments=[fulfillment(9)]), 3, 0),
        (an_order(a_line(current_quantity=1)), 0, 2),
        (an_order(a_line(current_quantity=1), fulfillments=[fulfillment(2)]), 2, 1),
        (an_order(refunds=[refund(1, "cancel"), refund(1, "no_restock")]), 0, 2),
        (an_order(refunds=[refund(1, "return")], fulfillments=[fulfillment(3)]), 3, 0),
        (an_order(cancelled_at="2026-01-11T11:00:00Z"), 0, 3),
        (an_order(cancelled_at="2026-01-11T11:00:00Z", fulfillments=[fulfillment(1)]), 1, 2),
    ],
)
def test_units_that_left_or_were_taken_out_before_are_known(order: dict[str, Any], shipped: int, canceled: int) -> None:
    (line,) = read(order).lines

    assert (line.quantity, line.shipped, line.canceled) == (3, shipped, canceled)


def test_a_line_keeps_its_own_id_though_skus_are_empty_or_repeat() -> None:
    sale = read(an_order(a_line(1, sku=""), a_line(2, sku=None), a_line(3, sku="A"), a_line(4, sku="A", vendor=" Ac ")))

    assert [(line.line_id, line.sku, line.vendor) for line in sale.lines] == [
        ("1", "", ""),
        ("2", "", ""),
        ("3", "A", ""),
        ("4", "A", "Ac"),
    ]


def test_a_shipment_from_before_is_told_with_its_number() -> None:
    sale = read(
        an_order(fulfillments=[fulfillment(2, tracking_company="UPS", tracking_numbers=["1Z"], tracking_urls=[])])
    )

    assert sale.shipments == (
        KnownShipment(tracking_company="UPS", tracking_number="1Z", lines=(LineUnits(line_id="7", quantity=2),)),
    )


def test_the_recipient_and_the_buyer_are_whom_the_order_names() -> None:
    sale = read(
        an_order(
            email="ann@example.com",
            customer={"first_name": "Ann", "last_name": "Bee"},
            shipping_address={
                "first_name": "Cy",
                "last_name": "Dee",
                "address1": "1 High St",
                "city": "Troy",
                "province_code": "NY",
                "zip": "12180",
                "country_code": "us",
            },
        )
    )

    assert sale.buyer == Buyer(name="Ann Bee", email="ann@example.com")
    assert sale.ship_to == Address(
        name="Cy Dee", line1="1 High St", city="Troy", region="NY", postcode="12180", country="US"
    )


@pytest.mark.parametrize("address", [None, {}, {"first_name": "Cy", "country_code": "US"}])
def test_an_address_without_a_place_is_none(address: Any) -> None:
    assert read(an_order(shipping_address=address)).ship_to is None


@pytest.mark.parametrize(
    ("status", "payment"),
    [
        ("paid", Payment.PAID),
        ("pending", Payment.UNPAID),
        ("voided", Payment.VOIDED),
        ("new!", Payment.UNKNOWN),
        (None, Payment.UNKNOWN),
    ],
)
def test_a_payment_is_said_in_the_words_that_platforms_share(status: Any, payment: Payment) -> None:
    assert read(an_order(financial_status=status)).payment is payment


def test_money_keeps_its_digits_and_gift_cards_need_no_parcel() -> None:
    order = shopify.parse(
        b'{"id":1,"name":"#1","created_at":"2026-01-10T11:00:00Z","currency":"USD","total_price":1.10,'
        b'"line_items":[{"id":7,"quantity":1,"price":"0.10","gift_card":true}]}'
    )

    sale = shopify.sale(order, CONNECTION)

    assert sale.total == Money(amount="1.10", currency="USD")
    assert not sale.lines[0].requires_shipping


@pytest.mark.parametrize(
    ("order", "says"),
    [
        (an_order(id=None), "id is missing"),
        (an_order(created_at=None), "created_at is missing"),
        (an_order(created_at="yesterday"), "not an ISO 8601 time"),
        (an_order(created_at="2026-01-10T11:00:00"), "without an offset"),
        (an_order(a_line(quantity=-1)), "line 7 has the quantity -1"),
        (an_order(line_items="x"), "line_items is not a list"),
        (an_order(line_items=["x"]), "line_items is not a list of objects"),
        (an_order(currency="dollars"), "currency"),
    ],
)
def test_what_cannot_be_read_says_which_field(order: dict[str, Any], says: str) -> None:
    with pytest.raises(Unreadable, match=says):
        read(order)


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"\xff"])
def test_a_body_that_is_no_order_says_so(body: bytes) -> None:
    with pytest.raises(Unreadable):
        shopify.parse(body)


def test_one_change_has_one_key() -> None:
    created, order = shopify.CREATED, {"id": 1, "updated_at": "t"}

    assert shopify.change_key({}, created, "e1", b"") == "event:e1"
    assert shopify.change_key(order, created, None, b"") == "order:1@t"
    assert shopify.change_key(order, "orders/paid", None, b"") != shopify.change_key(order, "orders/updated", None, b"")
    assert shopify.change_key({}, created, None, b"a") != shopify.change_key({}, created, None, b"b")


@pytest.mark.parametrize(
    ("order", "canceled"),
    [
        # One of two that had left came back: nothing of the third is canceled.
        (an_order(a_line(current_quantity=2), fulfillments=[fulfillment(2)], refunds=[refund(1, "return")]), 0),
        # Refunded without a word on where it is, after it had left: the last one is still to be shipped.
        (
            an_order(
                a_line(current_quantity=2, fulfillable_quantity=1),
                fulfillments=[fulfillment(2)],
                refunds=[refund(1, "no_restock")],
            ),
            0,
        ),
        (an_order(a_line(current_quantity=2, fulfillable_quantity=2), refunds=[refund(1, "cancel")]), 1),
    ],
)
def test_a_refund_of_what_has_left_cancels_nothing_that_is_open(order: dict[str, Any], canceled: int) -> None:
    assert [line.canceled for line in read(order).lines] == [canceled]


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({}, None),
        ({"cancelled_at": "2026-01-11T11:00:00-05:00", "cancel_reason": "fraud"}, "fraud"),
        ({"cancelled_at": "2026-01-11T11:00:00-05:00", "cancel_reason": "declined"}, "declined"),
        ({"cancelled_at": "2026-01-11T11:00:00-05:00", "cancel_reason": "new word"}, "other"),
        ({"cancelled_at": "2026-01-11T11:00:00-05:00"}, "other"),
    ],
)
def test_the_shops_reason_to_cancel_is_said_in_our_words(fields: dict[str, Any], reason: str | None) -> None:
    assert read(an_order(**fields)).cancel_reason == reason


def test_a_change_is_the_same_sale_as_it_is_now() -> None:
    changed = shopify.sale(an_order(), CONNECTION, SaleChanged)

    assert isinstance(changed, SaleChanged)
    assert changed.model_dump() == read(an_order()).model_dump()


def test_an_unfinished_order_is_work_however_old_and_a_finished_one_only_since_the_start() -> None:
    old = {"created_at": "2020-01-10T11:00:00Z"}

    assert refusal(read(an_order(**old)), CONNECTION) is None
    assert refusal(read(an_order(fulfillments=[fulfillment(3)])), CONNECTION) is None
    assert "older" in (refusal(read(an_order(**old, fulfillments=[fulfillment(3)])), CONNECTION) or "")


@pytest.mark.parametrize(
    "changed",
    [
        {"customer": "Ann"},
        {"shipping_address": ["x"]},
        {"fulfillments": [{"status": ["x"], "line_items": [{"id": 7, "quantity": "two"}]}]},
        {"refunds": [{"refund_line_items": [{"line_item_id": 7, "quantity": {}}]}]},
        {"line_items": [a_line(current_quantity="x")]},
        {"line_items": [a_line(current_quantity=-5)]},
        {"line_items": [a_line(quantity=1.5)]},
        {"line_items": [a_line(quantity=True)]},
        {"line_items": [a_line(), a_line()]},
        {"created_at": "9999-12-31T23:59:59-12:00"},
        {"created_at": 7},
        {"name": "#" + "9" * 201},
        {"financial_status": {}, "total_price": {}},
    ],
)
def test_whatever_is_of_another_shape_is_unreadable_and_never_a_fault_of_ours(changed: dict[str, Any]) -> None:
    with pytest.raises(Unreadable):
        read(an_order(**changed))


@pytest.mark.parametrize(
    "changed", [{"fulfillments": [fulfillment(1, tracking_numbers=7, tracking_urls={})]}, {"note": "\ud800"}]
)
def test_odd_texts_are_read_as_well_as_they_can_be(changed: dict[str, Any]) -> None:
    sale = read(an_order(**changed))

    assert sale.to_json()


def test_an_odd_offset_is_kept_as_the_instant_it_means() -> None:
    sale = read(an_order(created_at="2026-01-01T00:00:00+23:59:59.999999"))

    assert sale.placed_at == datetime(2025, 12, 31, 0, 0, 0, 1, tzinfo=UTC)
    assert SaleReceived.from_json(sale.to_json()) == sale


@pytest.mark.parametrize(
    "body",
    [b'{"grams": 1e20000000}', b'{"a": 1e99999999999999999999}', b'{"a": NaN}', b"[" * 100_000],
)
def test_numbers_and_nesting_out_of_all_proportion_are_refused_at_once(body: bytes) -> None:
    with pytest.raises(Unreadable):
        shopify.parse(body)


def test_a_change_key_can_always_be_stored() -> None:
    key = shopify.change_key({"id": "\ud800\x00" + "9" * 9000, "updated_at": "t"}, shopify.CREATED, None, b"")

    assert len(key.encode()) < 300
    assert "\x00" not in key


@pytest.mark.parametrize(
    ("locale", "language"),
    [("de", "de"), ("de-AT", "de"), ("EN_us", "en"), ("haw-US", ""), ("", ""), (None, ""), (7, "")],
)
def test_the_customers_language_is_that_of_their_locale(locale: Any, language: str) -> None:
    assert read(an_order(customer_locale=locale)).language == language
