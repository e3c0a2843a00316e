"""Days and hours on which somebody works, in a time zone of theirs. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_FARTHEST = 3_660
"""Days that are looked through for a working one; a calendar without any ends there."""


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Which days are working days: `weekdays` from 0 (Monday), less `holidays`.

    What comes after `cut_off` counts as the next working day's.
    """

    zone: ZoneInfo
    weekdays: frozenset[int] = frozenset(range(5))
    holidays: frozenset[date] = field(default_factory=frozenset[date])
    cut_off: time = time(16)

    @classmethod
    def read(cls, zone: str, weekdays: Collection[str], holidays: Iterable[date], cut_off: str) -> "WorkingCalendar":
        """The same as settings say it: `Europe/Berlin`, `monday`, …, `16:00`. Where no such zone is known, in UTC."""
        try:
            known = ZoneInfo(zone)
        except (ZoneInfoNotFoundError, ValueError, OSError):
            known = ZoneInfo("UTC")
        numbers = frozenset(_WEEK.index(day) for day in weekdays)
        return cls(known, numbers, frozenset(holidays), time.fromisoformat(cut_off))

    def works_on(self, day: date) -> bool:
        """Whether it is a working day."""
        return day.weekday() in self.weekdays and day not in self.holidays

    def day_of(self, at: datetime) -> date:
        """The working day that something counts for: that day until its cut-off, else the next one."""
        local = at.astimezone(self.zone)
        late = local.time() >= self.cut_off
        return self._from(local.date() + _DAY if late else local.date())

    def after(self, day: date, days: int) -> date:
        """The working day so many working days after another."""
        for _ in range(days):
            day = self._from(day + _DAY)
        return day

    def between(self, first: date, last: date) -> int:
        """How many working days `last` is after `first`, none where it is not after it."""
        return sum(self.works_on(first + at * _DAY) for at in range(1, (last - first).days + 1))

    def end_of(self, day: date) -> datetime:
        """When a day is over, in UTC."""
        return self._midnight(day + _DAY)

    def deadline(self, start: datetime, days: int, pauses: Iterable[tuple[datetime, datetime]] = ()) -> date:
        """The working day so many working days after the one that `start` counts for.

        While a pause lasts no day is counted; what was counted before it stays counted.
        """
        day, left = self.day_of(start), days
        for begin, end in sorted(pauses):
            if self.after(day, left) < self.day_of(begin):
                break
            counted = self.between(day, self.day_of(begin))
            left, day = left - min(counted, left), max(day, self.day_of(end))
        return self.after(day, left)

    def hours_after(self, start: datetime, hours: float) -> datetime:
        """When so many hours of working days have gone by, in UTC.

        A working day has 24 hours, or what a change of its clocks leaves of them.
        """
        left, at = timedelta(hours=hours), start.astimezone(UTC)
        for _ in range(_FARTHEST):
            day = at.astimezone(self.zone).date()
            end = self._midnight(day + _DAY)
            if self.works_on(day):
                if left <= end - at:
                    return at + left
                left -= end - at
            at = end
        return at

    def _from(self, day: date) -> date:
        """The first working day from this one on."""
        for at in range(_FARTHEST):
            if self.works_on(found := day + at * _DAY):
                return found
        return day

    def _midnight(self, day: date) -> datetime:
        return datetime.combine(day, time(), self.zone).astimezone(UTC)
