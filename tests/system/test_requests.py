"""Cancellations and holds through every service: asked for in one, decided in another, shown in a third."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from waybill_simulators.shopify import an_order, canceled, changed

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
SHIRT = {"title": "Shirt", "vendor": "", "sku": "TS", "price": "9.00", "quantity": 3}
MUG = {"title": "Mug", "vendor": "", "sku": "MUG", "price": "5.00", "quantity": 1}
UPS = {"tracking_company": "UPS", "tracking_number": "1Z12345E0205271686"}
Until = Callable[..., Awaitable[None]]


class Case:
    """One order, as its brand works with it through the portal."""

    def __init__(self, selling: Any, stack: Any, until: Until) -> None:
        self.selling, self.stack, self.until = selling, stack, until
        self.order: dict[str, Any] = {}
        self.sold: dict[str, Any] = {}

    async def sell(self, number: int, **sold: Any) -> "Case":
        self.sold = an_order(number, [SHIRT, MUG], NOON, address=ADDRESS, **sold)
        (await self.selling.shop.tell(self.sold)).raise_for_status()

        async def there() -> bool:
            found = await self.selling.orders(q=f"{number}-01")
            self.order = found[0] if found else {}
            return bool(found) and (await self.ledger()) is not None

        await self.until(there)
        return self

    @property
    def path(self) -> str:
        return f"/api/v1/orders/{self.order['order_id']}"

    async def ledger(self) -> dict[str, Any] | None:
        async with self.stack.client("fulfillment") as fulfillment:
            answer = await fulfillment.get(self.path)
            return answer.json() if answer.is_success else None

    async def post(self, what: str, body: Any) -> Any:
        async def known() -> bool:
            # Each service learns of an order by itself.
            answers.append(await self.selling.portal.post(f"{self.path}{what}", json=body))
            return answers[-1].status_code != 404

        answers: list[Any] = []
        await self.until(known)
        return answers[-1]

    async def shows(self, status: str, *flags: str) -> dict[str, Any]:
        """The order, once the portal shows it like this."""
        found: dict[str, Any] = {}

        async def so() -> bool:
            found.update((await self.selling.portal.get(self.path)).json())
            return (found["status"], found["flags"]) == (status, list(flags))

        await self.until(so)
        return found

    async def outcome(self, asked: dict[str, Any]) -> dict[str, Any]:
        """What orders says of a request, once it has heard that it was decided; the portal may hear it before."""
        found: dict[str, Any] = {}

        async def decided() -> bool:
            async with self.stack.client("orders") as orders:
                found.update((await orders.get(asked["outcome"])).json())
            return found["state"] != "pending"

        await self.until(decided)
        return found

    def units(self) -> list[int]:
        """Line ids as the shop knows them."""
        return [line["id"] for line in self.sold["line_items"]]


@pytest.fixture
def case(selling: Any, stack: Any, until: Until) -> Case:
    return Case(selling, stack, until)


async def test_a_packed_parcel_is_canceled_whole_and_its_slip_is_empty_of_it(case: Case) -> None:
    await case.sell(710_001)
    shirt, _mug = map(str, case.units())
    packed = await case.post("/parcels", {"lines": [{"line_id": shirt, "quantity": 2}]})
    assert packed.status_code == 201, packed.text

    asked = await case.post("/cancellations", {"reason": "customer"})

    assert asked.status_code == 202, asked.text
    found = await case.shows("canceled")
    assert found["parcels"] == []
    assert [(request["kind"], request["decided"] is not None) for request in found["requests"]] == [
        ("cancellation", True)
    ]
    refused = await case.post("/shipments", UPS)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:waybill:problem:nothing-open")


async def test_what_has_left_is_not_canceled_and_the_order_says_who_was_first(case: Case) -> None:
    await case.sell(710_002)
    shirt, mug = map(str, case.units())
    await case.post("/shipments", {**UPS, "lines": [{"line_id": shirt, "quantity": 2}]})

    asked = (await case.post("/cancellations", {"reason": "inventory"})).json()

    await case.shows("shipped", "partly canceled")
    outcome = await case.outcome(asked)
    assert outcome["state"] == "partly_granted"
    assert outcome["granted"] == [{"line_id": shirt, "quantity": 1}, {"line_id": mug, "quantity": 1}]
    (refused,) = outcome["refused"]
    assert (refused["line_id"], refused["quantity"], refused["why"]) == (shirt, 2, "shipped")
    explained = (await case.selling.portal.get(f"{case.path}/explain")).json()
    won = {(each["line_id"], each["outcome"]): each for each in explained["units"]}
    assert won[shirt, "shipped"]["event"]["cause"] == refused["won_by"][0]
    assert won[shirt, "shipped"]["lost"] == [asked["request_id"]]
    assert won[shirt, "canceled"]["request_id"] == asked["request_id"]


async def test_an_order_on_hold_is_not_shipped_until_it_is_released(case: Case) -> None:
    await case.sell(710_003)
    asked = (await case.post("/holds", {"reason": "fraud_risk"})).json()
    await case.shows("not shipped", "on hold: fraud risk")

    refused = await case.post("/shipments", UPS)
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:waybill:problem:order-held")
    await case.post(f"/holds/{asked['request_id']}/release", {})

    async def shipped() -> bool:
        return (await case.post("/shipments", UPS)).status_code == 201

    await case.until(shipped)
    await case.shows("shipped")


async def test_a_sale_that_is_canceled_in_its_shop_is_canceled_here(case: Case) -> None:
    await case.sell(710_004)

    gone = canceled(case.sold, NOON + timedelta(hours=1), "fraud")
    (await case.selling.shop.tell(gone, topic="orders/cancelled")).raise_for_status()

    found = await case.shows("canceled")
    assert [(request["reason"], request["by_platform"]) for request in found["requests"]] == [("fraud", True)]


async def test_a_sale_that_is_canceled_after_it_left_is_an_exception_that_somebody_settles(case: Case) -> None:
    await case.sell(710_005)
    assert (await case.post("/shipments", UPS)).status_code == 201

    gone = canceled(case.sold, NOON + timedelta(hours=1))
    (await case.selling.shop.tell(gone, topic="orders/cancelled")).raise_for_status()

    found = await case.shows("shipped", "exception: refunded on its way")
    (exception,) = found["exceptions"]
    assert (exception["owner"], exception["choices"]) == ("orders", ["intercept", "return", "absorb"])
    at = f"{case.path}/exceptions/{exception['exception_id']}/resolve"
    send, key = case.selling.portal.post, {"Idempotency-Key": f"absorb-{case.order['order_id']}"}
    settled = await send(at, json={"choice": "absorb"}, headers=key)
    assert settled.status_code == 200, settled.text
    await case.shows("shipped")
    again, late = await send(at, json={"choice": "absorb"}, headers=key), await send(at, json={"choice": "absorb"})
    assert (again.status_code, again.json()) == (200, settled.json())
    assert (late.status_code, late.json()["type"]) == (404, "urn:waybill:problem:unknown-exception")


async def test_an_unpaid_sale_comes_in_held_and_is_released_when_it_is_paid(case: Case) -> None:
    await case.sell(710_006, financial_status="pending")
    await case.shows("not shipped", "on hold: awaiting payment")

    paid = changed(case.sold, NOON + timedelta(hours=1), financial_status="paid")
    (await case.selling.shop.tell(paid, topic="orders/paid")).raise_for_status()

    await case.shows("not shipped")


async def test_a_shipment_that_was_a_mistake_is_undone(case: Case) -> None:
    await case.sell(710_007)
    shipped = (await case.post("/shipments", UPS)).json()
    parcel = shipped["parcels"][0]["parcel_id"]

    undone = await case.post(f"/parcels/{parcel}/undo", {})

    assert undone.status_code == 200, undone.text
    assert (await case.shows("not shipped"))["parcels"] == []


async def test_a_file_that_is_none_is_refused_on_the_page_with_what_to_do(selling: Any) -> None:
    wrong = await selling.portal.post("/imports", data={"key": "k"}, files={"file": ("x.csv", b"a,b\n1,2\n")})
    none = await selling.portal.post("/imports", data={"key": "k"})

    assert (wrong.status_code, none.status_code) == (422, 422)
    assert "The first row has no column reference" in wrong.text
    assert "Choose a file first." in none.text


async def test_what_is_lost_is_sent_again_and_what_came_is_returned(case: Case) -> None:
    await case.sell(710_009)
    shirt, _mug = map(str, case.units())
    shipped = (await case.post("/shipments", UPS)).json()
    parcel = shipped["parcels"][0]["parcel_id"]
    assert (await case.post(f"/parcels/{parcel}/report", {"problem": "lost"})).status_code == 200
    found = await case.shows("shipped", "exception: lost")
    (exception,) = found["exceptions"]

    settled = await case.post(f"/exceptions/{exception['exception_id']}/resolve", {"choice": "send_again"})
    assert settled.status_code == 200, settled.text
    again: dict[str, Any] = {}

    async def there() -> bool:
        # Who receives it comes by another topic, and may come later.
        for order in await case.selling.orders(q="710009-02"):
            again.update((await case.selling.portal.get(f"/api/v1/orders/{order['order_id']}")).json())
        return bool(again.get("recipient"))

    await case.until(there)
    assert {line["line_id"]: line["quantity"] for line in again["lines"]} == {shirt: 3, str(case.units()[1]): 1}
    assert (again["replaces"], again["recipient"]["address"]["line1"]) == (case.order["order_id"], "1 High St")
    assert [each["reference"] for each in (await case.shows("shipped"))["sent_again"]] == ["710009-02"]

    asked = (await case.post("/returns", {"lines": [{"line_id": shirt, "quantity": 2}], "reason": "damaged"})).json()
    await case.shows("shipped", "return open")
    came = {"lines": [{"line_id": shirt, "quantity": 2, "condition": "damaged"}]}
    assert (await case.post(f"/returns/{asked['request_id']}/receive", came)).status_code == 200
    found = await case.shows("shipped", "return received")
    assert {line["line_id"]: line["returned"] for line in found["lines"]}[shirt] == 2
