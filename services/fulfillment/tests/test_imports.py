"""What rows of a file mean for an order, without database or broker."""

from typing import Any

import pytest
from fulfillment_builders import NOON, ORDER, cancellation, cause, hold_request, label_bought, placed

from waybill_events import CorrectionRequested, Event, ItemsFulfilled, OrderLine, ids
from waybill_fulfillment.domain import Label, Ledger, Tracking, on_event, pack, ship, ship_parcel
from waybill_fulfillment.domain.files import Row
from waybill_fulfillment.domain.imports import Fate, duplicates, import_rows, unreadable

VALID, OTHER, BROKEN = "1Z5R89390357567127", "1Z879E930346834440", "1Z5R89390357567126"
USPS = "9400111899223197428497"


def a_ledger(*events: Event, lines: tuple[OrderLine, ...] = ()) -> Ledger:
    lines = lines or (OrderLine(line_id="shirt", sku="TS", quantity=3), OrderLine(line_id="mug", sku="MU", quantity=1))
    ledger: Ledger | None = None
    for event in (placed(*lines), *events):
        ledger, _ = on_event(ledger, event, cause())
    assert ledger is not None
    return ledger


def does(ledger: Ledger, command: Any, *arguments: Any, **named: Any) -> Ledger:
    return ledger.after(command(ledger, *arguments, at=NOON, **named), ORDER)


def a_row(line: int = 2, **cells: str) -> Row:
    said = {"reference": "10001-01", "company": "UPS", "number": VALID, "sku": "", "quantity": ""} | cells
    return Row(line=line, cells=tuple(said.values()), **said)


def run(ledger: Ledger, *rows: Row, confirmed: tuple[str, ...] = ()) -> tuple[Ledger, list[Event], list[str]]:
    """The ledger after these rows, what was told, and of each row its fate or code."""
    events, verdicts = import_rows(ledger, rows, confirmed, NOON)
    assert [verdict.row for verdict in sorted(verdicts, key=lambda each: each.row.line)] == list(rows)
    by_line = {verdict.row.line: verdict for verdict in verdicts}
    for verdict in verdicts:
        assert (verdict.says == "") == (verdict.fate is Fate.READY)
    return ledger.after(events, ORDER), events, [by_line[row.line].code or by_line[row.line].fate for row in rows]


def contents(ledger: Ledger) -> list[tuple[str, dict[str, int]]]:
    return [(parcel.tracking_number, dict(parcel.units)) for parcel in ledger.parcels if parcel.state == "shipped"]


def test_a_row_ships_all_that_is_open() -> None:
    after, events, said = run(a_ledger(), a_row())

    assert said == [Fate.READY]
    assert contents(after) == [(VALID, {"shirt": 3, "mug": 1})]
    assert isinstance(events[0], ItemsFulfilled)
    assert (events[0].company, events[0].number, events[0].shipped_at) == ("UPS", VALID, NOON)


def test_the_same_row_again_changes_nothing_however_its_number_is_spaced() -> None:
    after, _, _ = run(a_ledger(), a_row())

    again, events, said = run(after, a_row(number="1z 5R8 939 03 5756 7127"))

    assert (again, events, said) == (after, [], ["already-shipped"])


def test_rows_with_skus_and_quantities_make_the_parcel_that_they_describe() -> None:
    after, events, said = run(
        a_ledger(), a_row(2, sku="ts", quantity="2"), a_row(3, sku="MU"), a_row(4, sku="TS", number=OTHER)
    )

    assert said == [Fate.READY, Fate.READY, Fate.READY]
    assert contents(after) == [(VALID, {"shirt": 2, "mug": 1}), (OTHER, {"shirt": 1})]
    assert len(events) == 2


def test_a_quantity_is_what_the_parcel_holds_and_no_increment() -> None:
    after, _, _ = run(a_ledger(), a_row(sku="TS", quantity="2"))

    same, _, again = run(after, a_row(sku="TS", quantity="2"))
    more, _, corrected = run(after, a_row(sku="TS", quantity="3"))
    _, none, less = run(after, a_row(sku="TS", quantity="1"))

    assert (same, again) == (after, ["already-shipped"])
    assert corrected == [Fate.READY]
    assert contents(more) == [(VALID, {"shirt": 2}), (VALID, {"shirt": 1})]
    assert (none, less) == ([], ["holds-more"])


