"""By when an order is to leave, and which ones are at risk of being late. Worked out when it is asked, never stored."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from waybill_chassis.working_time import WorkingCalendar
from waybill_events import Brand
from waybill_portal.domain.order import Frozen, Order

_DAY = timedelta(days=1)


class ShipBy(Frozen):
    """By when an order is to leave: `by` is None while a hold stops its brand's clock."""

    by: datetime | None
    source: str
    """`platform` or `brand`: whose date it is."""
    says: str


class AtRisk(Frozen):
    """An order that may leave late. The lower its `rank`, the more pressing it is."""

    rank: int
    order: Order
    ship_by: ShipBy
    reason: str
    """`overdue`, `due_today`, `due_next`, or `held` where its date comes and a hold stands."""
    says: str


def calendar_of(brand: Brand) -> WorkingCalendar:
    """A brand's working days."""
    return WorkingCalendar.read(brand.time_zone, brand.working_days, brand.holidays, brand.cut_off)


def ship_by(order: Order, brand: Brand) -> ShipBy | None:
    """By when what is left of an order is to leave; None where nothing is left, or where its dates make no sense.

    The platform's date if it gives one: no hold moves that. Else so many working days of the brand from its payment or
    its placing, whichever is later; a hold stops that clock.
    """
    if not any(line.left for line in order.lines):
        return None
    try:
        return _ship_by(order, brand, calendar_of(brand))
    except OverflowError:
        # A platform's empty date, or one at the end of the calendar.
        return None


def _ship_by(order: Order, brand: Brand, calendar: WorkingCalendar) -> ShipBy:
    """Raises OverflowError for a time that the brand's clocks do not have."""
    if order.ship_by is not None:
        order.ship_by.astimezone(calendar.zone)
        return ShipBy(by=order.ship_by, source="platform", says="The platform wants it to leave by then.")
    if order.holds:
        return ShipBy(by=None, source="brand", says="Its clock stands while it is on hold.")
    start = max(order.placed_at, order.paid_at or order.placed_at)
    pauses = [(pause.began, pause.ended) for pause in order.pauses]
    day = calendar.deadline(start, brand.ship_by_days, pauses)
    counted = _counted(brand.ship_by_days)
    stopped = ", less the time in which it was on hold" if pauses else ""
    return ShipBy(by=calendar.end_of(day), source="brand", says=f"{counted} after it was placed and paid{stopped}.")


def at_risk(orders: Iterable[Order], brands: Mapping[UUID, Brand], now: datetime) -> list[AtRisk]:
    """Orders that are overdue, or due by the end of the next working day, the most pressing first."""
    found: list[tuple[datetime, Order, ShipBy, str, str]] = []
    for order in orders:
        brand = brands.get(order.brand_id) or Brand(brand_id=order.brand_id, version=1, name="?")
        due = ship_by(order, brand)
        if due is None or due.by is None:
            continue
        if (risk := _risk(order, due.by, calendar_of(brand), now)) is not None:
            found.append((due.by, order, due, *risk))
    found.sort(key=lambda each: (each[0], each[1].placed_at, each[1].order_id))
    return [
        AtRisk(rank=rank, order=order, ship_by=due, reason=reason, says=says)
        for rank, (_, order, due, reason, says) in enumerate(found, start=1)
    ]


def _risk(order: Order, by: datetime, calendar: WorkingCalendar, now: datetime) -> tuple[str, str] | None:
    """Why an order may leave late, in a word and in a sentence."""
    today = now.astimezone(calendar.zone).date()
    last = (by - timedelta(microseconds=1)).astimezone(calendar.zone).date()
    if by <= now:
        late = max(1, (today - last).days)
        reason, says = "overdue", f"It should have left {late} day{'' if late == 1 else 's'} ago."
    elif last == today:
        past = now.astimezone(calendar.zone).time() >= calendar.cut_off
        cut_off = "and the cut-off has passed" if past else f"until the cut-off at {calendar.cut_off:%H:%M}"
        reason, says = "due_today", f"It is due today, {cut_off}."
    elif last <= calendar.after(today, 1):
        reason, says = "due_next", f"It is due on {last:%A}, {last:%-d %B}."
    else:
        return None
    return ("held", f"{says} It is on hold.") if order.holds else (reason, says)


def _counted(days: int) -> str:
    if days == 0:
        return "The same working day"
    return "One working day" if days == 1 else f"{days} working days"
