"""What rows of a file of tracking numbers mean for one order: the same for a preview and for what is applied."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from waybill_carriers import compact, doubt
from waybill_events import CorrectionRequested, Event, ItemsFulfilled, ids
from waybill_fulfillment.domain.commands import Tracking, ship, ship_parcel
from waybill_fulfillment.domain.files import Row
from waybill_fulfillment.domain.ledger import Ledger
from waybill_fulfillment.domain.parcels import NONE, Parcel, ParcelState, Units

_SCIENTIFIC: Final = re.compile(r"[0-9](?:[.,][0-9]{1,20})?E\+?[0-9]{1,3}", re.IGNORECASE)
NOBODY: Final[Mapping[UUID, Collection[str]]] = MappingProxyType({})
_LONGEST: Final = 100
_MOST_UNITS: Final = 1_000_000


class Fate(StrEnum):
    """What becomes of a row."""

    READY = "ready"
    """It ships something."""
    NOTHING = "nothing"
    """What it says is so already."""
    ASKS = "asks"
    """It goes once somebody has confirmed its code."""
    WRONG = "wrong"
    """It must be corrected."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one row, why, and what to do about it."""

    row: Row
    fate: Fate
    code: str = ""
    says: str = ""
    order_id: UUID | None = None
    parcel_id: UUID | None = None
    former: Tracking | None = None
    """The company and number that it corrects."""


Made = ItemsFulfilled | CorrectionRequested


@dataclass(frozen=True, slots=True)
class _Parcel:
    """The rows of one number."""

    key: str
    rows: tuple[Row, ...]

    @property
    def first(self) -> Row:
        return self.rows[0]

    @property
    def has_contents(self) -> bool:
        return bool(self.first.sku or self.first.quantity)


def unreadable(row: Row) -> Verdict | None:
    """What is wrong with a row by itself, whatever its order is."""
    if row.surplus:
        return _wrong(
            row,
            "too-many-cells",
            "It has more cells than there are columns. Put quotes around a cell with a comma in it.",
        )
    if not row.reference:
        return _wrong(row, "no-reference", "It names no order. Fill in the reference.")
    for cell, what in ((row.reference, "reference"), (row.number, "tracking number")):
        if _SCIENTIFIC.fullmatch(cell):
            says = f"A spreadsheet has rounded its {what} to {cell}. Format the column as text and enter it again."
            return _wrong(row, "scientific-notation", says)
    if not row.number:
        return _wrong(row, "no-number", "It has no tracking number. Fill it in, or leave the row out.")
    if max(map(len, (row.number, row.company))) > _LONGEST or not (row.number + row.company).isprintable():
        return _wrong(row, "not-a-number", f"No carrier prints such a number: at most {_LONGEST} letters and digits.")
    if row.quantity and _quantity(row) is None:
        return _wrong(row, "not-a-quantity", f"{row.quantity[:40]} is no whole number of units from 1 on.")
    if row.quantity and not row.sku:
        return _wrong(
            row, "no-sku", "It has a quantity, and no sku that says of what. Fill in the sku, or empty the quantity."
        )
    return None


def doubtful(row: Row, own: Collection[str] = ()) -> Verdict | None:
    """What may be wrong with a row's carrier or number; somebody may confirm it. `own` are the brand's carriers."""
    found = doubt(row.number, row.company, own)
    return None if found is None else _asks(row, found.code, found.says)


def duplicates(rows: Sequence[Row]) -> Mapping[int, Verdict]:
    """By line, the rows of one order that another one before them has said already, or has said otherwise.

    Whatever the order is called in them: it has several names.
    """
    seen: dict[tuple[str, str], Row] = {}
    found: dict[int, Verdict] = {}
    for row in rows:
        place = (compact(row.number), row.sku.lower())
        first = seen.setdefault(place, row)
        if first is row:
            continue
        if first.quantity == row.quantity:
            found[row.line] = Verdict(row, Fate.NOTHING, "duplicate-row", f"Row {first.line} says the same.")
        else:
            says = f"Row {first.line} gives another quantity for the same parcel and sku. Keep one of them."
            found[row.line] = _wrong(row, "duplicate-row", says)
    return found


