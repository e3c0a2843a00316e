"""Parcels that a carrier should have scanned by now."""

from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused
from waybill_chassis.transaction import Begin
from waybill_chassis.working_time import WorkingCalendar
from waybill_events import Brand, Event
from waybill_tracking import store
from waybill_tracking.domain import Tracked, missed

AT_ONCE: Final = 200
LOOK: Final = timedelta(hours=6)
"""A brand may change its working hours; no parcel waits longer than this for that to count."""


async def look(begin: Begin[Tracked]) -> bool:
    """Raise an exception about parcels that their brands expected to be scanned; whether there may be more."""
    at = datetime.now(UTC)
    async with begin.database.begin() as connection:
        found = await store.unscanned(connection, at, AT_ONCE)
        brands = await store.brands_of(connection, {each.brand_id for each in found})
    if not found:
        return False
    due: dict[UUID, datetime] = {}
    late: dict[UUID, list[tuple[UUID, int]]] = {}
    for each in found:
        brand = brands.get(each.brand_id) or Brand(brand_id=each.brand_id, version=1, name="?")
        due[each.parcel_id] = _calendar(brand).hours_after(each.since, brand.unscanned_hours)
        if due[each.parcel_id] <= at:
            late.setdefault(each.order_id, []).append((each.parcel_id, brand.unscanned_hours))
    async with begin.on_known(list(late), None) as tx:
        tracked = await tx.load([id_ for id_ in late if id_ in tx.streams and not tx.streams[id_].parked])
        told: list[Caused] = []
        changed: dict[UUID, Tracked] = {}
        for id_, order in tracked.items():
            after, events = order, list[Event]()
            for parcel_id, hours in late[id_]:
                after, more = missed(after, parcel_id, hours, at)
                events += more
            if events:
                changed[id_] = after
                why = cause(id_, actor="rule:unscanned", source="rule/unscanned", at=at)
                told += [Caused(event, why) for event in events]
        await tx.save(changed)
        await tx.publish(told)
        await store.look_again(
            tx.connection,
            {parcel_id: min(max(when, at + timedelta(minutes=1)), at + LOOK) for parcel_id, when in due.items()},
        )
    return len(found) == AT_ONCE


def _calendar(brand: Brand) -> WorkingCalendar:
    return WorkingCalendar.read(brand.time_zone, brand.working_days, brand.holidays, brand.cut_off)