def test_further_numbers_of_an_order_are_parcels_whose_contents_nobody_gave() -> None:
    after, events, said = run(a_ledger(), a_row(2), a_row(3, number=OTHER))

    assert said == [Fate.READY, Fate.READY]
    assert contents(after) == [(VALID, {"shirt": 3, "mug": 1}), (OTHER, {})]
    assert run(after, a_row(2), a_row(3, number=OTHER))[2] == ["already-shipped", "already-shipped"]
    assert len(events) == 2


def test_a_row_of_an_order_with_one_packed_parcel_means_that_parcel() -> None:
    packed = does(a_ledger(), pack, {"shirt": 2})

    after, events, _ = run(packed, a_row())

    assert contents(after) == [(VALID, {"shirt": 2})]
    assert isinstance(events[0], ItemsFulfilled)
    assert events[0].parcel_id == ids.parcel_id(ORDER, 1)


@pytest.mark.parametrize("quantity", ["", "2"])
def test_a_row_that_says_what_is_in_a_packed_parcel_means_that_one(quantity: str) -> None:
    packed = does(does(a_ledger(), pack, {"mug": 1}), pack, {"shirt": 2})

    after, events, said = run(packed, a_row(sku="TS", quantity=quantity))

    assert said == [Fate.READY]
    assert contents(after) == [(VALID, {"shirt": 2})]
    assert isinstance(events[0], ItemsFulfilled)
    assert events[0].parcel_id == ids.parcel_id(ORDER, 2)


def test_a_row_that_says_something_else_than_the_packed_parcel_ships_what_is_open() -> None:
    packed = does(a_ledger(), pack, {"shirt": 2})

    assert contents(run(packed, a_row(sku="TS", quantity="1"))[0]) == [(VALID, {"shirt": 1})]
    assert run(packed, a_row(sku="TS", quantity="3"))[1:] == ([], ["more-than-open"])


def test_with_several_packed_parcels_somebody_must_say_which() -> None:
    packed = does(does(a_ledger(), pack, {"shirt": 2}), pack, {"mug": 1})

    assert run(packed, a_row())[1:] == ([], ["which-parcel"])


@pytest.mark.parametrize(
    ("ledger", "row", "code"),
    [
        (a_ledger(cancellation()), a_row(), "canceled"),
        (a_ledger(cancellation()), a_row(sku="TS", quantity="2"), "canceled"),
        (a_ledger(hold_request()), a_row(), "held"),
        (a_ledger(hold_request()), a_row(sku="TS", quantity="4"), "held"),
        (does(a_ledger(), ship, None, Tracking("UPS", OTHER)), a_row(), "shipped-with-another"),
        (does(a_ledger(), ship, {"shirt": 3}, Tracking("UPS", OTHER)), a_row(sku="TS"), "shipped-with-another"),
        (
            does(a_ledger(), ship, {"shirt": 3}, Tracking("UPS", OTHER)),
            a_row(sku="TS", quantity="3"),
            "shipped-with-another",
        ),
        (
            does(a_ledger(), ship, {"shirt": 3}, Tracking("UPS", OTHER)),
            a_row(sku="TS", quantity="2"),
            "more-than-open",
        ),
        (
            does(a_ledger(), ship, None, Tracking("UPS", OTHER)),
            a_row(sku="TS", quantity="2"),
            "shipped-with-another",
        ),
        (does(a_ledger(), ship, None, Tracking("UPS", OTHER)), a_row(sku="HAT"), "unknown-sku"),
        (a_ledger(), a_row(sku="TS", quantity="4"), "more-than-open"),
        (a_ledger(cancellation({"shirt": 2})), a_row(sku="TS", quantity="2"), "more-than-open"),
        (a_ledger(), a_row(sku="HAT"), "unknown-sku"),
        (a_ledger(cancellation({"shirt": 3})), a_row(sku="TS"), "nothing-open"),
        (a_ledger(), a_row(company="Ann's van"), "unknown-company"),
        (a_ledger(), a_row(number=BROKEN), "wrong-check-digit"),
        (a_ledger(), a_row(company="", number=BROKEN), "wrong-check-digit"),
        (a_ledger(), a_row(company="UPS", number=USPS), "other-carrier"),
    ],
)
def test_a_row_that_does_not_go_says_why_and_ships_nothing(ledger: Ledger, row: Row, code: str) -> None:
    assert run(ledger, row)[1:] == ([], [code])


