"""A file of tracking numbers, some of them wrong in every way: previewed, applied, corrected, taken back."""

import asyncio
import csv
import io
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

import httpx
from sqlalchemy import text

from bench.events import BRAND, NOON, Message, message, order, orders_placed, placed_beside
from bench.load import Log
from bench.servers import PATIENCE_S, TOKEN, Failed, Servers, fresh_topics, opened, running
from waybill_carriers import doubt
from waybill_chassis.database import Database
from waybill_events import CancellationRequested, HoldRequested, ids

HEADER: Final = ("reference", "tracking_company", "tracking_number", "sku", "quantity")
WRONG_IN: Final = 20
"""One row in so many is wrong."""
_PATIENCE_S: Final = 300.0
Row = tuple[str, str, str, str, str]


@dataclass(frozen=True, slots=True)
class Imported:
    """How long one file took, and what it came to."""

    rows: int
    wrong: int
    preview_s: float
    applied_s: float
    corrected_s: float
    """Of the corrected file, from its upload until it is applied."""
    undone_s: float
    codes: Mapping[str, int]


def _unknown(_number: int, right: Row) -> Row:
    return (f"nobody-{right[0]}", *right[1:])


def _ambiguous(number: int, right: Row) -> Row:
    return (str(number), *right[1:])


def _another(number: int, right: Row) -> Row:
    return (*right[:2], tracking_number(number + 500_000), *right[3:])


def _same(_number: int, right: Row) -> Row:
    return right


def _with(**cells: str) -> Callable[[int, Row], Row]:
    def changed(_number: int, right: Row) -> Row:
        said = dict(zip(HEADER, right, strict=True)) | cells
        return (said["reference"], said["tracking_company"], said["tracking_number"], said["sku"], said["quantity"])

    return changed


def _mistyped(_number: int, right: Row) -> Row:
    digit = (int(right[2][-1]) + 1) % 10
    return (*right[:2], f"{right[2][:-1]}{digit}", *right[3:])


WAYS: Final[Mapping[str, Callable[[int, Row], Row]]] = {
    "unknown-reference": _unknown,
    "ambiguous-reference": _ambiguous,
    "already-shipped": _same,
    "shipped-with-another": _another,
    "canceled": _same,
    "held": _same,
    "more-than-open": _with(sku="AC-SO-2", quantity="99"),
    "unknown-sku": _with(sku="NO-SUCH"),
    "unknown-company": _with(tracking_company="Ann's van"),
    "wrong-check-digit": _mistyped,
    "other-carrier": _with(tracking_company="FedEx"),
    "scientific-notation": _with(tracking_number="1.23E+15"),
    "no-number": _with(tracking_number=""),
    "not-a-quantity": _with(sku="AC-SO-2", quantity="two"),
    "duplicate-row": _same,
}
"""How a row is wrong, and how it becomes so."""
CORRECTABLE: Final = frozenset(WAYS) - {"already-shipped", "shipped-with-another", "canceled", "held", "duplicate-row"}


async def measure(servers: Servers, log: Log, rows: int) -> Imported:
    """Import a file; raises Failed unless every count is what it must be, and the ledgers end as they began."""
    await fresh_topics(servers.kafka.bootstrap)
    url = await servers.database()
    (fulfillment,) = replicas = servers.start("fulfillment", url, 1)
    ways = _ways(rows)
    headers = {"Authorization": f"Bearer {TOKEN}", "Waybill-Actor": "token:bench"}
    async with running(replicas), opened(url) as database:
        beside = [placed_beside(number) for number, way in ways.items() if way == "ambiguous-reference"]
        await log.put("waybill.orders", log.packed([*orders_placed(rows), *beside, *_requests(ways)]))
        await _read(database, rows + len(beside) + len(_requests(ways)))
        async with httpx.AsyncClient(
            base_url=fulfillment.url, timeout=_PATIENCE_S, trust_env=False, headers=headers
        ) as client:
            shipped = [
                _row(number) for number, way in ways.items() if way in {"already-shipped", "shipped-with-another"}
            ]
            await _apply(client, await _upload(client, shipped))
            before = await _places(database)
            file = _file(rows, ways)
            began = time.monotonic()
            found = await _upload(client, file)
            preview_s = time.monotonic() - began
            _same_codes(found["codes"], ways)
            began = time.monotonic()
            applied = await _apply(client, found)
            applied_s = time.monotonic() - began
            corrected = await _corrected(client, applied, ways)
            began = time.monotonic()
            again = await _apply(client, await _upload(client, corrected))
            corrected_s = time.monotonic() - began
            _check("corrected", again["counts"]["applied"], sum(way in CORRECTABLE for way in ways.values()))
            began = time.monotonic()
            for each in (again, applied):
                (await client.post(f"/api/v1/imports/{each['import_id']}/undo")).raise_for_status()
                await _at(client, each, "undone")
            undone_s = time.monotonic() - began
            _check("ledgers", await _places(database), before)
    return Imported(rows, len(ways), preview_s, applied_s, corrected_s, undone_s, found["codes"])


