"""The judge: from the client's history, the log and the answers of public APIs, whether every promise was kept.

Pure. It folds the log by code of its own, so that a fault of the product's fold shows.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from waybill_chaos import money
from waybill_chaos.history import Command
from waybill_chaos.log import Entry

READERS: Final[Mapping[str, frozenset[str]]] = {
    "waybill.sales": frozenset({"orders"}),
    "waybill.orders": frozenset({"fulfillment", "labels", "portal"}),
    "waybill.fulfillment": frozenset({"orders", "labels", "tracking", "portal"}),
    "waybill.labels": frozenset({"fulfillment", "tracking", "portal"}),
    "waybill.tracking": frozenset({"fulfillment", "portal"}),
}
"""Which services read a topic."""
ACTS: Final[Mapping[str, frozenset[str]]] = {
    "waybill.sales": frozenset({"orders"}),
    "waybill.orders": frozenset({"fulfillment", "labels", "portal"}),
    "waybill.fulfillment": frozenset({"labels", "tracking", "portal"}),
    "waybill.tracking": frozenset({"fulfillment", "portal"}),
}
"""Which of them act on the events that the rig spoils: a sale, an order, a shipment, a number."""
LEFT: Final = frozenset({"applied", "undone", "stays"})
"""The fates of those rows of a file of which a parcel has left, at least for a time."""
REFUSED_ROW: Final = "chaos refuses"
"""What the database says of a row that the rig lets it refuse."""
_SERVICES: Final = sorted(frozenset[str]().union(*READERS.values()))
_PLACES: Final = ("open", "packed", "shipped", "canceled")
_STAGES: Final = {
    "CancellationRequested": "asked",
    "HoldRequested": "asked",
    "AmendmentRequested": "asked",
    "ReturnRequested": "asked",
    "RequestDecided": "decided",
    "OrderCanceled": "stated",
    "OrderHeld": "stated",
    "OrderAmended": "stated",
    "ReturnOpened": "stated",
    "RequestDeclined": "stated",
}
_PARKS: Final = ("unknown-version", "value", "U+0000", "oversized")
_BURIED: Final = ("value", "U+0000", "oversized")


@dataclass(frozen=True, slots=True)
class Answers:
    """What the public APIs said at the end, as JSON."""

    ledgers: Mapping[str, Any]
    """Fulfillment's answer for each order that an accepted sale should have made; None for a 404."""
    orders: Mapping[str, Any]
    portal: Mapping[str, Any]
    """Those of orders and of the portal, likewise."""
    listed: Sequence[str]
    """The ids of all orders that the portal lists of the client's brands."""
    slips: Mapping[str, int]
    """The status of the packing slip of some of them."""
    parked: Mapping[str, Mapping[str, str]]
    """Per service, before anything was redriven: the parked subjects, and why each is."""
    dead_letters: Mapping[str, int]
    """Per service, before that: how many records it could not read."""
    still_parked: Mapping[str, Sequence[str]]
    """Per service, in the end."""
    metrics: Mapping[str, Mapping[str, float]]
    """Per service: `outbox_rows`, `waiting_events`."""
    unsettled: Sequence[str] = ()
    """What did not come to rest in time, and what a fault should have shown and did not."""
    refusing: Sequence[str] = ()
    """The services whose database was told to refuse rows."""
    books: Sequence[Mapping[str, Any]] = ()
    """What the carrier has sold, by its own books."""


@dataclass(slots=True)
class Finding:
    """One invariant: how often it was looked at, and what broke it."""

    name: str
    checked: int = 0
    violations: list[str] = field(default_factory=list[str])


