"""Requests about an order on a real database and a real broker; fulfillment's part is played by its events."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import (
    Address,
    Brand,
    LineUnits,
    Payment,
    RequestDecided,
    ResendRequested,
    ReturnedUnits,
    ReturnReceived,
    SaleCanceled,
    SaleChanged,
    SaleLine,
    SaleReceived,
    ids,
)
from waybill_orders.app import build
from waybill_orders.settings import Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
BRAND = UUID(int=7)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_sale(connection: UUID, kind: type[SaleReceived] = SaleReceived, **changed: Any) -> SaleReceived:
    said: dict[str, Any] = {
        "sale_id": ids.sale_id(connection, "1"),
        "connection_id": connection,
        "connection_code": f"c{connection.hex[:6]}",
        "platform": "shopify",
        "source_order_id": "1",
        "number": f"#{connection.hex[:8]}",
        "placed_at": NOON,
        "source_updated_at": NOON,
        "default_brand_id": BRAND,
        "payment": Payment.PAID,
        "ship_to": Address(name="Ann", line1="1 High St", city="Troy", postcode="12180", country="US"),
        "lines": (SaleLine(line_id="shirt", quantity=3),),
    }
    return kind(**said | changed)


class Shop:
    """The service, and one order in it."""

    def __init__(self, client: httpx.AsyncClient, publish: Publish, until: Until, database: Database) -> None:
        self.client, self.publish, self.until, self.database = client, publish, until, database
        self.connection = uuid4()
        self.sale = ids.sale_id(self.connection, "1")
        self.order = ids.order_id(self.sale, 1)
        self.decided = 0

    async def get(self, path: str = "") -> httpx.Response:
        return await self.client.get(f"/api/v1/orders/{self.order}{path}")

    async def post(self, path: str, body: Any, **headers: str) -> httpx.Response:
        return await self.client.post(f"/api/v1/orders/{self.order}{path}", json=body, headers=headers)

    async def requests(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = (await self.get()).json()["requests"]
        return found

    async def states(self) -> list[str]:
        return [request["state"] for request in await self.requests()]

    async def decide(self, request_id: str, kind: str, *, accepted: bool = True, **said: Any) -> None:
        """What fulfillment would tell."""
        self.decided += 1
        event = RequestDecided(
            order_id=self.order,
            brand_id=BRAND,
            request_id=UUID(request_id),
            kind=kind,
            reason="customer",
            accepted=accepted,
            **said,
        )
        await self.publish(event, self.decided)

    async def waits_for(self, *states: str) -> None:
        async def there() -> bool:
            return await self.states() == list(states)

        await self.until(there)

    async def told(self) -> list[str]:
        """Names of all events about the order, in their order."""
        async with self.database.begin() as connection:
            rows = await connection.execute(
                text("""
                    SELECT headers ->> 'ce_type' AS type, headers ->> 'ce_sequence' AS number FROM sent
                    WHERE key = :key AND topic = 'waybill.orders'
                    UNION ALL SELECT headers ->> 'ce_type', headers ->> 'ce_sequence' FROM outbox
                    WHERE key = :key AND topic = 'waybill.orders'
                """),
                {"key": self.order},
            )
            return [row.type.split(".")[1] for row in sorted(rows, key=lambda row: int(row.number))]


@pytest.fixture
async def shop(database: Database, start: Any, publish: Publish, until: Until) -> Shop:
    client = await start(database.engine.url.render_as_string(hide_password=False), build, Settings)
    shop = Shop(client, publish, until, database)
    await publish(Brand(brand_id=BRAND, version=1, name="Acorn"))
    await publish(a_sale(shop.connection))

    async def placed() -> bool:
        return (await shop.get()).status_code == 200

    await until(placed)
    return shop


def of(**units: int) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items())


async def test_a_cancellation_is_accepted_with_a_link_to_its_outcome(shop: Shop) -> None:
    asked = await shop.post("/cancellations", {"lines": [{"line_id": "shirt", "quantity": 2}], "reason": "customer"})
    assert asked.status_code == 202, asked.text
    assert asked.json()["state"] == "pending"

    await shop.decide(asked.json()["request_id"], "cancellation", granted=of(shirt=2))

    await shop.waits_for("granted")
    outcome = await shop.client.get(asked.json()["outcome"])
    assert outcome.json()["granted"] == [{"line_id": "shirt", "quantity": 2}]
    assert await shop.told() == ["OrderPlaced", "CancellationRequested", "OrderCanceled"]


async def test_canceling_ten_times_with_one_key_asks_once(shop: Shop) -> None:
    answers = [
        await shop.post("/cancellations", {"reason": "staff"}, **{"Idempotency-Key": "a-form"}) for _ in range(10)
    ]

    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.text for answer in answers}) == 1
    assert await shop.states() == ["pending"]


async def test_a_hold_stands_once_it_is_granted_and_is_released(shop: Shop) -> None:
    asked = await shop.post("/holds", {"reason": "fraud_risk"})
    request_id = asked.json()["request_id"]
    assert (await shop.get()).json()["holds"] == []

    await shop.decide(request_id, "hold")
    await shop.waits_for("granted")

    assert [hold["hold_id"] for hold in (await shop.get()).json()["holds"]] == [request_id]
    released = await shop.post(f"/holds/{request_id}/release", {})
    assert (released.status_code, released.json()["holds"]) == (200, [])
    assert await shop.told() == ["OrderPlaced", "HoldRequested", "OrderHeld", "OrderReleased"]


async def rows(database: Database, table: str) -> list[dict[str, Any]]:
    async with database.begin() as connection:
        return [dict(row) for row in (await connection.execute(text(f"SELECT * FROM {table}"))).mappings()]


async def test_an_amendment_is_published_once_it_is_granted_and_its_words_go_nowhere_else(shop: Shop) -> None:
    address = {"name": "Bo", "line1": "9 Oak St", "city": "Troy", "postcode": "12180", "country": "US"}
    body = {"address": address, "note": "ring twice"}
    asked = [await shop.post("/amendments", body, **{"Idempotency-Key": "k"}) for _ in range(3)]
    assert {answer.status_code for answer in asked} == {202}
    assert [row["note"] for row in await rows(shop.database, "amendments")] == ["ring twice"]

    await shop.decide(asked[0].json()["request_id"], "amendment")
    await shop.waits_for("granted")

    (kept,) = await rows(shop.database, "recipients")
    assert (kept["version"], kept["recipient"]["address"]["line1"]) == (2, "9 Oak St")
    assert await rows(shop.database, "amendments") == []
    assert await shop.told() == ["OrderPlaced", "AmendmentRequested", "OrderAmended"]
    assert [row["topic"] for row in (*await rows(shop.database, "sent"), *await rows(shop.database, "outbox"))].count(
        "waybill.recipients"
    ) == 2
    for answer in (*asked, await shop.get()):
        assert "Oak" not in answer.text
        assert "ring twice" not in answer.text


async def test_a_return_has_the_days_of_its_brand_and_ends_when_all_of_it_has_come(shop: Shop) -> None:
    await shop.publish(Brand(brand_id=BRAND, version=7, name="Brand", return_days=100))

    async def known() -> bool:
        return [row["return_days"] for row in await rows(shop.database, "brands")] == [100]

    await shop.until(known)
    body = {"lines": [{"line_id": "shirt", "quantity": 2}], "reason": "damaged"}
    asked = (await shop.post("/returns", body)).json()
    await shop.decide(asked["request_id"], "return", granted=of(shirt=2))
    await shop.waits_for("granted")
    units = ReturnedUnits(line_id="shirt", quantity=2, condition="damaged")
    event = ReturnReceived(
        order_id=shop.order, brand_id=BRAND, return_id=UUID(asked["request_id"]), lines=(units,), received_at=NOON
    )
    await shop.publish(event, shop.decided + 1)

    async def closed() -> bool:
        return [each["closed_at"] is not None for each in (await shop.get()).json()["returns"]] == [True]

    await shop.until(closed)
    assert await shop.told() == ["OrderPlaced", "ReturnRequested", "ReturnOpened", "ReturnClosed"]
    assert (await shop.post(f"/returns/{asked['request_id']}/close", {})).status_code == 200
    assert (await shop.post(f"/returns/{uuid4()}/close", {})).status_code == 404
    assert (await shop.told())[-1] == "ReturnClosed"


async def test_what_did_not_arrive_is_placed_again_once_under_the_next_reference(shop: Shop) -> None:
    wanted = ResendRequested(
        order_id=shop.order,
        brand_id=BRAND,
        parcel_id=uuid4(),
        exception_id=uuid4(),
        lines=of(shirt=2),
        requested_at=NOON,
    )
    await shop.publish(wanted, 1)
    new = ids.order_id(shop.sale, 2)

    async def placed() -> bool:
        return (await shop.client.get(f"/api/v1/orders/{new}")).status_code == 200

    await shop.until(placed)
    again = (await shop.client.get(f"/api/v1/orders/{new}")).json()
    assert (again["reference"], again["lines"], again["holds"]) == (f"{shop.connection.hex[:8]}-02", {"shirt": 2}, [])
    assert await shop.told() == ["OrderPlaced", "OrderResent"]
    assert [row["reference"] for row in await rows(shop.database, "orders")].count(again["reference"]) == 1
    assert [row["to_resend"] for row in await rows(shop.database, "orders")] == [False, False]


async def test_what_the_platform_changes_is_asked_for_in_those_fields(shop: Shop) -> None:
    moved = Address(name="Ann", line1="1 High St", city="Albany", postcode="12180", country="US")
    changed = a_sale(shop.connection, SaleChanged, source_updated_at=NOON + timedelta(hours=1), ship_to=moved)
    await shop.publish(changed)

    await shop.waits_for("pending")
    (request,) = await shop.requests()

    assert (request["kind"], request["fields"], request["by_platform"]) == ("amendment", ["address.city"], True)


async def test_a_hold_with_a_date_ends_by_itself(shop: Shop) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=2)
    asked = await shop.post("/holds", {"reason": "inventory", "release_at": soon.isoformat()})
    await shop.decide(asked.json()["request_id"], "hold")

    async def released() -> bool:
        return (await shop.told())[-1] == "OrderReleased"

    await shop.until(released)
    assert (await shop.get()).json()["holds"] == []
    assert datetime.now(UTC) >= soon


async def test_a_sale_canceled_on_its_platform_asks_for_its_orders(shop: Shop) -> None:
    await shop.publish(SaleCanceled(sale_id=shop.sale, connection_id=shop.connection, reason="fraud", canceled_at=NOON))

    await shop.waits_for("pending")
    (request,) = await shop.requests()
    assert (request["reason"], request["by_platform"], request["lines"]) == ("fraud", True, None)


async def test_a_change_and_a_decision_that_come_together_lose_nothing_of_each_other(shop: Shop) -> None:
    asked = (
        await shop.post("/cancellations", {"lines": [{"line_id": "shirt", "quantity": 1}], "reason": "staff"})
    ).json()
    changed = a_sale(
        shop.connection,
        SaleChanged,
        source_updated_at=NOON + timedelta(hours=1),
        lines=(SaleLine(line_id="shirt", quantity=3, canceled=2),),
    )

    await shop.decide(asked["request_id"], "cancellation", granted=of(shirt=1))
    await shop.publish(changed)

    await shop.waits_for("granted", "pending")


async def test_what_cannot_be_asked_is_refused_and_changes_nothing(shop: Shop) -> None:
    def some(line_id: str, quantity: int, times: int = 1) -> dict[str, Any]:
        return {"lines": [{"line_id": line_id, "quantity": quantity}] * times, "reason": "staff"}

    cases: list[tuple[str, dict[str, Any], str]] = [
        ("/cancellations", some("hat", 1), "unknown-line"),
        ("/cancellations", some("shirt", 4), "more-than-ordered"),
        ("/cancellations", some("shirt", 1, times=2), "line-twice"),
        ("/cancellations", some("shirt", 0), "invalid-request"),
        ("/cancellations", {"reason": "boredom"}, "invalid-request"),
        ("/cancellations", {}, "invalid-request"),
        ("/holds", {"reason": "other", "release_at": "2020-01-01T00:00:00Z"}, "past-release-date"),
        ("/holds", {"reason": "other", "release_at": "tomorrow"}, "invalid-request"),
        ("/amendments", {}, "nothing-to-amend"),
        ("/amendments", {"address": {"name": "Bo", "country": "US"}}, "incomplete-address"),
        ("/amendments", {"address": {"country": "Ireland"}}, "invalid-request"),
    ]

    answers = [await shop.post(path, body) for path, body, _ in cases]

    assert [answer.status_code for answer in answers] == [422] * len(cases)
    assert [answer.json()["type"] for answer in answers] == [f"urn:waybill:problem:{code}" for _, _, code in cases]
    assert await shop.told() == ["OrderPlaced"]


async def test_what_is_not_there_is_not_found(shop: Shop) -> None:
    nobody, nothing = uuid4(), uuid4()

    for path, code in (
        (f"/api/v1/orders/{nobody}", "unknown-order"),
        (f"/api/v1/orders/{shop.sale}", "unknown-order"),
        (f"/api/v1/orders/{shop.order}/requests/{nothing}", "unknown-request"),
    ):
        answer = await shop.client.get(path)
        assert (answer.status_code, answer.json()["type"]) == (404, f"urn:waybill:problem:{code}")
    for path, code in (
        (f"/holds/{nothing}/release", "unknown-hold"),
        (f"/exceptions/{nothing}/resolve", "unknown-exception"),
    ):
        answer = await shop.post(path, {"choice": "absorb"} if "exceptions" in path else {})
        assert (answer.status_code, answer.json()["type"]) == (404, f"urn:waybill:problem:{code}")


async def test_another_brand_neither_sees_nor_cancels_the_order(shop: Shop) -> None:
    other = {"Waybill-Brand": str(uuid4())}

    seen = await shop.client.get(f"/api/v1/orders/{shop.order}", headers=other)
    canceled = await shop.post("/cancellations", {"reason": "staff"}, **other)

    assert (seen.status_code, canceled.status_code) == (404, 404)
    assert await shop.told() == ["OrderPlaced"]
