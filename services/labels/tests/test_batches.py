"""Print batches: many parcels as one file, what fails named and retried alone, links that expire, people erased."""

import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import httpx
import pypdfium2
import pytest
import zxingcpp
from labels_builders import ACORN, BRAND, NOON, ORDER, bought, hears, packed, placed, sale, to, unpacked
from pypdf import PdfReader
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_chassis.migrations import migrate
from waybill_chassis.table_topics import Rows
from waybill_events import LineUnits, OrderLine, SlipLook
from waybill_labels import documents
from waybill_labels.api.links import Links
from waybill_labels.domain import (
    MARKETPLACE,
    Failure,
    File,
    Job,
    Kept,
    Order,
    Pending,
    Prints,
    Ready,
    Sort,
    contents,
    in_order,
    jobs_of,
    look,
    pick_list,
)
from waybill_labels.handlers.batches import Documents, Known
from waybill_labels.handlers.batches import _set as set_pages
from waybill_labels.store.batches import Batch, claim, come, open_
from waybill_labels.store.batches import find as find_batch
from waybill_labels.store.documents import find, keep
from waybill_labels.store.orders import Orders, put_rows

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
SHIRT = OrderLine(line_id="1", sku="TS-10", title="Shirt", quantity=3, location="B-2", barcode="4006381333931")
MUG = OrderLine(line_id="2", sku="MU-9", title="Mug", quantity=1, location="A-10")


def texts(pdf: bytes) -> list[str]:
    return [page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages]


def codes(pdf: bytes) -> list[set[str]]:
    """What a scanner reads, page by page."""
    document = pypdfium2.PdfDocument(pdf)
    found = [{code.text for code in zxingcpp.read_barcodes(page.render(scale=203 / 72).to_pil())} for page in document]
    document.close()
    return found


@dataclass(frozen=True)
class Desk:
    """Somebody of a brand who prints."""

    labels: httpx.AsyncClient
    waits: Until
    publish: Publish

    async def order(self, reference: str, *lines: OrderLine, city: str = "Albany") -> UUID:
        order = uuid4()
        event = placed(order, *(lines or (SHIRT,)))
        await self.publish(to(order, city=city))
        await self.publish(event.model_copy(update={"reference": reference}), 1)
        return order

    async def packed(self, reference: str, *lines: OrderLine, city: str = "Albany", **changed: Any) -> UUID:
        order = await self.order(reference, *lines, city=city)
        await self.publish(packed(order, **changed), 1)
        return order

    async def known(self, *orders: UUID) -> None:
        """Wait until labels knows of these orders, and of their parcels."""

        async def come() -> bool:
            answers = [await self.labels.get(f"/api/v1/orders/{order}/labels") for order in orders]
            return all(answer.is_success and answer.json()["labels"] for answer in answers)

        await self.waits(come)

    async def prints(self, path: str = "/api/v1/batches", **body: Any) -> dict[str, Any]:
        """Print, and wait until that is done."""
        answer = await self.labels.post(path, json=body)
        assert answer.status_code == 202, answer.text
        return await self.done(answer.json()["batch_id"])

    async def done(self, batch_id: str) -> dict[str, Any]:
        shown: dict[str, Any] = {}

        async def done() -> bool:
            shown.update((await self.labels.get(f"/api/v1/batches/{batch_id}")).json())
            return bool(shown["state"] == "done")

        await self.waits(done)
        return shown

    async def file(self, batch: dict[str, Any]) -> bytes:
        answer = await self.labels.get(batch["document"]["url"])
        assert answer.status_code == 200, answer.text
        return answer.content


@pytest.fixture
async def desk(labels: httpx.AsyncClient, carrier: httpx.AsyncClient, until: Until, publish: Publish) -> Desk:
    del carrier
    await publish(ACORN)
    labels.headers["Waybill-Brand"] = str(BRAND)
    return Desk(labels, until, publish)


def chosen(*orders: UUID) -> list[dict[str, str]]:
    return [{"order_id": str(order)} for order in orders]


