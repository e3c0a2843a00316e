"""Every command and every event in any order, twice and early: whatever comes, the units add up and have one place."""

import os
from collections import Counter
from typing import Any
from uuid import UUID, uuid5

from fulfillment_builders import (
    BRAND,
    NOON,
    ORDER,
    added,
    amended,
    amendment,
    cancellation,
    corrected,
    delivered,
    hold_request,
    label_bought,
    label_failed,
    label_voided,
    manifest,
    placed,
    return_closed,
    return_request,
    scan,
    sent_back,
)
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from memory import Log, Service

from waybill_events import (
    Event,
    ItemsFulfilled,
    OrderLine,
    OrderReleased,
    ParcelPacked,
    ParcelScanned,
    RequestDecided,
    ReturnedUnits,
    TrackingCorrected,
    ids,
)
from waybill_fulfillment.domain import (
    OWN,
    Label,
    Ledger,
    ParcelState,
    Refused,
    Tracking,
    back_to,
    on_event,
    opened,
    pack,
    receive,
    report,
    resolve,
    ship,
    ship_parcel,
    undo,
    unpack,
)
from waybill_fulfillment.domain.files import Row
from waybill_fulfillment.domain.imports import import_rows
from waybill_fulfillment.domain.ledger import PROBLEMS
from waybill_fulfillment.handlers import HANDLES

LINES = (
    OrderLine(line_id="shirt", sku="TS", quantity=9, shipped=1, canceled=1),
    OrderLine(line_id="mug", sku="MU", quantity=5),
)
PLACED = placed(*LINES)
STEPS = int(os.environ.get("WAYBILL_STEPS", "1000"))
"""How many steps are taken in all; `make chaos` takes more."""
NUMBERS = st.none() | st.just(Tracking("UPS", "1Z"))
UPS = Tracking("UPS", "1Z")
VALID, OTHER = "1Z5R89390357567127", "1Z879E930346834440"
ROWS = st.tuples(st.sampled_from([VALID, OTHER]), st.sampled_from(["", "TS", "MU"]), st.sampled_from(["", "1", "2"]))


