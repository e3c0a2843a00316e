"""The rules of delivery that hold for every service, whatever it does; pure, one subject at a time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from uuid import UUID

from waybill_chassis.checks import Broken, Standing, Version
from waybill_chassis.records import Arrival, Place, Record
from waybill_cli.verify.databases import Unsent
from waybill_events import TOPICS, ids

OWNERS: Final = {topic.name: topic.owner for topic in TOPICS}
_SHOWN: Final = 10


@dataclass(frozen=True, slots=True)
class Later:
    """What is known of a subject when it is looked at once more: first the outbox, then the log since."""

    unsent: Sequence[Unsent] = ()
    records: Sequence[Arrival] = ()
    row: Any = None


@dataclass(frozen=True, slots=True)
class Suspect:
    """What may be wrong, or only in flight.

    `service` is whose outbox is looked into (None: nobody's that we know); `excused` says whether the second look
    explains it, and is then counted as `counted`.
    """

    result: str
    subject: UUID
    service: str | None
    broken: Broken
    counted: str
    excused: Callable[[Later], bool]


@dataclass(slots=True)
class Found:
    """What a rule has to say of one subject."""

    counts: dict[str, int] = field(default_factory=dict[str, int])
    broken: list[tuple[str | None, Broken]] = field(default_factory=list[tuple[str | None, Broken]])
    """With the service whose database it is."""
    suspects: list[Suspect] = field(default_factory=list[Suspect])

    def count(self, what: str, more: int = 1) -> None:
        """Note what was looked at."""
        self.counts[what] = self.counts.get(what, 0) + more


def service_of(source: str) -> str:
    """The service that `waybill/orders` is the source of."""
    return source.removeprefix("waybill/")


def sequences(subject: UUID, history: Sequence[Arrival], standings: Mapping[str, Standing]) -> Found:
    """Per source from 1 without a hole, no number given twice, up to what the source has numbered."""
    found = Found()
    for record in [arrival.record for arrival in history if arrival.record.partition != ids.partition(subject)][:1]:
        says = f"{subject} belongs on partition {ids.partition(subject)}, where its other events are"
        found.broken.append((None, Broken(says, (record,))))
    by_source: dict[str, dict[int, list[Arrival]]] = {}
    for arrival in history:
        envelope = arrival.envelope
        if envelope is not None and envelope.sequence is not None:
            by_source.setdefault(envelope.source, {}).setdefault(envelope.sequence, []).append(arrival)
    promised = {
        f"waybill/{name}": standing.next_sequence - 1
        for name, standing in standings.items()
        if standing.next_sequence > 1
    }
    for source in sorted({*by_source, *promised}):
        numbers = by_source.get(source, {})
        found.count("streams")
        found.count("events", len(numbers))
        found.count("sent again", sum(map(len, numbers.values())) - len(numbers))
        for number, arrivals in sorted(numbers.items()):
            if len({arrival.envelope.id for arrival in arrivals if arrival.envelope is not None}) > 1:
                says = f"{source} gave number {number} to two events"
                found.broken.append((service_of(source), Broken(says, _records(arrivals))))
                break
        upper = max([promised.get(source, 0), *numbers])
        if missing := _missing(numbers.keys(), upper):
            found.suspects.append(_hole(subject, source, numbers, upper, missing))
    return found


def opened(
    history: Sequence[Arrival],
    standings: Mapping[str, Standing],
    opening: Mapping[str, str],
) -> Found:
    """Who should have a row has one, and nobody has one that the log does not know.

    `opening` names by service the event that gives a subject its row there.
    """
    found = Found()
    for service, name in opening.items():
        standing = standings[service]
        openings = [arrival for arrival in history if name_of(arrival) == name]
        owner = OWNERS[openings[0].record.topic] if openings else None
        if openings:
            found.counts[f"{name} in the log"] = 1
        if standing.row is not None:
            found.count(f"in {service}")
        if not openings and standing.row is not None:
            says = f"{service} has a row that no {name} in the log accounts for"
            found.suspects.append(
                Suspect("orders", standing.subject, service, Broken(says), "on their way to the log", _comes(name))
            )
        elif openings and standing.row is None:
            read = [arrival for arrival in openings if standing.has_read(arrival.record)]
            if service == owner:
                says = f"{service} has no row of it, though it is the one who told"
                broken = Broken(says, _records(openings))
                found.suspects.append(
                    Suspect("orders", standing.subject, service, broken, f"new in {service}", _has_row)
                )
            elif not read:
                found.count(f"not yet read by {service}")
            elif any(map(standing.keeps, read)):
                found.count(f"parked or waiting in {service}")
            elif any(standing.passes_over(arrival.record) for arrival in read):
                found.count(f"discarded by an operator in {service}")
            else:
                says = f"{service} has no row of it, though it has read past its {name}"
                found.broken.append((service, Broken(says, _records(openings))))
    return found


def gaps(history: Sequence[Arrival], standings: Mapping[str, Standing]) -> Found:
    """Whatever was read and not taken in waits or is in quarantine; the stream counts them right."""
    found = Found()
    for service, standing in standings.items():
        for broken in _miscounted(standing):
            found.broken.append((service, broken))
        found.count("waiters", len(standing.waiters))
        found.count("in quarantine", len(standing.quarantine))
        for arrival in history:
            envelope = arrival.envelope
            if envelope is None or envelope.sequence is None or not standing.has_read(arrival.record):
                continue
            found.count("events read")
            taken = standing.taken.get(envelope.source, 0)
            if envelope.sequence > taken and not standing.keeps(arrival):
                says = (
                    f"{service} has read number {envelope.sequence} of {envelope.source}, has taken in {taken}, "
                    "and nothing waits for those between"
                )
                found.broken.append((service, Broken(says, (arrival.record,))))
                break
    return found


def newest(
    standing: Standing, topic: str, partition: int, said: Sequence[tuple[int, Version | None]]
) -> tuple[str, Broken | None]:
    """Whether a row taken over from a table topic is the highest version read, and what to count it as."""
    read_to, row = standing.offsets.get((topic, partition), 0), standing.versions.get(topic)
    if any(place >= read_to for place, _ in said):
        return "not yet read", None
    if any(standing.rulings.get((topic, partition, place)) is not None for place, _ in said):
        return "edited by an operator", None
    taken = [(place, version) for place, version in said if not _without((topic, partition, place), standing)]
    expected = _highest(taken)
    if row is None and not expected:
        return "erased" if len(taken) == len(said) else "dead letters", None
    # What is a dead letter now may have been taken over when it was read before.
    if row is not None and any(
        row.number == version.number and row.digest in {None, version.digest}
        for version in (*expected, *_highest(said))
    ):
        return "rows", None
    here = "no row" if row is None else f"version {row.number}"
    there = f"version {expected[0].number}" if expected else "nothing"
    same = row is not None and expected and row.number == expected[0].number
    says = f"{here}, by {topic} {there}" + (", and they do not say the same" if same else "")
    last = tuple(Record(topic, partition, place, None, (), None) for place, _ in said[-1:])
    return "rows", Broken(says, last)


def _without(place: Place, standing: Standing) -> bool:
    """Whether the service does without this row of a table topic: an operator said so, or it is a dead letter there."""
    return place in standing.rulings or place in standing.buried


def _highest(said: Iterable[tuple[int, Version | None]]) -> list[Version]:
    """The highest version since the last removal; all of it, where several say that they are the same one."""
    found: list[Version] = []
    for _, version in said:
        if version is None:
            found = []
        elif not found or version.number > found[0].number:
            found = [version]
        elif version.number == found[0].number:
            found.append(version)
    return found


def name_of(arrival: Arrival) -> str:
    """The event's bare name."""
    return "" if arrival.envelope is None else arrival.envelope.type.removeprefix("waybill.").partition(".v")[0]


def _hole(
    subject: UUID, source: str, numbers: Mapping[int, Sequence[Arrival]], upper: int, missing: Sequence[int]
) -> Suspect:
    after = [arrival for number in sorted(numbers) if number > missing[0] for arrival in numbers[number]][:1]
    before = [arrival for number in sorted(numbers) if number < missing[0] for arrival in numbers[number]][-1:]
    more = f" and {upper - len(numbers) - len(missing)} more" if upper - len(numbers) > len(missing) else ""
    says = f"{source} has numbered up to {upper}; {', '.join(map(str, missing))}{more} are not in the log"

    def excused(later: Later) -> bool:
        known = {each.sequence for each in later.unsent if each.sequence is not None}
        known |= {
            arrival.envelope.sequence
            for arrival in later.records
            if arrival.envelope is not None and arrival.envelope.source == source and arrival.envelope.sequence
        }
        return not _missing({*numbers, *known}, upper)

    broken = Broken(says, _records([*before, *after]))
    return Suspect("sequences", subject, service_of(source), broken, "streams with events on their way", excused)


def _comes(name: str) -> Callable[[Later], bool]:
    def excused(later: Later) -> bool:
        names = {(each.type or "").removeprefix("waybill.").partition(".v")[0] for each in later.unsent}
        return name in names | set(map(name_of, later.records))

    return excused


def _has_row(later: Later) -> bool:
    return later.row is not None


def _missing(numbers: Iterable[int], upper: int) -> list[int]:
    """The first numbers from 1 to `upper` that are not there."""
    known, missing = {number for number in numbers if number <= upper}, list[int]()
    if len(known) >= upper:
        return missing
    for number in range(1, upper + 1):
        if number not in known:
            missing.append(number)
        if len(missing) == _SHOWN:
            break
    return missing


def _miscounted(standing: Standing) -> Iterable[Broken]:
    if standing.waiting != len(standing.waiters):
        yield Broken(f"its stream counts {standing.waiting} waiters, and there are {len(standing.waiters)}")
    if standing.parked and not standing.quarantine:
        yield Broken("its stream is parked, and nothing is in quarantine")
    if standing.quarantine and not standing.parked:
        yield Broken(f"{len(standing.quarantine)} events are in quarantine, and its stream is not parked")


def _records(arrivals: Iterable[Arrival]) -> tuple[Record, ...]:
    return tuple(arrival.record for arrival in arrivals)
