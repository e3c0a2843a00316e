"""Who is erased leaves nothing behind in what carriers said: of labels, and of what could not be printed."""

from dataclasses import replace
from uuid import UUID

import pytest
from labels_builders import BRAND, FIRST, NOON, ORDER, asked, to

from waybill_chassis.database import Database
from waybill_chassis.migrations import migrate
from waybill_chassis.table_topics import Rows
from waybill_events import Address, Box, BusinessAddress, ids
from waybill_labels import store
from waybill_labels.domain import Failure, Order, Prints, Shipment, Sort, failed, impersonal, refused, unclear
from waybill_labels.store.batches import Batch
from waybill_labels.store.orders import Orders, put_rows

LABEL = ids.label_id(FIRST, 1)
OTHER = UUID(int=9)
SAYS = "Simulated Carrier says: We do not deliver to Nowhere."
BATCH = Batch(
    UUID(int=5),
    BRAND,
    Prints.LABELS,
    Sort.GIVEN,
    "4x6",
    (),
    NOON,
    failures=(
        Failure("10002-01", "label-failed", SAYS, OTHER),
        Failure("10001-01", "label-failed", SAYS, ORDER, FIRST),
        Failure("x", "unknown", "No order is called that."),
    ),
    state="done",
)


@pytest.fixture
async def stored(database: Database) -> Database:
    """A database that knows of a recipient, whose label was refused in words that name a city, and of two others."""
    await migrate(database, "waybill_labels")
    order, _ = refused(asked(), LABEL, SAYS, NOON)
    async with database.begin(writes=True) as connection:
        await put_rows(connection, Rows({ORDER: to(), OTHER: to(OTHER)}, set()))
        await Orders().save(connection, {ORDER: order})
        await store.batches.open_(connection, BATCH)
    return database


@pytest.mark.parametrize(
    ("says", "told"),
    [
        ("Consignee ANN BEE is not known at 1 High St.", "Consignee [name] is not known at [street]."),
        ("1 HIGH ST, ALBANY NY 12203-0000 is unknown", "[street], [city] NY [postcode]-0000 is unknown"),
        ("Ms Bee has no phone +1 555 0100", "Ms [name] has no phone +[phone]"),
        ("It may be 1, High St.; a bee was seen in Albanyville", "It may be [street].; a bee was seen in Albanyville"),
        ("They do not ship from 9 Mill Road", "They do not ship from [street]"),
        ("Too heavy.", "Too heavy."),
    ],
)
def test_a_carriers_words_name_nobody(says: str, told: str) -> None:
    shipment = Shipment(
        BusinessAddress(name="Shop", line1="9 Mill Road", city="Troy", postcode="12180", country="US"),
        to(phone="1-555-0100").address or Address(),
        400,
        Box(length_mm=300, width_mm=200, height_mm=100),
        "10001-01",
    )

    assert impersonal(says, shipment) == told


def test_what_a_carrier_says_of_whom_nobody_knows_any_more_is_not_kept() -> None:
    shipment = Shipment(BusinessAddress(), Address(), 400, Box(length_mm=300, width_mm=200, height_mm=100), "10001-01")

    for erased in (shipment, None):
        assert impersonal("Ann Bee moved away", erased) == (
            "What its carrier said of that is not kept, since the recipient was erased."
        )


async def of_order(database: Database) -> Order:
    async with database.begin() as connection:
        return (await Orders().load(connection, [ORDER]))[ORDER]


async def erase(database: Database) -> None:
    async with database.begin(writes=True) as connection:
        await put_rows(connection, Rows({}, {ORDER}))


async def test_what_a_carrier_said_of_a_label_goes_with_its_recipient_and_does_not_come_back(stored: Database) -> None:
    before = await of_order(stored)
    await erase(stored)
    after = await of_order(stored)
    async with stored.begin(writes=True) as connection:
        # By who had read it before.
        await Orders().save(connection, {ORDER: before})
    late = await of_order(stored)

    assert "Nowhere" in before.labels[0].words
    assert [(each.labels[0].words, each.labels[0].code) for each in (after, late)] == [("", "refused")] * 2


async def test_what_a_batch_says_of_an_order_goes_with_its_recipient_and_of_others_stays(stored: Database) -> None:
    await erase(stored)
    async with stored.begin() as connection:
        found = await store.batches.find(connection, BATCH.batch_id)

    assert found is not None
    other, mine, nobody = BATCH.failures
    assert found.failures == (other, replace(mine, says=""), nobody)


async def test_what_a_person_is_to_look_up_stays_and_so_does_that_somebody_was_erased(stored: Database) -> None:
    order, _ = unclear(asked(), LABEL, NOON)
    async with stored.begin(writes=True) as connection:
        await Orders().save(connection, {ORDER: order})
    await erase(stored)
    waits = await of_order(stored)
    gone, _ = failed(waits, LABEL, "erased", "The recipient was erased before the label was bought.", NOON)
    async with stored.begin(writes=True) as connection:
        await Orders().save(connection, {ORDER: gone})
    ended = await of_order(stored)

    assert "choose not sold" in waits.labels[0].words
    assert "The recipient was erased" in ended.labels[0].words
