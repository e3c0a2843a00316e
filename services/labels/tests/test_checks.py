"""What `waybill verify` finds about labels and their money, on orders that are made wrong in one place."""

from collections.abc import Sequence
from typing import Any

import pytest
from labels_builders import BRAND, FIRST, NOON, ORDER, asked, bought, cause, hears, left, packed, sale, unpacked

from waybill_chassis.checks import Judgment, Standing
from waybill_chassis.database import Database
from waybill_chassis.migrations import migrate
from waybill_chassis.records import Arrival, Record
from waybill_events import Envelope, Event, LabelVoided, ShipmentUndone, ids
from waybill_labels.checks import money, orders_within
from waybill_labels.domain import (
    Order,
    buy,
    failed,
    not_sold,
    on_event,
    refunded,
    sold,
    void,
    void_refused,
    voided,
)
from waybill_labels.store.orders import Orders

LABEL, SECOND = ids.label_id(FIRST, 1), ids.label_id(FIRST, 2)
OTHERWISE = {"company": "UPS", "number": "1Z5R89390357567127"}
UNDONE = ShipmentUndone(
    order_id=ORDER, brand_id=BRAND, parcel_id=FIRST, lines=packed().lines, packed=False, undone_at=NOON
)
Told = tuple[Order, list[Event]]


def row(order: Order) -> dict[str, Any]:
    """What is stored of an order."""
    return {
        "reference": order.reference,
        "parcels": {str(each.parcel_id): str(each.place) for each in order.parcels},
        "returns": {str(each.parcel_id): str(each.place) for each in order.returns},
        "labels": {
            str(label.label_id): {
                "parcel_id": str(label.parcel_id),
                "state": str(label.state),
                "void_why": label.void_why,
                "number": label.sale and label.sale.tracking_number,
                "cost": label.sale and label.sale.cost.model_dump(),
            }
            for label in order.labels
        },
    }


def history(source: str, events: Sequence[Event]) -> list[Arrival]:
    """These events as the log has them."""
    found: list[Arrival] = []
    for number, event in enumerate(events, 1):
        id_ = ids.event_id(ORDER, event.type_name(), ORDER, number)
        envelope = Envelope(
            id=id_,
            source=f"waybill/{source}",
            type=event.type_name(),
            time=NOON,
            subject=ORDER,
            actor="test",
            causation_id=id_,
            sequence=number,
        )
        record = Record(
            f"waybill.{source}", 0, number - 1, str(ORDER).encode(), tuple(envelope.headers()), event.to_json()
        )
        found.append(Arrival(record, ORDER, envelope))
    return found


def judged(stored: Any, told: Sequence[Event], heard: Sequence[Event] = (), **changed: Any) -> Judgment:
    """How an order is judged whose log holds what labels told and what it heard of fulfillment."""
    said: dict[str, Any] = {
        "row": stored,
        "next_sequence": len(told) + 1,
        "taken": {"waybill/orders": 1, "waybill/fulfillment": len(heard)},
    }
    arrivals = [*history("labels", told), *history("fulfillment", heard)]
    return money(Standing(ORDER, {}, **said | changed), arrivals)


def then(told: Told, *heard: Event) -> Told:
    """After what fulfillment tells."""
    order, events = told
    for event in heard:
        after, more = on_event(order, event, cause())
        assert after is not None
        order, events = after, [*events, *more]
    return order, events


def and_then(told: Told, decide: Any, *given: Any) -> Told:
    """After another decision."""
    order, more = decide(told[0], *given)
    return order, [*told[1], *more]


def asked_back() -> Told:
    """Bought, and then somebody wished it void."""
    order, events = bought()
    return void(order, LABEL, NOON), events


def perhaps_refused(order: Order) -> Told:
    """Its carrier may have taken it back before without an answer."""
    return void_refused(order, LABEL, "No.", NOON, certain=False)


def says(judgment: Judgment) -> str:
    assert judgment.broken is not None
    return " ".join((judgment.broken.says, *judgment.broken.differences))


APART = then(bought(), unpacked())
GIVEN_BACK = and_then(asked_back(), voided, LABEL, NOON)
AGAIN = and_then(GIVEN_BACK, buy, FIRST, None, NOON)
LIVES: dict[str, Told] = {
    "wanted": (hears(packed()), []),
    "asked": (asked(), []),
    "dropped": (not_sold(asked(unpacked()), LABEL), []),
    "failed": failed(asked(), LABEL, "refused", "No.", NOON),
    "failed, then taken apart": then(failed(asked(), LABEL, "refused", "No.", NOON), unpacked()),
    "bought": bought(),
    "bought twice": bought(sale(1), sale(2)),
    "bought for nobody": sold(hears(unpacked(), order=asked()), LABEL, [sale()], NOON),
    "left with it": then(bought(), left(number="WB1")),
    "left otherwise": then(bought(), left(**OTHERWISE)),
    "taken apart": APART,
    "taken apart, and not taken back": and_then(APART, void_refused, LABEL, "No.", NOON),
    "shipment undone": then(bought(), left(number="WB1"), UNDONE),
    "void asked": asked_back(),
    "void asked, and refused": and_then(asked_back(), void_refused, LABEL, "No.", NOON),
    "void asked, and perhaps refused": and_then(asked_back(), perhaps_refused),
    "voided": GIVEN_BACK,
    "voided, and the money lost": and_then(GIVEN_BACK, void_refused, LABEL, "It did not come.", NOON),
    "refunded": and_then(GIVEN_BACK, refunded, LABEL, NOON),
    "another one bought": AGAIN,
}