def import_rows(
    ledger: Ledger,
    rows: Sequence[Row],
    confirmed: Collection[str],
    at: datetime,
    *,
    notify: bool = False,
    own: Collection[str] = (),
    beside: Collection[str] = (),
) -> tuple[list[Event], list[Verdict]]:
    """What these rows of one order bring about, and what becomes of each; a parcel goes whole or not at all.

    `beside` are the numbers of rows of the same file and order that are dealt with already.
    """
    events: list[Event] = []
    twice = duplicates(rows)
    verdicts = list(twice.values())
    rows = [row for row in rows if row.line not in twice]
    doubts = {
        row.line: doubt for row in rows if (doubt := doubtful(row, own)) is not None and doubt.code not in confirmed
    }
    numbers = {compact(row.number) for row in rows} | {compact(number) for number in beside}
    shipped_whole = False
    before: list[Made] = []
    for parcel in _parcels(rows):
        if before:
            # Only to see what is left for this parcel: whoever writes it names the cause.
            ledger, before = ledger.after(before, ledger.order_id), []
        doubt = next((doubts[row.line] for row in parcel.rows if row.line in doubts), None)
        if len({bool(row.sku) for row in parcel.rows}) > 1:
            says = "Of the rows of this number some have a sku and others have none. Give all of them one, or none."
            verdicts += [_wrong(row, "mixed-contents", says) for row in parcel.rows]
            continue
        known = _known(ledger, parcel.key)
        made: list[Made]
        if shipped_whole and not parcel.has_contents and known is None and doubt is None:
            made = [_further(ledger, parcel.first, at)]
            verdicts += _ready(parcel, made)
        elif known is None and doubt is None and _has_left(ledger, parcel):
            made, said = _correct(ledger, parcel, numbers, confirmed, at)
            verdicts += said
        else:
            made, said = _import_parcel(ledger, parcel, known, doubt, at)
            verdicts += said
            shipped_whole = shipped_whole or (bool(made) and not parcel.has_contents)
        before = made
        events += [event.model_copy(update={"notify_customer": notify}) for event in made]
    return events, verdicts


def _import_parcel(
    ledger: Ledger, parcel: _Parcel, known: Parcel | None, doubt: Verdict | None, at: datetime
) -> tuple[list[Made], list[Verdict]]:
    """The parcel of one number."""
    units, wrong = _contents(ledger, parcel, known) if parcel.has_contents else (None, [])
    if known is not None and not units and not wrong:
        says = "It is shipped with this number."
        return [], [Verdict(row, Fate.NOTHING, "already-shipped", says) for row in parcel.rows]
    packed = [] if known is not None else _packed(ledger, parcel)
    refusal = _stopped(ledger)
    if refusal is None and wrong and not packed:
        return [], wrong
    refusal = refusal or _refusal(ledger, units, packed)
    if refusal is not None:
        code, says = refusal
        return [], [_wrong(row, code, says) for row in parcel.rows]
    if doubt is not None:
        return [], [doubt if row is doubt.row else _asks(row, doubt.code, doubt.says) for row in parcel.rows]
    tracking = Tracking(parcel.first.company, parcel.first.number)
    made: list[Made] = []
    if packed:
        made += ship_parcel(ledger, packed[0].parcel_id, tracking, at)
    else:
        made += ship(ledger, units, tracking, at)
    return made, _ready(parcel, made)


def _has_left(ledger: Ledger, parcel: _Parcel) -> bool:
    """Whether what the rows of a new number describe is nowhere but in what has left."""
    lines = ledger.lines.values()
    all_left = not any(line.open or line.packed for line in lines) and any(line.shipped for line in lines)
    if not parcel.has_contents:
        return all_left
    units, wrong = _contents(ledger, parcel, None)
    if _packed(ledger, parcel) or (units and not wrong) or any(each.code == "unknown-sku" for each in wrong):
        return False
    return all_left or any(_holds(ledger, each, parcel) for each in _shipped(ledger))