class Case:
    """Everything that is known, sorted so that each invariant reads in a few lines."""

    def __init__(self, history: Sequence[Command], log: Sequence[Entry], answers: Answers) -> None:
        self.answers = answers
        self.log = log
        self.sales = [command for command in history if command.kind == "sale"]
        self.ships = [command for command in history if command.kind == "ship"]
        self.corrected = [command for command in history if command.kind == "correct"]
        self.asked = [command for command in history if command.kind in {"cancel", "hold", "amend", "return"}]
        self.imports = [command for command in history if command.kind == "import"]
        self.looks = [command for command in history if command.kind == "look"]
        self.ours = [entry for entry in log if entry.injected]
        self.told = _once(entry for entry in log if not entry.injected)
        """The product's events, each once, where it first stands."""
        self.by_type: dict[str, list[Entry]] = defaultdict(list)
        for entry in self.told:
            self.by_type[entry.type].append(entry)
        self.shipments: dict[str, list[Entry]] = defaultdict(list)
        """Shipments by number."""
        for entry in self.by_type["ItemsFulfilled"]:
            if _data(entry)["number"] is not None:
                self.shipments[_data(entry)["number"]].append(entry)
        self.corrections: dict[str, list[Entry]] = defaultdict(list)
        """Corrections by number."""
        self.numbers = {_data(entry)["parcel_id"]: _data(entry) for entry in self.by_type["TrackingAdded"]}
        """What tracking told last of each parcel's number."""
        for entry in sorted(self.by_type["TrackingCorrected"], key=lambda entry: entry.sequence or 0):
            self.corrections[_data(entry)["tracking_number"]].append(entry)
            self.numbers[_data(entry)["parcel_id"]] = _data(entry)
        decided = (entry for entry in self.told if entry.source == "waybill/fulfillment")
        self.decided = {
            order_id: sorted(entries, key=lambda entry: entry.sequence or 0)
            for order_id, entries in _by_subject(decided).items()
        }
        """What fulfillment told of each order, in its order."""
        self.of_request: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        """By request: who asked, what was decided, what was stated."""
        for name, stage in _STAGES.items():
            for entry in self.by_type[name]:
                said = _data(entry)
                request_id = said.get("request_id") or said.get("hold_id") or said["return_id"]
                self.of_request[request_id][stage].append(entry)
        by_labels = (entry for entry in self.told if entry.source == "waybill/labels" and entry.type in money.TOLD)
        in_order = sorted(by_labels, key=lambda entry: (entry.subject, entry.sequence or 0))
        self.labels = money.told((entry.type, _data(entry)) for entry in in_order)
        """Labels that were paid, by their id."""
        self.placed = {entry.subject: entry for entry in self.by_type["OrderPlaced"]}
        self.wanted = {order["order_id"]: order for sale in self.accepted(self.sales) for order in sale.wants["orders"]}
        """Orders that must be there, by id."""

    @staticmethod
    def accepted(commands: Sequence[Command]) -> list[Command]:
        """Those that the client was told had succeeded."""
        return [command for command in commands if command.outcome == "accepted"]


Check = Callable[[Case], Iterator[str | None]]
"""Looks at one thing after another, yielding None where it is as it should be, else what is wrong."""


def accepted_sales_once(case: Case) -> Iterator[str | None]:
    """Each accepted sale was split once, into its orders, each placed once with what was sold."""
    splits, placed = _by_subject(case.by_type["SaleSplit"]), _by_subject(case.by_type["OrderPlaced"])
    for sale in case.accepted(case.sales):
        found = splits.get(sale.name, [])
        yield _one(found, f"sale {sale.wants['number']} was accepted", "split")
        for order in sale.wants["orders"]:
            entries = placed.get(order["order_id"], [])
            yield _one(entries, f"order {order['order_id']} of sale {sale.wants['number']}", "placed")
            for entry in entries:
                lines = {line["line_id"]: line["quantity"] for line in _data(entry)["lines"]}
                right = lines == order["lines"] and _data(entry)["brand_id"] == order["brand_id"]
                yield None if right else f"{entry} has {lines}, sold was {order['lines']}"


def refused_sales_never(case: Case) -> Iterator[str | None]:
    """Nothing came of a sale that was refused."""
    refused = {sale.name: sale for sale in case.sales if sale.outcome == "refused"}
    happened = {entry.subject: entry for name in ("SaleReceived", "SaleSplit") for entry in case.by_type[name]}
    for name, sale in refused.items():
        entry = happened.get(name)
        yield (
            None if entry is None else f"sale {sale.wants['number']} was refused ({_last(sale)}), yet there is {entry}"
        )


