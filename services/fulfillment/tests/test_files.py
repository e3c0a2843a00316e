"""Files as spreadsheets of all kinds write them, read into text and given back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill_fulfillment.domain.files import MOST_ROWS, UnreadableFile, read, write

PLAIN = "reference,tracking_company,tracking_number\n0010001-01,UPS,1Z12345E0205271686\n"
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)


def cells(content: bytes | str) -> list[tuple[str, str, str]]:
    file = read(content if isinstance(content, bytes) else content.encode())
    return [(row.reference, row.company, row.number) for row in file.rows]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode(),
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        PLAIN.encode("utf-16-le"),
        PLAIN.encode("utf-16-be"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";").encode(),
        PLAIN.replace(",", "\t").encode(),
        PLAIN.replace("\n", "\r\n").encode(),
        PLAIN.replace("\n", "\r").encode(),
        ("\n\n" + PLAIN.replace("\n", "\n,,\n")).encode(),
        ("sep=;\r\n" + PLAIN.replace(",", ";")).encode(),
        b'"reference","tracking_company","tracking_number"\n"0010001-01","UPS","1Z12345E0205271686"',
        b"Tracking Number,ORDER #,Carrier\n1Z12345E0205271686,ignored,UPS\n".replace(b"ignored", b"0010001-01"),
        b'reference,tracking_company,tracking_number\n="0010001-01",UPS,"=""1Z12345E0205271686"""\n',
    ],
)
def test_a_file_says_the_same_however_it_is_written(content: bytes) -> None:
    assert cells(content.replace(b"ORDER #", b"Order Number")) == [("0010001-01", "UPS", "1Z12345E0205271686")]


def test_western_letters_of_an_older_encoding_are_read() -> None:
    assert cells("reference;carrier;tracking\nMÜL-7;Société Générale;1Z\n".encode("cp1252")) == [
        ("MÜL-7", "Société Générale", "1Z")
    ]


def test_a_cell_may_hold_separators_quotes_and_line_breaks() -> None:
    content = 'reference,carrier,tracking\n"a,b","say ""hi""","1Z\n9"\nc,,2\n'

    assert cells(content) == [("a,b", 'say "hi"', "1Z\n9"), ("c", "", "2")]


def test_rows_are_numbered_as_a_spreadsheet_does() -> None:
    file = read(b"reference,tracking\n\na,1\n,\nb,2\n")

    assert [row.line for row in file.rows] == [3, 5]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("Name,Lineitem sku,Lineitem quantity,Courier,AWB", ("1", "2", "3", "4", "5")),
        ("QTY,SKU,Tracking #,Order No.,Ship Via", ("4", "2", "1", "5", "3")),
    ],
)
def test_columns_are_known_by_what_people_call_them_in_any_order(header: str, columns: tuple[str, ...]) -> None:
    (row,) = read(f"{header}\n1,2,3,4,5\n".encode()).rows

    assert (row.reference, row.sku, row.quantity, row.company, row.number) == (
        columns if header.startswith("Name") else ("4", "2", "1", "5", "3")
    )


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty-file"),
        (b"\n\n,,\n", "empty-file"),
        (b"reference,company\n1,UPS\n", "no-column"),
        (b"10001-01,UPS,1Z\n", "no-column"),
        (b"reference,tracking\n" + b"a,1\n" * (MOST_ROWS + 1), "too-many-rows"),
        (b'reference,tracking\n"' + b"a" * 200_000, "not-csv"),
    ],
)
def test_what_is_no_list_of_numbers_is_refused_with_what_to_do(content: bytes, code: str) -> None:
    with pytest.raises(UnreadableFile) as refused:
        read(content)

    assert refused.value.code == code
    assert str(refused.value).endswith(".")


def test_a_row_of_another_length_is_read_and_its_surplus_told() -> None:
    short, long = read(b"reference,carrier,tracking\na\nb,UPS,1,,x\n").rows

    assert (short.number, short.surplus) == ("", False)
    assert (long.number, long.surplus) == ("1", True)


def test_what_goes_back_has_its_reason_and_no_formula_and_can_be_read_again() -> None:
    first = read(b"reference,tracking\n=1+1,@SUM(A1)\n-5,+44\nplain,1\n")

    given = write(first.header, [(row.cells, "Correct it.") for row in first.rows])

    assert given.decode("utf-8-sig").splitlines()[1:] == [
        "'=1+1,'@SUM(A1),Correct it.",
        "'-5,'+44,Correct it.",
        "plain,1,Correct it.",
    ]
    assert [(row.reference, row.number) for row in read(given).rows] == [
        (row.reference, row.number) for row in first.rows
    ]


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    try:
        file = read(content)
    except UnreadableFile:
        return
    assert all(any(row.cells) for row in file.rows)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=5))
def test_what_was_written_reads_as_it_was(rows: list[tuple[str, str]]) -> None:
    content = write(["reference", "tracking_number"], [(row, "why") for row in rows])

    again = read(content)

    assert write(again.header[:2], [(row.cells[:2], "why") for row in again.rows]) == write(
        ["reference", "tracking_number"], [(row.cells[:2], "why") for row in again.rows]
    )
