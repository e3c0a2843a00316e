"""By when an order is to leave, and which ones may not."""

from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest

from waybill_events import Brand
from waybill_portal.domain import AtRisk, Order, at_risk, ship_by
from waybill_portal.domain.order import Hold, Line, Pause

BRAND = UUID(int=2)
WEDNESDAY = datetime(2026, 11, 18, 15, tzinfo=UTC)
NORTH = Brand(brand_id=BRAND, version=1, name="North", time_zone="America/New_York", holidays=(date(2026, 11, 26),))


def an_order(number: int = 1, placed: datetime = WEDNESDAY, **changed: object) -> Order:
    line = Line(line_id="1", sku="", title="", portion="", quantity=2, shipped=0, canceled=0, image_url="")
    order = Order(
        order_id=UUID(int=number),
        brand_id=BRAND,
        reference=f"{number}-01",
        number=f"#{number}",
        platform="shopify",
        placed_at=placed,
        shipping_method="",
        holds=(),
        lines=(line,),
        parcels=(),
        applied={},
    )
    return order.model_copy(update=changed)


def midnight(day: str, zone_hours: int = 5) -> datetime:
    """When a day is over in New York, in winter."""
    return datetime.fromisoformat(day).replace(tzinfo=UTC) + timedelta(days=1, hours=zone_hours)


HOLD = Hold(hold_id=UUID(int=9), reason="inventory", release_at=None, held_at=WEDNESDAY)


def by(order: Order, brand: Brand = NORTH) -> tuple[datetime | None, str]:
    found = ship_by(order, brand)
    assert found is not None
    return found.by, found.source


def test_it_is_so_many_working_days_of_the_brand_from_placing_or_payment() -> None:
    paid = WEDNESDAY + timedelta(days=1)

    assert by(an_order()) == (midnight("2026-11-20"), "brand")
    assert by(an_order(paid_at=paid)) == (midnight("2026-11-23"), "brand")
    assert by(an_order(), NORTH.model_copy(update={"ship_by_days": 5})) == (midnight("2026-11-25"), "brand")


@pytest.mark.parametrize(
    ("placed", "day", "hours"),
    [
        ("2026-11-20T20:59", "2026-11-24", 5),
        ("2026-11-20T21:01", "2026-11-25", 5),
        ("2026-11-24T15:00", "2026-11-27", 5),
        ("2026-10-29T15:00", "2026-11-02", 5),
        ("2026-03-05T15:00", "2026-03-09", 4),
    ],
    ids=["Friday before the cut-off", "Friday after the cut-off", "over a holiday", "over autumn's", "over spring's"],
)
def test_weekends_holidays_and_clock_changes_are_those_of_the_brand(placed: str, day: str, hours: int) -> None:
    order = an_order(placed=datetime.fromisoformat(placed).replace(tzinfo=UTC))

    assert by(order) == (midnight(day, hours), "brand")


def test_a_hold_stops_the_brands_clock_and_not_the_platforms() -> None:
    theirs = WEDNESDAY + timedelta(hours=9)
    pause = Pause(began=WEDNESDAY + timedelta(hours=1), ended=WEDNESDAY + timedelta(days=1))

    assert by(an_order(holds=(HOLD,))) == (None, "brand")
    assert by(an_order(pauses=(pause,))) == (midnight("2026-11-23"), "brand")
    assert by(an_order(ship_by=theirs, holds=(HOLD,), pauses=(pause,))) == (theirs, "platform")


def test_what_has_nothing_left_has_no_date() -> None:
    gone = an_order().lines[0].model_copy(update={"shipped": 1, "canceled": 1})

    assert ship_by(an_order(lines=(gone,)), NORTH) is None


@pytest.mark.parametrize(
    "changed",
    [
        {"placed_at": datetime(1, 1, 1, tzinfo=UTC)},
        {"placed_at": datetime(9999, 12, 31, tzinfo=UTC)},
        {"ship_by": datetime(1, 1, 1, tzinfo=UTC)},
    ],
    ids=["an empty date", "the end of the calendar", "a platform's empty date"],
)
def test_a_date_that_no_clock_of_the_brand_has_is_none(changed: dict[str, datetime]) -> None:
    assert ship_by(an_order(**changed), NORTH) is None
    assert risks(an_order(**changed)) == []


def risks(*orders: Order, now: datetime = WEDNESDAY) -> list[AtRisk]:
    return at_risk(orders, {BRAND: NORTH}, now)


@pytest.mark.parametrize(
    ("now", "reason", "says"),
    [
        (midnight("2026-11-20"), "overdue", "It should have left 1 day ago."),
        (midnight("2026-11-23"), "overdue", "It should have left 4 days ago."),
        (midnight("2026-11-19"), "due_today", "It is due today, until the cut-off at 16:00."),
        (midnight("2026-11-19") + timedelta(hours=16), "due_today", "It is due today, and the cut-off has passed."),
        (midnight("2026-11-18"), "due_next", "It is due on Friday, 20 November."),
        (midnight("2026-11-18") - timedelta(minutes=1), None, None),
    ],
)
def test_an_order_is_at_risk_once_it_is_due_by_the_next_working_day(
    now: datetime, reason: str | None, says: str | None
) -> None:
    found = [(each.reason, each.says) for each in risks(an_order(), now=now)]

    assert found == ([] if reason is None else [(reason, says)])


def test_the_most_pressing_come_first() -> None:
    soon, late, held = an_order(1), an_order(2, WEDNESDAY - timedelta(days=2)), an_order(3, holds=(HOLD,))
    promised = an_order(4, ship_by=WEDNESDAY + timedelta(hours=1), holds=(HOLD,))

    found = risks(soon, late, held, promised, now=WEDNESDAY + timedelta(days=1))

    assert [(each.rank, each.order.reference, each.reason) for each in found] == [
        (1, "4-01", "held"),
        (2, "2-01", "overdue"),
        (3, "1-01", "due_next"),
    ]
