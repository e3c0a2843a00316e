"""What labels does about a carrier that cannot be asked what it sold, and about one that says nothing."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any
from uuid import uuid4

import httpx
import pytest
from brought import Brought
from labels_builders import packed, placed, to, unpacked
from sqlalchemy import text
from ups import Ups, account

from waybill_chassis.database import Database
from waybill_chassis.embedded.processes import free_ports
from waybill_events import ExceptionRaised, ExceptionResolved, LabelPurchased
from waybill_labels.app import build
from waybill_labels.handlers.purchases import FEW_RATES
from waybill_labels.settings import Settings, SimulatedAccount


@pytest.fixture
def settings(ups: Ups) -> Callable[..., Settings]:
    def made(**given: Any) -> Settings:
        return Settings(carriers={"ups": account(ups)}, lease_s=11.0, **given)

    return made


@pytest.fixture
async def bought(
    database: Database, start: Any, settings: Any, publish: Callable[..., Awaitable[None]], until: Any
) -> Brought:
    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, settings)
    return await Brought.bring(client, client, database, until, publish)


@pytest.fixture
async def both(
    database: Database,
    start: Any,
    publish: Callable[..., Awaitable[None]],
    until: Any,
    carrier_account: SimulatedAccount,
) -> Brought:
    """Labels that has an account with the simulated carrier, and one with UPS, who is away."""
    (nobody,) = free_ports(1)
    away = account(Ups(nobody))

    def made(**given: Any) -> Settings:
        return Settings(carriers={"simulated": carrier_account, "ups": away}, lease_s=11.0, **given)

    client: httpx.AsyncClient = await start(database.engine.url.render_as_string(hide_password=False), build, made)
    return await Brought.bring(client, client, database, until, publish)


async def exception(bought: Brought) -> ExceptionRaised:
    """The one that is raised about its label, once it is."""
    raised: list[ExceptionRaised] = []

    async def asks() -> bool:
        raised[:] = [event for event in await bought.told() if isinstance(event, ExceptionRaised)]
        return bool(raised)

    await bought.waits(asks)
    return raised[0]


async def test_a_purchase_that_nobody_can_look_up_is_a_persons_to_look_up(
    bought: Brought, ups: Ups, publish: Callable[..., Awaitable[None]]
) -> None:
    ups.faults.append("broken")
    await publish(packed(bought.order), 1)
    raised = await exception(bought)
    (number,) = ups.sold
    (mine,) = await bought.mine()
    path = f"exceptions/{raised.exception_id}/resolve"
    other = uuid4()
    await publish(to(other))
    await publish(placed(other), 1)
    await publish(packed(other), 1)
    await replace(bought, order=other).until("bought")
    anothers = next(each for each in ups.sold if each != number)
    wrong = [
        await bought.does(path, **said)
        for said in (
            {"choice": "retry"},
            {"choice": "sold"},
            {"choice": "sold", "tracking_number": "../../pickup/02?x="},
            {"choice": "sold", "tracking_number": f" {anothers.lower()}"},
            {"choice": "not_sold", "tracking_number": number},
        )
    ]
    again = await bought.does(f"parcels/{bought.parcel}/label")
    spaced = f" {number[:2]} {number[2:8]} {number[8:]} "
    right = await bought.does(path, choice="sold", tracking_number=spaced, comment="stands there")
    late = await bought.does(path, choice="not_sold")
    await bought.until("refunded", "bought")

    assert (raised.kind, raised.choices) == ("label_unclear", ("sold", "not_sold"))
    assert f"10001-01 {mine['label_id'][:8]}" in raised.details
    assert [each.json()["type"].rpartition(":")[2] for each in (*wrong, again, late)] == [
        "no-such-choice",
        "no-number",
        "no-number",
        "number-known",
        "number-of-what",
        "has-label",
        "unknown-exception",
    ]
    assert right.status_code == 202
    assert ups.voided == [number]
    assert len(ups.sold) == 3
    lost, kept = [event for event in await bought.told() if isinstance(event, LabelPurchased)]
    assert (lost.tracking_number, lost.unwanted, kept.unwanted) == (number, "label_unclear", None)


async def test_what_is_unclear_is_settled_though_its_recipient_is_erased(
    bought: Brought, ups: Ups, publish: Callable[..., Awaitable[None]], tombstone: Callable[..., Awaitable[None]]
) -> None:
    ups.faults.append("broken")
    await publish(packed(bought.order), 1)
    raised = await exception(bought)
    await tombstone("waybill.recipients", bought.order)

    async def erased() -> bool:
        async with bought.database.begin() as connection:
            found = await connection.execute(text("SELECT shipment -> 'ship_to' FROM labels"))
            return bool(found.scalars().all() == [{}])

    await bought.waits(erased)
    (number,) = ups.sold
    answer = await bought.does(f"exceptions/{raised.exception_id}/resolve", choice="sold", tracking_number=number)
    await bought.until("refunded", "wanted")

    assert answer.status_code == 202
    assert ups.voided == [number]


async def test_a_void_without_an_answer_that_is_refused_the_next_time_puts_no_label_back_into_use(
    bought: Brought, ups: Ups, publish: Callable[..., Awaitable[None]]
) -> None:
    await publish(packed(bought.order), 1)
    await bought.until("bought")
    ups.faults.append("broken")
    (mine,) = await bought.mine()
    await bought.does(f"labels/{mine['label_id']}/void")
    await bought.until("kept")

    (mine,) = await bought.mine()
    assert mine["words"].endswith("It did not answer before: it may be void. Look in your account there.")
    assert len(ups.voided) == 1


async def test_what_was_bought_is_written_down_once_the_database_takes_it(
    bought: Brought, ups: Ups, publish: Callable[..., Awaitable[None]]
) -> None:
    async with bought.database.begin(writes=True) as connection:
        await connection.execute(text("ALTER TABLE labels ADD CONSTRAINT nothing CHECK (state <> 'bought')"))
    await publish(packed(bought.order), 1)

    async def sold() -> bool:
        return bool(ups.sold)

    await bought.waits(sold)
    async with bought.database.begin(writes=True) as connection:
        await connection.execute(text("ALTER TABLE labels DROP CONSTRAINT nothing"))
    await bought.until("bought")

    assert [event.tracking_number for event in await bought.told() if isinstance(event, LabelPurchased)] == [*ups.sold]


@pytest.mark.parametrize(("wish", "state"), [("", "bought"), ("ups:ups_ground", "wanted")])
async def test_a_silent_carrier_is_waited_for_shortly_and_longer_where_it_is_meant(
    both: Brought, publish: Callable[..., Awaitable[None]], wish: str, state: str
) -> None:
    await publish(packed(both.order, service=wish), 1)
    await both.until("wanted")

    async def counted() -> bool:
        async with both.database.begin(writes=True) as connection:
            # As if it had been asked more often.
            more = text("UPDATE labels SET unanswered = :few, next_at = now() WHERE unanswered BETWEEN 1 AND :few")
            await connection.execute(more, {"few": FEW_RATES})
            found = await connection.execute(text("SELECT state, unanswered FROM labels"))
            ((now, unanswered),) = found.all()
        return bool(now == state and (state == "bought" or unanswered > FEW_RATES))

    await both.waits(counted)
    assert [label["state"] for label in await both.mine()] == [state]


@pytest.mark.parametrize(("needed", "states"), [(True, ("dropped", "bought")), (False, ("dropped",))])
async def test_a_purchase_that_was_not_made_after_all_is_made_anew_where_it_is_needed(
    bought: Brought, ups: Ups, publish: Callable[..., Awaitable[None]], needed: bool, states: tuple[str, ...]
) -> None:
    async def void_is_wanted() -> bool:
        return [label["void_why"] for label in await bought.mine()] == ["unpacked"]

    ups.faults.append("down")
    await publish(packed(bought.order), 1)
    raised = await exception(bought)
    if not needed:
        await publish(unpacked(bought.order), 2)
        # What is unclear stays so, whatever becomes of the parcel: there may be money in it.
        await bought.waits(void_is_wanted)
    answer = await bought.does(f"exceptions/{raised.exception_id}/resolve", choice="not_sold")
    await bought.until(*states)

    assert answer.status_code == 202
    assert len(ups.sold) == states.count("bought")
    told = [event for event in await bought.told() if isinstance(event, ExceptionResolved)]
    assert [(event.kind, event.choice) for event in told] == [("label_unclear", "not_sold")]
