"""Labels are bought of a real carrier process, which loses answers, fails, and takes labels back late or never."""

from base64 import b64decode
from dataclasses import replace
from decimal import Decimal
from typing import Any
from uuid import uuid4

import httpx
import pytest
from brought import Brought, Publish, Until
from labels_builders import ACORN, left, packed, placed, to, unpacked
from readback import dots, held, printed, read
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import (
    Brand,
    LabelFailed,
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    ManifestClosed,
)
from waybill_labels.handlers.purchases import MOST_RATES, MOST_WAITS


@pytest.fixture
async def brought(
    labels: httpx.AsyncClient, carrier: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> Brought:
    return await Brought.bring(labels, carrier, database, until, publish)


async def test_a_packed_parcel_gets_one_label_and_the_books_agree(brought: Brought, publish: Publish) -> None:
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    (sold,), (mine,), (event,) = await brought.books(), await brought.mine(), await brought.told()
    assert isinstance(event, LabelPurchased)
    assert event.tracking_number == sold["tracking_number"] == mine["tracking_number"]
    assert Decimal(event.cost.amount) == Decimal(sold["amount"])
    assert (event.service, event.weight_g) == ("ground", 400)


async def test_a_purchase_whose_answer_was_lost_is_looked_up_and_not_made_again(
    brought: Brought, publish: Publish
) -> None:
    await brought.carrier.put("/v1/faults", json={"lose": 1})
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    (sold,) = await brought.books()
    assert [event.tracking_number for event in await brought.told() if isinstance(event, LabelPurchased)] == [
        sold["tracking_number"]
    ]


async def test_a_purchase_that_was_never_made_is_made_later(brought: Brought, publish: Publish) -> None:
    await brought.carrier.put("/v1/faults", json={"fail_sales": 1})
    await publish(packed(brought.order), 1)
    await brought.until("asked")
    nothing = await brought.books()
    # It takes purchases from here on.
    await brought.until("bought")

    assert (nothing, len(await brought.books())) == ([], 1)


async def test_a_carrier_that_answers_nothing_for_long_is_told_to_a_person(brought: Brought, publish: Publish) -> None:
    await brought.carrier.put("/v1/faults", json={"fail": 1})
    await publish(packed(brought.order), 1)
    await brought.until("wanted")
    async with brought.database.begin(writes=True) as connection:
        # As if it had been asked before.
        await connection.execute(text("UPDATE labels SET unanswered = :tries, next_at = now()"), {"tries": MOST_RATES})
    await brought.until("failed")

    (mine,) = await brought.mine()
    assert (mine["code"], mine["words"]) == ("no_answer", "No carrier answers (HTTP 503). Try again later.")


async def test_a_label_whose_recipient_never_comes_is_told_to_a_person(brought: Brought, publish: Publish) -> None:
    order = uuid4()
    await publish(placed(order), 1)
    await publish(packed(order), 1)
    other = replace(brought, order=order)
    await other.until("wanted")
    async with brought.database.begin(writes=True) as connection:
        # As if a day had gone by.
        late = text("UPDATE labels SET claimed = state, attempts = :tries, next_at = now() WHERE order_id = :order")
        await connection.execute(late, {"tries": MOST_WAITS, "order": order})
    await other.until("failed")

    (mine,) = await other.mine()
    assert (mine["code"], mine["words"]) == (
        "nothing_came",
        "For a day the recipient's address has not come yet. Ask your operator.",
    )


async def test_a_parcel_that_is_taken_apart_while_its_label_is_bought_costs_nothing_in_the_end(
    brought: Brought, publish: Publish
) -> None:
    await brought.carrier.put("/v1/faults", json={"slow_s": 1})
    await publish(packed(brought.order), 1)

    await brought.until("asked")
    await publish(unpacked(brought.order), 2)

    await brought.until("refunded")
    (sold,) = await brought.books()
    assert sold["state"] == "refunded"
    purchased, *rest = await brought.told()
    assert isinstance(purchased, LabelPurchased)
    assert purchased.unwanted == "unpacked"
    assert [type(event) for event in rest] == [LabelVoided, LabelRefunded]


async def test_a_label_is_voided_when_its_parcel_leaves_with_another_number(brought: Brought, publish: Publish) -> None:
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    await publish(left(brought.order, company="UPS", number="1Z5R89390357567127"), 2)

    await brought.until("refunded")


async def test_a_void_whose_answer_was_lost_is_asked_for_again_and_its_money_is_waited_for(
    brought: Brought, publish: Publish
) -> None:
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    await brought.carrier.put("/v1/faults", json={"lose": 0.6, "refund_after_s": 0.5})
    (mine,) = await brought.mine()
    answer = await brought.does(f"labels/{mine['label_id']}/void")

    await brought.until("refunded")
    assert answer.status_code == 202
    assert [type(event).__name__ for event in await brought.told()] == [
        "LabelPurchased",
        "LabelVoided",
        "LabelRefunded",
    ]


async def test_a_label_that_the_carrier_does_not_take_back_is_listed_as_refused(
    brought: Brought, publish: Publish
) -> None:
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    await brought.carrier.put("/v1/faults", json={"takes_back": False})
    await publish(unpacked(brought.order), 2)

    await brought.until("kept")
    (mine,) = await brought.mine()
    assert (mine["words"], mine["money"]) == ("We do not take labels back.", "lost")


async def test_labels_that_were_paid_and_not_given_back_are_listed_page_by_page_to_whose_they_are(
    brought: Brought, publish: Publish
) -> None:
    others = [replace(brought, order=uuid4()) for _ in range(2)]
    for each in others:
        await publish(to(each.order))
        await publish(placed(each.order), 1)
    for each in (brought, *others):
        await publish(packed(each.order), 1)
        await each.until("bought")
    await brought.carrier.put("/v1/faults", json={"takes_back": False})
    for each in others:
        await publish(unpacked(each.order), 2)
        await each.until("kept")

    async def listed(**asked: Any) -> httpx.Response:
        return await brought.labels.get("/api/v1/labels", params=asked)

    first = (await listed(money="lost", limit=1)).json()
    second = (await listed(money="lost", limit=1, before=first["before"])).json()
    paid, every, none, bad = [
        await listed(**asked) for asked in ({"money": "paid"}, {}, {"money": "none"}, {"before": "x"})
    ]
    stranger = await brought.labels.get("/api/v1/labels", headers={"Waybill-Brand": str(uuid4())})

    def orders(page: Any) -> list[str]:
        return [label["order_id"] for label in page["labels"]]

    assert [*orders(first), *orders(second)] == [str(each.order) for each in reversed(others)]
    assert second["before"] is None
    (lost,) = first["labels"]
    assert (lost["reference"], lost["money"], lost["words"]) == ("10001-01", "lost", "We do not take labels back.")
    assert orders(paid.json()) == [str(brought.order)]
    assert orders(every.json()) == [str(each.order) for each in (*reversed(others), brought)]
    assert (none.status_code, bad.status_code, bad.json()["type"].rpartition(":")[2]) == (422, 422, "bad-cursor")
    assert stranger.json()["labels"] == []


async def test_a_label_that_failed_says_why_and_can_be_bought_again_once_that_is_mended(
    brought: Brought, publish: Publish
) -> None:
    await publish(Brand(**{**ACORN.model_dump(), "version": 2, "default_box": None}))
    await publish(packed(brought.order), 1)

    await brought.until("failed")
    (mine,) = await brought.mine()
    early = await brought.does(f"parcels/{brought.parcel}/label")
    better = await brought.does(
        f"parcels/{brought.parcel}/label", box={"length_mm": 300, "width_mm": 200, "height_mm": 100}
    )

    await brought.until("failed", "bought")
    assert mine["code"] == "no_box"
    assert (early.status_code, early.json()["type"]) == (422, "urn:waybill:problem:no-box")
    assert better.status_code == 202
    assert len(await brought.books()) == 1
    kinds = [type(event).__name__ for event in await brought.told()]
    assert kinds == ["LabelFailed", "ExceptionRaised", "ExceptionResolved", "LabelPurchased"]


async def test_what_a_label_would_cost_is_said_before_it_is_bought(brought: Brought, publish: Publish) -> None:
    await brought.carrier.put("/v1/faults", json={"fail_sales": 1})
    await publish(packed(brought.order), 1)
    await brought.until("asked")
    at = f"/api/v1/orders/{brought.order}/parcels/{brought.parcel}/rates"
    whole, heavy, half, nobody = [
        await brought.labels.get(path, params=params)
        for path, params in (
            (at, {}),
            (at, {"weight_g": "25000", "length_mm": "400", "width_mm": "300", "height_mm": "200"}),
            (at, {"length_mm": "400"}),
            (f"/api/v1/orders/{brought.order}/parcels/{uuid4()}/rates", {}),
        )
    ]
    await brought.carrier.put("/v1/faults", json={"fail": 1})
    silent = await brought.labels.get(at)

    said = whole.json()
    assert (said["reference"], said["parcel"], said["weight_g"]) == ("10001-01", 1, 400)
    assert (said["weight"], said["size"]) == ("0.4 kg  14.1 oz", "300 × 200 × 120 mm  11.8 × 7.9 × 4.7 in")
    costs = [Decimal(rate["cost"]["amount"]) for rate in said["rates"]]
    assert costs == sorted(costs)
    assert [rate["service"] for rate in said["rates"]] == ["simulated:ground", "simulated:post"]
    assert [rate["service"] for rate in said["rates"] if rate["chosen"]] == ["simulated:ground"]
    assert said["left_out"] == [{"service": "simulated:express", "why": "it needs the recipient's phone"}]
    assert [rate["service"] for rate in heavy.json()["rates"]] == ["simulated:ground"]
    assert (heavy.json()["weight_g"], heavy.json()["box"]["height_mm"]) == (25_000, 200)
    assert [(each.status_code, each.json()["type"].rpartition(":")[2]) for each in (half, nobody)] == [
        (422, "half-a-box"),
        (404, "unknown-parcel"),
    ]
    assert (silent.json()["rates"], silent.json()["left_out"]) == (
        [],
        [{"service": "simulated", "why": "no answer (HTTP 503)"}],
    )


async def test_what_the_carrier_refuses_is_told_in_its_own_words_but_for_where_it_was_to_go(
    brought: Brought, publish: Publish
) -> None:
    order = uuid4()
    await publish(to(order, city="Nowhere"))
    await publish(placed(order), 1)
    await publish(packed(order), 1)
    other = replace(brought, order=order)

    await other.until("failed")
    event = next(event for event in await other.told() if isinstance(event, LabelFailed))
    assert event.code == "refused"
    assert event.words == (
        "Simulated Carrier says: We do not deliver to [city]. Check the city. Correct the address: unpack the parcel, "
        "amend the order, and pack it again. Or choose another service, or ship it with your own carrier."
    )


@pytest.mark.parametrize(("given", "as_pdf", "as_zpl"), [("pdf", 200, 200), ("png", 200, 200), ("zpl", 409, 200)])
async def test_a_label_that_its_carrier_gives_is_kept_as_it_came_and_converted_only_where_that_is_asked(
    brought: Brought, publish: Publish, given: str, as_pdf: int, as_zpl: int
) -> None:
    await brought.carrier.put("/v1/faults", json={"labels": given})
    await publish(packed(brought.order), 1)
    await brought.until("bought")
    at = f"/api/v1/orders/{brought.order}/parcels/{brought.parcel}"
    (mine,) = await brought.mine()
    key = {"key": mine["label_id"]}
    (sold,) = (await brought.carrier.get("/v1/labels", params=key)).json()["labels"]
    label, pdf, zpl = [await brought.labels.get(f"{at}/label{ending}") for ending in ("", ".pdf", ".zpl")]
    batch = await brought.labels.post(
        "/api/v1/batches", json={"orders": [{"order_id": str(brought.order)}], "prints": "both"}
    )
    shown: dict[str, Any] = {}

    async def done() -> bool:
        shown.update((await brought.labels.get(f"/api/v1/batches/{batch.json()['batch_id']}")).json())
        return bool(shown["state"] == "done")

    await brought.waits(done)

    on_it = {"Code 128": sold["tracking_number"]}
    assert label.headers["content-type"] == sold["file"]["media_type"]
    assert label.content == b64decode(sold["file"]["content"])
    assert (pdf.status_code, zpl.status_code) == (as_pdf, as_zpl)
    if as_pdf == 200:
        assert read(dots(pdf.content)) == on_it
        assert (shown["document"]["pages"], shown["failures"]) == (2, [])
    else:
        assert pdf.json()["type"].rpartition(":")[2] == "other-format"
        assert [(each["code"], each["name"]) for each in shown["failures"]] == [("label-gone", "10001-01, parcel 1")]
    (from_zpl,) = printed(zpl.content, "4x6")
    assert [read(seen) for seen in held(from_zpl)] == [on_it] * 4


async def test_commands_that_make_no_sense_are_refused_and_a_stranger_sees_nothing(
    brought: Brought, publish: Publish
) -> None:
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    (mine,) = await brought.mine()
    twice = await brought.does(f"parcels/{brought.parcel}/label")
    nothing = await brought.does(f"labels/{uuid4()}/void")
    nobody = await brought.does(f"exceptions/{uuid4()}/resolve", choice="retry")
    stranger = await brought.labels.get(
        f"/api/v1/orders/{brought.order}/labels", headers={"Waybill-Brand": str(uuid4())}
    )
    void = f"/api/v1/orders/{brought.order}/labels/{mine['label_id']}/void"
    again = [await brought.labels.post(void, headers={"Idempotency-Key": "one"}) for _ in range(2)]

    problems = [
        (each.status_code, each.json()["type"].rpartition(":")[2]) for each in (twice, nothing, nobody, stranger)
    ]
    assert problems == [
        (409, "has-label"),
        (404, "unknown-label"),
        (404, "unknown-exception"),
        (404, "unknown-order"),
    ]
    assert [answer.status_code for answer in again] == [202, 202]
    assert again[0].json() == again[1].json()


async def test_a_closed_manifest_tells_the_parcels_that_the_carrier_takes_once(
    brought: Brought, publish: Publish, until: Until
) -> None:
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    (mine,) = await brought.mine()
    await brought.carrier.put("/v1/faults", json={"lose": 0.5})
    close, key = {"carrier": "simulated", "brand_id": str(ACORN.brand_id)}, {"Idempotency-Key": str(brought.order)}
    nobody = await brought.labels.post("/api/v1/manifests", json={**close, "brand_id": str(uuid4())})
    unnamed = await brought.labels.post("/api/v1/manifests", json={"carrier": "simulated"})
    answers = [await brought.labels.post("/api/v1/manifests", json=close, headers=key) for _ in range(2)]
    shown: dict[str, Any] = {}

    async def closed() -> bool:
        answer = await brought.labels.get(f"/api/v1/manifests/{answers[0].json()['manifest_id']}")
        shown.update(answer.json())
        return bool(shown["state"] == "closed")

    await until(closed)
    other = await brought.labels.post("/api/v1/manifests", json={**close, "carrier": "another"}, headers=key)
    told = [event for event in await brought.told() if isinstance(event, ManifestClosed)]
    assert [event.parcel_ids for event in told] == [(brought.parcel,)]
    assert [parcel["tracking_number"] for parcel in shown["parcels"]] == [mine["tracking_number"]]
    assert [answer.status_code for answer in (*answers, nobody, unnamed, other)] == [202, 202, 409, 422, 422]
    assert (await brought.books())[0]["manifest"] == shown["number"]


async def test_a_manifest_that_its_carrier_refuses_lets_go_of_its_labels(
    brought: Brought, publish: Publish, until: Until
) -> None:
    await publish(packed(brought.order), 1)

    await brought.until("bought")
    (sold,) = await brought.books()
    await brought.carrier.post(f"/v1/labels/{sold['id']}/void")
    close = {"carrier": "simulated", "brand_id": str(ACORN.brand_id)}
    opened = (await brought.labels.post("/api/v1/manifests", json=close)).json()
    shown: dict[str, Any] = {}

    async def refused() -> bool:
        shown.update((await brought.labels.get(f"/api/v1/manifests/{opened['manifest_id']}")).json())
        return bool(shown["state"] == "refused")

    await until(refused)
    again = await brought.labels.post("/api/v1/manifests", json=close)
    assert shown["words"] == f"Label {sold['id']} was voided."
    assert shown["parcels"] == []
    assert again.status_code == 202