@pytest.mark.parametrize("life", LIVES)
def test_every_label_that_went_as_it_should_is_in_order(life: str) -> None:
    order, told = LIVES[life]

    judgment = judged(row(order), told)

    assert judgment.broken is None, says(judgment)
    assert judgment.counts["labels"] == len(order.labels)


def test_a_parcel_with_two_paid_labels_is_found() -> None:
    order, told = bought(sale(1), sale(2))
    stored = row(order)
    stored["labels"][str(SECOND)] |= {"state": "bought", "void_why": ""}

    assert says(judged(stored, told)) == f"parcel {FIRST} has 2 paid labels"


def test_a_label_that_stays_paid_though_its_parcel_was_taken_apart_is_found() -> None:
    order, told = bought()
    stored = row(order)
    stored["parcels"][str(FIRST)] = "unpacked"

    judgment = judged(stored, told)

    assert says(judgment) == f"label {LABEL} is paid and forgotten: its parcel {FIRST} is unpacked"
    assert judgment.broken is not None
    assert [record.topic for record in judgment.broken.records] == ["waybill.labels"]


def test_an_unpacking_that_was_taken_in_and_changed_nothing_is_found_by_the_log() -> None:
    order, told = bought()

    judgment = judged(row(order), told, [packed(), unpacked()])

    assert says(judgment).endswith(f"its parcel {FIRST} is unpacked")
    assert judgment.broken is not None
    assert [record.topic for record in judgment.broken.records] == [
        "waybill.fulfillment",
        "waybill.fulfillment",
        "waybill.labels",
    ]


@pytest.mark.parametrize(
    "stands", [{"taken": {"waybill/fulfillment": 1}}, {"parked": True}, {"waiting": 1}, {"taken": {}}]
)
def test_an_unpacking_that_has_not_been_applied_yet_accuses_nobody(stands: dict[str, Any]) -> None:
    order, told = bought()

    assert judged(row(order), told, [packed(), unpacked()], **stands).broken is None


def test_a_label_that_was_to_be_void_and_stays_bought_is_found() -> None:
    order, told = then(bought(), left(**OTHERWISE))
    stored = row(order)
    stored["labels"][str(LABEL)]["state"] = "bought"

    assert says(judged(stored, told)).endswith(
        f"its parcel {FIRST} is shipped, and it was to be void (shipped_otherwise)"
    )


@pytest.mark.parametrize(
    ("life", "state", "last"),
    [
        ("bought", "kept", "bought"),
        ("bought", "voided", "bought"),
        ("bought", "refunded", "bought"),
        ("bought", "asked", "bought"),
        ("bought for nobody", "dropped", "voiding"),
        ("voided", "voiding", "voided"),
        ("voided", "kept", "voided"),
        ("voided", "bought", "voided"),
        ("refunded", "voided", "refunded"),
        ("taken apart, and not taken back", "voiding", "kept"),
        ("taken apart, and not taken back", "voided", "kept"),
        ("void asked, and refused", "voided", "refused"),
        ("voided, and the money lost", "voided", "kept"),
        ("failed", "wanted", "failed"),
        ("wanted", "failed", ""),
        ("wanted", "bought", ""),
    ],
)
def test_a_label_whose_state_contradicts_what_the_log_last_told_of_it_is_found(
    life: str, state: str, last: str
) -> None:
    order, told = LIVES[life]
    stored = row(order)
    stored["labels"][str(LABEL)] |= {"state": state, "void_why": ""}

    found = says(judged(stored, told))

    assert "the labels are not what the log tells" in found
    assert (f'state is "{state}", by the log "{last}"' if last else "by the log missing") in found


def test_a_label_that_is_lost_here_is_found() -> None:
    order, told = bought()

    assert "is missing, by the log" in says(judged({**row(order), "labels": {}}, told))


def test_what_was_told_and_is_not_in_the_log_yet_accuses_nobody() -> None:
    order, told = GIVEN_BACK

    assert isinstance(told[-1], LabelVoided)
    assert judged(row(order), told[:-1], next_sequence=len(told) + 1).broken is None


async def test_what_is_stored_is_read_as_it_is_judged(database: Database) -> None:
    await migrate(database, "waybill_labels")
    order, _ = APART
    async with database.begin(writes=True) as connection:
        await Orders().save(connection, {ORDER: order})
        found = await orders_within(connection, lambda key: key == ORDER)

    assert found == {ORDER: row(order)}