def _correct(
    ledger: Ledger, parcel: _Parcel, numbers: Collection[str], confirmed: Collection[str], at: datetime
) -> tuple[list[Made], list[Verdict]]:
    """A number for an order of which everything has left: that of the one parcel whose number the file does not have.

    Where the file has the numbers of all its parcels, it is a further parcel.
    """
    first = parcel.first
    left = [each for each in _shipped(ledger) if compact(each.tracking_number) not in numbers]
    if parcel.has_contents:
        left = [each for each in left if _holds(ledger, each, parcel)]
    if labeled := [each.tracking_number for each in left if each.labeled]:
        says = f"It left with its label, {labeled[0]}. Undo its shipment first, or leave the row out."
        return [], [_wrong(row, "shipped-with-its-label", says) for row in parcel.rows]
    if not left and _shipped(ledger) and not parcel.has_contents:
        further: list[Made] = [_further(ledger, first, at)]
        return further, _ready(parcel, further)
    if len(left) != 1:
        shipped = ", ".join(each.tracking_number for each in left[-3:] if each.tracking_number) or "before it came here"
        what = f"{parcel.first.sku} has" if parcel.has_contents else "Everything has"
        says = f"{what} left already ({shipped}). Correct the number at the parcel that it belongs to."
        return [], [_wrong(row, "shipped-with-another", says) for row in parcel.rows]
    was = left[0]
    if "shipped-with-another" not in confirmed:
        says = (
            f"It is shipped with {was.tracking_number or 'no number'}. Confirm it to correct that to {first.number}, "
            "or leave the row out."
        )
        return [], [_asks(row, "shipped-with-another", says) for row in parcel.rows]
    made: list[Made] = [
        CorrectionRequested(
            order_id=ledger.order_id,
            brand_id=ledger.brand_id,
            parcel_id=was.parcel_id,
            company=first.company or None,
            number=first.number,
            requested_at=at,
        )
    ]
    former = Tracking(was.tracking_company, was.tracking_number)
    return made, [replace(verdict, former=former) for verdict in _ready(parcel, made)]


def _contents(ledger: Ledger, parcel: _Parcel, known: Parcel | None) -> tuple[Units, list[Verdict]]:
    """The units that are to leave in a parcel of such contents, less those that have left in it; or what is wrong."""
    units: dict[str, int] = {}
    held = dict(known.units) if known is not None else {}
    wrong: list[Verdict] = []
    for row in parcel.rows:
        lines = [line_id for line_id, sku in ledger.skus.items() if sku.lower() == row.sku.lower()]
        if not lines:
            skus = ", ".join(sorted({sku for sku in ledger.skus.values() if sku})[:5])
            wrong.append(_wrong(row, "unknown-sku", f"The order has no sku {row.sku}. It has {skus or 'none'}."))
            continue
        there = sum(held.get(line_id, 0) for line_id in lines)
        open_ = {line_id: ledger.lines[line_id].open - units.get(line_id, 0) for line_id in lines}
        wanted = _quantity(row)
        more = sum(open_.values()) if wanted is None else wanted - there
        if known is not None and wanted is None:
            more = 0
        if more < 0:
            says = (
                f"The parcel holds {there} of {row.sku}, not {wanted}. Undo its shipment first, then import it again."
            )
            wrong.append(_wrong(row, "holds-more", says))
        elif more > sum(open_.values()):
            says = f"{more} of {row.sku} are to leave, and {sum(open_.values())} are open. Correct the quantity."
            wrong.append(_wrong(row, "more-than-open", says))
        for line_id in lines:
            taken = min(max(more, 0), open_[line_id])
            more -= taken
            if taken:
                units[line_id] = units.get(line_id, 0) + taken
    if wrong:
        # The others of this number wait with them: a parcel leaves whole.
        behind = [row for row in parcel.rows if all(each.row is not row for each in wrong)]
        says = f"Row {wrong[0].row.line} of the same parcel must be corrected first."
        wrong += [_wrong(row, "parcel-waits", says) for row in behind]
    return MappingProxyType(units), wrong


def _stopped(ledger: Ledger) -> tuple[str, str] | None:
    """Why nothing of an order may leave."""
    lines = ledger.lines.values()
    if all(line.canceled == line.ordered for line in lines):
        return "canceled", "The order is canceled. Do not ship it."
    if ledger.holds and any(line.open or line.packed for line in lines):
        reasons = ", ".join(hold.reason.replace("_", " ") for hold in ledger.holds)
        return "held", f"The order is on hold ({reasons}). Release it, then import the row again."
    return None


def _refusal(ledger: Ledger, units: Units | None, packed: Sequence[Parcel]) -> tuple[str, str] | None:
    """Why nothing of an order leaves with these rows, which may mean a parcel that is packed."""
    lines = ledger.lines.values()
    if units is None and len(packed) > 1:
        return (
            "which-parcel",
            f"{len(packed)} parcels are packed. Enter the number at the one that it belongs to.",
        )
    if units is None and not packed and any(line.packed for line in lines) and not any(line.open for line in lines):
        return "labeled", "It is packed with a label that was bought. Hand it over, or void the label first."
    if units is not None and not units and not packed:
        return "nothing-open", "Nothing of it is open any more."
    return None


def _packed(ledger: Ledger, parcel: _Parcel) -> list[Parcel]:
    """The packed parcels that may get the number: where its rows say what is in it, those that hold that."""
    free = [each for each in ledger.parcels if each.state is ParcelState.PACKED and not each.labeled]
    return [each for each in free if _holds(ledger, each, parcel)] if parcel.has_contents else free


