"""Labels with which customers send units back: from them to the brand, told by events of their own, never handed over."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, Final
from uuid import UUID, uuid4

import httpx
import pytest
from labels_builders import ACORN, BRAND, GROUND, NOON, ORDER, cause, hears, left, packed, placed, sale, to
from readback import dots, printed, read
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import (
    EVENTS,
    Event,
    ExceptionRaised,
    LineUnits,
    ReturnClosed,
    ReturnedUnits,
    ReturnLabelChanged,
    ReturnLabelPurchased,
    ReturnOpened,
    ReturnReceived,
    ids,
)
from waybill_labels.domain import (
    NotPacked,
    Order,
    ParcelLeft,
    Place,
    Sale,
    State,
    Wish,
    ask,
    buy,
    face,
    failed,
    jobs_of,
    list_on,
    on_event,
    prepare,
    refunded,
    refused,
    sold,
    void,
    void_refused,
    voided,
)
from waybill_labels.domain.batches import Prints
from waybill_labels.domain.labels import IF_REFUSED_BACK

BACK: Final = UUID(int=77)
LABEL: Final = ids.label_id(BACK, 1)
Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


def opened(order: UUID = ORDER, *, wants_label: bool = True) -> ReturnOpened:
    return ReturnOpened(
        order_id=order,
        brand_id=BRAND,
        return_id=BACK if order == ORDER else ids.parcel_id(order, 99),
        lines=(LineUnits(line_id="1", quantity=1),),
        reason="damaged",
        wants_label=wants_label,
        opened_at=NOON,
    )


def came() -> ReturnReceived:
    units = (ReturnedUnits(line_id="1", quantity=1, condition="restock"),)
    return ReturnReceived(order_id=ORDER, brand_id=BRAND, return_id=BACK, lines=units, received_at=NOON)


def ended() -> ReturnClosed:
    return ReturnClosed(order_id=ORDER, brand_id=BRAND, return_id=BACK, closed_at=NOON)


def states(order: Order) -> list[State]:
    return [label.state for label in order.labels if label.parcel_id == BACK]


def bought(*events: Event) -> tuple[Order, list[Event]]:
    order = hears(packed(shipping="own"), left(), opened())
    back = order.parcel(BACK)
    assert back is not None
    shipment = prepare(order, back, Wish(), to(), ACORN)
    after, told = sold(ask(order, LABEL, GROUND, shipment), LABEL, [sale()], NOON)
    for event in events:
        now, more = on_event(after, event, cause())
        assert now is not None
        after, told = now, [*told, *more]
    return after, told


def test_a_return_gets_a_label_where_one_is_wanted_and_is_no_parcel() -> None:
    wanted, none = hears(packed(), opened()), hears(packed(), opened(wants_label=False))

    assert (states(wanted), states(none)) == ([State.WANTED], [])
    assert [parcel.number for parcel in wanted.parcels] == [1]
    assert [(each.number, each.place) for each in wanted.returns] == [(1, Place.COMES_BACK)]
    assert [job.parcel_id for job in jobs_of(wanted, Prints.SLIPS)] == [wanted.parcels[0].parcel_id]


def test_it_goes_from_the_customer_to_the_brand() -> None:
    order, _ = bought()
    label = order.label(LABEL)
    assert label is not None
    assert label.shipment is not None
    shown = face(order, label, ACORN)

    assert (label.shipment.ship_from.name, label.shipment.ship_from.line1) == ("Ann Bee", "1 High St")
    assert (label.shipment.ship_to.name, label.shipment.ship_to.line1) == ("Acorn & Co", "9 Mill Rd")
    assert label.shipment.weight_g == 200
    assert (shown["words"]["ship_to"], shown["about"][0], shown["to"][0]) == ("RETURN TO", "Return 1", "Acorn & Co")


def test_its_label_is_told_by_events_that_no_parcel_hears() -> None:
    order, (purchased,) = bought()
    assert isinstance(purchased, ReturnLabelPurchased)
    assert (purchased.return_id, purchased.tracking_number) == (BACK, "WB1")

    wanted = void(order, LABEL, NOON)
    gone, first = voided(wanted, LABEL, NOON)
    _, second = refunded(gone, LABEL, NOON)
    _, kept = void_refused(wanted, LABEL, "It was used.", NOON)
    told = [event for event in (*first, *second, *kept) if isinstance(event, ReturnLabelChanged)]
    assert [(event.state, event.words) for event in told] == [
        ("voided", ""),
        ("refunded", ""),
        ("bought", "It was used."),
    ]


def test_one_that_nobody_sells_is_an_exception_of_no_parcel() -> None:
    order = hears(opened())
    after, (told, raised) = failed(order, LABEL, "no_box", "Enter a box.", NOON)

    assert isinstance(told, ReturnLabelChanged)
    assert isinstance(raised, ExceptionRaised)
    assert (told.state, told.words, raised.parcel_ids) == ("failed", "Enter a box.", ())
    again, _ = buy(after, BACK, None, NOON)
    assert states(again) == [State.FAILED, State.WANTED]


def test_what_a_carrier_refuses_of_a_return_is_told_with_what_can_be_done_about_that() -> None:
    _, (told, _) = refused(hears(opened()), LABEL, "UPS says: No.", NOON)

    assert isinstance(told, ReturnLabelChanged)
    assert told.words == f"UPS says: No. {IF_REFUSED_BACK}"
    assert "unpack" not in told.words


def test_a_return_that_ends_before_anything_came_needs_its_label_no_more() -> None:
    assert states(bought(ended())[0]) == [State.VOIDING]
    assert states(bought(came(), ended())[0]) == [State.BOUGHT]
    assert states(hears(came(), opened())) == []
    assert states(hears(ended(), opened())) == [State.WANTED]


def test_what_came_back_is_labeled_no_more_and_its_label_is_not_given_back() -> None:
    order, _ = bought(came())

    with pytest.raises(ParcelLeft):
        void(order, LABEL, NOON)
    with pytest.raises(NotPacked):
        buy(hears(opened(wants_label=False), came()), BACK, None, NOON)


def test_no_carrier_is_handed_a_return() -> None:
    order, _ = bought()

    assert list_on(order, UUID(int=5), [LABEL]) is order


async def test_a_return_label_is_bought_printed_and_given_back_once_the_return_ends(
    labels: httpx.AsyncClient, carrier: httpx.AsyncClient, database: Database, publish: Publish, until: Until
) -> None:
    order = uuid4()
    event = opened(order)
    for message, nth in ((ACORN, None), (to(order), None), (placed(order), 1), (event, 2)):
        await publish(message, *([] if nth is None else [nth]))
    shown: dict[str, Any] = {}

    async def is_bought() -> bool:
        answer = await labels.get(f"/api/v1/orders/{order}/labels")
        shown.update(answer.json() if answer.is_success else {})
        return [each["state"] for each in shown.get("labels", [])] == ["bought"]

    await until(is_bought)
    pdf, zpl = [
        await labels.get(f"/api/v1/orders/{order}/parcels/{event.return_id}/label.{kind}") for kind in ("pdf", "zpl")
    ]
    handed = (await labels.get("/api/v1/manifests")).json()["waiting"]
    (known,) = (await carrier.get("/v1/labels", params={"key": shown["labels"][0]["label_id"]})).json()["labels"]
    await publish(ReturnClosed(order_id=order, brand_id=BRAND, return_id=event.return_id, closed_at=NOON), 3)

    async def is_refunded() -> bool:
        answer = (await labels.get(f"/api/v1/orders/{order}/labels")).json()
        return [each["state"] for each in answer["labels"]] == ["refunded"]

    await until(is_refunded)
    async with database.begin() as connection:
        rows = await connection.execute(
            text("""
                SELECT headers ->> 'ce_type' AS type, payload FROM (
                    SELECT id, key, headers, payload FROM outbox UNION SELECT id, key, headers, payload FROM sent
                ) AS events WHERE key = :order ORDER BY id
            """),
            {"order": order},
        )
        told = [EVENTS.decode(row.type, bytes(row.payload)) for row in rows]
    assert (pdf.status_code, zpl.status_code, handed) == (200, 200, [])
    (from_zpl,) = printed(zpl.content, "4x6")
    on_it = {"Code 128": known["tracking_number"], "QR Code": "10001-01"}
    assert [read(image) for image in (dots(pdf.content), from_zpl)] == [on_it, on_it]
    assert known["tracking_number"] == shown["labels"][0]["tracking_number"]
    assert [getattr(each, "state", "bought") for each in told] == ["bought", "voided", "refunded"]


def test_a_sale_beyond_the_first_is_given_back_and_told_as_a_returns() -> None:
    order, _ = bought()
    asked_again = replace(order, labels=(replace(order.labels[0], state=State.ASKED, sale=None),))
    after, told = sold(asked_again, LABEL, [sale(1), Sale("L2", "WB2", "", sale().cost)], NOON)

    assert states(after) == [State.BOUGHT, State.VOIDING]
    assert [type(event) for event in told] == [ReturnLabelPurchased, ReturnLabelPurchased]
