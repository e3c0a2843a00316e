"""`waybill events export`: the records that one asks for, each with its place in the log and all its headers."""

import asyncio
import base64
import json
import re
import sys
from collections.abc import AsyncGenerator, Callable, Collection, Generator, Iterable
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, TextIO
from uuid import UUID

import typer

from waybill_cli import events
from waybill_cli.home import Home
from waybill_cli.terminal import Kafka, Personal, err, fail, out, plain_errors, records_progress
from waybill_events import EVENTS

_UNITS: Final = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_AGO: Final = re.compile(r"(\d{1,5})([smhd])")
_REPORT_EVERY: Final = 500
Advance = Callable[[int], None]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records are taken; what is None or empty does not matter."""

    topics: tuple[str, ...] = events.ALL
    order: str | None = None
    """A reference, or the id of an order or a sale: with it, the sale's own events are meant, too."""
    brand: UUID | None = None
    types: frozenset[str] = frozenset()
    """Bare names (`OrderPlaced`) or whole ones (`waybill.OrderPlaced.v1`)."""
    since: datetime | None = None
    until: datetime | None = None
    """By the time of writing to the log: from `since` on, up to but not including `until`."""

    def takes(self, seen: events.Seen, keys: Collection[bytes] | None) -> bool:
        """Whether this record is asked for; `keys` are those of the ids that `order` stands for."""
        envelope = seen.envelope
        if keys is not None and seen.record.key not in keys:
            return False
        if self.brand is not None and (envelope is None or envelope.brand != self.brand):
            return False
        if self.types and not self.types & {seen.name, "" if envelope is None else envelope.type}:
            return False
        return (self.since or seen.logged_at) <= seen.logged_at and (self.until is None or seen.logged_at < self.until)


def exported(seen: events.Seen, *, personal: bool) -> dict[str, Any]:
    """One record for programs: what `events show` says of it, when it was written, and its headers as they are.

    What does not decode is given as text only where personal data is asked for, since nobody knows what it says.
    """
    told = seen.as_json(None, personal=personal)
    del told["hop_ms"]
    if personal and seen.error is not None:
        told["value"] = (seen.record.value or b"").decode(errors="replace")
    headers = [[name, _readable(value)] for name, value in seen.record.headers]
    return {**told, "logged_at": seen.logged_at.isoformat(), "headers": headers}


async def wanted_records(
    bootstrap: str, wanted: Wanted, begin: Callable[[int], None], advance: Advance
) -> AsyncGenerator[events.Seen]:
    """What is asked for, up to the end of the log as it is now; raises NotFound.

    The events of an order come causes before effects; otherwise each partition comes after the other, in its order.
    `begin` is told how many records are to be read, `advance` how many more were.
    """
    async with events.open_reader(bootstrap) as reader:
        subjects = None if wanted.order is None else await events.subjects_of(reader, wanted.order)
        keys = None if subjects is None else {str(subject).encode() for subject in subjects}
        bounds = await reader.bounds(events.places_of(wanted.topics, subjects))
        if wanted.since is not None:
            bounds = await reader.since(bounds, wanted.since)
        begin(sum(map(len, bounds.values())))
        kept: list[events.Seen] = []
        for place, offsets in bounds.items():
            passed = offsets.start
            async for seen in events.map_seen(reader.between({place: offsets})):
                if wanted.takes(seen, keys):
                    if keys is None:
                        yield seen
                    else:
                        kept.append(seen)
                if seen.record.offset - passed >= _REPORT_EVERY:
                    advance(seen.record.offset - passed)
                    passed = seen.record.offset
            advance(offsets.stop - passed)
        for seen in events.in_order(kept):
            yield seen


def command(
    *,
    to: Annotated[Path | None, typer.Option("--to", "-o", help="A new file; default: standard output.")] = None,
    order: Annotated[
        str | None, typer.Option(help="A reference such as 10001-01, or the id of an order or a sale: both's events.")
    ] = None,
    brand: Annotated[UUID | None, typer.Option(help="Only events of this brand.")] = None,
    type_: Annotated[
        list[str] | None, typer.Option("--type", help="Only this event, such as OrderPlaced; may be given again.")
    ] = None,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be given again.")] = None,
    since: Annotated[
        str | None, typer.Option(help="Written then or later: 2026-03-01T12:00:00Z, 2026-03-01, or 15m, 2h, 3d ago.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="Written before that; as in --since.")] = None,
    personal: Personal = False,
    kafka: Kafka = None,
) -> None:
    """Events as JSON lines, each with its place in the log and all its headers; up to the log's end as it is now."""
    now = datetime.now(UTC)
    wanted = Wanted(
        _known(topic, events.ALL, "topic") or events.ALL,
        order,
        brand,
        frozenset(_known(type_, [event.__name__ for event in EVENTS], "event")),
        _time(since, "--since", now),
        _time(until, "--until", now),
    )
    if wanted.since is not None and wanted.until is not None and wanted.since >= wanted.until:
        fail(f"nothing lies between --since {since} and --until {until}; exchange them")
    with (
        plain_errors(),
        _opened(to) as file,
        _progress(shown=to is not None or not out.is_terminal) as (begin, advance),
    ):
        bootstrap = kafka or Home.of_environment().kafka
        count = asyncio.run(_write(wanted_records(bootstrap, wanted, begin, advance), file, personal=personal))
    if to is not None or not count:
        err.print(f"{count:,} records" + ("" if to is None else f" written to {to}"), soft_wrap=True)


async def _write(found: AsyncGenerator[events.Seen], file: TextIO, *, personal: bool) -> int:
    count = 0
    async with aclosing(found):
        async for seen in found:
            file.write(json.dumps(exported(seen, personal=personal), ensure_ascii=False) + "\n")
            count += 1
    file.flush()
    return count


@contextmanager
def _opened(path: Path | None) -> Generator[TextIO]:
    """Standard output, or a file that is there only once it is whole."""
    if path is None:
        yield sys.stdout
        return
    if path.exists():
        fail(f"{path} exists already; choose another name, or remove it")
    begun = path.with_name(f"{path.name}.unfinished")
    try:
        with begun.open("w", encoding="utf-8") as file:
            yield file
        begun.replace(path)
    finally:
        begun.unlink(missing_ok=True)


@contextmanager
def _progress(*, shown: bool) -> Generator[tuple[Callable[[int], None], Advance]]:
    """A bar on standard error for people, with rate and time left."""
    with records_progress(shown=shown) as bar:
        task = bar.add_task("Reading", total=None)
        yield lambda total: bar.update(task, total=total), lambda more: bar.update(task, advance=more)


def _known(names: Iterable[str] | None, known: Collection[str], kind: str) -> tuple[str, ...]:
    """The names, or an error that says which there are; a whole type name may be one of a newer release."""
    given = tuple(names or ())
    whole = "waybill." if kind == "event" else "\x00"
    if unknown := [name for name in given if name not in known and not name.startswith(whole)]:
        fail(f"no {kind} {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    return given


def _time(given: str | None, option: str, now: datetime) -> datetime | None:
    if given is None:
        return None
    if ago := _AGO.fullmatch(given):
        return now - timedelta(**{_UNITS[ago[2]]: int(ago[1])})
    try:
        time = datetime.fromisoformat(given)
    except ValueError:
        fail(f"{option} {given} is no time; give one such as 2026-03-01T12:00:00Z, 2026-03-01, or 15m for minutes ago")
    return time if time.tzinfo else time.replace(tzinfo=UTC)


def _readable(value: bytes | None) -> str | dict[str, str] | None:
    """A header's value as text; bytes that are none as base64."""
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(value or b"").decode()}
