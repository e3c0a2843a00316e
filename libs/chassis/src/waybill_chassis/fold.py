"""Fold what arrived for each subject through a pure decision, in memory, with no effect but its result."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from uuid import UUID

from pydantic import ValidationError

from waybill_chassis.records import Arrival, Fault
from waybill_events import MAX_BYTES, Envelope, Event

S = TypeVar("S")
Decide = Callable[[S | None, Event, Envelope], tuple[S | None, list[Event]]]
"""(state or None, event, envelope) -> (state, events); raises Waiting, or anything else to have the subject parked."""


ROOM: Final = 1_000
"""Bytes that an event may still grow by after its fold, as when its order is given another reference."""


FORK: Final = "Fork"
"""The cause of one number given to two events; no second try mends it."""


class TooLarge(ValueError):
    """An event is larger than a record may be."""


class Waiting(Exception):
    """Raised by a decision that needs an event of another topic first."""

    def __init__(self, needs: type[Event]) -> None:
        super().__init__(f"needs {needs.__name__}, which has not come yet")
        self.topic = needs.topic


@dataclass(slots=True)
class Stream:
    """The row of one subject, locked for this transaction."""

    subject: UUID
    next_sequence: int = 1
    taken: dict[str, tuple[int, str]] = field(default_factory=dict[str, tuple[int, str]])
    parked: bool = False
    waiting: int = 0
    changed: bool = False
    new: bool = False
    """Not in the database yet: who writes alone makes rows when it is known what they say."""


@dataclass(frozen=True, slots=True)
class Waiter:
    """An early event. `needs` is a topic, or None for a gap in its sequence; `id` is None until it is stored."""

    arrival: Arrival
    needs: str | None
    id: int | None = None
    overdue: Fault | None = None
    """Why it is parked where its turn has not come now either."""


@dataclass(frozen=True, slots=True)
class Queued:
    """An event in the quarantine: it was taken in before, and is to be tried again."""

    arrival: Arrival
    id: int


@dataclass(frozen=True, slots=True)
class Inbox:
    """What one subject has before it: its row, who waits, and what this batch brought, in order."""

    stream: Stream
    waiters: tuple[Waiter, ...] = ()
    arrived: tuple[Arrival, ...] = ()
    queue: tuple[Queued, ...] = ()
    """Its quarantine, where it is redriven: these go before all others."""
    refused: Fault | None = None
    """What the database said when this inbox was tried: an event that changes something is parked with it."""
    spared: int = 0
    """Which one: so many that change something go before it."""


@dataclass(frozen=True, slots=True)
class Caused:
    """An event to be published, and what brought it about; `value` is its JSON where that was made already."""

    event: Event
    cause: Envelope
    value: bytes | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """An arrival for the quarantine; `fault` is None for those that only queue behind."""

    arrival: Arrival
    fault: Fault | None


@dataclass(slots=True)
class Outcome(Generic[S]):
    """All that a fold decided."""

    states: dict[UUID, S] = field(default_factory=dict[UUID, S])
    """Only those that changed."""
    events: list[Caused] = field(default_factory=list[Caused])
    parked: list[Parked] = field(default_factory=list[Parked])
    waiting: list[Waiter] = field(default_factory=list[Waiter])
    """New waiters."""
    settled: list[int] = field(default_factory=list[int])
    """Ids of stored waiters that wait no longer."""
    released: list[int] = field(default_factory=list[int])
    """Ids of those in the quarantine that leave it."""
    jumped: list[Arrival] = field(default_factory=list[Arrival])
    """Those that an operator let go on without what is missing before them."""
    refused_again: dict[int, Fault] = field(default_factory=dict[int, Fault])
    """Those at the head of a quarantine that were tried and stay, by id."""


def fold(states: Mapping[UUID, S], inboxes: Iterable[Inbox], decide: Decide[S]) -> Outcome[S]:
    """Take in what arrived, subject by subject: drop what was seen, keep back what is early, park what is refused."""
    outcome: Outcome[S] = Outcome()
    for inbox in inboxes:
        _Subject(inbox, states.get(inbox.stream.subject), decide, outcome).run()
    return outcome


class _Subject(Generic[S]):
    """The fold of one subject."""

    def __init__(self, inbox: Inbox, state: S | None, decide: Decide[S], outcome: Outcome[S]) -> None:
        self.stream, self.queue, self.arrived = inbox.stream, inbox.queue, inbox.arrived
        self.refused, self.spared = inbox.refused, inbox.spared
        self.pending = list(inbox.waiters)
        self.state, self.decide, self.outcome = state, decide, outcome
        self.before = state

    def run(self) -> None:
        self.redrive()
        self.retry()
        for arrival in self.arrived:
            self.take(arrival)
        self.give_up()
        if self.state is not None and self.state is not self.before:
            self.outcome.states[self.stream.subject] = self.state
        self.outcome.waiting += [waiter for waiter in self.pending if waiter.id is None]
        if self.stream.waiting != len(self.pending):
            self.stream.waiting, self.stream.changed = len(self.pending), True

    def redrive(self) -> None:
        """Try the quarantine again, in its order, until one is refused; who waits is tried after all of it."""
        if self.queue:
            self.stream.parked, self.stream.changed = False, True
        numbered: dict[tuple[str, int], str] = {}
        for queued in _in_line(self.queue):
            envelope, fault = queued.arrival.envelope, None
            if envelope is not None and envelope.sequence is not None:
                place = (envelope.source, envelope.sequence)
                if numbered.get(place) == str(envelope.id):
                    # It was sent again while it stood in the queue.
                    self.outcome.released.append(queued.id)
                    continue
                if place in numbered:
                    fault = _fork(envelope, numbered[place])
                numbered.setdefault(place, str(envelope.id))
            if fault is None:
                self.accept_gap(queued.arrival)
                fault = self.admit(queued.arrival)
            if fault is not None:
                self.stream.parked = True
                self.outcome.refused_again[queued.id] = fault
                return
            self.outcome.released.append(queued.id)

    def take(self, arrival: Arrival) -> None:
        envelope = arrival.envelope
        if envelope is not None and envelope.sequence is not None:
            last, last_id = self.stream.taken.get(envelope.source, (0, ""))
            if envelope.sequence < last or (envelope.sequence == last and str(envelope.id) == last_id):
                return
            if envelope.sequence == last:
                if not (arrival.ruled and arrival.event is None):
                    self.park(arrival, _fork(envelope, last_id))
                return
            if envelope.sequence > last + 1 and not arrival.ruled:
                self.keep_behind_gap(arrival)
                return
            self.mark(envelope)
        if self.stream.parked:
            self.outcome.parked.append(Parked(arrival, None))
        elif (fault := self.admit(arrival)) is not None:
            self.park(arrival, fault)
        else:
            self.retry()

    def admit(self, arrival: Arrival) -> Fault | None:
        """Apply an arrival whose turn it is, or let it wait; why not, where it cannot be applied."""
        if blocker := self.blocker(arrival):
            self.pending.append(Waiter(arrival, blocker.needs))
            return None
        try:
            return self.apply(arrival)
        except Waiting as early:
            self.pending.append(Waiter(arrival, early.topic))
            return None

    def accept_gap(self, arrival: Arrival) -> None:
        """Whoever redrives an event that waited too long for those before it goes on without them."""
        envelope = arrival.envelope
        if envelope is not None and envelope.sequence is not None:
            last, _ = self.stream.taken.get(envelope.source, (0, ""))
            if envelope.sequence > last + 1:
                self.outcome.jumped.append(arrival)
            if envelope.sequence > last:
                self.mark(envelope)

    def mark(self, envelope: Envelope) -> None:
        assert envelope.sequence is not None
        self.stream.taken[envelope.source] = (envelope.sequence, str(envelope.id))
        self.stream.changed = True

    def keep_behind_gap(self, arrival: Arrival) -> None:
        """Before the events between have come nothing of this one counts as seen; by its place it is kept once."""
        if all(waiter.arrival.envelope != arrival.envelope for waiter in self.pending):
            self.pending.append(Waiter(arrival, None))

    def blocker(self, arrival: Arrival) -> Waiter | None:
        """An earlier event of the same source that waits for another topic; later ones must not pass it."""
        source = arrival.envelope and arrival.envelope.source
        for waiter in self.pending:
            if waiter.needs is not None and waiter.arrival.envelope and waiter.arrival.envelope.source == source:
                return waiter
        return None

    def apply(self, arrival: Arrival) -> Fault | None:
        """Decide; why not, where that fails; raises Waiting when it is early."""
        if arrival.fault is not None:
            return arrival.fault
        if arrival.event is None or arrival.envelope is None:
            return None
        try:
            after, events = self.decide(self.state, arrival.event, arrival.envelope)
            values = [written(event) for event in events]
        except Waiting:
            raise
        except Exception as error:  # noqa: BLE001  # a refusal or a bug alike parks this subject, and only it
            return Fault.of(type(error).__name__, f"{type(error).__name__}: {_words(error)}")
        if self.refused is not None and (after is not self.state or events):
            if self.spared == 0:
                return self.refused
            self.spared -= 1
        self.state = after
        self.outcome.events += [
            Caused(event, arrival.envelope, value) for event, value in zip(events, values, strict=True)
        ]
        return None

    def park(self, arrival: Arrival, fault: Fault) -> None:
        self.stream.parked = self.stream.changed = True
        self.outcome.parked.append(Parked(arrival, fault))

    def retry(self) -> None:
        """Try everyone who waits, in order, until nobody moves on."""
        moved = True
        while moved:
            moved = False
            blocked: set[str] = set()
            # By source and sequence, however they are stored: a gap that closes may let in what others had passed.
            for waiter in sorted(self.pending, key=_place_in_line):
                source = waiter.arrival.envelope.source if waiter.arrival.envelope else ""
                if self.stream.parked:
                    return
                if source not in blocked and self.closed(waiter):
                    try:
                        fault = self.apply(waiter.arrival)
                    except Waiting as early:
                        blocked.add(source)
                        if waiter.needs is None:
                            self.replace(waiter, Waiter(waiter.arrival, early.topic))
                    else:
                        self.replace(waiter)
                        moved = True
                        if fault is not None:
                            self.park(waiter.arrival, fault)

    def give_up(self) -> None:
        """Park the first of those who have waited too long, once everything that came has been tried."""
        for waiter in sorted(self.pending, key=_place_in_line):
            if waiter.overdue is not None and not self.stream.parked:
                self.replace(waiter)
                self.park(waiter.arrival, waiter.overdue)

    def closed(self, waiter: Waiter) -> bool:
        """Whether the gap before it, if there was one, has closed; it is then taken in at this moment."""
        envelope = waiter.arrival.envelope
        if waiter.needs is not None or envelope is None or envelope.sequence is None:
            return True
        last, _ = self.stream.taken.get(envelope.source, (0, ""))
        if envelope.sequence <= last:
            self.replace(waiter)
        if envelope.sequence != last + 1:
            return False
        self.mark(envelope)
        return True

    def replace(self, waiter: Waiter, by: Waiter | None = None) -> None:
        at = self.pending.index(waiter)
        self.pending[at : at + 1] = [] if by is None else [by]
        if waiter.id is not None:
            self.outcome.settled.append(waiter.id)


def written(event: Event) -> bytes:
    """The event's JSON; raises TooLarge for one that could not be sent."""
    value = event.to_json()
    if len(value) > MAX_BYTES - ROOM:
        raise TooLarge(f"{event.type_name()} would have {len(value)} bytes; {MAX_BYTES} are the most")
    return value