def _shipped(ledger: Ledger) -> list[Parcel]:
    return [each for each in ledger.parcels if each.state is ParcelState.SHIPPED]


def _holds(ledger: Ledger, held: Parcel, parcel: _Parcel) -> bool:
    """Whether a parcel of the ledger holds exactly what the rows of a number say."""
    units: Counter[str] = Counter()
    for line_id, count in held.units.items():
        units[ledger.skus.get(line_id, "").lower()] += count
    said = {row.sku.lower(): _quantity(row) for row in parcel.rows}
    return units.keys() == said.keys() and all(wanted in {None, units[sku]} for sku, wanted in said.items())


def _further(ledger: Ledger, row: Row, at: datetime) -> ItemsFulfilled:
    """A further parcel of a shipment, of which nobody says what is in it."""
    return ItemsFulfilled(
        order_id=ledger.order_id,
        brand_id=ledger.brand_id,
        parcel_id=ids.parcel_id(ledger.order_id, len(ledger.parcels) + 1),
        lines=(),
        company=row.company or None,
        number=row.number,
        shipped_at=at,
    )


def _parcels(rows: Sequence[Row]) -> Iterator[_Parcel]:
    """Rows by number, in the order in which the numbers come."""
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(compact(row.number), []).append(row)
    for key, of_number in found.items():
        yield _Parcel(key, tuple(of_number))


def _known(ledger: Ledger, key: str) -> Parcel | None:
    """The shipped parcel that has this number, all of those together."""
    mine = [
        parcel
        for parcel in ledger.parcels
        if parcel.state is ParcelState.SHIPPED and parcel.tracking_number and compact(parcel.tracking_number) == key
    ]
    if not mine:
        return None
    units: dict[str, int] = {}
    for parcel in mine:
        for line_id, count in parcel.units.items():
            units[line_id] = units.get(line_id, 0) + count
    return Parcel(mine[0].parcel_id, mine[0].number, ParcelState.SHIPPED, units or NONE, mine[0].moved_by)


def _quantity(row: Row) -> int | None:
    """The quantity of a row, None where it gives none, or none that is one; `2.0` is how spreadsheets write 2."""
    text = re.sub(r"[.,]0{1,6}", "", row.quantity)
    if not re.fullmatch(r"[0-9]{1,7}", text):
        return None
    return int(text) if 1 <= int(text) <= _MOST_UNITS else None


def _ready(parcel: _Parcel, made: Sequence[Made]) -> list[Verdict]:
    return [Verdict(row, Fate.READY, parcel_id=made[0].parcel_id) for row in parcel.rows]


def _wrong(row: Row, code: str, says: str) -> Verdict:
    return Verdict(row, Fate.WRONG, code, says)


def _asks(row: Row, code: str, says: str) -> Verdict:
    return Verdict(row, Fate.ASKS, code, says)


def judge_file(
    rows: Sequence[Row],
    found: Mapping[str, Sequence[Ledger]],
    at: datetime,
    own: Mapping[UUID, Collection[str]] = NOBODY,
) -> list[Verdict]:
    """What would become of each row now.

    `found` are the ledgers by what rows call them, as `name_of` gives it; `own` the carriers that only a brand knows.
    """
    verdicts: dict[int, Verdict] = {}
    of_order: dict[UUID, tuple[Ledger, list[Row]]] = {}
    for row in rows:
        verdict = unreadable(row)
        named: Sequence[Ledger] = [] if verdict else found.get(name_of(row.reference), [])
        if verdict is None and len(named) != 1:
            verdict = _unfound(row, named)
        if verdict is not None:
            verdicts[row.line] = verdict
        else:
            of_order.setdefault(named[0].order_id, (named[0], []))[1].append(row)
    for ledger, mine in of_order.values():
        _events, said = import_rows(ledger, mine, (), at, own=own.get(ledger.brand_id, ()))
        verdicts |= {verdict.row.line: replace(verdict, order_id=ledger.order_id) for verdict in said}
    return [verdicts[row.line] for row in rows]


def name_of(reference: str) -> str:
    """What an order is looked for by: case and a leading `#` do not matter."""
    return reference.strip().removeprefix("#").lower()


def _unfound(row: Row, named: Sequence[Ledger]) -> Verdict:
    if not named:
        return _wrong(row, "unknown-reference", f"No order is called {row.reference[:60]} here. Correct the reference.")
    references = ", ".join(ledger.reference for ledger in named[:4])
    return _wrong(row, "ambiguous-reference", f"{row.reference[:60]} may be {references}. Write the one that is meant.")
