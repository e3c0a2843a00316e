"""Sales in, orders out, on a real database and a real broker."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import Brand, Payment, SaleLine, SaleReceived, ids
from waybill_orders.app import build
from waybill_orders.settings import Settings
from waybill_orders.store import every_claim

Publish = Callable[..., Awaitable[None]]
Until = Callable[..., Awaitable[None]]
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


def a_sale(brand: UUID, connection: UUID, *, source: str = "1", number: str = "#10001") -> SaleReceived:
    return SaleReceived(
        sale_id=ids.sale_id(connection, source),
        connection_id=connection,
        connection_code=f"c{connection.hex[:6]}",
        platform="shopify",
        source_order_id=source,
        number=number,
        placed_at=NOON,
        source_updated_at=NOON,
        default_brand_id=brand,
        payment=Payment.PAID,
        lines=(SaleLine(line_id="1", quantity=1),),
    )


@pytest.fixture
async def orders(database: Database, start: Any) -> None:
    await start(database.engine.url.render_as_string(hide_password=False), build, Settings)


async def references(database: Database, brand: UUID) -> list[str]:
    async with database.begin(brand) as connection:
        rows = await connection.execute(text("SELECT reference FROM orders ORDER BY reference"))
        return [row.reference for row in rows]


async def told(database: Database, sale: SaleReceived) -> list[str]:
    """Types of all that was published of a sale and its first order."""
    async with database.begin() as connection:
        rows = await connection.execute(
            text("""
                SELECT headers ->> 'ce_type' AS type FROM sent WHERE key = ANY(:keys)
                UNION ALL SELECT headers ->> 'ce_type' FROM outbox WHERE key = ANY(:keys)
            """),
            {"keys": [sale.sale_id, ids.order_id(sale.sale_id, 1)]},
        )
        return sorted(row.type for row in rows)


@pytest.mark.usefixtures("orders")
async def test_a_sale_told_three_times_is_split_once(database: Database, publish: Publish, until: Until) -> None:
    brand, sale = uuid4(), a_sale(uuid4(), uuid4())
    sale = sale.model_copy(update={"default_brand_id": brand})
    await publish(Brand(brand_id=brand, version=1, name="Acorn"))
    for number in range(3):
        await publish(sale, id=uuid4(), causation_id=uuid4(), traceparent=f"{number}")

    async def split() -> bool:
        return await references(database, brand) == ["10001-01"]

    await until(split)
    later = a_sale(brand, uuid4(), number="#10002")
    await publish(later)

    async def later_split() -> bool:
        return len(await references(database, brand)) == 2

    await until(later_split)
    assert await told(database, sale) == ["waybill.OrderPlaced.v2", "waybill.Recipient.v1", "waybill.SaleSplit.v1"]


@pytest.mark.usefixtures("orders")
async def test_a_reference_that_the_brand_has_already_gets_the_connections_code(
    database: Database, publish: Publish, until: Until
) -> None:
    brand, first, second = uuid4(), uuid4(), uuid4()
    await publish(Brand(brand_id=brand, version=1, name="Acorn"))
    await publish(a_sale(brand, first))
    await publish(a_sale(brand, second))

    async def both() -> bool:
        return len(await references(database, brand)) == 2

    await until(both)
    assert (await references(database, brand))[0] == "10001-01"
    assert (await references(database, brand))[1] in {f"c{each.hex[:6]}-10001-01" for each in (first, second)}


@pytest.mark.usefixtures("orders")
async def test_a_sale_waits_for_its_brand_and_goes_on_by_itself(
    database: Database, publish: Publish, until: Until
) -> None:
    brand = uuid4()
    await publish(a_sale(brand, uuid4()))

    async def waiting() -> bool:
        async with database.begin() as connection:
            return bool((await connection.execute(text("SELECT count(*) FROM waiters"))).scalar_one())

    await until(waiting)
    await publish(Brand(brand_id=brand, version=1, name="Acorn"))

    async def split() -> bool:
        return await references(database, brand) == ["10001-01"]

    await until(split)
    assert not await waiting()


@pytest.mark.usefixtures("orders")
async def test_a_batch_may_become_any_number_of_orders(database: Database, publish: Publish, until: Until) -> None:
    brands = [uuid4() for _ in range(200)]
    for at, brand in enumerate(brands):
        await publish(Brand(brand_id=brand, version=1, name=f"B{at}", sku_prefixes=(f"{brands[0].hex}-{at:04d}-",)))
    lines = tuple(SaleLine(line_id=str(at), sku=f"{brands[0].hex}-{at:04d}-x", quantity=1) for at in range(200))

    async def known() -> bool:
        async with database.begin() as connection:
            return len(await every_claim(connection)) == len(brands)

    await until(known)
    async with database.begin() as connection:
        await connection.execute(text("LOCK TABLE offsets IN SHARE MODE"))
        connection_id = uuid4()
        for sale in range(60):
            await publish(
                a_sale(brands[0], connection_id, source=str(sale), number=f"#{sale}").model_copy(
                    update={"lines": lines}
                )
            )

    async def split() -> bool:
        return len(await references(database, brands[-1])) == 60

    await until(split, 120)


@pytest.mark.usefixtures("orders")
async def test_a_brand_sees_its_own_orders_only(database: Database, publish: Publish, until: Until) -> None:
    brand = uuid4()
    await publish(Brand(brand_id=brand, version=1, name="Acorn"))
    await publish(a_sale(brand, uuid4()))

    async def split() -> bool:
        return await references(database, brand) == ["10001-01"]

    await until(split)
    assert await references(database, uuid4()) == []
