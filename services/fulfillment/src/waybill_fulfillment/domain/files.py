"""A file of tracking numbers as people's spreadsheets write it, read into rows of text, and rows written back.

Nothing is ever taken for a number: leading zeros and long numbers stay as they are in the file.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

MOST_ROWS: Final = 50_000
_DELIMITERS: Final = (",", ";", "\t", "|")
_LONGEST_CELL: Final = 2_000
_REFERENCE, _COMPANY, _NUMBER = "reference", "tracking_company", "tracking_number"
_REFERENCES: Final = """
    reference ref order order_number order_no order_nr order_num order_id order_name order_reference order_ref name sale
    sale_number po po_number purchase_order customer_reference your_reference shipment_reference
"""
_COMPANIES: Final = """
    tracking_company company carrier carrier_name carrier_code courier courier_name shipping_carrier shipping_company
    shipping_provider tracking_carrier tracking_provider delivery_company shipped_via ship_via provider service_provider
"""
_NUMBERS: Final = """
    tracking_number tracking tracking_no tracking_nr tracking_num tracking_id tracking_code trackingnumber
    tracking_numbers shipment_number consignment_number consignment awb awb_number waybill waybill_number parcel_number
    track_number track_no
"""
_SKUS: Final = "sku item_sku product_sku lineitem_sku line_item_sku variant_sku item_number article_number"
_QUANTITIES: Final = """
    quantity qty units count pieces pcs lineitem_quantity line_item_quantity quantity_shipped shipped_quantity
"""
COLUMNS: Final[Mapping[str, frozenset[str]]] = {
    column: frozenset(names.split())
    for column, names in (
        (_REFERENCE, _REFERENCES),
        (_COMPANY, _COMPANIES),
        (_NUMBER, _NUMBERS),
        ("sku", _SKUS),
        ("quantity", _QUANTITIES),
    )
}
"""What each column may be called, spelled with underscores; case and other signs between words do not matter."""
_NEEDED: Final = (_REFERENCE, _NUMBER)
_SIGNS: Final = re.compile(r"[^a-z0-9]+")
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_AS_TEXT: Final = re.compile(r'="([^"]*)"')
"""How a spreadsheet is told that digits are text."""


class UnreadableFile(ValueError):
    """A file that is no list of tracking numbers; the message says what to do about it."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a file: `line` counts rows from 1, the header among them; `cells` are as they stand in it."""

    line: int
    reference: str
    company: str
    number: str
    sku: str
    quantity: str
    cells: tuple[str, ...]
    surplus: bool = False
    """There are more cells than columns."""


@dataclass(frozen=True, slots=True)
class File:
    """What a file says: its header as it stands, and its rows without the blank ones."""

    header: tuple[str, ...]
    rows: tuple[Row, ...]


def read(content: bytes) -> File:
    """Read a CSV file; raises UnreadableFile.

    UTF-8 or UTF-16, with a byte order mark or without, else Windows-1252; separated by comma, semicolon, tab or bar.
    """
    text = _decoded(content)
    lines = _lines(text)
    found = next(((at, cells) for at, cells in lines if any(cells)), None)
    if found is None:
        raise UnreadableFile(
            "empty-file",
            "The file is empty. Its first row names the columns: reference, tracking_company, tracking_number.",
        )
    _at, header = found
    places = _places(header)
    rows: list[Row] = []
    for at, cells in lines:
        if not any(cells):
            continue
        if len(rows) == MOST_ROWS:
            raise UnreadableFile(
                "too-many-rows", f"The file has more than {MOST_ROWS} rows. Split it, and import the parts."
            )
        rows.append(_row(at, cells, places, len(header)))
    return File(tuple(header), tuple(rows))


def write(header: Sequence[str], rows: Iterable[tuple[Sequence[str], str]]) -> bytes:
    """Rows as they came, each with its reason in a last column; in UTF-8 with a mark, so that spreadsheets know it.

    A cell that a spreadsheet would take for a formula begins with an apostrophe then, which `read` takes away.
    """
    width = len(header)
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow([*map(_harmless, header), "reason"])
    for cells, reason in rows:
        filled = [*cells[:width], *[""] * (width - len(cells))]
        writer.writerow([*map(_harmless, filled), _harmless(reason)])
    return out.getvalue().encode("utf-8-sig")


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _decoded(content: bytes) -> str:
    for mark, encoding in ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16")):
        if content.startswith(mark):
            return content.decode(encoding, errors="replace")
    start = content[:2000]
    if b"\x00" in start:
        # Every other byte of plain letters is zero; which one it is tells the order.
        little = start[1::2].count(0) >= start[::2].count(0)
        return content.decode("utf-16-le" if little else "utf-16-be", errors="replace")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError:
        # The few bytes that Windows-1252 does not define are those of Latin-1.
        return content.decode("cp1252", errors="replace") if not _undefined(content) else content.decode("latin-1")


def _undefined(content: bytes) -> bool:
    return any(byte in content for byte in (0x81, 0x8D, 0x8F, 0x90, 0x9D))


def _lines(text: str) -> Iterator[tuple[int, list[str]]]:
    """Rows with their numbers; raises UnreadableFile where a quote is never closed or a cell has no end."""
    text = text.replace("\x00", "")
    first = text.lstrip("\r\n ").split("\n", 1)[0].strip()
    skip = 0
    if first.lower().startswith("sep=") and len(first) == len("sep=") + 1:
        delimiter, skip = first[-1], 1
    else:
        delimiter = max(_DELIMITERS, key=lambda each: _outside_quotes(first, each))
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    at = 0
    while True:
        at += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise UnreadableFile(
                "not-csv", f"Row {at} cannot be read ({error}). Look for a quote that is never closed."
            ) from error
        if skip and any(cells):
            skip = 0
            continue
        yield at, [_plain(cell) for cell in cells]


def _outside_quotes(line: str, sign: str) -> int:
    return sum(part.count(sign) for part in line.split('"')[::2])


def _plain(cell: str) -> str:
    """A cell as text: without the signs that only tell a spreadsheet to leave it alone."""
    cell = cell.strip().strip("\ufeff\u200b\u00a0")
    if (text := _AS_TEXT.fullmatch(cell)) is not None:
        return text[1].strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _places(header: Sequence[str]) -> dict[str, int]:
    """Which column stands where; of two of one kind the exact name, else the first."""
    names = [_SIGNS.sub("_", cell.lower()).strip("_") for cell in header]
    places: dict[str, int] = {}
    for column, aliases in COLUMNS.items():
        if column in names:
            places[column] = names.index(column)
        else:
            place = next((at for at, name in enumerate(names) if name in aliases and at not in places.values()), None)
            if place is not None:
                places[column] = place
    missing = [column for column in _NEEDED if column not in places]
    if missing:
        shown = ", ".join(cell[:40] for cell in header[:8])
        raise UnreadableFile(
            "no-column",
            f"The first row has no column {' and no column '.join(missing)}; it has {shown}. "
            "Name the columns reference, tracking_company, tracking_number and, if you like, sku and quantity.",
        )
    return places


def _row(at: int, cells: Sequence[str], places: Mapping[str, int], width: int) -> Row:
    def cell(column: str) -> str:
        place = places.get(column)
        return "" if place is None or place >= len(cells) else cells[place][:_LONGEST_CELL]

    return Row(
        at,
        cell(_REFERENCE),
        cell(_COMPANY),
        cell(_NUMBER),
        cell("sku"),
        cell("quantity"),
        tuple(each[:_LONGEST_CELL] for each in cells[: width + 5]),
        surplus=any(cells[width:]),
    )
