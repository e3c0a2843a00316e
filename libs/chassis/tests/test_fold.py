"""What a fold does with arrivals that are twice, early, refused or broken; no database and no broker."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from uuid import UUID, uuid5

import pytest

from waybill_chassis.fold import Inbox, Outcome, Parked, Queued, Stream, Waiter, Waiting, fold
from waybill_chassis.records import Arrival, Fault, Record
from waybill_events import Envelope, Event, ItemsFulfilled, LineUnits, OrderPlaced, TrackingAdded

ORDER = UUID("11111111-1111-4111-8111-111111111111")
OTHER = UUID("22222222-2222-4222-8222-222222222222")
BRAND = UUID("33333333-3333-4333-8333-333333333333")
THIRTEEN = Fault("ValueError", "ValueError: thirteen")
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Count:
    """How many units were sent; it refuses 13 and waits for the order before anything else."""

    units: int = 0


def count(state: Count | None, event: Event, _envelope: Envelope) -> tuple[Count | None, list[Event]]:
    match event:
        case OrderPlaced():
            return Count(), []
        case ItemsFulfilled():
            if state is None:
                raise Waiting(OrderPlaced)
            units = event.lines[0].quantity
            if units == 13:
                raise ValueError("thirteen")
            told = TrackingAdded(
                order_id=event.order_id,
                brand_id=BRAND,
                parcel_id=event.parcel_id,
                tracking_number=str(units),
                decided_by="nobody",
                added_at=NOON,
            )
            return Count(state.units + units), [told]
        case _:
            raise AssertionError(event)


def envelope(sequence: int | None, source: str, event_type: type[Event], order: UUID) -> Envelope:
    return Envelope(
        id=uuid5(order, f"{source}{sequence}"),
        source=source,
        type=event_type.type_name(),
        time=NOON,
        subject=order,
        sequence=sequence,
        actor="test",
        causation_id=ORDER,
    )


def arrival(event: Event, sequence: int | None, source: str) -> Arrival:
    record = Record(event.topic, 0, sequence or 0, str(event.subject).encode(), (), event.to_json())
    return Arrival(record, event.subject, envelope(sequence, source, type(event), event.subject), event)


def placed(order: UUID = ORDER, sequence: int = 1) -> Arrival:
    event = OrderPlaced(
        order_id=order,
        sale_id=BRAND,
        brand_id=BRAND,
        reference="10001-01",
        number="10001",
        connection_id=BRAND,
        platform="csv",
        placed_at=NOON,
        recipient_version=1,
        lines=(),
    )
    return arrival(event, sequence, "waybill/orders")


def shipped(units: int, sequence: int, order: UUID = ORDER) -> Arrival:
    event = ItemsFulfilled(
        order_id=order,
        brand_id=BRAND,
        parcel_id=BRAND,
        lines=(LineUnits(line_id="1", quantity=units),),
        shipped_at=NOON,
    )
    return arrival(event, sequence, "waybill/fulfillment")


def run(
    *arrived: Arrival,
    stream: Stream | None = None,
    waiters: tuple[Waiter, ...] = (),
    state: Count | None = None,
    queue: tuple[Queued, ...] = (),
    refused: Fault | None = None,
    spared: int = 0,
) -> tuple[Outcome[Count], Stream]:
    stream = stream or Stream(ORDER)
    states = {} if state is None else {ORDER: state}
    return fold(states, [Inbox(stream, waiters, arrived, queue, refused, spared)], count), stream


def causes(outcome: Outcome[Count]) -> list[str | None]:
    return [parked.fault and parked.fault.cause for parked in outcome.parked]


def told(outcome: Outcome[Count]) -> list[str]:
    """The numbers of what was sent, in order."""
    return [caused.event.tracking_number for caused in outcome.events if isinstance(caused.event, TrackingAdded)]


def parked_stream(last: int) -> Stream:
    """A subject that stands still, and has taken in this many shipments."""
    return Stream(ORDER, taken={"waybill/fulfillment": (last, "x")}, parked=True)


def test_events_are_applied_in_order_and_name_their_cause() -> None:
    first, second = shipped(1, 1), shipped(2, 2)

    outcome, stream = run(placed(), first, second)

    assert outcome.states == {ORDER: Count(3)}
    assert [caused.cause for caused in outcome.events] == [first.envelope, second.envelope]
    assert stream.taken["waybill/fulfillment"][0] == 2
    assert (outcome.parked, outcome.waiting) == ([], [])


def test_a_duplicate_changes_nothing_however_late() -> None:
    outcome, _ = run(placed(), shipped(1, 1), shipped(2, 2), shipped(1, 1), shipped(2, 2))

    assert outcome.states == {ORDER: Count(3)}
    assert len(outcome.events) == 2


def test_the_same_sequence_with_another_id_is_a_fork_and_parks() -> None:
    honest = shipped(2, 1)
    assert honest.envelope is not None
    forked = replace(honest, envelope=replace(honest.envelope, id=OTHER))

    outcome, stream = run(placed(), honest, forked)

    assert outcome.states == {ORDER: Count(2)}
    assert stream.parked
    assert causes(outcome) == ["Fork"]


def test_what_is_refused_parks_the_subject_and_later_events_queue_behind() -> None:
    bad, later = shipped(13, 1), shipped(2, 2)

    outcome, stream = run(placed(), bad, later)

    assert outcome.states == {ORDER: Count(0)}
    assert outcome.parked == [Parked(bad, THIRTEEN), Parked(later, None)]
    assert stream.parked
    assert stream.taken["waybill/fulfillment"][0] == 2


def test_one_parked_subject_does_not_disturb_another() -> None:
    outcome = fold(
        {},
        [
            Inbox(Stream(ORDER), (), (placed(), shipped(13, 1))),
            Inbox(Stream(OTHER), (), (placed(OTHER), shipped(4, 1, OTHER))),
        ],
        count,
    )

    assert outcome.states == {ORDER: Count(0), OTHER: Count(4)}


def test_on_a_parked_subject_everything_queues() -> None:
    outcome, _ = run(placed(), stream=Stream(ORDER, parked=True))

    assert outcome.states == {}
    assert causes(outcome) == [None]


def test_an_early_event_waits_and_holds_back_later_ones_of_its_source() -> None:
    outcome, stream = run(shipped(1, 1), shipped(2, 2))

    assert outcome.states == {}
    assert [
        (waiter.arrival.envelope and waiter.arrival.envelope.sequence, waiter.needs) for waiter in outcome.waiting
    ] == [
        (1, "waybill.orders"),
        (2, "waybill.orders"),
    ]
    assert stream.waiting == 2
    assert stream.taken["waybill/fulfillment"][0] == 2, "waiting is seen: a duplicate must not come in twice"


def test_who_waits_goes_on_in_order_as_soon_as_what_it_needs_has_come() -> None:
    stream = Stream(ORDER, taken={"waybill/fulfillment": (2, "x")}, waiting=2)
    waiters = (Waiter(shipped(1, 1), "waybill.orders", 7), Waiter(shipped(2, 2), "waybill.orders", 8))

    outcome, stream = run(placed(), stream=stream, waiters=waiters)

    assert outcome.states == {ORDER: Count(3)}
    assert told(outcome) == ["1", "2"]
    assert outcome.settled == [7, 8]
    assert stream.waiting == 0


def test_early_and_needed_in_one_batch_needs_no_waiting() -> None:
    outcome, stream = run(shipped(1, 1), placed(), shipped(2, 2))

    assert outcome.states == {ORDER: Count(3)}
    assert (outcome.waiting, stream.waiting) == ([], 0)


def test_an_event_behind_a_gap_waits_unseen_until_the_gap_closes() -> None:
    outcome, stream = run(placed(), shipped(3, 3), shipped(2, 2), shipped(2, 2))

    assert outcome.states == {ORDER: Count(0)}
    assert [waiter.needs for waiter in outcome.waiting] == [None, None]
    assert "waybill/fulfillment" not in stream.taken

    closed, stream = run(
        shipped(1, 1),
        stream=stream,
        state=Count(0),
        waiters=tuple(replace(waiter, id=at) for at, waiter in enumerate(outcome.waiting)),
    )

    assert closed.states == {ORDER: Count(6)}
    assert stream.taken["waybill/fulfillment"][0] == 3
    assert sorted(closed.settled) == [0, 1]


def test_whatever_the_order_of_the_log_a_later_event_never_passes_one_that_waits() -> None:
    """3 stands behind a gap, then 2 comes and needs the order: 3 must not go first when the order comes."""
    outcome, stream = run(shipped(1, 1), shipped(3, 3), shipped(2, 2), placed())

    assert told(outcome) == ["1", "2", "3"]
    assert stream.waiting == 0


def test_waiters_stored_out_of_line_are_tried_in_line() -> None:
    stream = Stream(ORDER, taken={"waybill/fulfillment": (2, "x")}, waiting=2)
    waiters = (Waiter(shipped(3, 3), None, 7), Waiter(shipped(2, 2), "waybill.orders", 8))

    outcome, _ = run(placed(), stream=stream, waiters=waiters)

    assert told(outcome) == ["2", "3"]


def test_a_decision_whose_event_no_record_can_hold_parks_the_subject() -> None:
    def tell_at_length(_state: Count | None, event: Event, _envelope: Envelope) -> tuple[Count | None, list[Event]]:
        assert isinstance(event, ItemsFulfilled)
        lines = tuple(LineUnits(line_id=f"{at:0>190}", quantity=1) for at in range(5_000))
        return Count(1), [event.model_copy(update={"lines": lines})]

    outcome = fold({}, [Inbox(Stream(ORDER), (), (shipped(1, 1),))], tell_at_length)

    assert (outcome.states, outcome.events) == ({}, [])
    assert causes(outcome) == ["TooLarge"]


def test_what_did_not_decode_takes_its_place_in_the_line() -> None:
    broken = replace(shipped(1, 1), event=None, fault=Fault("Undecodable", "is no JSON"))

    outcome, stream = run(placed(), broken, shipped(2, 2))

    assert causes(outcome) == ["Undecodable", None]
    assert stream.parked


def test_an_event_of_no_interest_counts_as_seen() -> None:
    passed_over = replace(shipped(1, 1), event=None)

    outcome, stream = run(placed(), passed_over, shipped(2, 2))

    assert outcome.states == {ORDER: Count(2)}
    assert stream.taken["waybill/fulfillment"][0] == 2


LATE = Fault("WaitedTooLong", "waited 3600 s")


@pytest.mark.parametrize("missing", ["waybill.orders", None])
def test_the_first_who_waited_too_long_is_parked(missing: str | None) -> None:
    waiters = (Waiter(shipped(1, 2), missing, 7, LATE), Waiter(shipped(1, 3), missing, 8, LATE))

    outcome, stream = run(waiters=waiters, stream=Stream(ORDER, waiting=2))

    assert causes(outcome) == ["WaitedTooLong"]
    assert (outcome.settled, stream.waiting) == ([7], 1)
    assert stream.parked


def test_who_waited_too_long_is_applied_where_what_was_missing_has_come() -> None:
    """What was missing may have been parked itself; whoever redrives it has waited long enough."""
    waiters = (Waiter(shipped(2, 1), "waybill.orders", 7, LATE), Waiter(shipped(3, 2), None, 8, LATE))

    outcome, stream = run(stream=parked_stream(1), waiters=waiters, queue=(Queued(placed(), 9),))

    assert outcome.states == {ORDER: Count(5)}
    assert (outcome.settled, outcome.released, causes(outcome)) == ([7, 8], [9], [])
    assert not stream.parked


def test_nobody_is_given_up_before_all_that_came_has_been_tried() -> None:
    waiter = Waiter(shipped(2, 1), "waybill.orders", 7, LATE)

    outcome, stream = run(
        replace(placed(sequence=1), event=None), placed(sequence=2), waiters=(waiter,), stream=Stream(ORDER, waiting=1)
    )

    assert (outcome.states, causes(outcome), stream.parked) == ({ORDER: Count(2)}, [], False)


def test_who_lets_an_event_go_on_without_those_before_it_is_remembered() -> None:
    outcome, _ = run(
        stream=parked_stream(1), state=Count(1), queue=(Queued(shipped(3, 3), 7), Queued(shipped(4, 4), 8))
    )

    assert [arrival.envelope and arrival.envelope.sequence for arrival in outcome.jumped] == [3]


def test_what_an_operator_let_go_on_does_so_whenever_it_is_read() -> None:
    outcome, stream = run(placed(), shipped(1, 1), replace(shipped(3, 3), ruled=True), shipped(4, 4))

    assert outcome.states == {ORDER: Count(8)}
    assert stream.taken["waybill/fulfillment"][0] == 4
    assert outcome.waiting == []


def test_a_fork_that_an_operator_passed_over_parks_nobody_when_it_is_read_again() -> None:
    other = shipped(2, 1)
    assert other.envelope is not None
    fork = replace(other, event=None, ruled=True, envelope=replace(other.envelope, id=OTHER))

    outcome, stream = run(placed(), shipped(1, 1), fork, shipped(4, 2))

    assert (outcome.states, causes(outcome), stream.parked) == ({ORDER: Count(5)}, [], False)


def test_what_was_sent_again_while_it_stood_in_the_queue_counts_once() -> None:
    """3 waited too long for 2 and was parked; then all of it was sent again, and queued behind."""
    queue = tuple(Queued(each, id_) for id_, each in enumerate((shipped(4, 3), shipped(2, 2), shipped(4, 3)), start=7))

    outcome, stream = run(stream=parked_stream(1), state=Count(1), queue=queue)

    assert outcome.states == {ORDER: Count(7)}
    assert (sorted(outcome.released), told(outcome), stream.parked) == ([7, 8, 9], ["2", "4"], False)


def test_another_event_of_the_same_number_in_a_queue_is_a_fork() -> None:
    other = shipped(4, 3)
    assert other.envelope is not None
    other = replace(other, envelope=replace(other.envelope, id=OTHER))

    outcome, stream = run(stream=parked_stream(2), state=Count(1), queue=(Queued(shipped(2, 3), 7), Queued(other, 8)))

    assert (outcome.states, outcome.released, stream.parked) == ({ORDER: Count(3)}, [7], True)
    assert outcome.refused_again[8].cause == "Fork"


def test_a_redrive_takes_what_has_no_number_in_the_order_in_which_it_was_parked() -> None:
    queue = tuple(
        Queued(arrival(event, None, "somebody"), id_)
        for id_, event in ((7, placed().event), (8, shipped(1, 1).event), (9, shipped(13, 1).event))
        if event is not None
    )

    outcome, _ = run(stream=Stream(ORDER, parked=True), queue=queue)

    assert outcome.states == {ORDER: Count(1)}
    assert (outcome.released, outcome.refused_again) == ([7, 8], {9: THIRTEEN})


def test_a_redriven_queue_is_applied_in_order_and_leaves_the_quarantine() -> None:
    queue = (Queued(shipped(1, 1), 7), Queued(shipped(2, 2), 8))

    outcome, stream = run(stream=parked_stream(2), state=Count(), queue=queue)

    assert (outcome.states, told(outcome)) == ({ORDER: Count(3)}, ["1", "2"])
    assert (outcome.released, outcome.refused_again, outcome.parked) == ([7, 8], {}, [])
    assert not stream.parked


def test_a_redrive_stops_at_the_first_refusal_and_what_queues_behind_stays() -> None:
    queue = (Queued(shipped(1, 1), 7), Queued(shipped(13, 2), 8), Queued(shipped(2, 3), 9))

    outcome, stream = run(shipped(4, 4), stream=parked_stream(3), state=Count(), queue=queue)

    assert outcome.states == {ORDER: Count(1)}
    assert (outcome.released, outcome.refused_again) == ([7], {8: THIRTEEN})
    assert causes(outcome) == [None], "what comes meanwhile queues behind"
    assert stream.parked


def test_what_a_redrive_finds_early_waits() -> None:
    outcome, stream = run(stream=parked_stream(2), queue=(Queued(shipped(1, 1), 7), Queued(shipped(2, 2), 8)))

    assert [waiter.needs for waiter in outcome.waiting] == ["waybill.orders", "waybill.orders"]
    assert (outcome.released, stream.parked, stream.waiting) == ([7, 8], False, 2)


def test_a_fork_stays_parked_whoever_redrives_it() -> None:
    fork = Fault("Fork", "one number, two events")
    forked = replace(shipped(1, 1), event=None, fault=fork)

    outcome, stream = run(stream=parked_stream(1), state=Count(), queue=(Queued(forked, 7),))

    assert (outcome.states, outcome.refused_again, stream.parked) == ({}, {7: fork}, True)


def test_a_redrive_goes_on_without_what_never_came() -> None:
    """3 waited too long for 2 and was parked: who redrives it says that 2 will not come."""
    outcome, stream = run(
        shipped(2, 2), shipped(5, 4), stream=parked_stream(1), state=Count(1), queue=(Queued(shipped(3, 3), 7),)
    )

    assert outcome.states == {ORDER: Count(9)}
    assert stream.taken["waybill/fulfillment"][0] == 4


def test_what_closed_a_gap_while_its_subject_was_parked_is_redriven_before_what_it_closed() -> None:
    queue = (Queued(shipped(3, 3), 7), Queued(placed(), 8), Queued(shipped(2, 2), 9))

    outcome, _ = run(stream=parked_stream(2), state=Count(), queue=queue)

    assert told(outcome) == ["2", "3"]


def test_what_the_database_refuses_is_parked_where_it_would_have_changed_something() -> None:
    says = Fault("RefusedByDatabase", "too large (SQLSTATE 22003)")

    outcome, stream = run(shipped(1, 1), shipped(2, 2), stream=Stream(ORDER), state=Count(), refused=says)

    assert (outcome.states, outcome.events) == ({}, [])
    assert outcome.parked == [Parked(shipped(1, 1), says), Parked(shipped(2, 2), None)]
    assert stream.parked


def test_the_one_who_waited_is_parked_where_the_database_refuses_what_it_does() -> None:
    says = Fault("RefusedByDatabase", "too large (SQLSTATE 22003)")
    waiter = Waiter(shipped(1, 1), "waybill.orders", 7)

    outcome, stream = run(
        stream=Stream(ORDER, taken={"waybill/fulfillment": (1, "x")}, waiting=1),
        waiters=(waiter,),
        state=Count(),
        refused=says,
    )

    assert (outcome.parked, outcome.settled) == ([Parked(waiter.arrival, says)], [7])
    assert (stream.parked, stream.waiting) == (True, 0)


def test_a_redrive_takes_in_what_goes_before_the_one_that_the_database_refuses() -> None:
    says = Fault("RefusedByDatabase", "too large (SQLSTATE 22003)")
    queue = (Queued(placed(), 6), *(Queued(shipped(at, at), 6 + at) for at in (1, 2, 3)))

    outcome, stream = run(stream=parked_stream(4), queue=queue, refused=says, spared=2)

    assert (outcome.states, told(outcome)) == ({ORDER: Count(1)}, ["1"])
    assert (outcome.released, outcome.refused_again) == ([6, 7], {8: says})
    assert stream.parked


@pytest.mark.parametrize("says", ["a\x00b", "a\udcffb", "x" * 9000])
def test_whatever_words_a_fault_quotes_they_can_be_stored(says: str) -> None:
    fault = Fault.of("ValueError", says)

    assert "\x00" not in fault.says
    assert len(fault.says.encode()) <= 2000


def test_a_model_that_does_not_hold_is_told_by_its_fields_and_not_by_what_they_say() -> None:
    def fail(_state: Count | None, _event: Event, _envelope: Envelope) -> tuple[Count | None, list[Event]]:
        LineUnits.model_validate({"line_id": ["Ann Bee"], "quantity": 1})
        raise AssertionError

    outcome = fold({}, [Inbox(Stream(ORDER), (), (placed(),))], fail)

    (parked,) = outcome.parked
    assert parked.fault == Fault("ValidationError", "ValidationError: line_id: Input should be a valid string")
