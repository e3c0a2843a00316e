"""Names and numbers as people give them."""

import json
import os
import re
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill_carriers import CARRIERS, Carrier, by_name, compact, detect, suggest
from waybill_carriers.formats import Format, shape

_CASES: Final = (
    Path(os.environ.get("WAYBILL_SAMPLES", Path(__file__).parents[4] / "shared" / "data")) / "tracking" / "cases.json"
)
PUBLISHED: Final = [
    (carrier, each, number) for carrier in CARRIERS for each in carrier.formats for number in each.numbers
]
OWN: Final = [(carrier, number) for carrier, each, number in PUBLISHED if not each.also]
CHECKED: Final = [
    (carrier, each, number) for carrier, each, number in PUBLISHED if each.check is not None and not each.also
]


def codes(number: str, hint: str | None = None, history: dict[str, int] | None = None) -> list[str]:
    return [candidate.carrier.code for candidate in detect(number, hint, history)]


def check_digits(number: str, code: str) -> list[str]:
    return [candidate.check_digit for candidate in detect(number) if candidate.carrier.code == code]


@pytest.mark.parametrize(
    ("typed", "code"),
    [
        ("UPS", "ups"),
        (" ups ", "ups"),
        ("fed ex", "fedex"),
        ("FEDEX-GRD", "fedex"),
        ("FedEx Home Delivery", "fedex"),
        ("U.S.P.S.", "usps"),
        ("USPS Priority Mail", "usps"),
        ("DHL Express", "dhl"),
        ("Deutsche Post DHL", "dhl_parcel_de"),
        ("Royal Mail", "s10"),
        ("Česká pošta", "s10"),
        ("Ceska posta", "s10"),
        ("Canada Post", "canada_post"),
    ],
)
def test_a_carrier_is_found_however_its_name_is_typed(typed: str, code: str) -> None:
    found = by_name(typed)

    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("typed", ["Bob's van", "", "UPS of my brother", "--", "x" * 10_000])
def test_a_name_that_is_no_carriers_finds_none(typed: str) -> None:
    assert by_name(typed) is None


def test_a_post_keeps_its_own_name_and_page() -> None:
    found = by_name("Royal Mail")

    assert found is not None
    assert (found.name, found.page("RB123456785GB")) == (
        "Royal Mail",
        "https://www.royalmail.com/track-your-item#/tracking-results/RB123456785GB",
    )


def test_a_name_that_is_nearly_a_carriers_suggests_it() -> None:
    assert [carrier.code for carrier in suggest("purolattor")] == ["purolator"]
    assert suggest("Bob's van") == ()


@pytest.mark.parametrize("carrier", [each for each in CARRIERS if each.formats], ids=lambda each: each.code)
def test_a_carrier_is_known_by_three_numbers_or_more_and_who_published_each(carrier: Carrier) -> None:
    sources = {compact(number): each.source for each in carrier.formats for number in each.numbers}

    assert len(sources) >= 3
    assert all(source.strip() for source in sources.values())


@pytest.mark.parametrize(("carrier", "number"), OWN, ids=lambda each: each if isinstance(each, str) else each.code)
def test_a_number_that_a_carrier_published_is_its_own_first(carrier: Carrier, number: str) -> None:
    (first, *_) = detect(number)

    assert (first.carrier.code, first.check_digit == "failed") == (carrier.code, False)


@pytest.mark.parametrize(
    ("carrier", "each", "number"), [row for row in PUBLISHED if row[1].also], ids=lambda each: getattr(each, "code", "")
)
def test_a_number_that_others_may_give_out_first_has_its_carrier_among_the_candidates(
    carrier: Carrier, each: Format, number: str
) -> None:
    assert carrier.code in codes(number), each.name


@pytest.mark.parametrize(
    ("carrier", "each", "number"),
    CHECKED,
    ids=lambda each: each if isinstance(each, str) else getattr(each, "code", ""),
)
def test_another_check_digit_fails(carrier: Carrier, each: Format, number: str) -> None:
    plain = compact(number)
    form = next(read for read in map(shape, each.shapes) if read.pattern.fullmatch(plain))
    at = form.parts["check"].start
    others = [plain[:at] + digit + plain[at + 1 :] for digit in "0123456789" if digit != plain[at]]

    said = [check_digits(other, carrier.code) for other in others]

    assert said == [["failed"]] * len(others)


def test_a_mistyped_digit_and_swapped_neighbors_are_seen() -> None:
    assert check_digits("1Z879E930346834440", "ups") == ["passed"]
    assert check_digits("1Z879E930346834540", "ups") == ["failed"]
    assert check_digits("1Z879E930346384440", "ups") == ["failed"]


@pytest.mark.parametrize(
    "number", ["", "123", "hello", "1Z12345E020527168", "RB123456785XX", "9" * 1000, "٣" * 12 + "x"]
)
def test_what_is_no_number_of_anybody_has_no_candidates(number: str) -> None:
    assert detect(number) == ()