async def test_many_parcels_are_one_file_each_label_with_its_slip_in_the_order_that_was_wished(desk: Desk) -> None:
    orders = [await desk.packed(reference) for reference in ("10010-01", "10009-01", "10100-01")]
    await desk.known(*orders)
    batch = await desk.prints(orders=chosen(*orders), prints="both", sort="reference")
    pdf = await desk.file(batch)

    assert (batch["total"], batch["done"], batch["failures"]) == (3, 3, [])
    assert batch["document"]["pages"] == len(texts(pdf)) == 6
    read = codes(pdf)
    for label, slip, reference in zip(read[::2], read[1::2], ("10009-01", "10010-01", "10100-01"), strict=True):
        assert reference in label
        assert len(label) == 2
        assert slip == {reference}
    assert "Page 1 of 1" in texts(pdf)[5]


async def test_what_fails_is_named_and_the_rest_is_printed_and_it_can_be_retried_alone(desk: Desk) -> None:
    good = await desk.packed("10001-01")
    bad = await desk.packed("10002-01", city="Nowhere")
    loose = await desk.order("10003-01")
    await desk.known(good, bad)
    first = await desk.prints(orders=chosen(good, bad, loose), scans=["10009-01"], prints="labels")
    await desk.publish(to(bad, version=2, city="Troy"))
    await desk.publish(unpacked(bad), 2)
    await desk.publish(packed(bad, 2, recipient_version=2), 3)
    await desk.publish(packed(loose), 1)
    await desk.known(loose)

    async def packed_again() -> bool:
        found = (await desk.labels.get(f"/api/v1/orders/{bad}/labels")).json()["labels"]
        return len(found) == 2

    await desk.waits(packed_again)
    second = await desk.prints(f"/api/v1/batches/{first['batch_id']}/again", only_failed=True)
    third = await desk.prints(orders=chosen(bad), prints="labels")

    assert [(each["name"], each["code"]) for each in first["failures"]] == [
        ("10002-01, parcel 1", "label-failed"),
        ("10003-01", "not-packed"),
        ("10009-01", "unknown"),
    ]
    assert "We do not deliver to [city]" in first["failures"][0]["says"]
    assert [{"10001-01"} <= page for page in codes(await desk.file(first))] == [True]
    assert [(each["name"], each["code"]) for each in second["failures"]] == [
        ("10002-01, parcel 1", "unpacked"),
        ("10009-01", "unknown"),
    ]
    assert [{"10003-01"} <= page for page in codes(await desk.file(second))] == [True]
    assert second["again_of"] == first["batch_id"]
    assert [{"10002-01"} <= page for page in codes(await desk.file(third))] == [True]


async def test_a_label_that_nobody_sold_is_bought_again_when_its_batch_is_retried(desk: Desk) -> None:
    await desk.publish(ACORN.model_copy(update={"version": 2, "default_box": None}))
    order = await desk.packed("10001-01")
    await desk.known(order)
    first = await desk.prints(orders=chosen(order), prints="labels")
    await desk.publish(ACORN.model_copy(update={"version": 3}))

    async def settings_have_come() -> bool:
        path = f"/api/v1/batches/{first['batch_id']}/again"
        batch = await desk.prints(path, only_failed=True)
        return batch["failures"] == [] and batch["document"] is not None

    await desk.waits(settings_have_come)
    assert [each["code"] for each in first["failures"]] == ["label-failed"]
    assert first["document"] is None


async def test_what_was_scanned_before_it_came_in_is_found_by_a_retry(desk: Desk) -> None:
    known = await desk.packed("10001-01")
    await desk.known(known)
    first = await desk.prints(scans=["10001-01", "10002-01"], prints="labels")
    await desk.known(await desk.packed("10002-01"))
    second = await desk.prints(f"/api/v1/batches/{first['batch_id']}/again", only_failed=True)

    assert [(each["name"], each["code"]) for each in first["failures"]] == [("10002-01", "unknown")]
    assert (second["total"], second["failures"]) == (1, [])
    assert [{"10002-01"} <= page for page in codes(await desk.file(second))] == [True]


async def test_who_was_stopped_for_longer_than_its_lease_writes_nothing_over_what_another_one_did(
    database: Database,
) -> None:
    await migrate(database, "waybill_labels")
    batch = Batch(ORDER, BRAND, Prints.SLIPS, Sort.GIVEN, "4x6", (JOB,), NOON)
    async with database.begin(writes=True) as connection:
        await open_(connection, batch)
    async with database.begin(writes=True) as connection:
        slow = await claim(connection, timedelta(0))
    async with database.begin(writes=True) as connection:
        other = await claim(connection, timedelta(minutes=1))
    async with database.begin(writes=True) as connection:
        nobody = await claim(connection, timedelta(minutes=1))
        assert slow is not None
        assert other is not None
        written = [
            await come(connection, replace(each, state=state), timedelta(0))
            for each, state in ((other, "done"), (slow, "printing"))
        ]
        shown = await find_batch(connection, ORDER)

    assert shown is not None
    assert (nobody, written, shown.state) == (None, [True, False], "done")