def accepted_ships_once(case: Case) -> Iterator[str | None]:
    """Each accepted shipment left once, as it was asked for."""
    for ship in case.accepted(case.ships):
        found = case.shipments.get(ship.name, [])
        yield _one(found, f"shipment {ship.name} of {ship.wants['order_id']} was accepted", "in the log")
        for entry in found:
            units = {line["line_id"]: line["quantity"] for line in _data(entry)["lines"]}
            asked = ship.wants["units"]
            right = entry.subject == ship.wants["order_id"] and (asked is None or units == asked)
            yield None if right else f"{entry} has {units}, asked was {asked} of {ship.wants['order_id']}"


def refused_ships_never(case: Case) -> Iterator[str | None]:
    """Nothing left for a shipment that was refused."""
    for ship in case.ships:
        if ship.outcome == "refused":
            found = case.shipments.get(ship.name, [])
            yield None if not found else f"shipment {ship.name} was refused ({_last(ship)}), yet there is {found[0]}"


def unknown_at_most_once(case: Case) -> Iterator[str | None]:
    """A command that nobody answered happened once or not at all."""
    for ship in case.ships:
        if ship.outcome == "unknown":
            found = case.shipments.get(ship.name, [])
            yield (
                None if len(found) <= 1 else f"shipment {ship.name} left {len(found)} times: {found[0]} and {found[1]}"
            )


def nothing_invented(case: Case) -> Iterator[str | None]:
    """Every order and every shipment of the log was asked for."""
    asked = {ship.name for ship in case.ships if ship.outcome != "refused"}
    asked |= {label["number"] for label in case.labels.values()}
    possible = {order["order_id"] for sale in case.sales if sale.outcome != "refused" for order in sale.wants["orders"]}
    for number, entries in case.shipments.items():
        yield None if number in asked else f"nobody asked for {entries[0]}, number {number}"
    for entry in case.by_type["OrderPlaced"]:
        yield None if entry.subject in possible else f"nobody sold {entry}"


def same_key_same_answer(case: Case) -> Iterator[str | None]:
    """A repeated command got the answer that it had got before."""
    for ship in case.accepted(case.ships):
        yield (
            None
            if not ship.others
            else (f"shipment {ship.name} was answered {ship.answer}, and with the same key {ship.others[0]}")
        )


def sequences_dense(case: Case) -> Iterator[str | None]:
    """Per source and subject: numbered from 1 without a gap, in the log in that order, never one number twice."""
    streams: dict[tuple[str | None, str], list[Entry]] = defaultdict(list)
    for entry in case.log:
        if not entry.injected and entry.sequence is not None:
            streams[entry.source, entry.subject].append(entry)
    for (source, subject), entries in streams.items():
        by_number: dict[int, Entry] = {}
        problem = None
        for entry in entries:
            assert entry.sequence is not None
            known = by_number.setdefault(entry.sequence, entry)
            if known.id != entry.id:
                problem = f"{source} told {subject} number {entry.sequence} twice: {known} and {entry}"
            elif known is entry and entry.sequence != len(by_number):
                problem = f"{source} told {subject} number {entry.sequence} where {len(by_number)} is due: {entry}"
        yield problem


