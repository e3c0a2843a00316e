"""What a carrier must know, what is missing before money moves, and which service is taken."""

from contextlib import nullcontext
from typing import Any

import pytest
from labels_builders import ACORN, BOX, EXPRESS, FIRST, GROUND, hears, packed, to

from waybill_events import Box, BusinessAddress, LineUnits, Money, OrderLine, RateRule, Recipient
from waybill_labels.domain import (
    LONGEST,
    NotReady,
    NotYet,
    Offer,
    Order,
    Shipment,
    Wish,
    choose,
    nobody_carries,
    prepare,
    size_in_words,
    weight_in_words,
)

POST = Offer("simulated", "Simulated Carrier", "post", "Post", Money(amount="8.00", currency="USD"), 4)


def ready(
    wish: Wish | None = None, recipient: Recipient | None = None, order: Order | None = None, **brand: Any
) -> Shipment:
    order = order or hears(packed())
    parcel = order.parcel(FIRST)
    assert parcel is not None
    return prepare(order, parcel, wish or Wish(), recipient or to(), ACORN.model_copy(update=brand))


def chosen(shipment: Shipment, rule: RateRule, service: str = "") -> str:
    return choose([POST, GROUND, EXPRESS], shipment, Wish(service), rule).service


def why_not(shipment: Shipment, rule: RateRule, service: str = "") -> str:
    with pytest.raises(NotReady) as refused:
        choose([POST, GROUND, EXPRESS], shipment, Wish(service), rule)
    assert refused.value.code == "no_rate"
    return str(refused.value)


def test_a_fixed_rule_without_services_takes_none() -> None:
    assert "as the rule names none" in why_not(ready(), RateRule(choose="fixed"))


def test_prices_in_another_currency_than_most_are_taken_only_where_they_are_wished_or_the_rule_names_them() -> None:
    abroad = Offer("ups", "UPS", "ground", "Ground", Money(amount="1.00", currency="CAD"), 9)
    offers, rule = [abroad, POST, GROUND, EXPRESS], RateRule(choose="cheapest")

    assert choose(offers, ready(), Wish(), rule) is GROUND
    assert choose(offers, ready(), Wish("ups:ground"), rule) is abroad
    assert choose(offers, ready(), Wish(), RateRule(choose="fixed", services=("ups:ground",))) is abroad


def test_a_parcel_weighs_what_its_units_do_unless_it_was_weighed() -> None:
    assert ready().weight_g == 2 * 200
    assert ready(Wish(weight_g=450)).weight_g == 450


def test_the_brands_default_stands_for_units_of_which_nobody_said_what_they_weigh() -> None:
    lines = (OrderLine(line_id="1", quantity=2, weight_g=200), OrderLine(line_id="2", quantity=3))
    units = (LineUnits(line_id="1", quantity=2), LineUnits(line_id="2", quantity=3))
    order = hears(packed(lines=units), lines=lines)

    assert ready(order=order).weight_g == 2 * 200 + 3 * 250
    with pytest.raises(NotReady, match="what line 2 weighs"):
        ready(order=order, default_weight_g=None)


def test_it_goes_in_the_box_that_was_named_or_else_in_the_brands() -> None:
    large = Box(length_mm=600, width_mm=400, height_mm=300)

    assert ready().box == BOX
    assert ready(Wish(box=large)).box == large


NOBODY: Any = None
MISSING: tuple[tuple[str, Any], ...] = (
    ("no_box", {"default_box": None}),
    ("no_ship_from", {"ship_from": BusinessAddress()}),
    ("ship_from_too_long", {"ship_from": ACORN.ship_from.model_copy(update={"line2": "x" * (LONGEST + 1)})}),
    ("no_address", {"recipient": to(line1=" ")}),
    ("no_address", {"recipient": to(country=None)}),
    ("no_address", {"recipient": to().model_copy(update={"address": None})}),
    ("address_changed", {"recipient": to(version=2)}),
    ("unknown_country", {"recipient": to(country="ZZ")}),
    ("unknown_ship_from", {"ship_from": ACORN.ship_from.model_copy(update={"country": "ZZ"})}),
    ("address_too_long", {"recipient": to(line2="x" * (LONGEST + 1))}),
    ("customs_required", {"recipient": to(country="CA")}),
)


@pytest.mark.parametrize(("code", "given"), MISSING)
def test_what_is_missing_is_said_before_anybody_is_asked(code: str, given: dict[str, Any]) -> None:
    with pytest.raises(NotReady) as refused:
        ready(**given)

    assert refused.value.code == code
    assert str(refused.value).endswith(".")


def test_a_country_that_there_is_not_is_named_and_is_to_be_corrected() -> None:
    with pytest.raises(NotReady, match=r"no country ZZ\. Amend the country of the address"):
        ready(recipient=to(country="ZZ"))
    with pytest.raises(NotReady, match=r"no country ZZ, from which the brand ships\. Correct it"):
        ready(ship_from=ACORN.ship_from.model_copy(update={"country": "ZZ"}))


def test_a_parcel_of_which_nobody_said_what_is_in_it_must_be_weighed() -> None:
    order = hears(packed(lines=()))

    with pytest.raises(NotReady, match="Weigh it"):
        ready(order=order)
    assert ready(Wish(weight_g=450), order=order).weight_g == 450


def test_brand_and_recipient_are_waited_for() -> None:
    order = hears(packed(recipient_version=2))
    parcel = order.parcels[0]

    for recipient, brand in ((to(), ACORN), (NOBODY, ACORN), (to(), None)):
        with pytest.raises(NotYet):
            prepare(order, parcel, Wish(), recipient, brand)
    assert prepare(order, parcel, Wish(), to(version=2), ACORN).reference == "10001-01"


