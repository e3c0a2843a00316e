"""Working days and hours, over weekends, holidays and clock changes."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill_chassis.working_time import WorkingCalendar

NEW_YORK, BERLIN = ZoneInfo("America/New_York"), ZoneInfo("Europe/Berlin")
THANKSGIVING = date(2026, 11, 26)
CALENDAR = WorkingCalendar(NEW_YORK, holidays=frozenset({THANKSGIVING}), cut_off=time(16))


def local(text: str, zone: ZoneInfo = NEW_YORK) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone).astimezone(UTC)


@pytest.mark.parametrize(
    ("placed", "days", "due"),
    [
        ("2026-11-16T09:00", 2, date(2026, 11, 18)),
        ("2026-11-16T16:00", 2, date(2026, 11, 19)),
        ("2026-11-20T15:59", 1, date(2026, 11, 23)),
        ("2026-11-20T16:01", 1, date(2026, 11, 24)),
        ("2026-11-21T09:00", 0, date(2026, 11, 23)),
        ("2026-11-25T09:00", 1, date(2026, 11, 27)),
        ("2026-11-25T17:00", 1, date(2026, 11, 30)),
        ("2026-11-26T09:00", 0, date(2026, 11, 27)),
    ],
    ids=[
        "before the cut-off",
        "at the cut-off",
        "Friday before the cut-off",
        "Friday after the cut-off",
        "on a Saturday",
        "before a holiday",
        "the evening before a holiday",
        "on a holiday",
    ],
)
def test_a_day_counts_until_its_cut_off_and_only_where_it_is_a_working_day(placed: str, days: int, due: date) -> None:
    assert CALENDAR.deadline(local(placed), days) == due


@pytest.mark.parametrize(
    ("pauses", "due"),
    [
        ([], date(2026, 11, 18)),
        ([("2026-11-17T09:00", "2026-11-19T15:00")], date(2026, 11, 20)),
        ([("2026-11-17T09:00", "2026-11-19T17:00")], date(2026, 11, 23)),
        ([("2026-11-16T10:00", "2026-11-16T11:00")], date(2026, 11, 18)),
        ([("2026-11-10T10:00", "2026-11-18T11:00")], date(2026, 11, 20)),
        ([("2026-11-17T09:00", "2026-11-18T09:00"), ("2026-11-18T12:00", "2026-11-19T09:00")], date(2026, 11, 20)),
        ([("2026-11-20T09:00", "2026-11-27T09:00")], date(2026, 11, 18)),
    ],
    ids=[
        "none",
        "two days",
        "until after the cut-off",
        "an hour",
        "since before it",
        "two of them",
        "after it was due",
    ],
)
def test_no_day_is_counted_while_a_pause_lasts(pauses: list[tuple[str, str]], due: date) -> None:
    told = [(local(begin), local(end)) for begin, end in pauses]

    assert CALENDAR.deadline(local("2026-11-16T09:00"), 2, told) == due


@pytest.mark.parametrize(
    ("day", "hours"),
    [(date(2026, 3, 8), 23), (date(2026, 11, 1), 25), (date(2026, 11, 2), 24)],
    ids=["spring", "autumn", "any other"],
)
def test_a_day_of_a_clock_change_ends_when_its_own_midnight_comes(day: date, hours: int) -> None:
    begins = datetime.combine(day, time(), NEW_YORK).astimezone(UTC)

    assert CALENDAR.end_of(day) - begins == timedelta(hours=hours)


def test_the_cut_off_is_by_the_clock_on_the_wall_on_both_sides_of_a_clock_change() -> None:
    every_day = WorkingCalendar(BERLIN, frozenset(range(7)), cut_off=time(12))

    for day in ("2026-03-28", "2026-03-29", "2026-10-24", "2026-10-25"):
        assert every_day.day_of(local(f"{day}T11:59", BERLIN)) == date.fromisoformat(day)
        assert every_day.day_of(local(f"{day}T12:00", BERLIN)) == date.fromisoformat(day) + timedelta(days=1)


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-11-16T09:00", 48, "2026-11-18T09:00"),
        ("2026-11-20T12:00", 24, "2026-11-23T12:00"),
        ("2026-11-21T12:00", 1, "2026-11-23T01:00"),
        ("2026-11-25T12:00", 24, "2026-11-27T12:00"),
    ],
    ids=["in the week", "over a weekend", "from a Saturday", "over a holiday"],
)
def test_hours_are_those_of_working_days(start: str, hours: int, end: str) -> None:
    assert CALENDAR.hours_after(local(start), hours) == local(end)


def test_hours_over_a_clock_change_are_as_long_as_they_are() -> None:
    every_day = WorkingCalendar(BERLIN, frozenset(range(7)))

    assert every_day.hours_after(local("2026-03-28T12:00", BERLIN), 24) == local("2026-03-29T13:00", BERLIN)
    assert every_day.hours_after(local("2026-10-24T12:00", BERLIN), 24) == local("2026-10-25T11:00", BERLIN)


def test_settings_are_read_and_an_unknown_zone_is_utc() -> None:
    read = WorkingCalendar.read("America/New_York", ("monday", "sunday"), [THANKSGIVING], "09:30")

    assert read == WorkingCalendar(NEW_YORK, frozenset({0, 6}), frozenset({THANKSGIVING}), time(9, 30))
    assert WorkingCalendar.read("Mars/Base", (), (), "16:00").zone == ZoneInfo("UTC")


def test_a_calendar_without_working_days_ends_somewhere() -> None:
    never = WorkingCalendar(NEW_YORK, frozenset())
    start = local("2026-11-16T09:00")

    assert never.deadline(start, 2) == date(2026, 11, 18)
    assert never.hours_after(start, 1) > start + timedelta(days=3_000)


TIMES = st.integers(0, 480_000).map(lambda minutes: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes))


@given(
    TIMES, st.integers(0, 20), st.lists(st.tuples(TIMES, st.timedeltas(timedelta(0), timedelta(days=9))), max_size=3)
)
def test_a_deadline_is_a_working_day_and_no_pause_brings_it_forward(
    start: datetime, days: int, given_pauses: list[tuple[datetime, timedelta]]
) -> None:
    pauses = [(begin, begin + lasts) for begin, lasts in given_pauses]
    due = CALENDAR.deadline(start, days, pauses)

    assert CALENDAR.works_on(due)
    assert due >= CALENDAR.deadline(start, days)


@given(TIMES, st.integers(0, 20))
def test_hours_and_days_agree(start: datetime, days: int) -> None:
    day = CALENDAR.day_of(start)

    assert CALENDAR.between(day, CALENDAR.after(day, days)) == days
