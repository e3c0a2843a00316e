"""Files of tracking numbers on real ledgers: preview, apply, corrections, undo."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fulfillment_builders import BRAND, cancellation, hold_request, placed, scan
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import OrderLine
from waybill_fulfillment.app import build
from waybill_fulfillment.settings import Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
FIRST, SECOND, BROKEN = "1Z5R89390357567127", "1Z879E930346834440", "1Z5R89390357567126"
HEADER = "reference,tracking_company,tracking_number,sku,quantity"
IMPORTS = "/api/v1/imports"


class Desk:
    """The service with some orders of three shirts and a mug, `a-01`, `b-01` and so on."""

    def __init__(self, client: httpx.AsyncClient, publish: Publish, until: Until, database: Database) -> None:
        self.client, self.publish, self.until, self.database = client, publish, until, database
        self.orders: dict[str, UUID] = {}

    async def open(self, *references: str, number: str = "") -> None:
        lines = (OrderLine(line_id="shirt", sku="TS", quantity=3), OrderLine(line_id="mug", sku="MU", quantity=1))
        for reference in references:
            order = self.orders[reference] = uuid4()
            event = placed(*lines, order=order)
            sold = number or f"#{reference.partition('-')[0]}"
            await self.publish(event.model_copy(update={"reference": reference, "number": sold}), 1)

        async def there() -> bool:
            answers = [await self.client.get(f"/api/v1/orders/{order}") for order in self.orders.values()]
            return all(answer.is_success for answer in answers)

        await self.until(there)

    async def upload(self, *rows: str, **headers: str) -> dict[str, Any]:
        content = "\n".join([HEADER, *rows]).encode()
        answer = await self.client.post(IMPORTS, content=content, params={"name": "today.csv"}, headers=headers)
        assert answer.status_code == 201, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def apply(self, found: dict[str, Any], *confirm: str, notify: bool = False) -> dict[str, Any]:
        path = f"{IMPORTS}/{found['import_id']}"
        answer = await self.client.post(f"{path}/apply", json={"confirm": list(confirm), "notify_customer": notify})
        assert answer.status_code == 202, answer.text
        return await self.at(found, "applied")

    async def at(self, found: dict[str, Any], state: str) -> dict[str, Any]:
        shown: dict[str, Any] = {}

        async def so() -> bool:
            shown.update((await self.client.get(f"{IMPORTS}/{found['import_id']}")).json())
            return bool(shown["state"] == state)

        await self.until(so)
        return shown

    async def ledger(self, reference: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self.client.get(f"/api/v1/orders/{self.orders[reference]}")).json()
        return found

    async def parcels(self, reference: str) -> list[tuple[str, str, list[int]]]:
        return [
            (
                parcel["state"],
                parcel["tracking_number"],
                sorted((line["quantity"] for line in parcel["lines"]), reverse=True),
            )
            for parcel in (await self.ledger(reference))["parcels"]
        ]

    async def told(self) -> int:
        async with self.database.begin() as connection:
            return (
                await connection.execute(text("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM sent)"))
            ).scalar_one()


@pytest.fixture
async def desk(database: Database, start: Any, publish: Publish, until: Until) -> Desk:
    client = await start(database.engine.url.render_as_string(hide_password=False), build, Settings)
    return Desk(client, publish, until, database)


def of(codes: dict[str, Any]) -> dict[str, int]:
    return {name: count for name, count in codes.items() if count}


async def test_a_preview_ships_nothing_and_says_what_would_become_of_each_row(desk: Desk) -> None:
    await desk.open("a-01", "b-01", "b-02")

    found = await desk.upload(f"a-01,UPS,{FIRST},,", f"zz-01,UPS,{FIRST},,", f"b,UPS,{SECOND},,", "a-01,UPS,1.2E+15,,")

    assert (found["state"], found["rows"], of(found["counts"])) == ("previewed", 4, {"ready": 1, "wrong": 3})
    assert found["codes"] == {"ambiguous-reference": 1, "scientific-notation": 1, "unknown-reference": 1}
    assert [(row["line"], row["code"]) for row in found["problems"]] == [
        (3, "unknown-reference"),
        (4, "ambiguous-reference"),
        (5, "scientific-notation"),
    ]
    assert found["parcels"] == 1
    assert found["will_tell"] == {"platforms": {"shopify": 1}, "customers": 1}
    assert (found["told"], found["stays_told"]) == ({"platforms": {}, "customers": 0}, "")
    assert (await desk.parcels("a-01"), await desk.told()) == ([], 0)


async def test_good_rows_go_while_bad_ones_wait_and_a_corrected_file_applies_the_rest_and_only_the_rest(
    desk: Desk,
) -> None:
    await desk.open("a-01", "b-01", "c-01")
    found = await desk.upload(f"a-01,UPS,{FIRST},,", f"B,UPS,{SECOND},TS,2", "c-01,,,,", f"x-01,UPS,{FIRST},,")

    applied = await desk.apply(found)

    assert of(applied["counts"]) == {"applied": 2, "wrong": 2}
    assert await desk.parcels("a-01") == [("shipped", FIRST, [3, 1])]
    assert await desk.parcels("b-01") == [("shipped", SECOND, [2])]
    file = (await desk.client.get(applied["corrections"])).content.decode("utf-8-sig")
    lines = file.splitlines()
    assert lines[0] == f"{HEADER},reason"
    assert [line.split(",")[0] for line in lines[1:]] == ["c-01", "x-01"]
    corrected = file.replace("c-01,,", "c-01,UPS,1Z9").replace(f"x-01,UPS,{FIRST}", f"a-01,UPS,{FIRST}")

    answer = await desk.client.post(IMPORTS, content=corrected.encode("utf-16"))
    again = await desk.apply(answer.json(), "wrong-check-digit", "unknown-company")

    assert of(again["counts"]) == {"applied": 1, "nothing": 1}
    assert await desk.parcels("c-01") == [("shipped", "1Z9", [3, 1])]
    assert await desk.told() == 3


async def test_importing_the_same_file_ten_times_has_the_effect_of_once(desk: Desk) -> None:
    await desk.open("a-01", "b-01")
    rows = (f"a-01,UPS,{FIRST},TS,2", f"a-01,UPS,{FIRST},MU,1", f"b-01,UPS,{SECOND},,")
    with_one_key = [await desk.upload(*rows, **{"Idempotency-Key": "a-form"}) for _ in range(5)]
    assert len({each["import_id"] for each in with_one_key}) == 1

    for each in (with_one_key[0], *[await desk.upload(*rows) for _ in range(9)]):
        await desk.apply(each)

    assert await desk.parcels("a-01") == [("shipped", FIRST, [2, 1])]
    assert await desk.parcels("b-01") == [("shipped", SECOND, [3, 1])]
    assert await desk.told() == 2


async def test_one_key_is_one_file_also_at_the_same_moment_and_another_file_is_refused(desk: Desk) -> None:
    await desk.open("a-01")
    key = {"Idempotency-Key": "a-form"}

    found = await asyncio.gather(*(desk.upload(f"a-01,UPS,{FIRST},,", **key) for _ in range(5)))
    other = await desk.client.post(
        IMPORTS, content=f"{HEADER}\na-01,UPS,{SECOND},,".encode(), params={"name": "today.csv"}, headers=key
    )

    assert len({each["import_id"] for each in found}) == 1
    assert [of(each["counts"]) for each in found] == [{"ready": 1}] * 5
    assert (other.status_code, other.json()["type"]) == (422, "urn:waybill:problem:idempotency-key-reused")


async def test_a_doubt_asks_and_goes_once_it_is_confirmed(desk: Desk) -> None:
    await desk.open("a-01", "b-01")
    found = await desk.upload(f"a-01,UPS,{BROKEN},,", "b-01,Ann's van,7,,")
    assert found["codes"] == {"unknown-company": 1, "wrong-check-digit": 1}

    first = await desk.apply(found, "wrong-check-digit")
    assert of(first["counts"]) == {"applied": 1, "asks": 1}
    second = await desk.apply(found, "unknown-company")

    assert of(second["counts"]) == {"applied": 2}
    assert await desk.parcels("b-01") == [("shipped", "7", [3, 1])]


async def test_a_doubtful_further_number_that_is_confirmed_later_replaces_none(desk: Desk) -> None:
    await desk.open("a-01")
    found = await desk.upload(f"a-01,UPS,{FIRST},,", f"a-01,UPS,{BROKEN},,")
    await desk.apply(found)

    await desk.apply(found, "wrong-check-digit", "shipped-with-another")

    assert await desk.parcels("a-01") == [("shipped", FIRST, [3, 1]), ("shipped", BROKEN, [])]


async def test_what_changed_since_the_preview_is_seen_when_it_is_applied(desk: Desk) -> None:
    await desk.open("a-01", "b-01")
    found = await desk.upload(f"a-01,UPS,{FIRST},,", f"b-01,UPS,{SECOND},,")
    a, b = desk.orders["a-01"], desk.orders["b-01"]
    await desk.publish(cancellation(order_id=a, request_id=uuid4()), 2)
    await desk.publish(hold_request(uuid4(), b), 2)

    async def decided() -> bool:
        return await desk.told() == 2

    await desk.until(decided)
    applied = await desk.apply(found)

    assert applied["codes"] == {"canceled": 1, "held": 1}
    assert (await desk.parcels("a-01"), await desk.parcels("b-01")) == ([], [])


async def test_an_import_is_undone_and_the_ledgers_are_what_they_were(desk: Desk) -> None:
    await desk.open("a-01", "b-01", "c-01")
    packed = await desk.client.post(f"/api/v1/orders/{desk.orders['c-01']}/parcels", json={})
    assert packed.status_code == 201, packed.text
    before = {name: (await desk.ledger(name))["lines"] for name in desk.orders}
    rows = f"a-01,UPS,{FIRST},TS,2", f"a-01,UPS,{FIRST},MU,1", f"b-01,UPS,{SECOND},,", f"c-01,UPS,{SECOND},,"
    found = await desk.upload(*rows)
    early = await desk.client.post(f"{IMPORTS}/{found['import_id']}/undo")
    assert (early.status_code, early.json()["type"]) == (409, "urn:waybill:problem:import-not-applied")
    await desk.apply(found, notify=True)

    answer = await desk.client.post(f"{IMPORTS}/{found['import_id']}/undo")
    assert answer.status_code == 202, answer.text
    undone = await desk.at(found, "undone")

    assert of(undone["counts"]) == {"undone": 4}
    assert undone["told"] == {"platforms": {"shopify": 3}, "customers": 3}
    assert undone["stays_told"] == (
        "The orders' platforms (3 of shopify) are told that the parcels have not left after all. "
        "3 customers have the number: nobody takes that back."
    )
    assert {name: (await desk.ledger(name))["lines"] for name in desk.orders} == before
    late = await desk.client.post(f"{IMPORTS}/{found['import_id']}/apply", json={})
    assert (late.status_code, late.json()["type"]) == (409, "urn:waybill:problem:import-undone")


async def test_a_correction_by_file_asks_and_is_taken_back_with_the_file(desk: Desk) -> None:
    await desk.open("a-01", "b-01")
    await desk.apply(await desk.upload(f"a-01,UPS,{FIRST},,", f"b-01,UPS,{FIRST},,"))
    found = await desk.upload(f"a-01,UPS,{SECOND},,", f"b-01,UPS,{SECOND},,")
    assert found["codes"] == {"shipped-with-another": 2}
    await desk.apply(found)
    assert await desk.parcels("a-01") == [("shipped", FIRST, [3, 1])]

    applied = await desk.apply(found, "shipped-with-another")
    assert of(applied["counts"]) == {"applied": 2}
    assert await desk.parcels("a-01") == [("shipped", SECOND, [3, 1])]
    seen = (await desk.ledger("b-01"))["parcels"][0]["parcel_id"]
    await desk.publish(scan(UUID(seen), desk.orders["b-01"]), 1)

    async def scanned() -> bool:
        return (await desk.ledger("b-01"))["parcels"][0]["scanned_at"] is not None

    await desk.until(scanned)
    await desk.client.post(f"{IMPORTS}/{found['import_id']}/undo")
    undone = await desk.at(found, "undone")

    assert of(undone["counts"]) == {"undone": 1, "stays": 1}
    assert undone["codes"] == {"not-undone": 1}
    assert undone["told"]["platforms"] == {"shopify": 2}
    assert (
        "(1 of shopify) are told that the parcels have not left after all, or have their former" in undone["stays_told"]
    )
    assert [row["reference"] for row in undone["problems"]] == ["b-01"]
    csv = (await desk.client.get(f"{IMPORTS}/{found['import_id']}/corrections.csv")).text
    assert "b-01" not in csv
    assert await desk.parcels("a-01") == [("shipped", FIRST, [3, 1])]
    assert await desk.parcels("b-01") == [("shipped", SECOND, [3, 1])]


async def test_an_order_that_stands_still_waits_with_its_rows(desk: Desk) -> None:
    await desk.open("a-01")
    found = await desk.upload(f"a-01,UPS,{FIRST},,")
    async with desk.database.begin() as connection:
        await connection.execute(
            text("UPDATE streams SET parked = true WHERE subject = :s"), {"s": desk.orders["a-01"]}
        )

    applied = await desk.apply(found)

    assert applied["codes"] == {"order-parked": 1}


async def test_what_could_not_be_taken_back_is_by_another_undo(desk: Desk) -> None:
    await desk.open("a-01", "b-01")
    found = await desk.upload(f"a-01,UPS,{FIRST},,", f"b-01,UPS,{SECOND},,")
    await desk.apply(found)

    async def goes_on(*, again: bool) -> None:
        async with desk.database.begin() as connection:
            still = text("UPDATE streams SET parked = :parked WHERE subject = :s")
            await connection.execute(still, {"parked": not again, "s": desk.orders["a-01"]})

    await goes_on(again=False)
    await desk.client.post(f"{IMPORTS}/{found['import_id']}/undo")
    part = await desk.at(found, "undone")
    await goes_on(again=True)
    await desk.client.post(f"{IMPORTS}/{found['import_id']}/undo")

    async def all_back() -> bool:
        answer = await desk.client.get(f"{IMPORTS}/{found['import_id']}")
        return of(answer.json()["counts"]) == {"undone": 2}

    assert (of(part["counts"]), part["codes"]) == ({"undone": 1, "stays": 1}, {"order-parked": 1})
    await desk.until(all_back)
    assert await desk.parcels("a-01") == [("unpacked", FIRST, [3, 1])]


async def test_the_key_of_an_apply_or_an_undo_gets_its_answer_again_and_goes_with_one_body(desk: Desk) -> None:
    await desk.open("a-01")
    found = await desk.upload(f"a-01,UPS,{BROKEN},,")
    path, key = f"{IMPORTS}/{found['import_id']}", {"Idempotency-Key": "once"}

    async def post(what: str, body: Any = None) -> httpx.Response:
        return await desk.client.post(f"{path}/{what}", json=body, headers=key)

    first = await post("apply", {"confirm": ["wrong-check-digit"]})
    await desk.at(found, "applied")
    same = await post("apply", {"confirm": ["wrong-check-digit"]})
    other = await post("apply", {"confirm": []})
    back = await post("undo")
    await desk.at(found, "undone")
    late, back_again = await post("apply", {"confirm": ["wrong-check-digit"]}), await post("undo")

    assert (first.status_code, first.json()["state"]) == (202, "applying")
    assert [(each.status_code, each.json()) for each in (same, late)] == [(202, first.json())] * 2
    assert (other.status_code, other.json()["type"]) == (422, "urn:waybill:problem:idempotency-key-reused")
    assert (back_again.status_code, back_again.json()) == (202, back.json())
    assert back_again.headers["Idempotency-Replayed"] == "true"
    assert await desk.parcels("a-01") == [("unpacked", BROKEN, [3, 1])]


async def test_what_is_no_file_of_numbers_is_refused_and_leaves_nothing(desk: Desk) -> None:
    for content, code in ((b"", "empty-file"), (b"a,b\n1,2\n", "no-column"), (b"x" * 16_000_001, "too-large")):
        answer = await desk.client.post(IMPORTS, content=content)
        assert answer.json()["type"] == f"urn:waybill:problem:{code}"

    async with desk.database.begin() as connection:
        assert (await connection.execute(text("SELECT count(*) FROM imports"))).scalar_one() == 0


async def test_another_brand_neither_sees_nor_applies_a_file_nor_finds_its_orders(desk: Desk) -> None:
    await desk.open("a-01")
    mine = await desk.upload(f"a-01,UPS,{FIRST},,", **{"Waybill-Brand": str(BRAND)})
    other = {"Waybill-Brand": str(uuid4())}

    theirs = await desk.upload(f"a-01,UPS,{FIRST},,", **other)
    seen = await desk.client.get(f"{IMPORTS}/{mine['import_id']}", headers=other)
    applied = await desk.client.post(f"{IMPORTS}/{mine['import_id']}/apply", json={}, headers=other)

    assert of(mine["counts"]) == {"ready": 1}
    assert theirs["codes"] == {"unknown-reference": 1}
    assert (seen.status_code, applied.status_code) == (404, 404)


async def test_rows_are_paged_and_a_code_that_cannot_be_confirmed_is_refused(desk: Desk) -> None:
    found = await desk.upload(*(f"x{number}-01,UPS,{FIRST},," for number in range(5)))
    path = f"{IMPORTS}/{found['import_id']}"

    page = (await desk.client.get(f"{path}/rows", params={"limit": 2, "after": 3})).json()
    refused = await desk.client.post(f"{path}/apply", json={"confirm": ["unknown-reference"]})

    assert [row["line"] for row in page] == [4, 5]
    assert (refused.status_code, refused.json()["type"]) == (422, "urn:waybill:problem:not-confirmable")