ANOTHER = "1Z410E7W0392751591"


def test_another_number_for_what_has_left_corrects_it_once_that_is_confirmed() -> None:
    left = does(a_ledger(), ship, None, Tracking("UPS", OTHER))

    after, events, said = run(left, a_row(), confirmed=("shipped-with-another",))

    assert said == [Fate.READY]
    (event,) = events
    assert isinstance(event, CorrectionRequested)
    assert (event.parcel_id, event.company, event.number) == (ids.parcel_id(ORDER, 1), "UPS", VALID)
    assert contents(after) == [(VALID, {"shirt": 3, "mug": 1})]
    assert run(after, a_row(), confirmed=("shipped-with-another",))[1:] == ([], ["already-shipped"])


def test_another_number_for_a_sku_corrects_the_parcel_that_holds_it() -> None:
    left = does(
        does(a_ledger(), ship, {"shirt": 2}, Tracking("UPS", OTHER)), ship, {"mug": 1}, Tracking("UPS", ANOTHER)
    )

    after, _, said = run(left, a_row(sku="TS", quantity="2"), confirmed=("shipped-with-another",))

    assert said == [Fate.READY]
    assert contents(after) == [(VALID, {"shirt": 2}), (ANOTHER, {"mug": 1})]


def test_with_several_parcels_it_is_the_one_whose_number_the_file_does_not_have() -> None:
    left = does(does(a_ledger(), ship, {"shirt": 3}, Tracking("UPS", OTHER)), ship, None, Tracking("UPS", VALID))
    rows = a_row(2), a_row(3, number=ANOTHER)

    after, _, said = run(left, *rows, confirmed=("shipped-with-another",))

    assert run(left, *rows)[2] == ["already-shipped", "shipped-with-another"]
    assert said == ["already-shipped", Fate.READY]
    assert contents(after) == [(ANOTHER, {"shirt": 3}), (VALID, {"mug": 1})]


def test_where_that_could_be_several_parcels_nobody_guesses() -> None:
    left = does(does(a_ledger(), ship, {"shirt": 3}, Tracking("UPS", OTHER)), ship, None, Tracking("UPS", VALID))

    assert run(left, a_row(number=ANOTHER), confirmed=("shipped-with-another",))[1:] == ([], ["shipped-with-another"])


def test_a_number_beside_those_of_all_parcels_is_a_further_parcel() -> None:
    left = does(a_ledger(), ship, None, Tracking("UPS", VALID))

    after, _, said = run(left, a_row(2), a_row(3, number=OTHER))

    assert said == ["already-shipped", Fate.READY]
    assert contents(after) == [(VALID, {"shirt": 3, "mug": 1}), (OTHER, {})]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        (a_row(company="Ann's van", number="7"), "unknown-company"),
        (a_row(number=BROKEN), "wrong-check-digit"),
        (a_row(company="UPS", number=USPS), "other-carrier"),
    ],
)
def test_what_may_be_wrong_goes_once_it_is_confirmed(row: Row, code: str) -> None:
    assert run(a_ledger(), row, confirmed=("something-else",))[2] == [code]
    assert run(a_ledger(), row, confirmed=(code,))[2] == [Fate.READY]


@pytest.mark.parametrize("number", ["1234567891", "JJD000390007882823426", "00340434161094042557"])
def test_the_name_of_a_group_covers_all_of_it(number: str) -> None:
    assert run(a_ledger(), a_row(company="DHL", number=number))[2] == [Fate.READY]


def test_what_has_a_label_leaves_with_that_and_not_with_a_number_of_a_file() -> None:
    packed = does(a_ledger(), pack, None, label=Label())
    labeled, _ = on_event(packed, label_bought(), cause())
    assert labeled is not None
    left = does(labeled, ship_parcel, ids.parcel_id(ORDER, 1), None)

    assert run(labeled, a_row())[1:] == ([], ["labeled"])
    assert run(left, a_row(), confirmed=("shipped-with-another",))[1:] == ([], ["shipped-with-its-label"])


