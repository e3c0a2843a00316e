"""Commands on a real ledger, which an order on the real broker opened."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import Brand, OrderLine, OrderPlaced, OwnCarrier
from waybill_fulfillment.app import build
from waybill_fulfillment.settings import Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
BRAND = UUID(int=7)
UPS = {"tracking_company": "UPS", "tracking_number": "1Z12345E0205271686"}


def placed(order: UUID) -> OrderPlaced:
    return OrderPlaced(
        order_id=order,
        sale_id=uuid4(),
        brand_id=BRAND,
        reference="10001-01",
        number="#10001",
        connection_id=uuid4(),
        platform="shopify",
        placed_at=datetime(2026, 3, 1, 12, tzinfo=UTC),
        recipient_version=1,
        lines=(OrderLine(line_id="shirt", quantity=3), OrderLine(line_id="mug", quantity=1)),
    )


@pytest.fixture
async def fulfillment(database: Database, start: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, Settings)
    return client


@pytest.fixture
async def order(fulfillment: httpx.AsyncClient, publish: Publish, until: Until) -> UUID:
    order = uuid4()
    await publish(placed(order), 1)

    async def opened() -> bool:
        return (await fulfillment.get(f"/api/v1/orders/{order}")).status_code == 200

    await until(opened)
    return order


async def lines(fulfillment: httpx.AsyncClient, order: UUID) -> dict[str, tuple[int, int]]:
    ledger = (await fulfillment.get(f"/api/v1/orders/{order}")).json()
    return {line["line_id"]: (line["open"], line["shipped"]) for line in ledger["lines"]}


async def told(database: Database) -> int:
    async with database.begin() as connection:
        return (
            await connection.execute(text("SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM sent)"))
        ).scalar_one()


async def test_some_units_ship_and_the_rest_stays_open(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database
) -> None:
    answer = await fulfillment.post(
        f"/api/v1/orders/{order}/shipments", json={**UPS, "lines": [{"line_id": "shirt", "quantity": 2}]}
    )

    assert answer.status_code == 201, answer.text
    assert await lines(fulfillment, order) == {"shirt": (1, 2), "mug": (1, 0)}
    assert await told(database) == 1


REFUSED = (
    ([{"line_id": "shirt", "quantity": 4}], 409, "not-open", "shirt"),
    ([{"line_id": "mug", "quantity": -1}], 422, "not-units", "mug"),
    ([{"line_id": "hat", "quantity": 1}], 422, "unknown-line", "hat"),
    ([{"line_id": "mug", "quantity": 1}, {"line_id": "mug", "quantity": 1}], 422, "line-twice", "mug"),
)


async def test_what_is_refused_names_its_line_and_changes_nothing(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database
) -> None:
    for asked, status, code, line in REFUSED:
        answer = await fulfillment.post(f"/api/v1/orders/{order}/shipments", json={**UPS, "lines": asked})
        assert (answer.status_code, answer.json()["type"]) == (status, f"urn:waybill:problem:{code}")
        assert answer.json()["line"] == line
        assert answer.headers["content-type"] == "application/problem+json"

    assert await lines(fulfillment, order) == {"shirt": (3, 0), "mug": (1, 0)}
    assert await told(database) == 0


async def test_shipping_twice_is_refused_the_second_time(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database
) -> None:
    answers = await asyncio.gather(*(fulfillment.post(f"/api/v1/orders/{order}/shipments", json=UPS) for _ in range(4)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json().get("line") for answer in answers if answer.status_code == 409} == {"shirt"}
    assert await told(database) == 1


async def test_one_idempotency_key_ships_once_and_gets_one_answer(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database
) -> None:
    answers = await asyncio.gather(
        *(
            fulfillment.post(
                f"/api/v1/orders/{order}/shipments",
                json={**UPS, "lines": [{"line_id": "shirt", "quantity": 1}]},
                headers={"Idempotency-Key": "a-form"},
            )
            for _ in range(4)
        )
    )
    other = await fulfillment.post(f"/api/v1/orders/{order}/shipments", json=UPS, headers={"Idempotency-Key": "a-form"})

    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.text for answer in answers}) == 1
    assert (other.status_code, other.json()["type"]) == (422, "urn:waybill:problem:idempotency-key-reused")
    assert await told(database) == 1


async def test_an_order_is_the_same_however_its_id_is_spelled(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database
) -> None:
    spellings = (str(order), str(order).upper(), order.hex)
    answers = [
        await fulfillment.post(
            f"/api/v1/orders/{spelled}/shipments",
            json={**UPS, "lines": [{"line_id": "shirt", "quantity": 1}]},
            headers={"Idempotency-Key": "a-form"},
        )
        for spelled in spellings
    ]

    assert len({answer.text for answer in answers}) == 1
    assert await told(database) == 1


async def test_a_body_past_the_limit_is_refused_before_it_is_read(fulfillment: httpx.AsyncClient, order: UUID) -> None:
    answer = await fulfillment.post(f"/api/v1/orders/{order}/shipments", content=b"x" * 4_000_001)

    assert (answer.status_code, answer.json()["type"]) == (413, "urn:waybill:problem:too-large")


async def test_a_key_belongs_to_whoever_made_it(fulfillment: httpx.AsyncClient, order: UUID) -> None:
    headers = {"Idempotency-Key": "a-form"}
    path = f"/api/v1/orders/{order}/shipments"
    mine = await fulfillment.post(path, json=UPS, headers=headers)

    theirs = await fulfillment.post(path, json=UPS, headers={**headers, "Waybill-Brand": str(uuid4())})

    assert (mine.status_code, theirs.status_code) == (201, 404)


async def test_what_was_answered_stays_answered_when_the_order_stands_still(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database
) -> None:
    path, headers = f"/api/v1/orders/{order}/shipments", {"Idempotency-Key": "a-form"}
    first = await fulfillment.post(path, json=UPS, headers=headers)
    async with database.begin() as connection:
        await connection.execute(text("UPDATE streams SET parked = true WHERE subject = :s"), {"s": order})

    again = await fulfillment.post(path, json=UPS, headers=headers)
    new = await fulfillment.post(path, json=UPS)

    assert (again.status_code, again.text) == (201, first.text)
    assert (new.status_code, new.json()["type"]) == (409, "urn:waybill:problem:order-parked")


async def test_a_number_that_may_be_wrong_is_taken_once_somebody_has_confirmed_that(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database
) -> None:
    path, headers = f"/api/v1/orders/{order}/shipments", {"Idempotency-Key": "a-form"}
    mistyped = {**UPS, "tracking_number": "1Z12345E0205271687"}

    asked = await fulfillment.post(path, json=mistyped, headers=headers)
    other = await fulfillment.post(path, json={**mistyped, "confirm": ["unknown-company"]}, headers=headers)
    before = await told(database)
    taken = await fulfillment.post(path, json={**mistyped, "confirm": ["wrong-check-digit"]}, headers=headers)

    for each in (asked, other):
        assert (each.status_code, each.json()["type"]) == (422, "urn:waybill:problem:confirm-number")
        assert (each.json()["confirm"], each.json()["field"]) == (["wrong-check-digit"], "tracking_number")
        assert "A digit may be mistyped" in each.json()["detail"]
    assert (before, taken.status_code, await told(database)) == (0, 201, 1)


async def test_a_carrier_that_only_the_brand_knows_need_not_be_confirmed(
    fulfillment: httpx.AsyncClient, order: UUID, database: Database, publish: Publish, until: Until
) -> None:
    path = f"/api/v1/orders/{order}/shipments"
    body = {"tracking_company": "velo courier", "tracking_number": "7", "lines": [{"line_id": "mug", "quantity": 1}]}
    before = await fulfillment.post(path, json=body)
    await publish(Brand(brand_id=BRAND, version=1, name="B", carriers=(OwnCarrier(name="Velo Courier"),)))

    async def known() -> bool:
        async with database.begin() as connection:
            return bool((await connection.execute(text("SELECT count(*) FROM brands"))).scalar_one())

    await until(known)
    by_file = await fulfillment.post(
        "/api/v1/imports",
        content=b"reference,tracking_company,tracking_number\n10001-01,Velo Courier,8\n10001-01,Bob,9\n",
    )
    after = await fulfillment.post(path, json=body)

    assert (before.status_code, before.json()["confirm"]) == (422, ["unknown-company"])
    assert (by_file.json()["counts"]["ready"], by_file.json()["codes"]) == (1, {"unknown-company": 1})
    assert after.status_code == 201, after.text


NO_SHIPMENTS: tuple[Any, ...] = (
    {"tracking_company": "UPS"},
    {**UPS, "tracking_number": "   "},
    {**UPS, "tracking_number": "1Z\x00"},
    {**UPS, "lines": []},
    {**UPS, "lines": [{"line_id": "mug", "quantity": 1.5}]},
    {**UPS, "confirm": ["Anything Else"]},
    {**UPS, "surprise": 1},
    [],
)


async def test_a_body_that_is_no_shipment_is_refused_with_the_field(
    fulfillment: httpx.AsyncClient, order: UUID
) -> None:
    for body in NO_SHIPMENTS:
        answer = await fulfillment.post(f"/api/v1/orders/{order}/shipments", json=body)
        assert (answer.status_code, answer.json()["type"]) == (422, "urn:waybill:problem:invalid-request")
        assert answer.json()["errors"]


async def test_another_brand_neither_sees_nor_ships_the_order(fulfillment: httpx.AsyncClient, order: UUID) -> None:
    other = {"Waybill-Brand": str(uuid4())}

    seen = await fulfillment.get(f"/api/v1/orders/{order}", headers=other)
    shipped = await fulfillment.post(f"/api/v1/orders/{order}/shipments", json=UPS, headers=other)

    assert (seen.status_code, shipped.status_code) == (404, 404)
    assert await lines(fulfillment, order) == {"shirt": (3, 0), "mug": (1, 0)}


async def test_a_command_without_the_token_is_refused(fulfillment: httpx.AsyncClient, order: UUID) -> None:
    answer = await fulfillment.post(
        f"/api/v1/orders/{order}/shipments", json=UPS, headers={"Authorization": "Bearer x"}
    )

    assert answer.status_code == 401