def test_a_file_of_a_carriers_that_cannot_be_read_costs_its_parcel_alone() -> None:
    broken = File("application/pdf", b"%PDF-1.4 but not for long")
    given = bought(replace(sale(), file=Kept(broken.media_type, broken.digest)))[0]
    good = replace(bought(sale(2))[0], reference="10002-01")
    some = [Ready(order, order.parcels[0], with_label=True, with_slip=True) for order in (given, good)]
    batch = Batch(ORDER, BRAND, Prints.BOTH, Sort.GIVEN, "4x6", (), NOON)
    known = Known({}, {BRAND: ACORN}, {(BRAND, broken.digest): broken})
    parts, failures = set_pages(batch, some, known)

    assert [(failure.name, failure.code) for failure in failures] == [("10001-01, parcel 1", "not-set")]
    assert [page >= {"10002-01"} for page in codes(documents.joined(parts)[0])] == [True, True]
    assert documents.converted(broken, documents.ZPL) is None
    assert documents.converted(File("image/png", b"none"), documents.PDF) is None


async def test_a_batch_waits_for_labels_that_are_being_bought(desk: Desk, carrier: httpx.AsyncClient) -> None:
    await carrier.put("/v1/faults", json={"slow_s": 0.5})
    order = await desk.packed("10001-01")
    await desk.known(order)
    answer = await desk.labels.post("/api/v1/batches", json={"orders": chosen(order), "prints": "labels"})
    early = await desk.labels.post(f"/api/v1/batches/{answer.json()['batch_id']}/again", json={})
    batch = await desk.done(answer.json()["batch_id"])

    assert (answer.json()["state"], answer.json()["document"]) == ("waiting", None)
    assert early.json()["type"].rpartition(":")[2] == "under-way"
    assert [{"10001-01"} <= page for page in codes(await desk.file(batch))] == [True]


async def test_what_is_printed_again_says_so_on_each_page(desk: Desk) -> None:
    order = await desk.packed("10001-01")
    await desk.known(order)
    first = await desk.prints(orders=chosen(order), prints="both")
    second = await desk.prints(f"/api/v1/batches/{first['batch_id']}/again")

    assert [page.lower().count("printed again (2)") for page in texts(await desk.file(first))] == [0, 0]
    assert [page.lower().count("printed again (2)") for page in texts(await desk.file(second))] == [1, 1]
    assert (second["copy"], codes(await desk.file(second))) == (2, codes(await desk.file(first)))


async def test_parcels_are_found_by_what_a_scanner_reads_from_slip_or_label(desk: Desk) -> None:
    order, other = await desk.packed("10001-01"), await desk.packed("10002-01")
    twins = [await desk.packed("10003-01") for _ in range(2)]
    await desk.known(order, other, *twins)
    first = await desk.prints(orders=chosen(other), prints="labels")
    (number,) = codes(await desk.file(first))[0] - {"10002-01"}
    batch = await desk.prints(scans=["10001-01", number.lower(), "10001-01", "10003-01"], prints="labels")

    assert [page & {"10001-01", "10002-01"} for page in codes(await desk.file(batch))] == [{"10001-01"}, {"10002-01"}]
    assert [(each["name"], each["says"][:8]) for each in batch["failures"]] == [("10003-01", "2 orders")]


async def test_a_pick_list_sums_what_is_left_by_where_it_lies(desk: Desk) -> None:
    first, second = await desk.order("10001-01", SHIRT, MUG), await desk.order("10002-01", SHIRT)
    packed_one = await desk.packed("10003-01", MUG, lines=(LineUnits(line_id="2", quantity=1),))
    await desk.known(packed_one)
    batch = await desk.prints(orders=chosen(first, second, packed_one), prints="pick_list")
    (page,) = texts(await desk.file(batch))

    assert [(each["name"], each["code"]) for each in batch["failures"]] == [("10003-01", "nothing-to-pick")]
    assert page.index("A-10") < page.index("B-2")
    assert "10001-01 × 3, 10002-01 × 3" in page
    assert codes(await desk.file(batch)) == [{"4006381333931", "MU-9"}]


