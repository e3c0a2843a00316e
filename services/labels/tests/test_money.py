"""The money of a label: what was paid, asked back, got back or lost, and when."""

from datetime import timedelta

import pytest
from labels_builders import FIRST, NOON, ORDER, USD, asked, bought, hears, left, packed, sale, the_label, unpacked

from waybill_chassis.database import Database
from waybill_chassis.migrations import migrate
from waybill_events import ids
from waybill_labels.domain import (
    FUNDS,
    Entry,
    Funds,
    Moved,
    Order,
    State,
    ledger,
    refunded,
    sold,
    void,
    void_refused,
    voided,
)
from waybill_labels.store.orders import Orders

LABEL = ids.label_id(FIRST, 1)
LATER, LAST = NOON + timedelta(hours=1), NOON + timedelta(days=9)
PAID = bought()[0]
ASKED_BACK = void(PAID, LABEL, LATER)
GIVEN_BACK = voided(ASKED_BACK, LABEL, LATER)[0]


@pytest.mark.parametrize(
    ("order", "money", "entries"),
    [
        (hears(packed()), Funds.NONE, []),
        (asked(), Funds.NONE, []),
        (PAID, Funds.PAID, [("bought", NOON)]),
        (ASKED_BACK, Funds.PENDING, [("bought", NOON), ("void_requested", LATER)]),
        (GIVEN_BACK, Funds.PENDING, [("bought", NOON), ("void_requested", LATER), ("voided", LATER)]),
        (
            refunded(GIVEN_BACK, LABEL, LAST)[0],
            Funds.REFUNDED,
            [("bought", NOON), ("void_requested", LATER), ("voided", LATER), ("refunded", LAST)],
        ),
        (
            void_refused(GIVEN_BACK, LABEL, "It did not come.", LAST)[0],
            Funds.LOST,
            [("bought", NOON), ("void_requested", LATER), ("voided", LATER), ("lost", LAST)],
        ),
        (
            void_refused(hears(unpacked(), order=PAID), LABEL, "No.", LAST)[0],
            Funds.LOST,
            [("bought", NOON), ("void_requested", NOON), ("lost", LAST)],
        ),
        (void_refused(ASKED_BACK, LABEL, "No.", LAST)[0], Funds.PAID, [("bought", NOON)]),
        (
            sold(hears(unpacked(), order=asked()), LABEL, [sale()], LATER)[0],
            Funds.PENDING,
            [("bought", LATER), ("void_requested", LATER)],
        ),
        (hears(left(number="WB1"), order=PAID), Funds.PAID, [("bought", NOON)]),
        (hears(unpacked(), order=ASKED_BACK), Funds.PENDING, [("bought", NOON), ("void_requested", LATER)]),
    ],
)
def test_every_move_of_a_labels_money_stands_in_its_ledger(
    order: Order, money: Funds, entries: list[tuple[str, object]]
) -> None:
    label = the_label(order)

    assert FUNDS[label.state] is money
    assert [(entry.what, entry.at) for entry in ledger(label)] == entries
    assert {(entry.amount.amount, entry.amount.currency) for entry in ledger(label)} <= {(USD.amount, USD.currency)}


def test_it_is_known_of_every_state_where_the_money_is() -> None:
    assert FUNDS.keys() == set(State)


async def test_when_money_moved_is_kept(database: Database) -> None:
    await migrate(database, "waybill_labels")
    lost = void_refused(GIVEN_BACK, LABEL, "It did not come.", LAST)[0]
    async with database.begin(writes=True) as connection:
        await Orders().save(connection, {ORDER: lost})
        found = (await Orders().load(connection, [ORDER]))[ORDER]

    assert ledger(the_label(found)) == ledger(the_label(lost))
    assert ledger(the_label(found))[-1] == Entry(Moved.LOST, USD, LAST)
