"""The walk: databases first, then the log partition by partition, and a second look at whatever may be in flight."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final
from uuid import UUID

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from waybill_chassis.checks import Broken, Invariant, Standing, Version, digest_of
from waybill_chassis.records import Arrival, Record, Row, read, read_row, version_of
from waybill_cli import events
from waybill_cli.verify import rules
from waybill_cli.verify.databases import Service, Unsent
from waybill_cli.verify.report import Finding, Result
from waybill_cli.verify.scratch import Scratch, Subject
from waybill_events import EVENTS, TOPICS, ids

_LOGS: Final = tuple(topic.name for topic in TOPICS if topic.kind == "log")
_TABLES: Final = tuple(topic.name for topic in TOPICS if topic.kind == "table")
_KNOWN: Final = frozenset(event.__name__ for event in EVENTS)
_AT_A_TIME: Final = 1_000


@dataclass(frozen=True, slots=True)
class Progress:
    """Whom to tell how far the walk has come."""

    says: Callable[[str], None]
    total: Callable[[int], None]
    advance: Callable[[int], None]


class Walk:
    """One run of `waybill verify`."""

    def __init__(self, services: Mapping[str, Service], bootstrap: str, outbox_limit_s: float, tell: Progress) -> None:
        self.services, self.bootstrap, self.outbox_limit_s, self.tell = services, bootstrap, outbox_limit_s, tell
        self.old: list[tuple[Service, Unsent]] = []
        """What had waited too long when each outbox was first looked into."""
        self.results = {
            result.name: result
            for result in (
                Result("sequences", "every event is there: per source and subject from 1, no hole, no number twice"),
                Result("orders", "every order is in every service that should have it, and no other is"),
                Result("gaps", "what was read is taken in, waits, or is in quarantine; streams count it right"),
                Result("tables", "what is kept of table topics is the highest version of each key"),
                Result("outbox", f"nothing has waited in an outbox for more than {outbox_limit_s:g} s"),
            )
        }
        for service in services.values():
            for each in () if service.checks is None else service.checks.invariants:
                self.results[each.name] = Result(each.name, each.says)

    async def run(self) -> list[Result]:
        """Check everything; what cannot be read is named in the results that would need it."""
        with TemporaryDirectory(prefix="waybill-verify-") as folder, Scratch(Path(folder)) as scratch:
            return await self._run(scratch)

    async def _run(self, scratch: Scratch) -> list[Result]:
        async with AsyncExitStack() as open_:
            for service in self.services.values():
                open_.push_async_callback(service.close)
                self.tell.says(f"Reading {service.name}'s database")
                await self._read(service, scratch)
            try:
                async with events.open_reader(self.bootstrap) as reader:
                    await self._walk(reader, scratch)
            except KafkaError as error:
                for result in self.results.values():
                    if result.name != "outbox":
                        says = f"Kafka does not answer ({type(error).__name__}); is it running? `waybill status` says"
                        result.not_checked.append(says)
            await self._outboxes()
        return list(self.results.values())

    @property
    def present(self) -> dict[str, Service]:
        """The services whose database could be read."""
        return {name: service for name, service in self.services.items() if service.away is None}

    async def _read(self, service: Service, scratch: Scratch) -> None:
        try:
            await service.read(scratch)
            unsent = await service.unsent()
        except Exception as error:  # noqa: BLE001  # whatever it was, the other services can still be looked at
            self._away(service, error)
        else:
            self.results["outbox"].add({"services": 1, "events waiting": len(unsent)})
            self.old += [(service, each) for each in unsent if each.age.total_seconds() > self.outbox_limit_s]

    def _away(self, service: Service, error: Exception) -> None:
        said = f"{type(error).__name__}: {getattr(error, 'orig', None) or error}".splitlines()[0]
        service.away = f"the database of {service.name} cannot be read: {said}"
        own = () if service.checks is None else [each.name for each in service.checks.invariants]
        for name in ("sequences", "orders", "gaps", "tables", "outbox", *own):
            self.results[name].not_checked.append(service.away)

    async def _outboxes(self) -> None:
        """What was old is so only if it is still there: an operator may have had it sent once more."""
        for service in {service.name: service for service, _ in self.old}.values():
            try:
                still = {each.id for each in await service.unsent()}
            except Exception as error:  # noqa: BLE001  # as at the first look
                self._away(service, error)
                continue
            for each in [each for mine, each in self.old if mine is service and each.id in still]:
                says = (
                    f"{each.type} {each.event_id} for {each.topic} has waited for {each.age.total_seconds():.0f} s; "
                    "`waybill status` says why nothing is sent"
                )
                self.results["outbox"].broken(Finding(Broken(says), service.name, each.key))

    async def _walk(self, reader: events.Reader, scratch: Scratch) -> None:
        places = [TopicPartition(topic, at) for at in range(ids.PARTITIONS) for topic in (*_LOGS, *_TABLES)]
        bounds = await reader.bounds(places)
        self.tell.total(sum(map(len, bounds.values())))
        for partition in range(ids.PARTITIONS):
            self.tell.says(f"Reading the log, part {partition + 1} of {ids.PARTITIONS}")
            here = {place: offsets for place, offsets in bounds.items() if place.partition == partition}
            await self._take_down(reader, here, scratch)
            suspects: list[rules.Suspect] = []
            for at, subject in enumerate(scratch.subjects(partition)):
                suspects += self._judge(subject, partition)
                if at % _AT_A_TIME == 0:
                    # So that connections are looked after while there is much to judge.
                    await asyncio.sleep(0)
            if suspects:
                self.tell.says(f"Looking at {len(suspects)} once more")
                await self._look_again(reader, here, suspects)

    async def _take_down(self, reader: events.Reader, bounds: events.Bounds, scratch: Scratch) -> None:
        records: list[Record] = []
        async for record in reader.between(bounds):
            records.append(record)
            if len(records) >= _AT_A_TIME:
                self._put(records, scratch)
                records = []
        self._put(records, scratch)

    def _put(self, records: Sequence[Record], scratch: Scratch) -> None:
        self.tell.advance(len(records))
        arrivals = [read(record, ()) for record in records if record.topic not in _TABLES]
        legible = [arrival.record for arrival in arrivals if isinstance(arrival, Arrival)]
        self.results["sequences"].add({"records that are no event": len(arrivals) - len(legible)})
        scratch.put_records(legible)
        rows = [read_row(record, _KNOWN) for record in records if record.topic in _TABLES]
        scratch.put_versions(
            (row.key, row.record.topic, row.record.offset, _version(row)) for row in rows if isinstance(row, Row)
        )

    def _judge(self, subject: Subject, partition: int) -> list[rules.Suspect]:
        history = [
            arrival for arrival in (read(record, ()) for record in subject.records) if isinstance(arrival, Arrival)
        ]
        standings = {
            name: service.standing(subject.id, subject.standings.get(name)) for name, service in self.present.items()
        }
        checks = {name: service.checks for name, service in self.present.items() if service.checks is not None}
        opening = {name: each.opened_by.__name__ for name, each in checks.items()}
        suspects: list[rules.Suspect] = []
        for name, found in (
            ("sequences", rules.sequences(subject.id, history, standings)),
            ("orders", rules.opened(history, standings, opening)),
            ("gaps", rules.gaps(history, standings)),
        ):
            self.results[name].add(found.counts)
            for service, broken in found.broken:
                self.results[name].broken(Finding(broken, service, subject.id))
            suspects += found.suspects
        for service, each in checks.items():
            for topic in each.versions:
                self._versions(service, standings[service], topic, partition, subject)
            for invariant in each.invariants if standings[service].row is not None else ():
                self._invariant(invariant, service, standings[service], history)
        return suspects

    def _invariant(self, each: Invariant, service: str, standing: Standing, history: Sequence[Arrival]) -> None:
        result = self.results[each.name]
        try:
            judgment = each.judge(standing, history)
        except Exception as error:  # noqa: BLE001  # data that a judge did not foresee must not hide all others
            result.not_checked.append(f"{standing.subject}: {type(error).__name__}: {error}")
            return
        result.add(judgment.counts)
        if judgment.broken is not None:
            result.broken(Finding(judgment.broken, service, standing.subject))

    def _versions(self, service: str, standing: Standing, topic: str, partition: int, subject: Subject) -> None:
        said = subject.versions.get(topic, [])
        if said or topic in standing.versions:
            counted, broken = rules.newest(standing, topic, partition, said)
            self.results["tables"].add({f"{counted} of {topic} in {service}": 1})
            if broken is not None:
                self.results["tables"].broken(Finding(broken, service, subject.id))

    async def _look_again(self, reader: events.Reader, seen: events.Bounds, suspects: list[rules.Suspect]) -> None:
        """First the outboxes, then the log since: what is in neither is missing."""
        unsent: dict[str | None, list[Unsent]] = defaultdict(list)
        rows: dict[str | None, dict[UUID, Any]] = defaultdict(dict)
        for name, service in self.present.items():
            mine = [suspect for suspect in suspects if suspect.service == name]
            try:
                unsent[name] += await service.unsent({suspect.subject for suspect in mine})
                rows[name] |= await service.rows({each.subject for each in mine if each.result == "orders"})
            except Exception as error:  # noqa: BLE001  # as at the first look
                self._away(service, error)
        ends = await reader.bounds([place for place in seen if place.topic in _LOGS])
        since = {place: range(seen[place].stop, offsets.stop) for place, offsets in ends.items()}
        later: dict[UUID, list[Arrival]] = {suspect.subject: [] for suspect in suspects}
        async for record in reader.between(since):
            arrival = read(record, ())
            if isinstance(arrival, Arrival) and arrival.subject in later:
                later[arrival.subject].append(arrival)
        for suspect in suspects:
            result, owner = self.results[suspect.result], suspect.service
            if suspect.excused(
                rules.Later(
                    [each for each in unsent[owner] if each.key == suspect.subject],
                    later[suspect.subject],
                    rows[owner].get(suspect.subject),
                )
            ):
                result.add({suspect.counted: 1})
            elif owner in self.services and owner not in self.present:
                result.not_checked.append(f"{suspect.broken.says}: perhaps it waits in the outbox of {owner}")
            else:
                result.broken(Finding(suspect.broken, owner, suspect.subject))


def _version(row: Row) -> Version | None:
    return None if row.event is None else Version(version_of(row.event), digest_of(row.event.model_dump(mode="json")))