def _words(error: Exception) -> str:
    """What an error says; of a model that does not hold, the fields and not their contents, which may name a person."""
    if not isinstance(error, ValidationError):
        return str(error)
    found = error.errors(include_input=False, include_url=False, include_context=False)
    return "; ".join(f"{'.'.join(map(str, each['loc'])) or 'value'}: {each['msg']}" for each in found)


def _fork(envelope: Envelope, other: str) -> Fault:
    return Fault.of(FORK, f"{envelope.source} sent sequence {envelope.sequence} twice, as {other} and {envelope.id}")


def _in_line(queue: Sequence[Queued]) -> list[Queued]:
    """As they were parked, but each source's own in their sequence: what closed a gap comes before what it closed."""
    of_source: dict[str, list[Queued]] = {}
    for queued in queue:
        of_source.setdefault(_source(queued), []).append(queued)
    for each in of_source.values():
        each.sort(key=_number, reverse=True)
    return [of_source[_source(queued)].pop() for queued in queue]


def _number(queued: Queued) -> tuple[int, int]:
    envelope = queued.arrival.envelope
    return ((envelope and envelope.sequence) or 0, queued.id)


def _source(queued: Queued) -> str:
    return queued.arrival.envelope.source if queued.arrival.envelope else ""


def _place_in_line(waiter: Waiter) -> tuple[str, int]:
    envelope = waiter.arrival.envelope
    return ("", 0) if envelope is None else (envelope.source, envelope.sequence or 0)