def requests_decided_once(case: Case) -> Iterator[str | None]:
    """Each accepted request was asked and decided once, stated as it was decided, and so told to who asked."""
    for command in case.asked:
        found = case.of_request.get(command.name, {})
        what = f"{command.kind} {command.name} of order {command.wants['order_id']}"
        if command.outcome == "refused":
            yield None if not found else f"{what} was refused ({_last(command)}), yet there is {found}"
        elif command.outcome == "accepted":
            yield _one(found.get("asked", []), f"{what} was accepted", "asked")
            told = case.answers.orders.get(command.wants["order_id"]) or {"requests": []}
            answers = [each for each in told["requests"] if each["request_id"] == command.name]
            decided = found.get("decided", [])
            if len(answers) == 1 and len(decided) == 1:
                granted = {each["line_id"]: each["quantity"] for each in answers[0]["granted"]}
                right = granted == _units(decided[0], "granted") and answers[0]["state"] != "pending"
                yield None if right else f"{what} is answered {answers[0]}, decided was {decided[0]}"
            else:
                yield f"{what} has {len(answers)} answers and {len(decided)} decisions"
    for request_id, found in case.of_request.items():
        asked, decided = found.get("asked", []), found.get("decided", [])
        what = f"request {request_id}"
        yield _one(asked, what, "asked") or _one(decided, what, "decided") or _stated(found, decided[0])


def losers_know_the_winner(case: Case) -> Iterator[str | None]:
    """Units that a request did not get are in the parcels, or were granted to the requests, that it was told."""
    left: dict[str, set[str]] = defaultdict(set)
    for entry in case.by_type["ItemsFulfilled"]:
        left[entry.subject].add(_data(entry)["parcel_id"])
    for entry in case.by_type["RequestDecided"]:
        for refused in _data(entry)["refused"]:
            known = set(refused["parcel_ids"])
            shipped = refused["why"] != "shipped" or (known and known <= left[entry.subject] and refused["won_by"])
            canceled = refused["why"] != "canceled" or refused["won_by"]
            yield None if shipped and canceled else f"{entry} refuses {refused}, and that is not who has them"


def ledgers_conserved(case: Case) -> Iterator[str | None]:
    """Each unit that was sold has one place at any time, and the ledger is what the log says."""
    for order_id, order in case.wanted.items():
        ledger, placed = case.answers.ledgers.get(order_id), case.placed.get(order_id)
        if ledger is None or placed is None:
            yield f"fulfillment knows no order {order_id}, which was accepted"
            continue
        folded = _folded(placed, case.decided.get(order_id, ()))
        wrong = folded.wrong
        for line in ledger["lines"]:
            places = {name: line[name] for name in _PLACES}
            if line["ordered"] != sum(places.values()):
                wrong = f"order {order_id}: the units of {line} do not add up"
            elif line["returned"] != folded.returned[line["line_id"]]:
                wrong = f"order {order_id}: {line}, but by the log {folded.returned[line['line_id']]} have come back"
            elif line["ordered"] != order["lines"].get(line["line_id"]) or places != folded.lines[line["line_id"]]:
                wrong = f"order {order_id}: {line}, but the log has {folded.lines.get(line['line_id'])}"
        parcels = {each["parcel_id"]: (each["state"], each["tracking_number"]) for each in ledger["parcels"]}
        told = {
            parcel_id: (each["state"], case.numbers.get(parcel_id, {}).get("tracking_number", _typed(each)))
            for parcel_id, each in folded.parcels.items()
        }
        yield wrong or (None if parcels == told else f"order {order_id} has parcels {parcels}, the log {told}")


def numbers_tracked_once(case: Case) -> Iterator[str | None]:
    """Each parcel's carrier was settled once."""
    tracked: dict[str, list[Entry]] = defaultdict(list)
    for entry in case.by_type["TrackingAdded"]:
        tracked[_data(entry)["parcel_id"]].append(entry)
    for entry in case.by_type["ItemsFulfilled"]:
        if _data(entry)["number"] is not None:
            yield _one(tracked.get(_data(entry)["parcel_id"], []), f"the parcel of {entry}", "tracked")


def corrections_once(case: Case) -> Iterator[str | None]:
    """Each accepted correction was told once, of its parcel; one that was refused never, and none that nobody made."""
    asked = {command.name: command for command in case.corrected}
    for command in case.corrected:
        found = case.corrections.get(command.name, [])
        if command.outcome == "accepted":
            right = [_data(entry)["parcel_id"] for entry in found] == [command.wants["parcel_id"]]
            yield None if right else f"correction {command.name} was accepted, and told as {found}"
        elif command.outcome == "refused":
            yield (
                None
                if not found
                else f"correction {command.name} was refused ({_last(command)}), yet there is {found[0]}"
            )
        else:
            yield None if len(found) <= 1 else f"correction {command.name} was told {len(found)} times"
    for number, entries in case.corrections.items():
        yield None if number in asked else f"nobody asked for {entries[0]}"


