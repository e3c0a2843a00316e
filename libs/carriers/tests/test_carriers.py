"""Names and numbers as people give them."""

import pytest

from waybill_carriers import CARRIERS, by_name, by_number, compact


@pytest.mark.parametrize(
    ("typed", "code"),
    [("UPS", "ups"), (" ups ", "ups"), ("Fed Ex", "fedex"), ("U.S.P.S.", "usps"), ("DHL Express", "dhl")],
)
def test_a_carrier_is_found_however_its_name_is_typed(typed: str, code: str) -> None:
    found = by_name(typed)

    assert found is not None
    assert found.code == code


def test_a_name_that_is_no_carriers_finds_none() -> None:
    assert by_name("Bob's van") is None
    assert by_name("") is None


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("1Z12345E0205271688", "ups"),
        ("1z 1234 5e02 0527 1688", "ups"),
        ("9400 1000 0000 0000 0000 00", "usps"),
        ("EA123456784US", "usps"),
        ("986578788855", "fedex"),
        ("JD014600003828392837", "dhl"),
    ],
)
def test_a_number_of_one_carriers_format_finds_it(number: str, code: str) -> None:
    found = by_number(number)

    assert found is not None
    assert found.code == code


@pytest.mark.parametrize("number", ["1Z12345E020527168", "hello", "", "123"])
def test_a_number_of_no_format_finds_none(number: str) -> None:
    assert by_number(number) is None


def test_the_page_carries_the_compact_number_and_nothing_that_breaks_out_of_it() -> None:
    ups = CARRIERS[0]

    assert ups.page("1z 12345E0205271688") == "https://www.ups.com/track?tracknum=1Z12345E0205271688"
    assert ups.page('"><script>&x=') == "https://www.ups.com/track?tracknum=%22%3E%3CSCRIPT%3E%26X%3D"


def test_compact_drops_what_people_group_digits_with() -> None:
    assert compact(" 94-00 1000\u2011") == "94001000"