def tracking_number(number: int) -> str:
    """A UPS number with the right check digit, another one for each number."""
    stem = f"1Z5R8939{number:09d}"
    return next(found for digit in range(10) if doubt(found := f"{stem}{digit}", "UPS") is None)


def _ways(rows: int) -> dict[int, str]:
    """Which order's row is wrong in which way."""
    names = list(WAYS)
    return {number: names[at % len(names)] for at, number in enumerate(range(WRONG_IN - 1, rows, WRONG_IN))}


def _row(number: int) -> Row:
    return f"{number}-01", "UPS", tracking_number(number), "", ""


def _file(rows: int, ways: Mapping[int, str]) -> list[Row]:
    """One row for each order; a duplicate says again what the row before it says."""
    found: list[Row] = []
    for number in range(rows):
        way = ways.get(number)
        right = _row(number - 1 if way == "duplicate-row" else number)
        found.append(right if way is None else WAYS[way](number, right))
    return found


def _requests(ways: Mapping[int, str]) -> list[Message]:
    """What makes an order canceled or held."""
    found: list[Message] = []
    for number, way in ways.items():
        about: dict[str, Any] = {"order_id": order(number), "brand_id": BRAND, "requested_at": NOON}
        about["request_id"] = ids.request_id(order(number), UUID(int=number))
        if way == "canceled":
            found.append(message(CancellationRequested(**about, reason="customer"), 2))
        elif way == "held":
            found.append(message(HoldRequested(**about, reason="fraud_risk"), 2))
    return found


def _same_codes(codes: Mapping[str, int], ways: Mapping[int, str]) -> None:
    _check("codes", dict(codes), dict(Counter(ways.values())))


def _check(what: str, found: Any, wanted: Any) -> None:
    if found != wanted:
        raise Failed(f"{what}: found {found}, and not {wanted}")


def _content(rows: Sequence[Sequence[str]], header: Sequence[str] = HEADER) -> bytes:
    file = io.StringIO()
    csv.writer(file).writerows([header, *rows])
    return file.getvalue().encode()


async def _corrected(client: httpx.AsyncClient, applied: Mapping[str, Any], ways: Mapping[int, str]) -> list[Row]:
    """The rows that did not go, as they are given out, each made right that can be."""
    file = (await client.get(applied["corrections"])).raise_for_status().content.decode("utf-8-sig")
    given = list(csv.DictReader(io.StringIO(file)))
    _check("rows to correct", len(given), applied["counts"]["wrong"] + applied["counts"]["asks"])
    return [_row(number) for number, way in ways.items() if way in CORRECTABLE]


async def _upload(client: httpx.AsyncClient, rows: Sequence[Row]) -> dict[str, Any]:
    answer = await client.post("/api/v1/imports", content=_content(rows), params={"name": "bench.csv"})
    found: dict[str, Any] = answer.raise_for_status().json()
    _check("rows", found["rows"], len(rows))
    return found


async def _apply(client: httpx.AsyncClient, found: Mapping[str, Any]) -> dict[str, Any]:
    (await client.post(f"/api/v1/imports/{found['import_id']}/apply", json={})).raise_for_status()
    return await _at(client, found, "applied")


async def _at(client: httpx.AsyncClient, found: Mapping[str, Any], state: str) -> dict[str, Any]:
    """Wait until a file has come so far."""
    end = time.monotonic() + _PATIENCE_S
    while time.monotonic() < end:
        shown: dict[str, Any] = (await client.get(f"/api/v1/imports/{found['import_id']}")).raise_for_status().json()
        if shown["state"] == state:
            return shown
        await asyncio.sleep(0.1)
    raise Failed(f"a file of {found['rows']} rows is not {state} after {_PATIENCE_S:.0f} s")


async def _read(database: Database, records: int) -> None:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        async with database.begin() as connection:
            now = (await connection.execute(text("SELECT sum(next)::bigint FROM offsets"))).scalar_one()
        if now is not None and now >= records:
            return
        await asyncio.sleep(0.1)
    raise Failed(f"fulfillment has not read {records} records after {PATIENCE_S:.0f} s")


async def _places(database: Database) -> tuple[int, ...]:
    """Units by place, over all ledgers."""
    async with database.begin() as connection:
        row = (
            await connection.execute(
                text("SELECT sum(open), sum(packed), sum(shipped), sum(canceled), sum(late) FROM lines")
            )
        ).one()
    return tuple(int(units) for units in row)