def imports_as_told(case: Case) -> Iterator[str | None]:
    """What a file says of its rows in the end is so: their parcels left once, and were taken back once, or never."""
    undone = Counter(_data(entry)["parcel_id"] for entry in case.by_type["ShipmentUndone"])
    for command in case.accepted(case.imports):
        for number, row in zip(command.wants["rows"], command.answer, strict=True):
            left = [_data(entry)["parcel_id"] for entry in case.shipments.get(number, [])]
            wanted = [row["parcel_id"]] if row["fate"] in LEFT else []
            back = sum(undone[parcel_id] for parcel_id in left)
            right = left == wanted and back == (row["fate"] == "undone")
            yield None if right else f"file {command.name} says {row} of {number}; {left} left, {back} came back"


def portal_equals_fold(case: Case) -> Iterator[str | None]:
    """The portal shows of each order what the log says."""
    for order_id in case.wanted:
        shown, placed = case.answers.portal.get(order_id), case.placed.get(order_id)
        if shown is None or placed is None:
            yield f"the portal shows no order {order_id}, which was accepted"
            continue
        folded = _expected(placed, _folded(placed, case.decided.get(order_id, ())), case.numbers)
        folded["held"] = _held(case, placed)
        wrong = [name for name, value in folded.items() if value != _shown(shown)[name]]
        yield (
            None
            if not wrong
            else (
                f"order {order_id}: the portal shows {wrong[0]} as {_shown(shown)[wrong[0]]}, the log says {folded[wrong[0]]}"
            )
        )


def shown_stays_shown(case: Case) -> Iterator[str | None]:
    """What the portal has once shown it does not take back, whatever it is doing, but for parcels that are none any more.

    One that was taken apart may have had a number: that of a label.
    """
    apart = {_data(entry)["parcel_id"] for name in ("ParcelUnpacked", "ShipmentUndone") for entry in case.by_type[name]}
    for look in case.looks:
        lost = sorted(set(look.wants["parcels"]).difference(look.answer or (), apart))
        if look.answer is None:
            yield f"the portal had shown order {look.name}, and at {look.answers[-1]['at']} knew it no more"
        else:
            yield None if not lost else f"the portal had shown parcel {lost[0]} of order {look.name}, and then did not"


def orders_as_many_as_sales(case: Case) -> Iterator[str | None]:
    """The portal lists the orders of accepted sales, perhaps those of unanswered ones, and nothing else."""
    maybe = {order["order_id"] for sale in case.sales if sale.outcome == "unknown" for order in sale.wants["orders"]}
    listed = Counter(case.answers.listed)
    for order_id in case.wanted:
        yield None if listed[order_id] == 1 else f"the portal lists order {order_id} {listed[order_id]} times"
    for order_id in listed:
        yield None if order_id in case.wanted or order_id in maybe else f"the portal lists {order_id}: nobody sold it"


def slips_there(case: Case) -> Iterator[str | None]:
    """Labels prints a slip for each order."""
    for order_id, status in case.answers.slips.items():
        yield None if status == 200 else f"the packing slip of order {order_id} answers {status}"


def exactly_the_poisoned_parked(case: Case) -> Iterator[str | None]:
    """Who stands still is who was poisoned, and nobody else."""
    expected = _poisoned(case.ours)
    for service in _SERVICES:
        yield None
        parked = case.answers.parked.get(service, {})
        for subject in sorted(expected[service] - parked.keys()):
            yield f"{service} did not park {subject}, which {_about(case.ours, subject)} poisoned"
        for subject, why in parked.items():
            fine = subject in expected[service] or (service in case.answers.refusing and REFUSED_ROW in why)
            yield None if fine else f"{service} parked {subject}, which nobody poisoned: {why}"


