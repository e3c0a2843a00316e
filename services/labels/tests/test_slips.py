"""Packing slips: made from an order on the real broker, read back from the PDF."""

import io
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from pypdf import PdfReader

from waybill_chassis.database import Database
from waybill_chassis.fold import Waiting
from waybill_events import (
    Address,
    Brand,
    BusinessAddress,
    Envelope,
    LineUnits,
    OrderCanceled,
    OrderLine,
    OrderPlaced,
    Recipient,
)
from waybill_labels import documents
from waybill_labels.app import build
from waybill_labels.domain import Item, Slip, contents, on_event
from waybill_labels.settings import Settings

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
ORDER, BRAND = UUID(int=1), UUID(int=2)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ACORN = Brand(
    brand_id=BRAND,
    version=1,
    name="Acorn & Co",
    ship_from=BusinessAddress(line1="9 Mill Rd", city="Troy", region="NY", postcode="12180", country="US"),
)


def placed(order: UUID = ORDER, *lines: OrderLine) -> OrderPlaced:
    return OrderPlaced(
        order_id=order,
        sale_id=uuid4(),
        brand_id=BRAND,
        reference="10001-01",
        number="#10001",
        connection_id=uuid4(),
        platform="shopify",
        placed_at=NOON,
        recipient_version=1,
        lines=lines or (OrderLine(line_id="1", sku="TS-1", title="Shirt", quantity=3, canceled=1),),
    )


def to(order: UUID = ORDER, name: str = "Ann Bee") -> Recipient:
    address = Address(name=name, line1="1 High St", city="Delft", postcode="2611", country="NL")
    return Recipient(order_id=order, brand_id=BRAND, version=1, address=address, note="Ring twice")


def a_slip(*items: Item) -> Slip:
    return Slip(ORDER, BRAND, "10001-01", NOON, "Ground", items or (Item("TS-1", "Shirt", 2),))


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_slip_holds_what_was_not_canceled() -> None:
    event = placed(
        ORDER,
        OrderLine(line_id="1", sku="TS-1", title="Shirt", quantity=3, canceled=1),
        OrderLine(line_id="2", sku="MUG", title="Mug", quantity=1, canceled=1),
    )
    cause = Envelope(id=ORDER, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=ORDER)

    slip, _ = on_event(None, event, cause)

    assert slip is not None
    assert slip.items == (Item("TS-1", "Shirt", 2, line_id="1"),)


def test_what_is_canceled_later_leaves_the_slip_so_that_nobody_packs_it() -> None:
    cause = Envelope(id=ORDER, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=ORDER)
    lines = (OrderLine(line_id="1", title="Shirt", quantity=3), OrderLine(line_id="2", title="Mug", quantity=1))
    canceled = OrderCanceled(
        order_id=ORDER,
        brand_id=BRAND,
        request_id=ORDER,
        lines=(LineUnits(line_id="1", quantity=2), LineUnits(line_id="2", quantity=1)),
        reason="customer",
        canceled_at=NOON,
    )

    with pytest.raises(Waiting):
        on_event(None, canceled, cause)
    slip, _ = on_event(None, placed(ORDER, *lines), cause)
    slip, _ = on_event(slip, canceled, cause)

    assert slip is not None
    assert [(item.title, item.quantity) for item in slip.items] == [("Shirt", 1)]


def test_the_document_says_from_whom_to_whom_and_what() -> None:
    text = text_of(documents.packing_slip(contents(a_slip(), to(), ACORN)))

    for wanted in ("Acorn & Co", "9 Mill Rd", "12180 Troy NY", "10001-01", "2026-03-01", "Ann Bee", "2611 Delft"):
        assert wanted in text
    for wanted in ("Shirt", "TS-1", "2", "Ground", "Ring twice"):
        assert wanted in text


def test_an_erased_recipient_shows_as_erased_and_a_missing_address_as_missing() -> None:
    assert contents(a_slip(), None, ACORN)["to"] == ["erased"]
    assert contents(a_slip(), to().model_copy(update={"address": None}), ACORN)["to"] == ["no address yet"]


def test_no_text_of_a_customer_is_taken_for_code() -> None:
    nasty = '#panic("x") *bold* $x^2$ \\ " ] <a> // @ref'

    text = text_of(documents.packing_slip(contents(a_slip(Item(nasty, nasty, 1)), to(name=nasty), ACORN)))

    assert text.count("#panic(") == 3


def test_a_long_order_takes_more_pages() -> None:
    items = [Item(f"SKU-{at}", f"Thing {at}", 1) for at in range(100)]

    pdf = documents.packing_slip(contents(a_slip(*items), to(), ACORN))

    assert len(PdfReader(io.BytesIO(pdf)).pages) > 2
    assert "Thing 99" in text_of(pdf)


@pytest.fixture
async def labels(database: Database, start: Any) -> httpx.AsyncClient:
    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, Settings)
    return client


async def test_an_order_can_be_printed_once_it_has_come_in_by_its_own_brand(
    labels: httpx.AsyncClient, publish: Publish, until: Until
) -> None:
    order = uuid4()
    await publish(ACORN)
    await publish(to(order))
    await publish(placed(order), 1)

    async def printed() -> bool:
        answer = await labels.get(f"/api/v1/orders/{order}/packing-slip.pdf")
        return answer.status_code == 200 and "Ann Bee" in text_of(answer.content)

    await until(printed)
    stranger = await labels.get(f"/api/v1/orders/{order}/packing-slip.pdf", headers={"Waybill-Brand": str(uuid4())})
    assert stranger.status_code == 404