def test_numbers_are_read_with_their_spaces_dashes_and_brackets() -> None:
    assert codes(" 1Z 879e 9303-4683 4440 ") == ["ups"]
    assert codes("(420)19380 9261290336128704280838")[0] == "usps"
    assert codes("1Z879E930346834440")[0] == "ups"
    assert compact(" 94-00 1000\u2011") == "94001000"


def test_a_number_of_the_postal_form_is_the_posts_before_it_is_the_carriers() -> None:
    (post, usps) = detect("RB123456785US")

    assert (post.carrier.code, post.carrier.name, post.country, post.service) == (
        "s10",
        "USPS",
        "US",
        "registered letter",
    )
    assert usps.carrier.code == "usps"


def test_a_hint_that_is_a_candidate_comes_first_and_another_changes_nothing() -> None:
    assert codes("RB123456785US", "usps") == ["usps", "s10"]
    assert codes("RB123456785US", "U.S. Postal Service") == ["usps", "s10"]
    assert codes("RB123456785US", "UPS") == ["s10", "usps"]
    assert codes("RB123456785US", "Bob's van") == ["s10", "usps"]


def test_the_name_of_a_group_stands_for_all_of_its_family() -> None:
    assert codes("201298452277", "DHL")[0] == "dhl_parcel_de"
    assert detect("00340434161094015902", "DHL")[0].evidence[-1] == "DHL was named, and it is of that family"


def test_where_the_number_leaves_it_open_the_brands_own_carrier_comes_first() -> None:
    """A number that passes as one of FedEx and as one of GLS."""
    assert codes("201298452277")[0] == "fedex"

    assert codes("201298452277", history={"gls": 100_000_000})[0] == "gls"


def test_a_candidate_says_why() -> None:
    (found,) = detect("1Z410E7W0392751591")

    assert found.service == "Ground"
    assert found.evidence == ("has the form of UPS 1Z", "its check digit 1 is right", "its service is Ground")
    assert detect("1Z410E7W0392751592")[0].evidence[1:] == ("its check digit should be 1", "its service is Ground")
    assert detect("201298452277")[-1].evidence[1:] == (
        "its check digit should be 1",
        "so it stands behind those whose check digit does not speak against them",
    )
    assert detect("RB123456785US")[1].evidence[-1] == "such numbers are others' first"


def test_a_page_asks_for_what_the_carrier_knows_the_parcel_by() -> None:
    assert detect("420193809261290336128704280838")[0].url.endswith("tLabels=9261290336128704280838")
    assert detect("1001921334250001000300779017972697")[0].url.endswith("trknbr=779017972697")
    ups = CARRIERS[0]
    assert ups.page("1z 12345E0205271688") == "https://www.ups.com/track?tracknum=1Z12345E0205271688"
    assert ups.page('"><script>&x=') == "https://www.ups.com/track?tracknum=%22%3E%3CSCRIPT%3E%26X%3D"


def test_every_shape_has_one_length_and_no_expression_that_can_be_made_to_hang() -> None:
    for carrier in CARRIERS:
        for each in carrier.formats:
            for written in each.shapes:
                pattern = shape(written).pattern.pattern
                assert not re.search(r"[*+?]|\{\d*,", pattern.replace("(?:", "(")), f"{carrier.code}: {pattern}"


@pytest.mark.parametrize("written", ["1z", "#-", "777|78", "a=", "é"])
def test_a_shape_that_cannot_be_read_is_an_error(written: str) -> None:
    with pytest.raises(ValueError, match=r"is no part of a shape|differ in length"):
        shape(written)


@given(st.text(max_size=60) | st.text("0123456789", min_size=8, max_size=36) | st.from_regex(r"[A-Z]{2}\d{9}[A-Z]{2}"))
def test_whatever_is_typed_gets_an_answer(number: str) -> None:
    found = detect(number)

    assert len({candidate.carrier.code for candidate in found}) == len(found)
    assert all(candidate.evidence for candidate in found)


needs_samples = pytest.mark.skipif(not _CASES.exists(), reason=f"no {_CASES} (WAYBILL_SAMPLES)")


@needs_samples
def test_others_numbers_find_their_carriers() -> None:
    cases: list[dict[str, Any]] = json.loads(_CASES.read_text())
    valid = [(case["number"], case["courier_code"]) for case in cases if case["valid"]]

    first = [(number, code) for number, code in valid if codes(number)[:1] == [code]]
    among = [(number, code) for number, code in valid if code in codes(number)]

    assert len(first) >= 0.98 * len(valid)
    assert among == valid


@needs_samples
def test_others_wrong_numbers_are_not_taken_for_right_ones() -> None:
    cases: list[dict[str, Any]] = json.loads(_CASES.read_text())
    wrong = [(case["number"], case["courier_code"]) for case in cases if not case["valid"]]

    taken = [(number, code) for number, code in wrong if set(check_digits(number, code)) - {"failed"}]

    assert taken == []