def nobody_parked_in_the_end(case: Case) -> Iterator[str | None]:
    """Once redriven and discarded, nobody stands still."""
    for service, parked in case.answers.still_parked.items():
        yield None if not parked else f"{service} still has {parked[0]} parked"


def dead_letters_kept(case: Case) -> Iterator[str | None]:
    """Each record that does not decode is kept by each of its readers."""
    expected: Counter[str] = Counter()
    for entry in case.ours:
        if entry.source is None:
            expected.update(READERS.get(entry.topic, frozenset()))
        elif _kind(entry) in _BURIED:
            expected.update(ACTS.get(entry.topic, frozenset()))
    for service in _SERVICES:
        kept = case.answers.dead_letters.get(service, 0)
        yield None if kept == expected[service] else f"{service} keeps {kept} dead letters of {expected[service]}"


def nothing_left_over(case: Case) -> Iterator[str | None]:
    """Outboxes are empty and nobody waits."""
    for service, metrics in case.answers.metrics.items():
        for name in ("outbox_rows", "waiting_events"):
            yield None if not metrics[name] else f"{service}: {metrics[name]:.0f} {name.replace('_', ' ')}"


def comes_to_rest(case: Case) -> Iterator[str | None]:
    """Once the faults stop everything is ready, and what was sold and shipped after them arrives."""
    yield None
    yield from case.answers.unsettled


def labels_and_books_agree(case: Case) -> Iterator[str | None]:
    """Whatever the carrier has sold is told in the log, with the same state of its money; each key was bought once."""
    yield from money.agree(case.labels.values(), case.answers.books)
    yield from money.bought_once(case.answers.books)


def one_label_a_parcel(case: Case) -> Iterator[str | None]:
    """A parcel that is labeled has one label that is paid, and another one none; nobody waits for one in the end."""
    wanted: dict[str, bool] = {}
    for order_id, ledger in case.answers.ledgers.items():
        for parcel in (ledger or {"parcels": ()})["parcels"]:
            goes = parcel["label"] == "labeled" and parcel["state"] != "unpacked"
            wanted[parcel["parcel_id"]] = goes
            if parcel["label"] == "pending" and parcel["state"] == "packed":
                yield f"parcel {parcel['parcel_id']} of order {order_id} still waits for its label"
    yield from money.one_a_parcel(case.labels.values(), wanted)


INVARIANTS: Final[Mapping[str, Check]] = {
    check.__name__.replace("_", "-"): check
    for check in (
        comes_to_rest,
        accepted_sales_once,
        refused_sales_never,
        accepted_ships_once,
        refused_ships_never,
        unknown_at_most_once,
        nothing_invented,
        same_key_same_answer,
        sequences_dense,
        requests_decided_once,
        losers_know_the_winner,
        ledgers_conserved,
        labels_and_books_agree,
        one_label_a_parcel,
        numbers_tracked_once,
        corrections_once,
        imports_as_told,
        portal_equals_fold,
        shown_stays_shown,
        orders_as_many_as_sales,
        slips_there,
        exactly_the_poisoned_parked,
        nobody_parked_in_the_end,
        dead_letters_kept,
        nothing_left_over,
    )
}


def judge(history: Sequence[Command], log: Sequence[Entry], answers: Answers) -> list[Finding]:
    """Look at each invariant."""
    case = Case(history, log, answers)
    found: list[Finding] = []
    for name, check in INVARIANTS.items():
        finding = Finding(name)
        for wrong in check(case):
            finding.checked += 1
            if wrong is not None:
                finding.violations.append(wrong)
        found.append(finding)
    return found


def _once(entries: Iterable[Entry]) -> list[Entry]:
    """Each event once: a relay that was killed sends again, and the rig copies; a reader drops both by the id."""
    seen: dict[str | None, Entry] = {}
    for entry in entries:
        if entry.id is not None and entry.data is not None:
            seen.setdefault(entry.id, entry)
    return list(seen.values())


