"""Packing slips: made from an order on the real broker, read back from the PDF."""

import io
import random
import re
from base64 import b64encode
from collections.abc import Awaitable, Callable
from dataclasses import replace
from itertools import groupby
from typing import Any
from uuid import uuid4

import httpx
import pypdfium2
import pytest
import zxingcpp
from labels_builders import ACORN, BRAND, NOON, ORDER, cause, hears, packed, placed, to
from PIL import Image, ImageChops
from pypdf import PdfReader
from readback import dots, held, read

from waybill_chassis.fold import Waiting
from waybill_events import LineUnits, Logo, Money, OrderCanceled, OrderLine, Recipient, SlipLook
from waybill_labels import documents
from waybill_labels.domain import LONGEST, Item, Order, contents, on_event

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


def a_slip(*items: Item) -> Order:
    return Order(ORDER, BRAND, "10001-01", NOON, "Ground", items or (Item("TS-1", "Shirt", 2),))


def slip_of(contents: dict[str, Any]) -> bytes:
    return documents.pdf([documents.slip(contents)])


def text_of(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def test_a_slip_holds_what_was_not_canceled() -> None:
    event = placed(
        ORDER,
        OrderLine(line_id="1", sku="TS-1", title="Shirt", quantity=3, canceled=1),
        OrderLine(line_id="2", sku="MUG", title="Mug", quantity=1, canceled=1),
    )

    slip, _ = on_event(None, event, cause())

    assert slip is not None
    assert slip.items == (Item("TS-1", "Shirt", 2, line_id="1"),)


def test_what_is_canceled_later_leaves_the_slip_so_that_nobody_packs_it() -> None:
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
        on_event(None, canceled, cause())
    slip, _ = on_event(None, placed(ORDER, *lines), cause())
    slip, _ = on_event(slip, canceled, cause())

    assert slip is not None
    assert [(item.title, item.quantity) for item in slip.items] == [("Shirt", 1)]


def test_the_document_says_from_whom_to_whom_and_what() -> None:
    text = text_of(slip_of(contents(a_slip(), to(), ACORN)))

    for wanted in (
        "Acorn & Co",
        "9 Mill Rd",
        "Troy, NY 12180",
        "10001-01",
        "2026-03-01",
        "Ann Bee",
        "Albany, NY 12203",
    ):
        assert wanted in text
    for wanted in ("Shirt", "TS-1", "2", "Ground", "Ring twice"):
        assert wanted in text


def test_an_erased_recipient_shows_as_erased_and_a_missing_address_as_missing() -> None:
    assert contents(a_slip(), None, ACORN)["to"] == ["erased"]
    assert contents(a_slip(), to().model_copy(update={"address": None}), ACORN)["to"] == ["no address yet"]


def test_no_text_of_a_customer_is_taken_for_code() -> None:
    nasty = '#panic("x") *bold* $x^2$ \\ " ] <a> // @ref'

    text = text_of(slip_of(contents(a_slip(Item(nasty, nasty, 1)), to(name=nasty), ACORN)))

    assert text.count("#panic(") == 3


PAPERS = {"a4": (595, 842), "letter": (612, 792)}
"""Width and height in points."""


@pytest.mark.parametrize("paper", PAPERS)
@pytest.mark.parametrize("lines", [1, 100])
def test_a_long_order_takes_more_pages_of_the_brands_paper(paper: str, lines: int) -> None:
    items = [Item(f"SKU-{at}", f"Thing {at}", 1) for at in range(lines)]
    brand = ACORN.model_copy(update={"slip": SlipLook(paper=paper)})

    pages = PdfReader(io.BytesIO(slip_of(contents(a_slip(*items), to(), brand)))).pages

    assert {(round(page.mediabox.width), round(page.mediabox.height)) for page in pages} == {PAPERS[paper]}
    shown = [re.findall(r"Thing \d+", page.extract_text()) for page in pages]
    assert [each for page in shown for each in page] == [f"Thing {at}" for at in range(lines)]
    assert all(shown)
    assert (len(pages) > 2) is (lines > 1)
    for nth, page in enumerate(pages, 1):
        assert f"Page {nth} of {len(pages)}" in page.extract_text()
        assert "Quantity" in page.extract_text()


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


def of_parcel(**look: Any) -> str:
    """The slip of a parcel with two of five shirts, of which one is in another parcel, and none of a mug."""
    lines = (
        OrderLine(line_id="1", sku="TS", title="Shirt", quantity=5, unit_price=Money(amount="24.00", currency="USD")),
        OrderLine(line_id="2", sku="MU", title="Mug", quantity=1),
    )
    other = packed(nth=2, shipping="own", lines=(LineUnits(line_id="1", quantity=1),))
    order = hears(packed(), other, lines=lines)
    brand = ACORN.model_copy(update={"slip": SlipLook(**look)})
    return text_of(slip_of(contents(order, to(), brand, order.parcels[0])))


def test_a_gift_has_its_message_and_no_prices() -> None:
    brand = ACORN.model_copy(update={"slip": SlipLook(prices=True, language="de")})
    told = {"order_id": ORDER, "brand_id": BRAND, "version": 1, "gift_message": "Alles Gute, Łucja!"}
    priced = (Item("TS-1", "Shirt", 2, unit_price="24.00 USD"),)
    gift = text_of(slip_of(contents(replace(a_slip(*priced), gift=True), Recipient(**told), brand)))
    bought = text_of(slip_of(contents(a_slip(*priced), to(), brand)))

    assert "Alles Gute, Łucja!" in gift
    assert "Ein Geschenk für Sie" in gift
    assert ("24.00" in gift, "24.00" in bought) == (False, True)


LOGO = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 2 1"><rect width="2" height="1"/></svg>'


@pytest.mark.parametrize(("logo", "shown"), [(LOGO, True), (b"<svg", False), (b"neither", False)])
def test_a_brands_logo_stands_on_its_slips_and_one_that_cannot_be_shown_costs_no_slip(logo: bytes, shown: bool) -> None:
    look = SlipLook(logo=Logo(media_type="image/svg+xml", content=b64encode(logo).decode()))
    pdf = pypdfium2.PdfDocument(slip_of(contents(a_slip(), to(), ACORN.model_copy(update={"slip": look}))))
    plain = pypdfium2.PdfDocument(slip_of(contents(a_slip(), to(), ACORN)))
    place = (100, 100, 200, 200)
    one, other = (each[0].render(scale=2).to_pil().crop(place).tobytes() for each in (pdf, plain))

    assert (one != other) is shown


def test_the_slip_of_a_parcel_says_what_is_in_it_and_what_is_to_follow() -> None:
    words = of_parcel().split()

    # Five shirts: two here, one in the other parcel.
    assert "2 Shirt TS 2" in " ".join(words)
    assert "0 Mug MU 1" in " ".join(words)
    assert "Parcel 1" in " ".join(words)


def test_it_speaks_the_brands_language_and_shows_prices_only_where_the_brand_wants_them() -> None:
    german = of_parcel(language="de", message="Danke für Ihren Einkauf", prices=True, color="#14532d", paper="letter")

    for wanted in ("Lieferschein", "Lieferadresse", "Folgt noch", "Danke für Ihren Einkauf", "24.00 USD"):
        assert wanted in german
    assert "24.00" not in of_parcel()
    assert "Packing slip" in of_parcel(language="tr")


@pytest.mark.parametrize(
    ("customers", "brands", "says"),
    [("de", "en", "Lieferschein"), ("fr", "de", "Lieferschein"), ("", "en", "Packing slip")],
)
def test_it_speaks_the_customers_language_where_it_can_else_the_brands(customers: str, brands: str, says: str) -> None:
    brand = ACORN.model_copy(update={"slip": SlipLook(language=brands)})

    assert says in text_of(slip_of(contents(replace(a_slip(), language=customers), to(), brand)))


@pytest.mark.parametrize("paper", PAPERS)
def test_the_longest_of_everything_stays_within_the_page(paper: str) -> None:
    long = "Wolfeschlegelsteinhausenbergerdorff Straßburger Allee 12345 W"[:LONGEST]
    items = [Item("SKU-" + "9" * 40, long * 3, 999, unit_price="99999.00 USD") for _ in range(100)]
    address = dict.fromkeys(("name", "company", "line1", "line2", "city", "region", "postcode"), long)
    look = SlipLook(message=long * 7, prices=True, paper=paper)
    brand = ACORN.model_copy(update={"name": long, "slip": look})
    pdf = pypdfium2.PdfDocument(slip_of(contents(a_slip(*items), to(**address), brand)))
    pages = [page.render(scale=1).to_pil().convert("L") for page in pdf]
    first = pdf[0].render(scale=203 / 72).to_pil().convert("L")
    pdf.close()

    assert len(pages) > 5
    for page in pages:
        assert ImageChops.invert(outside(page)).getbbox() is None
    # Between an article's name and its SKU nothing stands.
    between = (first.width - 681, 1310, first.width - 641, 1970)
    assert ImageChops.invert(first.crop(between)).getbbox() is None
    assert [code.text for code in zxingcpp.read_barcodes(first)] == ["10001-01"]


def outside(page: Image.Image) -> Image.Image:
    """What stands less than 15 mm from the edge, at 72 dots an inch, but for the line at the foot."""
    frame = page.copy()
    frame.paste(255, (42, 42, page.width - 42, page.height - 42))
    frame.paste(255, (42, page.height - 60, page.width - 42, page.height))
    return frame


def test_every_language_says_everything() -> None:
    names = [documents.slips.words(language).keys() for language in ("en", "de")]

    assert names[0] == names[1]


REFERENCES = {
    "10001-01": "Code 128",
    "SECOND-SHOP-1000000001-01": "Code 128",
    "1" * 66: "Code 128",
    "W" * 200: "QR Code",
    "№-10001-01": "QR Code",
    "ÀÉÎ-10001-01": "QR Code",
    "العربية-01": "QR Code",
    "東" * 200: "QR Code",
}
"""By what a scanner reads them as: bars as long as they fit."""


@pytest.mark.parametrize("reference", REFERENCES)
def test_a_reference_that_is_too_long_for_bars_or_of_another_script_has_a_2d_code(reference: str) -> None:
    pdf = slip_of(contents(a_slip_of(reference), to(), ACORN))

    assert [read(seen) for seen in held(dots(pdf, dpi=300))] == [{REFERENCES[reference]: reference}] * 4
    assert ImageChops.invert(outside(dots(pdf, dpi=72))).getbbox() is None


@pytest.mark.parametrize("reference", ["W" * 200, "東" * 200])
def test_people_read_the_longest_reference_too_at_the_head_and_at_the_foot(reference: str) -> None:
    text = text_of(slip_of(contents(a_slip_of(reference), to(), ACORN)))

    assert text.replace("\u200b", "").replace("\n", "").count(reference) == 2


def test_references_of_every_kind_are_read_from_a_slip_also_tilted_and_faint() -> None:
    dice = random.Random(7)
    found = [f"{dice.randrange(10 ** dice.randrange(1, 15))}-{dice.randrange(1, 100):02d}" for _ in range(40)]
    references = ["9993352-88", "990-01", "99-99", "WB-99-01", "A.b/C d_1", *found]
    slips = [documents.slip(contents(a_slip_of(each), to(), ACORN)) for each in references]
    pdf = documents.pdf(slips)
    for nth, reference in enumerate(references):
        assert [read(seen) for seen in held(dots(pdf, nth))] == [{"Code 128": reference}] * 4


def a_slip_of(reference: str) -> Order:
    return replace(a_slip(), reference=reference)


@pytest.mark.parametrize("name", ["Łódź", "東京", "Ελλάδα", "العربية"])
def test_a_slip_speaks_every_script(name: str) -> None:
    pdf = slip_of(contents(a_slip(), to(name=name), ACORN))

    assert pdf == slip_of(contents(a_slip(), to(name=name), ACORN))
    fonts = {
        str(font.get_object()["/BaseFont"])
        for font in PdfReader(io.BytesIO(pdf)).pages[0]["/Resources"]["/Font"].values()
    }
    assert all("FiraGO" in font or "NotoSansCJK" in font or "DejaVu" in font for font in fonts), fonts


def test_arabic_is_shaped_and_runs_from_right_to_left_on_a_slip() -> None:
    """Letters that join leave no white between them; the first word stands at the right."""

    def words(name: str) -> list[int]:
        slip = contents(a_slip(), None, ACORN)
        blank, page = (dots(slip_of({**slip, "to": [each]})) for each in ("\u00a0", name))
        ink = ImageChops.difference(blank, page)
        columns = (ink.crop((x, 0, x + 1, 600)).getbbox() is not None for x in range(ink.width))
        return [len(list(run)) for black, run in groupby(columns) if black]

    (joined,) = words("محمد")
    assert len(words("م\u200cح\u200cم\u200cد")) > 1
    left, right = words("ا محمد")
    assert (left, right < left) == (joined, True)
