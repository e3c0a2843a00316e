"""`waybill carriers` as programs and people call it."""

import json

from typer.testing import CliRunner

from waybill_carriers import CARRIERS
from waybill_cli.main import app

UPS = "1Z410E7W0392751591"


def test_each_number_gets_a_line_with_its_candidates_however_often_it_is_given() -> None:
    said = CliRunner().invoke(app, ["carriers", "detect", UPS, "no number", UPS, "--json"])

    found = [json.loads(line) for line in said.stdout.splitlines()]
    ups = {
        "carrier": "ups",
        "service": "Ground",
        "check_digit": "passed",
        "url": f"https://www.ups.com/track?tracknum={UPS}",
        "evidence": ["has the form of UPS 1Z", "its check digit 1 is right", "its service is Ground"],
    }
    assert found == [
        {"number": UPS, "candidates": [ups]},
        {"number": "no number", "candidates": []},
        {"number": UPS, "candidates": [ups]},
    ]


def test_a_table_names_the_carrier_and_says_where_there_is_none() -> None:
    said = CliRunner().invoke(app, ["carriers", "detect", UPS, "nothing"]).stdout

    # As wide as the terminal is, a sentence may stand on several lines.
    assert all(word in said for word in (UPS, "UPS", "passed", "Ground"))
    assert all(word in said for word in ("nothing", "no carrier that is known"))


def test_a_hint_comes_first_and_one_that_names_no_carrier_is_refused_with_what_it_may_have_meant() -> None:
    hinted = CliRunner().invoke(app, ["carriers", "detect", "RB123456785US", "--hint", "US Mail", "--json"])
    unknown = CliRunner().invoke(app, ["carriers", "detect", UPS, "--hint", "purolattor"])

    assert json.loads(hinted.stdout)["candidates"][0]["carrier"] == "usps"
    assert (unknown.exit_code, "did you mean Purolator?" in unknown.stderr) == (1, True)


def test_the_registry_can_be_read_as_a_table_and_by_programs() -> None:
    table = CliRunner().invoke(app, ["carriers", "list"]).stdout
    entries = [json.loads(line) for line in CliRunner().invoke(app, ["carriers", "list", "--json"]).stdout.splitlines()]

    assert [entry["code"] for entry in entries] == [carrier.code for carrier in CARRIERS]
    assert all(code in table for code in ("ups", "dhl_parcel_de", "s10"))