def _by_subject(entries: Iterable[Entry]) -> dict[str, list[Entry]]:
    found: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        found[entry.subject].append(entry)
    return found


def _one(found: Sequence[Entry], what: str, done: str) -> str | None:
    if len(found) == 1:
        return None
    return f"{what}, and is not {done}" if not found else f"{what}, and is {done} twice: {found[0]} and {found[1]}"


def _data(entry: Entry) -> dict[str, Any]:
    assert entry.data is not None
    return entry.data


def _last(command: Command) -> str:
    return f"{command.answers[-1]['status']}" if command.answers else "?"


def _kind(entry: Entry) -> str:
    return "" if entry.source is None else entry.source.split("/")[1]


def _poisoned(ours: Iterable[Entry]) -> dict[str, set[str]]:
    """Per service, whom the rig's records must have stopped."""
    expected: dict[str, set[str]] = defaultdict(set)
    for entry in ours:
        if _kind(entry) in _PARKS:
            for service in ACTS.get(entry.topic, ()):
                expected[service].add(entry.subject)
        elif _kind(entry) == "refused":
            expected["fulfillment"].add(entry.subject)
    return expected


def _about(ours: Iterable[Entry], subject: str) -> str:
    return next((str(entry) for entry in ours if entry.subject == subject), "nothing")


@dataclass(slots=True)
class _Fold:
    """An order by the log: how many units of each line are where, and its parcels; `wrong` where that cannot be."""

    lines: dict[str, dict[str, int]]
    parcels: dict[str, dict[str, Any]]
    returned: Counter[str] = field(default_factory=Counter[str])
    wrong: str | None = None

    def move(self, entry: Entry, units: Mapping[str, int], start: str, end: str) -> None:
        for line_id, count in units.items():
            line = self.lines[line_id]
            line[start] -= count
            line[end] += count
            if line[start] < 0:
                self.wrong = self.wrong or f"{entry} takes {count} of line {line_id} from {start}, and there are fewer"

    def becomes(self, entry: Entry, state: str) -> None:
        """A parcel that was told before is in another state; a log that lost records may not have told of it."""
        parcel_id = _data(entry)["parcel_id"]
        if parcel_id in self.parcels:
            self.parcels[parcel_id]["state"] = state
        else:
            self.wrong = (
                self.wrong or f"{entry} is about parcel {parcel_id}, and the log does not say how it came to be"
            )


def _folded(placed: Entry, told: Iterable[Entry]) -> _Fold:
    lines = {line["line_id"]: {**dict.fromkeys(_PLACES, 0), **_born(line)} for line in _data(placed)["lines"]}
    fold = _Fold(lines, {})
    for entry in told:
        data = _data(entry)
        parcel = fold.parcels.get(data.get("parcel_id", ""))
        match entry.type:
            case "ParcelPacked":
                fold.move(entry, _units(entry), "open", "packed")
                fold.parcels[data["parcel_id"]] = {"state": "packed", "units": _units(entry), "typed": data}
            case "ParcelUnpacked":
                fold.move(entry, _units(entry), "packed", "open")
                fold.becomes(entry, "unpacked")
            case "ItemsFulfilled":
                start = "packed" if parcel is not None and parcel["state"] == "packed" else "open"
                fold.move(entry, _units(entry), start, "shipped")
                fold.parcels[data["parcel_id"]] = {"state": "shipped", "units": _units(entry), "typed": data}
            case "ShipmentUndone":
                end = "packed" if data["packed"] else "open"
                fold.move(entry, _units(entry), "shipped", end)
                fold.becomes(entry, "packed" if data["packed"] else "unpacked")
            case "ReturnReceived":
                for each in data["lines"]:
                    fold.returned[each["line_id"]] += each["quantity"]
            case "RequestDecided" if data["kind"] == "cancellation":
                fold.move(entry, _units(entry, "granted"), "open", "canceled")
            case "RequestDecided":
                pass
            case _:
                fold.wrong = f"{entry} is of a kind that nobody does here"
    return fold