async def test_the_same_key_prints_once_and_only_the_same(desk: Desk) -> None:
    order = await desk.packed("10001-01")
    await desk.known(order)
    key = {"Idempotency-Key": str(order)}
    body = {"orders": chosen(order), "prints": "slips"}
    answers = [await desk.labels.post("/api/v1/batches", json=body, headers=key) for _ in range(2)]
    other = await desk.labels.post("/api/v1/batches", json={**body, "orders": chosen(uuid4())}, headers=key)
    nothing = await desk.labels.post("/api/v1/batches", json={"prints": "slips"})
    listed = (await desk.labels.get("/api/v1/batches")).json()

    assert (await desk.labels.delete("/api/v1/batches")).headers["allow"] == "GET, POST"
    assert answers[0].json()["batch_id"] == answers[1].json()["batch_id"]
    assert [each["batch_id"] for each in listed] == [answers[0].json()["batch_id"]]
    assert [answer.json()["type"].rpartition(":")[2] for answer in (other, nothing)] == [
        "idempotency-key-reused",
        "nothing-to-print",
    ]


async def test_the_same_batch_twice_is_the_same_document(desk: Desk) -> None:
    orders = [await desk.packed(reference) for reference in ("10001-01", "10002-01")]
    await desk.known(*orders)
    first, second = [await desk.prints(orders=chosen(*orders), prints="both") for _ in range(2)]

    assert first["batch_id"] != second["batch_id"]
    assert await desk.file(first) == await desk.file(second)
    assert [len(page) for page in codes(await desk.file(second))] == [2, 1, 2, 1]


async def test_a_link_expires_is_its_brands_alone_and_is_good_as_it_was_given(desk: Desk, database: Database) -> None:
    order = await desk.packed("10001-01")
    await desk.known(order)
    batch = await desk.prints(orders=chosen(order), prints="slips")
    path, _, query = batch["document"]["url"].partition("?")
    stranger = {"Waybill-Brand": str(uuid4())}
    *_, brand, digest = path.split("/")
    past = int((datetime.now(UTC) - timedelta(seconds=2)).timestamp())
    signed = Links(desk.labels.headers["Authorization"].removeprefix("Bearer ")).signature(UUID(brand), digest, past)
    answers = [
        await desk.labels.get(batch["document"]["url"], headers=stranger),
        await desk.labels.get(f"/api/v1/batches/{batch['batch_id']}", headers=stranger),
        await desk.labels.get(f"{path}?{query[:-1]}x"),
        await desk.labels.get(f"{path}?until={past}&signature={signed}"),
    ]
    async with database.begin(writes=True) as connection:
        await connection.execute(text("UPDATE documents SET kept_until = now()"))
    answers.append(await desk.labels.get(batch["document"]["url"]))
    while await Documents(database).drop_old():
        pass
    async with database.begin() as connection:
        kept = (await connection.execute(text("SELECT count(*) FROM documents"))).scalar_one()
    shown = (await desk.labels.get(f"/api/v1/batches/{batch['batch_id']}")).json()

    assert [(each.status_code, each.json()["type"].rpartition(":")[2]) for each in answers] == [
        (410, "document-gone"),
        (404, "unknown-batch"),
        (403, "bad-link"),
        (410, "link-expired"),
        (410, "document-gone"),
    ]
    assert (kept, shown["document"], shown["gone"]) == (0, None, True)


async def test_whoever_is_erased_takes_the_documents_and_the_label_along(
    desk: Desk, tombstone: Callable[[str, UUID], Awaitable[None]]
) -> None:
    erased, other = await desk.packed("10001-01"), await desk.packed("10002-01")
    await desk.known(erased, other)
    batch = await desk.prints(orders=chosen(erased, other), prints="both")
    alone = await desk.prints(orders=chosen(other), prints="both")
    await tombstone("waybill.recipients", erased)

    async def gone() -> bool:
        return (await desk.labels.get(batch["document"]["url"])).status_code == 410

    await desk.waits(gone)
    again = await desk.prints(f"/api/v1/batches/{batch['batch_id']}/again")
    label = await desk.labels.get(f"/api/v1/orders/{erased}/parcels/{(await first_parcel(desk, erased))}/label.pdf")

    assert [(each["name"], each["code"]) for each in again["failures"]] == [("10001-01, parcel 1", "erased")]
    assert "Ann Bee" in texts(await desk.file(alone))[0]
    assert (label.status_code, label.json()["type"].rpartition(":")[2]) == (410, "erased")


