"""Where a page of a list ends: by the time and the id of its last row, newest first."""

from datetime import UTC, datetime
from uuid import UUID

from waybill_chassis.problems import Problem

Cursor = tuple[datetime, UUID]
"""The time and id of the last row of the page before."""


def write(time: datetime, id_: UUID) -> str:
    """Where a page ended, to be asked for as `before`."""
    return f"{time.isoformat()}_{id_}"


def read(text: str | None) -> Cursor | None:
    """Where a page is to begin; raises Problem."""
    if not text:
        return None
    time, _, id_ = text.rpartition("_")
    try:
        return datetime.fromisoformat(time).astimezone(UTC), UUID(id_)
    except (ValueError, OverflowError) as error:
        raise Problem(422, "bad-cursor", "Take `before` from the page before, unchanged.", field="before") from error
