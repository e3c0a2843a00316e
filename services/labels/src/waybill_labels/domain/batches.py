"""What is printed of many parcels at once: which parcels, in which order, and what keeps one of them out. Pure."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Literal
from uuid import UUID

from waybill_events import Brand
from waybill_labels.domain.labels import current
from waybill_labels.domain.orders import PLATFORM, Item, Order, Parcel, Place, State

Size = Literal["4x6", "a6"]
"""Of a label: 4 × 6 inches, or DIN A6."""
NAMED: Final = 3
"""Orders that a list names at its foot."""
MARKETPLACE: Final = UUID(int=0)
"""Whose a batch is that the operator of all brands prints."""


class Prints(StrEnum):
    """What is printed."""

    LABELS = "labels"
    SLIPS = "slips"
    BOTH = "both"
    """Each label with its slip after it."""
    PICK_LIST = "pick_list"
    """What is still to be picked, summed."""


class Sort(StrEnum):
    """In which order."""

    GIVEN = "given"
    REFERENCE = "reference"
    SKU = "sku"
    LOCATION = "location"


@dataclass(frozen=True, slots=True)
class Job:
    """One parcel of a batch, or an order of which none is packed. `name` is what was asked for, as people say it.

    `refused` is what kept it out before it came here.
    """

    name: str
    order_id: UUID | None = None
    parcel_id: UUID | None = None
    refused: str = ""


@dataclass(frozen=True, slots=True)
class Chosen:
    """An order that is to be printed, or one parcel of it; `refused` is what kept it out before it came here."""

    order_id: UUID
    parcel_id: UUID | None = None
    refused: str = ""


_Article = tuple[UUID, str, str, str]
"""Whose it is, where it lies, its SKU, and its title where it has none."""
Called = Mapping[str, Sequence[tuple[UUID, UUID | None]]]
"""By what was scanned, the orders that are called that, or the parcels whose label has that number."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What is not printed, and what to do."""

    name: str
    code: str
    says: str
    order_id: UUID | None = None
    parcel_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """What can be printed now."""

    order: Order
    parcel: Parcel | None
    with_label: bool
    with_slip: bool


class Pending:
    """Its label is being bought, or it has not come in yet."""


def meant(
    orders: Mapping[UUID, Order], chosen: Iterable[Chosen], scans: Iterable[str], called: Called, prints: Prints
) -> list[Job]:
    """What is to be printed, each once, in the order in which it was named."""
    jobs = [job for each in chosen for job in _chosen(orders.get(each.order_id), each, prints)]
    jobs += [job for name in scans for job in _scanned(orders, name, called.get(name, ()), prints)]
    return list({_key(job): job for job in jobs}.values())


def printed(jobs: Iterable[Job], failures: Iterable[Failure]) -> list[Job]:
    """Those that did not fail."""
    failed = {_key(failure) for failure in failures}
    return [job for job in jobs if _key(job) not in failed]


def to_retry(failures: Iterable[Failure], packed: Iterable[Chosen]) -> tuple[list[Chosen], list[str]]:
    """What failed, as it would be chosen or scanned anew; `packed` is what was packed of it since."""
    of_order: dict[UUID, list[Chosen]] = {}
    for each in packed:
        of_order.setdefault(each.order_id, []).append(each)
    chosen: list[Chosen] = []
    scans: list[str] = []
    for failure in failures:
        if failure.order_id is None:
            scans.append(failure.name)
        elif failure.parcel_id is None:
            chosen += of_order.get(failure.order_id, [Chosen(failure.order_id)])
        else:
            chosen.append(Chosen(failure.order_id, failure.parcel_id))
    return chosen, scans


def _key(each: Job | Failure) -> object:
    return each.name.lower() if each.order_id is None else (each.order_id, each.parcel_id)


def _chosen(order: Order | None, each: Chosen, prints: Prints) -> list[Job]:
    if order is None:
        return [Job(str(each.order_id), each.order_id, each.parcel_id, each.refused)]
    if each.parcel_id is None and not each.refused:
        return jobs_of(order, prints)
    parcel = None if each.parcel_id is None else order.parcel(each.parcel_id)
    return [Job(name_of(order, parcel), each.order_id, each.parcel_id, each.refused)]


def _scanned(
    orders: Mapping[UUID, Order], name: str, found: Sequence[tuple[UUID, UUID | None]], prints: Prints
) -> list[Job]:
    if len(found) > 1:
        return [Job(name, refused=f"{len(found)} orders are called that. Choose the one in the list.")]
    jobs = [job for each in found for job in _chosen(orders.get(each[0]), Chosen(*each), prints)]
    return jobs or [Job(name)]


def jobs_of(order: Order, prints: Prints) -> list[Job]:
    """What is meant by an order: its packed parcels, else those that have left, else the order itself."""
    if prints is not Prints.PICK_LIST:
        for place in (Place.PACKED, Place.SHIPPED):
            parcels = [parcel for parcel in order.parcels if parcel.place is place]
            if parcels:
                return [Job(name_of(order, parcel), order.order_id, parcel.parcel_id) for parcel in parcels]
    return [Job(order.reference, order.order_id)]


def name_of(order: Order, parcel: Parcel | None) -> str:
    """As people call it."""
    return order.reference if parcel is None else f"{order.reference}, parcel {parcel.number}"