async def test_what_is_set_while_somebody_is_erased_is_not_kept_nor_is_where_they_live(database: Database) -> None:
    await migrate(database, "waybill_labels")
    order, _ = bought(sale())
    file = File("application/pdf", b"%PDF-1.4")
    until = datetime.now(UTC) + timedelta(days=1)
    async with database.begin(writes=True) as connection:
        await put_rows(connection, Rows({ORDER: to()}, set()))
        await Orders().save(connection, {ORDER: order})
        kept = await keep(connection, BRAND, file, until, [ORDER])
    async with database.begin(writes=True) as connection:
        loaded = await Orders().load(connection, [ORDER])
        await put_rows(connection, Rows({}, {ORDER}))
    async with database.begin(writes=True) as connection:
        gone = await find(connection, BRAND, file.digest)
        again = await keep(connection, BRAND, file, until, [ORDER])
        await Orders().save(connection, loaded)
        (label,) = (await Orders().load(connection, [ORDER]))[ORDER].labels

    before, after = loaded[ORDER].labels[0].shipment, label.shipment
    assert before is not None
    assert after is not None
    assert (kept, gone, again) == (file.digest, None, None)
    assert (before.erased, after.erased, after.weight_g) == (False, True, before.weight_g)


async def first_parcel(desk: Desk, order: UUID) -> str:
    found = (await desk.labels.get(f"/api/v1/orders/{order}/labels")).json()["labels"]
    return str(found[0]["parcel_id"])


def an_order(reference: str, *lines: OrderLine) -> Order:
    return replace(hears(lines=lines or (SHIRT,)), reference=reference)


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        (Sort.GIVEN, ["100-01", "20-01", "3-01"]),
        (Sort.REFERENCE, ["3-01", "20-01", "100-01"]),
        (Sort.SKU, ["20-01", "3-01", "100-01"]),
        (Sort.LOCATION, ["3-01", "100-01", "20-01"]),
    ],
)
def test_a_batch_is_sorted_as_people_count(sort: Sort, expected: Sequence[str]) -> None:
    nowhere = MUG.model_copy(update={"location": ""})
    orders = [
        an_order("100-01"),
        an_order("20-01", nowhere),
        an_order("3-01", SHIRT.model_copy(update={"location": "A-9"})),
    ]
    ready = [Ready(order, None, with_label=False, with_slip=True) for order in orders]

    assert [each.order.reference for each in in_order(ready, sort)] == expected


JOB, PARCEL_JOB = Job("10001-01", ORDER), jobs_of(hears(packed()), Prints.LABELS)[0]
TWO = LineUnits(line_id="1", quantity=2)
FATES: tuple[tuple[Order | None, Job, Prints, str], ...] = (
    (None, JOB, Prints.LABELS, "pending"),
    (hears(), PARCEL_JOB, Prints.LABELS, "pending"),
    (hears(packed()), PARCEL_JOB, Prints.LABELS, "pending"),
    (hears(packed()), PARCEL_JOB, Prints.BOTH, "pending"),
    (hears(packed()), PARCEL_JOB, Prints.SLIPS, "slip"),
    (bought(sale())[0], PARCEL_JOB, Prints.LABELS, "label"),
    (bought(sale())[0], PARCEL_JOB, Prints.BOTH, "label slip"),
    (hears(packed(shipping="own")), PARCEL_JOB, Prints.LABELS, "own-carrier"),
    (hears(packed(shipping="own")), PARCEL_JOB, Prints.BOTH, "slip"),
    (hears(packed(), unpacked()), PARCEL_JOB, Prints.BOTH, "unpacked"),
    (hears(), JOB, Prints.SLIPS, "slip"),
    (hears(), JOB, Prints.LABELS, "not-packed"),
    (hears(), JOB, Prints.PICK_LIST, ""),
    (hears(packed(lines=(TWO,))), JOB, Prints.PICK_LIST, "nothing-to-pick"),
    (hears(packed(lines=(TWO,)), unpacked()), JOB, Prints.PICK_LIST, ""),
    (hears(), Job("X"), Prints.SLIPS, "unknown"),
    (hears(), replace(JOB, refused="It is on hold."), Prints.SLIPS, "refused"),
)