def test_a_parcel_with_a_wrong_row_waits_whole() -> None:
    after, events, said = run(a_ledger(), a_row(2, sku="TS", quantity="1"), a_row(3, sku="HAT"))

    assert (events, said) == ([], ["parcel-waits", "unknown-sku"])
    assert contents(after) == []


def test_rows_of_one_number_all_have_skus_or_none() -> None:
    assert run(a_ledger(), a_row(2, sku="TS"), a_row(3))[2] == ["mixed-contents", "mixed-contents"]


def test_rows_that_cannot_go_between_two_that_do_leave_the_count_of_what_is_left_alone() -> None:
    rows = (
        a_row(2, sku="TS", quantity="1"),
        a_row(3, number=USPS, company="USPS", sku="TS"),
        a_row(4, number=USPS, company="USPS"),
        a_row(5, number=OTHER, sku="TS", quantity="2"),
    )

    after, _, said = run(a_ledger(), *rows)

    assert said == [Fate.READY, "mixed-contents", "mixed-contents", Fate.READY]
    assert contents(after) == [(VALID, {"shirt": 1}), (OTHER, {"shirt": 2})]


def test_several_lines_of_one_sku_are_filled_one_after_the_other() -> None:
    lines = (OrderLine(line_id="a", sku="TS", quantity=2), OrderLine(line_id="b", sku="TS", quantity=2))

    after, _, _ = run(a_ledger(lines=lines), a_row(sku="TS", quantity="3"))

    assert contents(after) == [(VALID, {"a": 2, "b": 1})]


@pytest.mark.parametrize(
    ("cells", "code"),
    [
        ({"reference": ""}, "no-reference"),
        ({"number": ""}, "no-number"),
        ({"number": "1.23E+15"}, "scientific-notation"),
        ({"number": "1,23E+15"}, "scientific-notation"),
        ({"reference": "1E+05"}, "scientific-notation"),
        ({"number": "7" * 101}, "not-a-number"),
        ({"number": "1Z\n2"}, "not-a-number"),
        ({"sku": "TS", "quantity": "two"}, "not-a-quantity"),
        ({"sku": "TS", "quantity": "0"}, "not-a-quantity"),
        ({"sku": "TS", "quantity": "-1"}, "not-a-quantity"),
        ({"sku": "TS", "quantity": "1.5"}, "not-a-quantity"),
        ({"quantity": "1"}, "no-sku"),
    ],
)
def test_a_row_that_is_wrong_by_itself_says_how(cells: dict[str, str], code: str) -> None:
    verdict = unreadable(a_row(**cells))

    assert verdict is not None
    assert (verdict.fate, verdict.code) == (Fate.WRONG, code)
    assert verdict.says.endswith(".")


@pytest.mark.parametrize("quantity", ["2", "2.0", "2,00", "02"])
def test_a_whole_number_is_one_however_a_spreadsheet_writes_it(quantity: str) -> None:
    assert unreadable(a_row(sku="TS", quantity=quantity)) is None
    assert contents(run(a_ledger(), a_row(sku="TS", quantity=quantity))[0]) == [(VALID, {"shirt": 2})]


def test_one_order_under_two_names_ships_its_units_once() -> None:
    rows = (a_row(2, sku="TS", quantity="1"), a_row(3, reference="#10001", sku="TS", quantity="1"))

    after, _, said = run(a_ledger(), *rows)

    assert said == [Fate.READY, "duplicate-row"]
    assert contents(after) == [(VALID, {"shirt": 1})]


def test_a_row_that_stands_twice_counts_once_and_one_that_says_otherwise_is_wrong() -> None:
    rows = [
        a_row(2),
        a_row(3, number=VALID.lower()),
        a_row(4, sku="TS", quantity="1"),
        a_row(5, sku="TS", quantity="2"),
    ]

    found = duplicates(rows)

    assert {line: (verdict.fate, verdict.code) for line, verdict in found.items()} == {
        3: (Fate.NOTHING, "duplicate-row"),
        5: (Fate.WRONG, "duplicate-row"),
    }
