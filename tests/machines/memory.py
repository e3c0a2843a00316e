"""Services and logs in memory: the real folds and decisions, with no database, broker or clock beside them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final, Generic, TypeVar
from uuid import UUID

from waybill_chassis.fold import Decide, Inbox, Parked, Stream, Waiter, fold
from waybill_chassis.records import Arrival, Record, read
from waybill_events import EVENTS, Envelope, Event, ids

S = TypeVar("S")
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(slots=True)
class Log:
    """What one service has told of one order, in order; each record as a consumer would meet it."""

    source: str
    subject: UUID
    records: list[Record] = field(default_factory=list[Record])

    def tell(self, event: Event, cause: UUID, ordinal: int = 0) -> None:
        """Add an event, numbered, as its bytes stand on the broker."""
        sequence = len(self.records) + 1
        envelope = Envelope(
            id=ids.event_id(cause, event.type_name(), self.subject, ordinal),
            source=self.source,
            type=event.type_name(),
            time=NOON,
            subject=self.subject,
            actor="test",
            causation_id=cause,
            sequence=sequence,
            brand=event.brand,
        )
        key, headers = str(self.subject).encode(), tuple(envelope.headers())
        self.records.append(Record(event.topic_of(self.source), 0, sequence - 1, key, headers, event.to_json()))

    def arrivals(self) -> list[Arrival]:
        """All of it, decoded."""
        names = {event.__name__ for event in EVENTS}
        return [arrival for record in self.records if isinstance(arrival := read(record, names), Arrival)]

    def tell_all(self, events: Sequence[Event], cause: UUID) -> None:
        """Add what one cause brought about."""
        seen: dict[str, int] = {}
        for event in events:
            name = event.type_name()
            seen[name] = seen.get(name, -1) + 1
            self.tell(event, cause, seen[name])


@dataclass(slots=True)
class Service(Generic[S]):
    """One service's row of one order: what it has taken in, what waits, what is parked, and its own log."""

    decide: Decide[S]
    own: Log
    handles: tuple[type[Event], ...]
    state: S | None = None
    stream: Stream = field(default_factory=lambda: Stream(UUID(int=0)))
    waiters: dict[int, Waiter] = field(default_factory=dict[int, Waiter])
    parked: list[Parked] = field(default_factory=list[Parked])
    made: int = 0

    def __post_init__(self) -> None:
        """Its row is of the order that its log is about."""
        self.stream = Stream(self.own.subject)

    def take(self, *records: Record) -> None:
        """One batch: read it, fold it and keep what it came to."""
        names = {event.__name__ for event in self.handles}
        known = [read(record, names) for record in records]
        waiting = tuple(self.waiters[id_] for id_ in sorted(self.waiters))
        states = {} if self.state is None else {self.own.subject: self.state}
        arrived = tuple(arrival for arrival in known if isinstance(arrival, Arrival))
        assert len(arrived) == len(records)
        outcome = fold(states, [Inbox(self.stream, waiting, arrived)], self.decide)
        self.state = outcome.states.get(self.own.subject, self.state)
        for id_ in outcome.settled:
            del self.waiters[id_]
        for waiter in outcome.waiting:
            self.made += 1
            self.waiters[self.made] = Waiter(waiter.arrival, waiter.needs, self.made)
        self.parked += outcome.parked
        seen: dict[tuple[UUID, str], int] = {}
        for caused in outcome.events:
            place = (caused.cause.id, caused.event.type_name())
            seen[place] = seen.get(place, -1) + 1
            self.own.tell(caused.event, caused.cause.id, seen[place])