@pytest.mark.parametrize(("order", "job", "prints", "expected"), FATES)
def test_what_becomes_of_a_parcel_in_a_batch(order: Order | None, job: Job, prints: Prints, expected: str) -> None:
    found = look(order, job, prints)

    match found:
        case Ready():
            assert " ".join(["label"] * found.with_label + ["slip"] * found.with_slip) == expected
        case Failure():
            assert found.code == expected
        case Pending():
            assert expected == "pending"


def test_a_pick_list_of_many_articles_goes_over_pages_and_each_of_its_codes_is_read() -> None:
    lines = [
        OrderLine(line_id=str(n), sku=f"SKU-{n:03d}", title=f"Thing {n}", quantity=1, location=f"A-{n}")
        for n in range(60)
    ]
    listed = pick_list([an_order("10001-01", *lines)], {BRAND: ACORN})
    pdf = documents.pdf([documents.pick_list(listed, SlipLook())])

    assert set().union(*codes(pdf)) == {line.sku for line in lines}
    assert len(texts(pdf)) > 1
    assert "Page 2 of" in texts(pdf)[1]


def test_joined_pages_are_the_same_bytes_each_time_and_other_pages_are_another_document() -> None:
    slips = [
        documents.pdf([documents.slip(contents(an_order(each), to(), ACORN))]) for each in ("10001-01", "10002-01")
    ]
    one, again, other = [documents.joined(parts)[0] for parts in (slips, slips, slips[::-1])]
    read = PdfReader(io.BytesIO(one), strict=True)
    assert read.metadata is not None

    assert one == again
    assert codes(one) == codes(other)[::-1] == [{"10001-01"}, {"10002-01"}]
    assert read.metadata["/CreationDate"] == "D:19700101000000+00'00'"
    assert read.trailer["/ID"] != PdfReader(io.BytesIO(other)).trailer["/ID"]


def test_an_article_whose_code_is_too_long_for_bars_has_a_2d_code_on_a_pick_list() -> None:
    skus = ["TS-10", "SHIRT-BLUE-XL-2026-SUMMER", "ŁÓDŹ-1", "9" * 4000]
    lines = [OrderLine(line_id=sku[:9], sku=sku, title="Shirt", quantity=1) for sku in skus]
    listed = pick_list([an_order("10001-01", *lines)], {BRAND: ACORN})
    pdf = documents.pdf([documents.pick_list(listed, SlipLook())])

    assert set().union(*codes(pdf)) == set(skus[:3])


def test_a_pick_list_over_two_brands_sums_each_by_itself_and_says_whose_it_is() -> None:
    birch = ACORN.model_copy(update={"brand_id": UUID(int=9), "name": "Birch"})
    orders = [an_order("10001-01"), replace(an_order("10001-02"), brand_id=birch.brand_id), an_order("10002-01")]
    ready = [Ready(order, None, with_label=False, with_slip=False) for order in orders]
    batch = Batch(ORDER, MARKETPLACE, Prints.PICK_LIST, Sort.GIVEN, "4x6", (), NOON)
    (pdf,), failures = set_pages(batch, ready, Known({}, {BRAND: ACORN, birch.brand_id: birch}))
    rows = pick_list(orders, {BRAND: ACORN, birch.brand_id: birch})["rows"]
    alone = pick_list(orders[::2], {BRAND: ACORN})["rows"]

    assert failures == []
    assert [(row["brand"], row["sku"], row["quantity"], row["for"]) for row in rows] == [
        ("Acorn & Co", "TS-10", 6, ["10001-01 × 3", "10002-01 × 3"]),
        ("Birch", "TS-10", 3, ["10001-02 × 3"]),
    ]
    assert [(row["brand"], row["quantity"]) for row in alone] == [("", 6)]
    (page,) = texts(pdf)
    assert page.index("Acorn & Co") < page.index("10002-01 × 3") < page.index("Birch") < page.index("10001-02 × 3")
