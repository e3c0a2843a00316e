"""The projection, the JSON API and the pages, on a real database and a real broker."""

from base64 import b64encode
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs
from uuid import UUID, uuid4

import httpx
import pytest
from portal_builders import NOON, UPS_PAGE, AsOperator, placed, shipped, tracked
from sqlalchemy import text

from waybill_chassis.database import LIVE, Database
from waybill_chassis.migrations import migrate
from waybill_events import (
    Address,
    Brand,
    Buyer,
    ExceptionRaised,
    Hold,
    LabelPurchased,
    LabelVoidRefused,
    LineUnits,
    Money,
    ParcelPacked,
    ParcelUnpacked,
    Recipient,
    RequestDecided,
    ReturnOpened,
)
from waybill_portal import store
from waybill_portal.app import build

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@pytest.fixture
async def portal(database: Database, start: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(
        database.engine.url.render_as_string(hide_password=False), build, AsOperator
    )
    return client


@pytest.fixture
async def brand() -> UUID:
    return uuid4()


async def of_brand(portal: httpx.AsyncClient, brand: UUID, **wanted: Any) -> list[str]:
    answer = await portal.get("/api/v1/orders", params={"brand_id": str(brand), **wanted})
    assert answer.status_code == 200, answer.text
    return [order["reference"] for order in answer.json()["orders"]]


async def test_orders_come_newest_first_page_by_page_and_by_status(
    portal: httpx.AsyncClient, brand: UUID, publish: Publish, until: Until
) -> None:
    orders = [uuid4() for _ in range(5)]
    for at, order in enumerate(orders):
        await publish(placed(order, brand, f"2000{at}-01", minutes=at), 1)
    await publish(shipped(orders[0], brand, 3), 1)

    async def all_there() -> bool:
        return await of_brand(portal, brand, shipments="shipped") == ["20000-01"]

    await until(all_there)
    assert await of_brand(portal, brand) == ["20004-01", "20003-01", "20002-01", "20001-01", "20000-01"]
    first = (await portal.get("/api/v1/orders", params={"brand_id": str(brand), "limit": 3})).json()
    assert await of_brand(portal, brand, limit=3, before=first["before"]) == ["20001-01", "20000-01"]
    assert await of_brand(portal, brand, q="20003") == ["20003-01"]
    assert await of_brand(portal, brand, shipments=["not shipped", "partially shipped"], limit=2) == [
        "20004-01",
        "20003-01",
    ]


async def test_orders_are_found_by_what_stands_beside_their_status_also_those_of_a_release_before(
    portal: httpx.AsyncClient, database: Database, brand: UUID, publish: Publish, until: Until
) -> None:
    held, returned, plain = uuid4(), uuid4(), uuid4()
    units = (LineUnits(line_id="shirt", quantity=1),)
    hold = Hold(hold_id=uuid4(), reason="other")
    await publish(placed(held, brand, "20030-01").model_copy(update={"holds": (hold,)}), 1)
    await publish(placed(returned, brand, "20031-01"), 1)
    await publish(placed(plain, brand, "20032-01"), 1)
    about = {"order_id": returned, "brand_id": brand}
    opened = ReturnOpened(**about, return_id=uuid4(), lines=units, reason="other", opened_at=NOON)
    await publish(opened, 2)
    canceled = RequestDecided(
        order_id=plain,
        brand_id=brand,
        request_id=uuid4(),
        kind="cancellation",
        reason="other",
        accepted=True,
        granted=units,
    )
    await publish(canceled, 1)
    raised = ExceptionRaised(**about, exception_id=uuid4(), kind="lost", choices=("other",), raised_at=NOON)
    await publish(raised, 1, source="waybill/fulfillment")
    wanted = {
        "on_hold=true": ["20030-01"],
        "returns=requested": ["20031-01"],
        "cancellations=partly": ["20032-01"],
        "exception=true": ["20031-01"],
        "to_ship=true": ["20031-01", "20032-01"],
        "to_ship=true&returns=none&shipments=not shipped": ["20032-01"],
        "on_hold=true&cancellations=partly": [],
        "returns=requested&returns=closed": ["20031-01"],
    }

    async def found() -> dict[str, list[str]]:
        pairs = {asked: parse_qs(asked) for asked in wanted}
        return {asked: sorted(await of_brand(portal, brand, **said)) for asked, said in pairs.items()}

    async def all_there() -> bool:
        return await found() == wanted

    await until(all_there)
    page = (await portal.get("/orders?view=to-ship&returns=requested")).text
    assert [number for number in ("20030-01", "20031-01", "20032-01") if number in page] == ["20031-01"]
    async with database.engine.begin() as connection:
        await connection.execute(text("SET LOCAL search_path = g1"))
        for name in ("shipments", "cancellations", "returns", "waits", "to_ship", "on_hold", "exception", "ship_by"):
            await connection.execute(text(f"ALTER TABLE orders DROP COLUMN {name}"))
        for former in ("status text NOT NULL DEFAULT ''", "marks text[] NOT NULL DEFAULT '{}'"):
            await connection.execute(text(f"ALTER TABLE orders ADD COLUMN {former}"))
        await connection.execute(text("UPDATE alembic_version SET version_num = '0003'"))
    await migrate(database, "waybill_portal")
    assert await found() == wanted


async def test_a_tracking_number_that_is_early_waits_for_its_parcel_and_its_order(
    portal: httpx.AsyncClient, database: Database, brand: UUID, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(tracked(order, brand), 1)

    async def waiting() -> bool:
        async with database.begin() as connection:
            return bool(
                (
                    await connection.execute(text("SELECT count(*) FROM g1.waiters WHERE subject = :s"), {"s": order})
                ).scalar_one()
            )

    await until(waiting)
    await publish(shipped(order, brand, 3), 1)
    await publish(placed(order, brand, "20009-01"), 1)

    async def whole() -> bool:
        answer = await portal.get(f"/api/v1/orders/{order}")
        return answer.status_code == 200 and [each["tracking_url"] for each in answer.json()["parcels"]] == [UPS_PAGE]

    await until(whole)
    assert not await waiting()


async def test_the_list_shows_the_number_as_a_link_to_its_carrier_and_nothing_as_code(
    portal: httpx.AsyncClient, brand: UUID, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(placed(order, brand, "20010-01", title="<script>alert(1)</script>"), 1)
    await publish(shipped(order, brand, 1), 1)
    await publish(tracked(order, brand), 1)

    async def linked() -> bool:
        return f'class="number left" href="{UPS_PAGE}"' in (await portal.get("/orders?q=20010-01")).text

    await until(linked)
    page = (await portal.get("/orders?q=20010-01")).text
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page
    assert "Partially shipped" in page


async def test_a_recipient_shows_until_it_is_erased(
    portal: httpx.AsyncClient, brand: UUID, publish: Publish, until: Until, tombstone: Callable[..., Awaitable[None]]
) -> None:
    order = uuid4()
    await publish(placed(order, brand, "20012-01"), 1)
    address = Address(name="Ann Bee", line1="1 High St", city="Delft", country="NL")
    await publish(
        Recipient(order_id=order, brand_id=brand, version=1, address=address, buyer=Buyer(email="ann@example.com"))
    )

    async def shown() -> bool:
        return "1 High St" in (await portal.get(f"/orders/{order}")).text

    await until(shown)
    await tombstone("waybill.recipients", order)

    async def erased() -> bool:
        return "Erased" in (await portal.get(f"/orders/{order}")).text

    await until(erased)
    assert (await portal.get(f"/api/v1/orders/{order}")).json()["recipient"] is None


async def test_the_shipments_of_an_order_show_the_money_of_its_labels_also_of_a_parcel_that_was_taken_apart(
    portal: httpx.AsyncClient, brand: UUID, publish: Publish, until: Until
) -> None:
    order, parcel = uuid4(), uuid4()
    about = {"order_id": order, "brand_id": brand, "parcel_id": parcel}
    units = (LineUnits(line_id="shirt", quantity=1),)
    label = {**about, "label_id": uuid4()}
    await publish(placed(order, brand, "20033-01"), 1)
    await publish(ParcelPacked(**about, lines=units, shipping="platform", packed_at=NOON), 1)
    await publish(
        LabelPurchased(
            **label,
            carrier="simulated",
            carrier_name="Simulated Carrier",
            service="ground",
            tracking_number="WB1",
            cost=Money(amount="7.35", currency="USD"),
            weight_g=200,
            purchased_at=NOON,
        ),
        1,
    )
    await publish(ParcelUnpacked(**about, lines=units, unpacked_at=NOON), 2)
    await publish(LabelVoidRefused(**label, why="unpacked", words="It was used.", refused_at=NOON), 2)

    async def shown() -> bool:
        return "Lost" in (await portal.get(f"/orders/{order}?tab=shipments")).text

    await until(shown)
    page = (await portal.get(f"/orders/{order}?tab=shipments")).text
    assert all(words in page for words in ("Unpacked", "WB1", "Bought 7.35 USD", "Lost 7.35 USD", "It was used."))


async def test_a_brand_is_published_with_a_higher_version_each_time_it_changes(
    portal: httpx.AsyncClient, database: Database, brand: UUID, until: Until
) -> None:
    for name in ("Acorn", "Acorn", "Acorn & Co"):
        assert (await portal.put(f"/api/v1/brands/{brand}", json={"name": name})).status_code == 200

    async def told() -> list[tuple[int, str]]:
        async with database.begin() as connection:
            rows = await connection.execute(text("SELECT payload FROM sent WHERE key = :b ORDER BY id"), {"b": brand})
            brands = [Brand.from_json(bytes(row.payload)) for row in rows]
        return [(each.version, each.name) for each in brands]

    async def both() -> bool:
        return await told() == [(1, "Acorn"), (2, "Acorn & Co")]

    await until(both)


async def test_an_owner_that_does_not_answer_is_named_and_the_form_keeps_what_was_typed(
    portal: httpx.AsyncClient, brand: UUID, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(placed(order, brand, "20013-01"), 1)

    async def there() -> bool:
        return await of_brand(portal, brand) == ["20013-01"]

    await until(there)
    form = {"quantity:shirt": "2", "tracking_company": "UPS", "tracking_number": "1Z77", "key": "k"}
    answer = await portal.post(f"/orders/{order}/shipments", data=form)
    quick = await portal.post(f"/orders/{order}/shipments", data=form, headers={"HX-Request": "true"})

    assert answer.status_code == 503
    assert quick.status_code == 200
    for each in (answer, quick):
        assert "fulfillment does not answer" in each.text
        assert 'value="1Z77"' in each.text


async def test_a_form_without_units_is_refused_before_it_is_sent(
    portal: httpx.AsyncClient, brand: UUID, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(placed(order, brand, "20014-01"), 1)

    async def there() -> bool:
        return await of_brand(portal, brand) == ["20014-01"]

    await until(there)
    for quantity, says in (("x", "no whole number"), ("0", "Choose at least one unit")):
        answer = await portal.post(
            f"/orders/{order}/shipments", data={"quantity:shirt": quantity, "tracking_number": "1Z", "key": "k"}
        )
        assert (answer.status_code, says in answer.text) == (422, True)


async def test_a_command_goes_nowhere_but_to_an_order(portal: httpx.AsyncClient) -> None:
    orders = ("%2e%2e", "10001-01", "x%3Fy=1", "x%2Fy")

    answers = [await portal.post(f"/api/v1/orders/{order}/holds", json={"reason": "other"}) for order in orders]

    assert [answer.status_code for answer in answers] == [404] * len(orders)
    assert {answer.json()["type"] for answer in answers} == {"urn:waybill:problem:not-found"}


async def test_what_is_not_there_is_a_page_for_people_and_a_document_for_programs(portal: httpx.AsyncClient) -> None:
    for path in (f"/orders/{uuid4()}", "/orders/10001-01", "/orders?view=nonsense", "/orders?returns=never", "/nope"):
        person = await portal.get(path, headers={"Accept": "text/html"})
        assert (person.status_code, person.headers["content-type"]) == (404, "text/html; charset=utf-8")
    program = await portal.get(f"/api/v1/orders/{uuid4()}")

    assert program.json()["type"] == "urn:waybill:problem:unknown-order"


ODD = {
    "/api/v1/orders?q=%00a": 200,
    "/orders?q=%00a": 200,
    "/api/v1/orders?before=0001-01-01T00:00:00%2B14:00_00000000-0000-0000-0000-000000000001": 422,
    "/api/v1/orders?before=nonsense": 422,
    "/api/v1/orders?limit=0": 422,
    "/api/v1/orders/at-risk?limit=0": 422,
    "/orders/live?view=nonsense": 404,
    f"/orders/{UUID(int=1)}/live": 404,
}


async def test_odd_addresses_get_a_clear_answer(portal: httpx.AsyncClient) -> None:
    assert {path: (await portal.get(path)).status_code for path in ODD} == ODD


NONSENSE = (
    {"name": " "},
    {"name": "a\x00b"},
    {"vendors": [""]},
    {"vendors": ["x"] * 1001},
    {"time_zone": "Mars/Phobos"},
    {"time_zone": "a\x00b"},
    {"ship_from": {"country": "ZZ"}},
    {"working_days": []},
    {"working_days": ["caturday"]},
    {"holidays": ["2026-02-30"]},
    {"cut_off": "24:00"},
    {"ship_by_days": -1},
    {"unscanned_hours": 0},
    {"return_days": 366},
    {"carriers": [{"name": "Velo", "url": "javascript:alert(1)"}]},
    {"surprise": 1},
)


async def test_a_filter_that_is_unknown_is_refused_by_the_api_and_does_not_trouble_a_page(
    portal: httpx.AsyncClient,
) -> None:
    old = await portal.get("/api/v1/orders", params={"status": "shipped", "limit": 5})
    slip = await portal.get(f"/api/v1/orders/{uuid4()}/packing-slip.pdf", params={"copies": 2})
    page = await portal.get("/orders", params={"utm_source": "mail"})

    assert (old.status_code, old.json()["type"], old.json()["field"]) == (
        422,
        "urn:waybill:problem:unknown-parameter",
        "status",
    )
    assert old.json()["detail"] == (
        "There is no query parameter status here. It knows before, brand_id, cancellations, exception, limit, on_hold, "
        "q, returns, shipments, to_ship."
    )
    assert (slip.status_code, slip.json()["field"]) == (422, "copies")
    assert page.status_code == 200


async def test_settings_that_make_no_sense_are_refused_by_field(portal: httpx.AsyncClient) -> None:
    for changed in NONSENSE:
        answer = await portal.put(f"/api/v1/brands/{uuid4()}", json={"name": "Acorn", **changed})
        assert answer.status_code == 422, changed
        assert answer.json()["errors"][0]["field"].startswith(next(iter(changed)))


async def test_a_logo_stays_when_other_settings_are_replaced_and_what_is_none_is_refused(
    portal: httpx.AsyncClient,
) -> None:
    brand = f"/api/v1/brands/{uuid4()}"
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
    nobodys = await portal.put(f"{brand}/logo", content=svg)
    await portal.put(brand, json={"name": "Acorn"})
    put = await portal.put(f"{brand}/logo", content=svg)
    settings = await portal.put(brand, json={"name": "Acorn", "slip": {"language": "de"}})
    huge = await portal.put(f"{brand}/logo", content=b"\x89PNG" * 1_250_000)
    runs = await portal.put(f"{brand}/logo", content=svg.replace(b"/>", b"><script/></svg>"))
    gone = await portal.delete(f"{brand}/logo")

    problems = [(each.status_code, each.json()["type"].rpartition(":")[2]) for each in (nobodys, huge, runs)]
    assert problems == [(404, "unknown-brand"), (422, "bad-logo"), (422, "bad-logo")]
    assert "5,000 kB" in huge.json()["detail"]
    assert put.json()["slip"]["logo"] == {"media_type": "image/svg+xml", "content": b64encode(svg).decode()}
    assert settings.json()["slip"]["logo"] == put.json()["slip"]["logo"]
    assert [each.json()["version"] for each in (put, settings, gone)] == [2, 3, 4]
    assert gone.json()["slip"]["logo"] is None


async def test_orders_at_risk_are_ranked_by_their_brands_calendar_on_the_api_and_the_page(
    portal: httpx.AsyncClient, brand: UUID, publish: Publish, until: Until
) -> None:
    settings = {"name": "Acorn", "working_days": ["monday", "sunday"], "ship_by_days": 1}
    assert (await portal.put(f"/api/v1/brands/{brand}", json=settings)).status_code == 200
    older, newer, gone = uuid4(), uuid4(), uuid4()
    for at, order in enumerate((newer, older, gone)):
        await publish(placed(order, brand, f"2002{at}-01", minutes=-at), 1)
    await publish(shipped(gone, brand, 3), 1)

    async def there() -> bool:
        return await of_brand(portal, brand, shipments="shipped") == ["20022-01"]

    await until(there)
    found = (await portal.get("/api/v1/orders/at-risk", params={"brand_id": str(brand)})).json()
    others = (await portal.get("/api/v1/orders/at-risk", params={"brand_id": str(uuid4())})).json()
    page = (await portal.get("/orders?view=at-risk")).text

    assert [(each["rank"], each["order"]["reference"], each["reason"]) for each in found] == [
        (1, "20021-01", "overdue"),
        (2, "20020-01", "overdue"),
    ]
    assert found[0]["order"]["ship_by"] == {
        "by": "2026-03-03T00:00:00Z",
        "source": "brand",
        "says": "One working day after it was placed and paid.",
    }
    assert others == []
    assert page.index("20021-01") < page.index("20020-01")
    assert "It should have left" in page
    assert "Ship by Mon 2 Mar" in page
    assert "20022-01" not in page


async def test_of_many_that_wait_also_those_are_looked_at_that_their_platforms_want_first(
    portal: httpx.AsyncClient, database: Database, brand: UUID, publish: Publish, until: Until
) -> None:
    dates = {"20040-01": None, "20041-01": None, "20042-01": NOON + timedelta(days=9), "20043-01": NOON}
    for at, (reference, ship_by) in enumerate(dates.items()):
        told = placed(uuid4(), brand, reference, minutes=at).model_copy(update={"ship_by": ship_by})
        await publish(told, 1)

    async def there() -> bool:
        return len(await of_brand(portal, brand, to_ship=True)) == len(dates)

    await until(there)
    live = Database(database.engine.url.render_as_string(hide_password=False), generation=LIVE)
    async with live.begin() as connection:
        found = await store.orders.waiting(connection, brand, 1)
    await live.close()

    assert [order.reference for order in found] == ["20040-01", "20043-01"]