class Machine(RuleBasedStateMachine):
    """One order: people and carriers do things to it, and what orders and tracking tell comes in somehow."""

    def __init__(self) -> None:
        super().__init__()
        self.orders = Log("waybill/orders", ORDER)
        self.tracking = Log("waybill/tracking", ORDER)
        self.labels = Log("waybill/labels", ORDER)
        self.service: Service[Ledger] = Service(on_event, Log("waybill/fulfillment", ORDER), HANDLES)
        self.commands = 0
        self.asked: list[UUID] = []
        self.orders.tell(PLACED, UUID(int=1))
        self.service.take(self.orders.records[0])

    @property
    def ledger(self) -> Ledger:
        assert self.service.state is not None
        return self.service.state

    def said(self, kind: type[Event]) -> list[Any]:
        return [arrival.event for arrival in self.service.own.arrivals() if isinstance(arrival.event, kind)]

    def do(self, command: Any, *arguments: Any, may_be_nothing: bool = False) -> None:
        """A command: its effect is whole, or there is none."""
        before, self.commands = self.ledger, self.commands + 1
        cause = uuid5(ORDER, f"command {self.commands}")
        try:
            events = command(before, *arguments, NOON)
        except Refused:
            return
        assert events or may_be_nothing
        self.service.state = before.after(events, cause)
        self.service.own.tell_all(events, cause)

    def some_units(self, data: st.DataObject, most: dict[str, int]) -> dict[str, int] | None:
        """Some of these, rarely more than there are, or all."""
        wild = data.draw(st.integers(0, 9))
        if wild == 0:
            return data.draw(st.dictionaries(st.sampled_from(["shirt", "mug", "hat"]), st.integers(-1, 9)))
        units = {line_id: data.draw(st.integers(0, min(count, 3))) for line_id, count in most.items()}
        return {line_id: count for line_id, count in units.items() if count} or None

    def a_parcel(self, data: st.DataObject, *states: ParcelState) -> UUID:
        """One in such a state, or else any, perhaps none that there is."""
        fit = [parcel.number for parcel in self.ledger.parcels if parcel.state in states]
        any_ = st.integers(1, len(self.ledger.parcels) + 1)
        number = data.draw(st.sampled_from(fit) if fit and data.draw(st.integers(0, 4)) else any_)
        return ids.parcel_id(ORDER, number)

    def open_units(self) -> dict[str, int]:
        return {line_id: line.open for line_id, line in self.ledger.lines.items()}

    @rule(data=st.data())
    def somebody_packs(self, data: st.DataObject) -> None:
        self.do(pack, self.some_units(data, self.open_units()))

    @rule(data=st.data())
    def somebody_packs_another(self, data: st.DataObject) -> None:
        self.do(pack, self.some_units(data, self.open_units()))

    @rule(data=st.data())
    def somebody_packs_for_a_label(self, data: st.DataObject) -> None:
        units = self.some_units(data, self.open_units())
        self.do(lambda ledger, at: pack(ledger, units, at, Label()))

    @precondition(lambda self: any(parcel.label for parcel in self.ledger.parcels))
    @rule(data=st.data(), purchase=st.integers(1, 2), tell=st.sampled_from([label_bought, label_failed, label_voided]))
    def labels_tells_something(self, data: st.DataObject, purchase: int, tell: Any) -> None:
        parcels = [parcel.parcel_id for parcel in self.ledger.parcels if parcel.label]
        parcel, at = data.draw(st.sampled_from(parcels)), len(self.labels.records)
        self.labels.tell(tell(purchase, parcel=parcel), uuid5(parcel, f"label {purchase}"), at)

    @precondition(lambda self: self.ledger.parcels)
    @rule(data=st.data())
    def a_manifest_is_closed(self, data: st.DataObject) -> None:
        parcels = [parcel.parcel_id for parcel in self.ledger.parcels]
        chosen = data.draw(st.lists(st.sampled_from(parcels), min_size=1, unique=True))
        self.labels.tell(manifest(*chosen), uuid5(ORDER, "manifest"), len(self.labels.records))

    @rule(data=st.data())
    def somebody_unpacks(self, data: st.DataObject) -> None:
        self.do(unpack, self.a_parcel(data, ParcelState.PACKED))

    @rule(data=st.data())
    def somebody_ships(self, data: st.DataObject) -> None:
        self.do(ship, self.some_units(data, self.open_units()), UPS)

    @rule(data=st.data(), number=NUMBERS)
    def somebody_ships_a_parcel(self, data: st.DataObject, number: Tracking | None) -> None:
        self.do(ship_parcel, self.a_parcel(data, ParcelState.PACKED), number)

    @rule(data=st.data())
    def somebody_undoes(self, data: st.DataObject) -> None:
        self.do(undo, self.a_parcel(data, ParcelState.SHIPPED))

    @rule(data=st.data(), problem=st.sampled_from(PROBLEMS))
    def somebody_reports(self, data: st.DataObject, problem: str) -> None:
        self.do(report, self.a_parcel(data, ParcelState.SHIPPED), problem, "")

    @precondition(lambda self: self.ledger.exceptions)
    @rule(data=st.data())
    def somebody_settles(self, data: st.DataObject) -> None:
        open_ = data.draw(st.sampled_from(self.ledger.exceptions))
        self.do(resolve, open_.exception_id, data.draw(st.sampled_from([*open_.choices, "dance"])), "")

    @rule(rows=st.lists(ROWS, min_size=1, max_size=3))
    def somebody_imports_a_file(self, rows: list[tuple[str, str, str]]) -> None:
        file = [
            Row(at, "10001-01", "UPS", number, sku, quantity if sku else "", ())
            for at, (number, sku, quantity) in enumerate(rows, start=2)
        ]
        self.do(lambda ledger, at: import_rows(ledger, file, ("shipped-with-another",), at)[0], may_be_nothing=True)

    @rule(data=st.data())
    def somebody_takes_a_correction_back(self, data: st.DataObject) -> None:
        self.do(back_to, self.a_parcel(data, ParcelState.SHIPPED), VALID, UPS)

    @rule()
    def somebody_asks_to_amend(self) -> None:
        self.asked.append(uuid5(ORDER, f"request {len(self.asked)}"))
        self.orders.tell(amendment(self.asked[-1]), self.asked[-1])

    @rule(which=st.integers(0, 5))
    def the_order_is_amended(self, which: int) -> None:
        granted = [each.request_id for each in self.said(RequestDecided) if each.kind == "amendment" and each.accepted]
        if granted:
            request = granted[which % len(granted)]
            self.orders.tell(amended(2 + which, request), uuid5(request, "amend"), len(self.orders.records))

    @rule(data=st.data())
    def somebody_asks_to_cancel(self, data: st.DataObject) -> None:
        wanted = self.some_units(data, {line_id: line.ordered for line_id, line in self.ledger.lines.items()}) or {}
        units = {line_id: count for line_id, count in wanted.items() if count > 0} or None
        if units is None and data.draw(st.integers(0, 4)):
            units = {"mug": 1}
        self.asked.append(uuid5(ORDER, f"request {len(self.asked)}"))
        self.orders.tell(cancellation(units, request_id=self.asked[-1]), self.asked[-1])

    @rule()
    def somebody_asks_to_hold(self) -> None:
        self.asked.append(uuid5(ORDER, f"request {len(self.asked)}"))
        self.orders.tell(hold_request(self.asked[-1]), self.asked[-1])

    @rule(data=st.data())
    def somebody_asks_to_send_back(self, data: st.DataObject) -> None:
        lines = {line_id: line.shipped + line.late for line_id, line in self.ledger.lines.items()}
        units = {line_id: count for line_id, count in (self.some_units(data, lines) or lines).items() if count > 0}
        if units:
            self.asked.append(uuid5(ORDER, f"request {len(self.asked)}"))
            self.orders.tell(return_request(units, self.asked[-1]), self.asked[-1])

    @precondition(lambda self: self.ledger.returns)
    @rule(data=st.data())
    def something_comes_back(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.ledger.returns))
        line_id = data.draw(st.sampled_from(sorted(known.units)))
        units = ReturnedUnits(line_id=line_id, quantity=data.draw(st.integers(1, 3)), condition="restock")
        self.do(receive, known.return_id, [units])

    @precondition(lambda self: self.ledger.returns)
    @rule(data=st.data())
    def a_return_is_closed(self, data: st.DataObject) -> None:
        known = data.draw(st.sampled_from(self.ledger.returns))
        closed = return_closed(known.return_id)
        self.orders.tell(closed, uuid5(known.return_id, "close"), len(self.orders.records))

    @rule(which=st.integers(0, 5))
    def a_hold_is_released(self, which: int) -> None:
        granted = [each.request_id for each in self.said(RequestDecided) if each.kind == "hold" and each.accepted]
        if granted:
            hold = granted[which % len(granted)]
            event = OrderReleased(order_id=ORDER, brand_id=BRAND, hold_id=hold, released_at=NOON)
            self.orders.tell(event, uuid5(hold, "release"), len(self.orders.records))

    @rule()
    def the_order_is_told_again(self) -> None:
        self.orders.tell(PLACED, UUID(int=1), len(self.orders.records))

    @precondition(lambda self: self.ledger.parcels)
    @rule(data=st.data())
    def a_carrier_scans(self, data: st.DataObject) -> None:
        parcel = data.draw(st.sampled_from([parcel.parcel_id for parcel in self.ledger.parcels]))
        self.tracking.tell(scan(parcel), uuid5(parcel, "scan"), len(self.tracking.records))

    @precondition(lambda self: self.ledger.parcels)
    @rule(data=st.data(), tell=st.sampled_from([delivered, added, sent_back]))
    def a_carrier_says_more(self, data: st.DataObject, tell: Any) -> None:
        parcel, at = data.draw(st.sampled_from(self.ledger.parcels)).parcel_id, len(self.tracking.records)
        self.tracking.tell(tell(parcel), uuid5(parcel, f"{tell.__name__} {at}"), at)

    @precondition(lambda self: self.ledger.parcels)
    @rule(data=st.data())
    def a_number_is_corrected(self, data: st.DataObject) -> None:
        parcel = data.draw(st.sampled_from([parcel.parcel_id for parcel in self.ledger.parcels]))
        at = len(self.tracking.records)
        self.tracking.tell(corrected(parcel, f"1Z{at}"), uuid5(parcel, "correct"), at)

    @rule()
    def the_next_arrives(self) -> None:
        """Of each log, what is due."""
        taken = self.service.stream.taken
        for log in (self.tracking, self.labels, self.orders):
            self.service.take(*log.records[taken.get(log.source, (0, ""))[0] :][:1])

    @rule(batch=st.lists(st.tuples(st.integers(0, 2), st.integers(0, 60)), min_size=1, max_size=4))
    def some_of_it_arrives(self, batch: list[tuple[int, int]]) -> None:
        """Anything that was told: perhaps before what was told earlier, perhaps again."""
        logs = [(self.orders, self.tracking, self.labels)[which].records for which, _ in batch]
        chosen = [log[at % len(log)] for log, (_, at) in zip(logs, batch, strict=True) if log]
        if chosen:
            self.service.take(*chosen)

    @rule()
    def all_of_it_arrives(self) -> None:
        self.service.take(*self.tracking.records, *self.labels.records, *self.orders.records)

    @invariant()
    def every_unit_has_one_place(self) -> None:
        for line in self.ledger.lines.values():
            assert line.ordered == line.open + line.packed + line.shipped + line.canceled
            assert min(line.open, line.packed, line.shipped, line.canceled, line.late, line.returned) >= 0
            assert line.late <= line.canceled
            assert line.returned <= line.shipped + line.late

    @invariant()
    def what_has_come_back_or_may_has_left(self) -> None:
        for line_id, line in self.ledger.lines.items():
            came = sum(each.received.get(line_id, 0) for each in self.ledger.returns)
            missing = sum(each.missing(line_id) for each in self.ledger.returns)
            assert line.returned == came
            assert came + missing <= line.shipped + line.late

    @invariant()
    def parcels_and_requests_hold_what_the_lines_count(self) -> None:
        held: dict[str, Counter[str]] = {"packed": Counter(), "shipped": Counter(), "unpacked": Counter()}
        late: Counter[str] = Counter()
        for parcel in self.ledger.parcels:
            held[parcel.state].update(parcel.units)
            late.update(parcel.late)
        canceled: Counter[str] = Counter()
        for units in self.ledger.canceled_by.values():
            canceled.update(units)
        for born in LINES:
            line = self.ledger.lines[born.line_id]
            assert line.packed == held["packed"][born.line_id]
            assert line.shipped == held["shipped"][born.line_id] + born.shipped
            assert line.late == late[born.line_id]
            assert line.canceled == canceled[born.line_id] + born.canceled

    @invariant()
    def what_was_told_makes_the_ledger(self) -> None:
        told = opened(PLACED)
        for arrival in self.service.own.arrivals():
            assert isinstance(arrival.event, OWN)
            assert arrival.envelope is not None
            told = told.after([arrival.event], arrival.envelope.causation_id)
        assert told.lines == self.ledger.lines
        assert told.canceled_by == self.ledger.canceled_by
        received = [(each.return_id, each.units, each.received) for each in self.ledger.returns]
        assert [(each.return_id, each.units, each.received) for each in told.returns] == received
        assert [(each.state, each.units, each.late) for each in told.parcels] == [
            (each.state, each.units, each.late) for each in self.ledger.parcels
        ]

    @invariant()
    def nothing_is_handed_over_that_waits_for_its_label(self) -> None:
        """By a person or a manifest: with its label's number, or with one that was typed."""
        wants: set[UUID] = set()
        for event in (arrival.event for arrival in self.service.own.arrivals()):
            if isinstance(event, ParcelPacked) and event.shipping == "platform":
                wants.add(event.parcel_id)
            elif isinstance(event, ItemsFulfilled) and event.parcel_id in wants:
                assert event.number or event.handed_over_by == "scan"

    @invariant()
    def nobody_works_on_a_held_order(self) -> None:
        """What is told after a hold was granted, and before it was released, is no packing and no hand-over."""
        released: set[UUID] = set()
        holds = {hold.hold_id for hold in self.ledger.holds}
        held_since: dict[UUID, int] = {}
        for at, arrival in enumerate(self.service.own.arrivals()):
            event = arrival.event
            if isinstance(event, RequestDecided) and event.kind == "hold" and event.accepted:
                held_since[event.request_id] = at
            worked = isinstance(event, ParcelPacked) or (
                isinstance(event, ItemsFulfilled) and event.handed_over_by != "scan"
            )
            if worked:
                released = {hold for hold in held_since if hold not in holds}
                assert held_since.keys() <= released
        assert not self.service.parked

    @invariant()
    def a_scanned_parcel_stays_shipped(self) -> None:
        for parcel in self.ledger.parcels:
            if parcel.scanned_at is not None:
                assert parcel.state is ParcelState.SHIPPED

    def teardown(self) -> None:
        """In the end everything has arrived: each request was answered once, each scanned parcel has left."""
        self.service.take(*self.tracking.records, *self.labels.records, *self.orders.records)
        assert not self.service.waiters
        assert Counter(each.request_id for each in self.said(RequestDecided)) == Counter(self.asked)
        scanned: set[UUID] = set()
        for event in (each.event for each in self.tracking.arrivals()):
            if isinstance(event, ParcelScanned):
                scanned.add(event.parcel_id)
            elif isinstance(event, TrackingCorrected):
                # Whatever was scanned, it was not this parcel.
                scanned.discard(event.parcel_id)
        assert scanned <= {each.parcel_id for each in self.ledger.parcels if each.state is ParcelState.SHIPPED}


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=STEPS // 50, stateful_step_count=50, deadline=None)