def _typed(parcel: Mapping[str, Any]) -> str:
    return parcel["typed"].get("number") or ""


def _born(line: Mapping[str, Any]) -> dict[str, int]:
    gone = {"shipped": line["shipped"], "canceled": line["canceled"]}
    return {"open": line["quantity"] - sum(gone.values()), **gone}


def _expected(placed: Entry, fold: _Fold, tracked: Mapping[str, Any]) -> dict[str, Any]:
    """What the portal must show of an order."""
    order = _data(placed)
    lines = {
        line["line_id"]: {
            **{name: line[name] for name in ("sku", "title", "quantity")},
            **{name: fold.lines[line["line_id"]][name] for name in ("packed", "shipped", "canceled")},
        }
        for line in order["lines"]
    }
    shown: list[dict[str, Any]] = []
    for parcel_id, parcel in fold.parcels.items():
        if parcel["state"] != "unpacked":
            settled = tracked.get(parcel_id, {})
            shown.append(
                {
                    "parcel_id": parcel_id,
                    "state": parcel["state"],
                    "units": parcel["units"],
                    "carrier_name": settled.get("carrier_name", parcel["typed"].get("company") or ""),
                    "tracking_number": settled.get("tracking_number", parcel["typed"].get("number") or ""),
                    "tracking_url": settled.get("tracking_url", ""),
                }
            )
    if all(line["canceled"] == line["quantity"] for line in lines.values()):
        status = "canceled"
    elif not any(line["open"] or line["packed"] for line in fold.lines.values()):
        status = "shipped"
    else:
        status = "partially shipped" if any(line["shipped"] for line in lines.values()) else "not shipped"
    return {
        "reference": order["reference"],
        "brand_id": order["brand_id"],
        "status": status,
        "lines": lines,
        "parcels": shown,
    }


def _held(case: Case, placed: Entry) -> bool:
    """Whether a hold stands, by the log."""
    holds = {hold["hold_id"] for hold in _data(placed).get("holds", ())}
    holds |= {_data(entry)["hold_id"] for entry in case.by_type["OrderHeld"] if entry.subject == placed.subject}
    released = (entry for entry in case.by_type["OrderReleased"] if entry.subject == placed.subject)
    return bool(holds - {_data(entry)["hold_id"] for entry in released})


def _units(entry: Entry, field_: str = "lines") -> dict[str, int]:
    return {each["line_id"]: each["quantity"] for each in _data(entry)[field_]}


def _stated(found: Mapping[str, list[Entry]], decided: Entry) -> str | None:
    """Whether what orders stated is what was decided."""
    stated = {entry.type: entry for entry in found.get("stated", [])}
    if len(stated) != len(found.get("stated", [])) or not stated:
        return f"{decided} was stated {len(found.get('stated', []))} times"
    granted, refused = _units(decided, "granted"), _data(decided)["refused"]
    accepted = next((stated[name] for name in ("OrderCanceled", "ReturnOpened") if name in stated), None)
    may = {} if accepted is None else _units(accepted)
    declined = _data(stated["RequestDeclined"])["refused"] if "RequestDeclined" in stated else []
    return None if (may, declined) == (granted, refused) else f"{decided} was stated as {list(stated.values())}"


def _shown(order: Mapping[str, Any]) -> dict[str, Any]:
    """The same of what it does show."""
    return {
        "reference": order["reference"],
        "brand_id": order["brand_id"],
        "status": order["status"],
        "held": any(flag.startswith("on hold") for flag in order["flags"]),
        "lines": {
            line["line_id"]: {
                name: line[name] for name in ("sku", "title", "quantity", "packed", "shipped", "canceled")
            }
            for line in order["lines"]
        },
        "parcels": [
            {
                name: parcel[name]
                for name in ("parcel_id", "state", "units", "carrier_name", "tracking_number", "tracking_url")
            }
            for parcel in order["parcels"]
        ],
    }
