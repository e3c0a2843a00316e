"""The rules of verify, and what its second look excuses, on records written by hand."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from waybill_chassis.checks import Kept, Standing, Version, differences
from waybill_chassis.database import Database
from waybill_chassis.records import Arrival, Record, read
from waybill_cli.verify import rules
from waybill_cli.verify.databases import Service, Slice, Unsent
from waybill_cli.verify.scratch import Scratch
from waybill_events import Envelope, ids

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER = UUID(int=77)
PARTITION = ids.partition(ORDER)
OPENING = {"orders": "OrderPlaced", "labels": "OrderPlaced"}


def arrival(
    sequence: int,
    *,
    offset: int | None = None,
    id_: int | None = None,
    source: str = "waybill/orders",
    topic: str = "waybill.orders",
    type_: str = "waybill.OrderPlaced.v1",
) -> Arrival:
    id_ = sequence if id_ is None else id_
    envelope = Envelope(
        id=UUID(int=id_),
        source=source,
        type=type_,
        time=NOON,
        subject=ORDER,
        actor="test",
        causation_id=UUID(int=id_),
        sequence=sequence,
    )
    place = sequence - 1 if offset is None else offset
    record = Record(topic, PARTITION, place, str(ORDER).encode(), tuple(envelope.headers()), b"{}")
    found = read(record, ())
    assert isinstance(found, Arrival)
    return found


def unsent(sequence: int, type_: str = "waybill.OrderPlaced.v1") -> Unsent:
    return Unsent(1, "waybill.orders", ORDER, type_, sequence, timedelta(), None)


def standing(read_to: int = 0, **changed: Any) -> Standing:
    return Standing(ORDER, {("waybill.orders", PARTITION): read_to}, **changed)


def test_numbers_without_a_hole_are_fine_however_often_one_was_sent() -> None:
    found = rules.sequences(ORDER, [arrival(1), arrival(2), arrival(1, offset=9), arrival(3)], {})

    assert (found.broken, found.suspects) == ([], [])
    assert found.counts == {"streams": 1, "events": 3, "sent again": 1}


def test_a_number_given_to_two_events_is_a_fork() -> None:
    found = rules.sequences(ORDER, [arrival(1), arrival(2), arrival(2, offset=5, id_=99)], {})

    ((service, broken),) = found.broken
    assert (service, broken.says) == ("orders", "waybill/orders gave number 2 to two events")
    assert [record.offset for record in broken.records] == [1, 5]


def test_sources_count_for_themselves() -> None:
    history = [arrival(1), arrival(1, source="waybill/tracking", topic="waybill.tracking"), arrival(2)]

    assert rules.sequences(ORDER, history, {}).suspects == []


@pytest.mark.parametrize(
    ("later", "excused"),
    [
        (rules.Later(), False),
        (rules.Later(unsent=[unsent(2)]), True),
        (rules.Later(records=[arrival(2, offset=9)]), True),
        (rules.Later(records=[arrival(2, offset=9, source="waybill/labels")]), False),
        (rules.Later(unsent=[unsent(4)]), False),
    ],
)
def test_a_hole_is_in_flight_only_if_the_outbox_or_the_log_has_it_meanwhile(later: rules.Later, excused: bool) -> None:
    (hole,) = rules.sequences(ORDER, [arrival(1), arrival(3)], {}).suspects

    assert hole.excused(later) is excused
    assert hole.broken.says == "waybill/orders has numbered up to 3; 2 are not in the log"


def test_what_a_service_has_numbered_must_come_to_the_log() -> None:
    (hole,) = rules.sequences(ORDER, [arrival(1)], {"orders": standing(next_sequence=4)}).suspects

    assert hole.broken.says == "waybill/orders has numbered up to 3; 2, 3 are not in the log"
    assert not hole.excused(rules.Later(unsent=[unsent(3)]))
    assert hole.excused(rules.Later(unsent=[unsent(3)], records=[arrival(2)]))


def test_a_number_out_of_all_proportion_is_named_shortly() -> None:
    (hole,) = rules.sequences(ORDER, [arrival(1), arrival(2**31 - 1, offset=1)], {}).suspects

    assert hole.broken.says.endswith("2, 3, 4, 5, 6, 7, 8, 9, 10, 11 and 2147483635 more are not in the log")


@pytest.mark.parametrize(
    ("here", "counted"),
    [
        (standing(1, row="1-01"), "in labels"),
        (standing(0), "not yet read by labels"),
        (standing(1, quarantine=(Kept("waybill.orders", PARTITION, 0, None),)), "parked or waiting in labels"),
        (standing(1, rulings={("waybill.orders", PARTITION, 0): None}), "discarded by an operator in labels"),
        (standing(1, waiters=(Kept("waybill.orders", PARTITION, 5, str(UUID(int=1))),)), "parked or waiting in labels"),
    ],
)
def test_an_order_is_in_a_service_or_it_is_said_why_not(here: Standing, counted: str) -> None:
    found = rules.opened([arrival(1)], {"orders": standing(row="1-01"), "labels": here}, OPENING)

    assert (found.broken, found.suspects) == ([], [])
    assert found.counts == {"OrderPlaced in the log": 1, "in orders": 1, counted: 1}


def test_an_order_that_was_read_and_is_nowhere_is_lost() -> None:
    found = rules.opened([arrival(1)], {"orders": standing(row="1-01"), "labels": standing(1)}, OPENING)

    ((service, broken),) = found.broken
    assert (service, [record.offset for record in broken.records]) == ("labels", [0])


def test_an_order_that_came_after_its_owner_was_read_is_looked_up_once_more() -> None:
    (suspect,) = rules.opened([arrival(1)], {"orders": standing(), "labels": standing()}, OPENING).suspects

    assert suspect.service == "orders"
    assert suspect.excused(rules.Later(row="1-01"))
    assert not suspect.excused(rules.Later())


def test_a_row_without_an_event_is_in_flight_only_if_its_event_comes() -> None:
    (suspect,) = rules.opened([], {"orders": standing(row="1-01"), "labels": standing()}, OPENING).suspects

    assert suspect.excused(rules.Later(unsent=[unsent(1)]))
    assert suspect.excused(rules.Later(records=[arrival(1)]))
    assert not suspect.excused(rules.Later(unsent=[unsent(1, "waybill.SaleSplit.v1")]))


@pytest.mark.parametrize(
    ("here", "says"),
    [
        (standing(2, taken={"waybill/orders": 2}), None),
        (standing(1, taken={"waybill/orders": 1}), None),
        (standing(2, taken={"waybill/orders": 1}), "labels has read number 2 of waybill/orders, has taken in 1"),
        (
            standing(2, taken={"waybill/orders": 1}, waiting=1, waiters=(Kept("waybill.orders", PARTITION, 1, None),)),
            None,
        ),
        (standing(0, waiting=1), "its stream counts 1 waiters, and there are 0"),
        (standing(0, parked=True), "its stream is parked, and nothing is in quarantine"),
    ],
)
def test_what_was_read_is_taken_in_or_kept(here: Standing, says: str | None) -> None:
    found = rules.gaps([arrival(1), arrival(2)], {"labels": here})

    assert [broken.says.partition(", and nothing waits")[0] for _, broken in found.broken] == ([says] if says else [])


@pytest.mark.parametrize(
    ("row", "said", "counted", "says"),
    [
        (Version(2, "b"), [(0, Version(1, "a")), (1, Version(2, "b")), (2, Version(1, "a"))], "rows", None),
        (Version(1, "a"), [(0, Version(1, "a")), (9, Version(2, "b"))], "not yet read", None),
        (Version(1, None), [(0, Version(1, "a"))], "rows", None),
        (None, [(0, Version(1, "a")), (1, None)], "erased", None),
        (Version(1, "a"), [(0, Version(1, "a")), (1, None)], "rows", "version 1, by waybill.recipients nothing"),
        (Version(1, "a"), [], "rows", "version 1, by waybill.recipients nothing"),
        (None, [(0, Version(1, "a"))], "rows", "no row, by waybill.recipients version 1"),
    ],
)
def test_a_row_of_a_table_topic_is_the_highest_version_read(
    row: Version | None, said: Sequence[tuple[int, Version | None]], counted: str, says: str | None
) -> None:
    versions = {} if row is None else {"waybill.recipients": row}
    here = Standing(ORDER, {("waybill.recipients", PARTITION): 3}, versions=versions)

    found, broken = rules.newest(here, "waybill.recipients", PARTITION, said)

    assert (found, broken and broken.says) == (counted, says)


@pytest.mark.parametrize(
    ("row", "counted", "says"),
    [
        (Version(1, "a"), "rows", None),
        (Version(2, "b"), "rows", None),
        (Version(1, "x"), "rows", "version 1, by waybill.recipients version 1, and they do not say the same"),
        (None, "rows", "no row, by waybill.recipients version 1"),
    ],
)
@pytest.mark.parametrize("how", ["rulings", "buried"])
def test_a_row_that_its_service_does_without_hides_no_other(
    how: str, row: Version | None, counted: str, says: str | None
) -> None:
    versions = {} if row is None else {"waybill.recipients": row}
    place = "waybill.recipients", PARTITION, 1
    here = Standing(
        ORDER,
        {("waybill.recipients", PARTITION): 3},
        versions=versions,
        rulings={place: None} if how == "rulings" else {},
        buried={place} if how == "buried" else (),
    )

    found, broken = rules.newest(here, "waybill.recipients", PARTITION, [(0, Version(1, "a")), (1, Version(2, "b"))])

    assert (found, broken and broken.says) == (counted, says)


def test_a_row_that_an_operator_wrote_is_not_held_against_the_log() -> None:
    rulings = {("waybill.recipients", PARTITION, 0): b"{}"}
    versions = {"waybill.recipients": Version(3, "c")}
    here = Standing(ORDER, {("waybill.recipients", PARTITION): 1}, versions=versions, rulings=rulings)

    found, broken = rules.newest(here, "waybill.recipients", PARTITION, [(0, Version(1, "a"))])

    assert (found, broken) == ("edited by an operator", None)


def test_a_difference_is_told_by_its_path() -> None:
    row = {"lines": [{"shipped": 3}], "parcels": [], "status": "shipped"}
    log = {"lines": [{"shipped": 2}, {"shipped": 1}], "parcels": [], "status": "shipped"}

    assert list(differences(row, log)) == [
        "lines[0].shipped is 3, by the log 2",
        'lines[1] is missing, by the log {"shipped": 1}',
    ]


def test_the_file_gives_back_one_subject_after_the_other(tmp_path: Path) -> None:
    with Scratch(tmp_path) as scratch:
        scratch.put_standings("orders", {ORDER: {"row": "1-01"}, UUID(int=1): {}})
        scratch.put_standings("labels", {ORDER: {"stream": {"next_sequence": 2}}})
        scratch.put_records([arrival(2).record, arrival(1).record])
        scratch.put_versions(
            [(ORDER, "waybill.recipients", 4, Version(1, "a")), (ORDER, "waybill.recipients", 5, None)]
        )

        (found,) = scratch.subjects(PARTITION)
        (again,) = scratch.subjects(PARTITION)

    assert [record.offset for record in found.records] == [0, 1]
    assert found.records[0] == arrival(1).record
    assert found.versions == {"waybill.recipients": [(4, Version(1, "a")), (5, None)]}
    assert found.standings == {"orders": {"row": "1-01"}, "labels": {"stream": {"next_sequence": 2}}}
    assert (again.records, again.standings) == ([], found.standings)


def test_every_subject_belongs_to_the_snapshot_that_read_its_range() -> None:
    nowhere = Database("postgresql+asyncpg://127.0.0.1:1/none")
    three = Service("orders", nowhere, None, slices=[Slice({("waybill.sales", 0): at}) for at in range(3)])
    edges = [0, -(-(1 << 128) // 3) - 1, -(-(1 << 128) // 3), (1 << 128) - 1]

    found = [three.standing(UUID(int=edge), None).offsets["waybill.sales", 0] for edge in edges]

    assert found == [0, 0, 1, 2]