def look(order: Order | None, job: Job, prints: Prints) -> Ready | Failure | Pending:
    """Whether something can be printed."""
    if job.refused:
        return _failed(job, "refused", job.refused)
    if job.order_id is None:
        says = "No order, parcel or label is called that here. Check it, and scan it again."
        return _failed(job, "unknown", says)
    if order is None:
        return Pending()
    if prints is Prints.PICK_LIST:
        if left(order):
            return Ready(order, None, with_label=False, with_slip=False)
        return _failed(job, "nothing-to-pick", "All of it is packed.")
    if job.parcel_id is not None:
        parcel = order.parcel(job.parcel_id)
        return Pending() if parcel is None else _parcel(order, parcel, job, prints)
    if prints is Prints.SLIPS:
        return Ready(order, None, with_label=False, with_slip=True)
    return _failed(job, "not-packed", "Nothing of it is packed. Pack it for a label first.")


def _parcel(order: Order, parcel: Parcel, job: Job, prints: Prints) -> Ready | Failure | Pending:
    if parcel.place is Place.UNPACKED:
        return _failed(job, "unpacked", "The parcel was taken apart. Print the order again.")
    if prints is Prints.SLIPS or (prints is Prints.BOTH and parcel.shipping != PLATFORM):
        return Ready(order, parcel, with_label=False, with_slip=True)
    if parcel.shipping != PLATFORM:
        return _failed(job, "own-carrier", "It goes with the brand's own carrier, whose label is not here.")
    label = current(order, parcel.parcel_id)
    if label is not None and label.state in {State.WANTED, State.ASKED}:
        return Pending()
    if label is not None and label.state is State.BOUGHT:
        if label.shipment is None or label.shipment.erased:
            return _failed(job, "erased", "The recipient was erased, and the label with it.")
        return Ready(order, parcel, with_label=True, with_slip=prints is Prints.BOTH)
    latest = next(reversed(order.labels_of(parcel.parcel_id)), None)
    if latest is not None and latest.state is State.FAILED:
        return _failed(job, "label-failed", f"{latest.words} Mend that, and retry.")
    return _failed(job, "no-label", "Its label was given back. Buy another one.")


def _failed(job: Job, code: str, says: str) -> Failure:
    return Failure(job.name, code, says, job.order_id, job.parcel_id)


def left(order: Order) -> dict[str, int]:
    """Units by line that are in no parcel."""
    packed = [parcel for parcel in order.parcels if parcel.place is not Place.UNPACKED]
    open_ = {each.line_id: each.quantity - sum(p.units.get(each.line_id, 0) for p in packed) for each in order.items}
    return {line_id: quantity for line_id, quantity in open_.items() if quantity > 0}


def in_order(ready: Sequence[Ready], sort: Sort) -> list[Ready]:
    """As people want to walk along them, or to put them together."""
    if sort is Sort.GIVEN:
        return list(ready)
    return sorted(ready, key=lambda each: (_first(each, sort), _natural(each.order.reference), _number(each)))


def _number(each: Ready) -> int:
    return 0 if each.parcel is None else each.parcel.number


def _first(each: Ready, sort: Sort) -> list[tuple[int, int, str]]:
    if sort is Sort.REFERENCE:
        return []
    units = left(each.order) if each.parcel is None else each.parcel.units
    items = [item for item in each.order.items if units.get(item.line_id)]
    return min((_place(item) if sort is Sort.LOCATION else _natural(item.sku) for item in items), default=_natural(""))


def _place(item: Item) -> list[tuple[int, int, str]]:
    # What lies nowhere comes last.
    return [(0 if item.location else 1, 0, ""), *_natural(item.location), *_natural(item.sku)]


def _natural(text: str) -> list[tuple[int, int, str]]:
    """So that A-2 comes before A-10."""
    parts = re.findall(r"([0-9]{1,18})|([^0-9]+)", text.casefold())
    return [(0, int(digits), "") if digits else (1, 0, other) for digits, other in parts]


def pick_list(orders: Iterable[Order], brands: Mapping[UUID, Brand]) -> dict[str, Any]:
    """All that is left of these orders, by where it lies and what it is of which brand, each with who wants it."""
    wanted: dict[_Article, list[tuple[str, int]]] = {}
    items: dict[_Article, Item] = {}
    references: list[str] = []
    of_brands: set[UUID] = set()
    for order in orders:
        open_ = left(order)
        references.append(order.reference)
        of_brands.add(order.brand_id)
        for item in order.items:
            if quantity := open_.get(item.line_id, 0):
                key = (order.brand_id, item.location, item.sku, item.title if not item.sku else "")
                items.setdefault(key, item)
                wanted.setdefault(key, []).append((order.reference, quantity))
    names = {id_: brands[id_].name if id_ in brands else str(id_) for id_ in of_brands}
    said = names if len(names) > 1 else dict.fromkeys(names, "")
    rows = [
        _row(items[key], said[key[0]], wanted[key])
        for key in sorted(items, key=lambda key: (_place(items[key]), names[key[0]], key[0]))
    ]
    return {
        "reference": ", ".join(references[:NAMED]) + (" …" if len(references) > NAMED else ""),
        "orders": len(references),
        "units": sum(row["quantity"] for row in rows),
        "rows": rows,
    }


def _row(item: Item, brand: str, wanted: Sequence[tuple[str, int]]) -> Mapping[str, Any]:
    return {
        "brand": brand,
        "location": item.location,
        "sku": item.sku,
        "title": item.title or item.sku,
        "scans_as": item.barcode or item.sku,
        "quantity": sum(quantity for _, quantity in wanted),
        "for": [f"{reference} × {quantity}" for reference, quantity in wanted],
    }