@pytest.mark.parametrize(
    ("start", "end", "papers"),
    [("US", "US", False), ("US", "PR", False), ("DE", "FR", False), ("DE", "CH", True), ("GB", "IE", True)],
)
def test_customs_papers_are_needed_between_unions(start: str, end: str, papers: bool) -> None:
    ship_from = ACORN.ship_from.model_copy(update={"country": start})

    with pytest.raises(NotReady, match="customs papers") if papers else nullcontext():
        assert ready(recipient=to(country=end), ship_from=ship_from).ship_to.country == end


def test_the_cheapest_the_fastest_or_the_first_of_the_brands_own_list_is_taken() -> None:
    shipment = ready(recipient=to(phone="+1 518 555 0100"))

    assert chosen(shipment, RateRule()) == "ground"
    assert chosen(shipment, RateRule(choose="fastest")) == "express"
    assert chosen(shipment, RateRule(choose="fixed", services=("simulated:nope", "simulated:post"))) == "post"
    assert chosen(shipment, RateRule(), "simulated:express") == "express"


def test_who_cannot_take_it_is_left_out_and_the_answer_says_why() -> None:
    no_phone = ready()
    boxed = ready(recipient=to(line1="P.O. Box 12", phone="1"))
    base = ready(recipient=to(city="APO", region="AE", phone="1"))
    heavy = ready(Wish(weight_g=25_000), to(phone="1"))
    long_ = ready(Wish(box=Box(length_mm=2_800, width_mm=300, height_mm=300)), to(phone="1"))

    assert chosen(no_phone, RateRule(choose="fastest")) == "post"
    assert "it needs the recipient's phone" in why_not(no_phone, RateRule(), "simulated:express")
    assert chosen(boxed, RateRule()) == "post"
    assert "it does not deliver to PO boxes" in why_not(boxed, RateRule(), "simulated:ground")
    assert chosen(base, RateRule(choose="fastest")) == "post"
    assert "military" in why_not(base, RateRule(), "simulated:express")
    assert chosen(heavy, RateRule()) == "ground"
    assert "20000 g at most" in why_not(heavy, RateRule(), "simulated:post")
    assert "2700 mm of length at most" in why_not(long_, RateRule(choose="fixed", services=("simulated:ground",)))
    wide = ready(Wish(box=Box(length_mm=1_000, width_mm=800, height_mm=800)), to(phone="1"))
    assert "4190 mm of length and girth at most" in why_not(wide, RateRule(), "simulated:ground")


@pytest.mark.parametrize(
    ("recipient", "wish", "says"),
    [
        (to(line1="P.O. Box 12"), Wish(), "it does not deliver to PO boxes"),
        (to(city="APO", region="AE"), Wish(), "it does not go to military addresses"),
        (to(), Wish(weight_g=68_100), "it takes 68038 g at most"),
        (to(), Wish(box=Box(length_mm=2_800, width_mm=100, height_mm=100)), "it takes 2743 mm of length at most"),
        (to(), Wish(box=Box(length_mm=1_600, width_mm=700, height_mm=600)), "it takes 4191 mm of length and girth"),
    ],
)
def test_rules_of_a_carrier_are_those_of_each_of_its_services(recipient: Recipient, wish: Wish, says: str) -> None:
    of_ups = Offer("ups", "UPS", "ups_ground", "UPS Ground", Money(amount="1.00", currency="USD"), 3)

    with pytest.raises(NotReady, match=says):
        choose([of_ups], ready(wish, recipient), Wish("ups:ups_ground"), RateRule())
    assert choose([of_ups], ready(recipient=to()), Wish(), RateRule()) is of_ups


@pytest.mark.parametrize("line", ["PO Box 1", "p.o.box 9", "Postfach 12", "Boîte postale 7", "Apartado 3"])
def test_boxes_in_post_offices_are_known_by_their_names(line: str) -> None:
    assert chosen(ready(recipient=to(line2=line, phone="1")), RateRule(choose="fastest")) == "post"


def test_that_nobody_carries_it_is_said_in_the_carriers_words_with_what_to_do() -> None:
    no_offer = nobody_carries(["1 High St is unknown.", "Too far."], ready())
    nobody_there = nobody_carries([], ready())

    assert (no_offer.code, str(no_offer)) == (
        "no_carrier",
        "[street] is unknown. Too far. Ship it with your own carrier, or correct what is wrong and retry.",
    )
    assert str(nobody_there).startswith("No carrier is set up here. Ship it with your own carrier")


def test_a_street_is_no_box() -> None:
    assert chosen(ready(recipient=to(line1="12 Boxwood Lane", phone="1")), RateRule(choose="fastest")) == "express"


@pytest.mark.parametrize(
    ("grams", "said"),
    [
        (1, "0.001 kg  0.0 oz"),
        (400, "0.4 kg  14.1 oz"),
        (453, "0.453 kg  1 lb 0.0 oz"),
        (12_345, "12.345 kg  27 lb 3.5 oz"),
        (10_000_000, "10000 kg  22046 lb 3.6 oz"),
    ],
)
def test_a_weight_is_said_in_kilograms_and_in_pounds_and_ounces(grams: int, said: str) -> None:
    assert weight_in_words(grams) == said


@pytest.mark.parametrize(
    ("country", "said"),
    [
        ("US", "300 × 200 × 120 mm  11.8 × 7.9 × 4.7 in"),
        ("PR", "300 × 200 × 120 mm  11.8 × 7.9 × 4.7 in"),
        ("DE", "300 × 200 × 120 mm"),
        (None, "300 × 200 × 120 mm"),
    ],
)
def test_a_size_is_said_in_inches_too_where_its_parcel_leaves_from_the_united_states(
    country: str | None, said: str
) -> None:
    assert size_in_words(BOX, country) == said
