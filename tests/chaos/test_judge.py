"""The judge catches each kind of violation in a history, a log or answers that were doctored, and nothing else."""

from dataclasses import replace
from typing import Any

import pytest

from waybill_chaos.history import Command
from waybill_chaos.judge import INVARIANTS, Answers, judge
from waybill_chaos.log import Entry

SALE, ORDER, BRAND, PARCEL = "sale-1", "order-1", "brand-1", "parcel-1"
SERVICES = ("connectors", "orders", "fulfillment", "tracking", "labels", "portal")


def sale(**changed: Any) -> Command:
    orders = [{"order_id": ORDER, "brand_id": BRAND, "lines": {"1": 3, "2": 1}}]
    return Command(
        "sale", SALE, {"sale_id": SALE, "number": "#1", "orders": orders}, **{"outcome": "accepted", **changed}
    )


def ship(name: str = "N1", units: dict[str, int] | None = None, **changed: Any) -> Command:
    wants = {"order_id": ORDER, "units": units or {"1": 2}, "tracking_company": "UPS"}
    answers = [{"at": 0, "status": 201, "says": ""}]
    return Command("ship", name, wants, **{"outcome": "accepted", "answers": answers, **changed})


def entry(offset: int, topic: str, type_: str, subject: str, data: dict[str, Any] | None, **changed: Any) -> Entry:
    source = {"waybill.sales": "waybill/connectors"}.get(topic, topic.replace(".", "/"))
    values = {"source": source, "sequence": 1, "id": f"{type_}-{subject}-{offset}", "error": None, **changed}
    return Entry(topic, 0, offset, type_, subject, data=data, **values)


PLACED = entry(
    1,
    "waybill.orders",
    "OrderPlaced",
    ORDER,
    {
        "order_id": ORDER,
        "brand_id": BRAND,
        "reference": "1-01",
        "lines": [
            {"line_id": "1", "sku": "", "title": "Shirt", "quantity": 3, "shipped": 0, "canceled": 0},
            {"line_id": "2", "sku": "", "title": "Mug", "quantity": 1, "shipped": 0, "canceled": 0},
        ],
    },
)
SPLIT = entry(0, "waybill.orders", "SaleSplit", SALE, {"sale_id": SALE})
RECEIVED = entry(0, "waybill.sales", "SaleReceived", SALE, {"sale_id": SALE}, sequence=None)
TRACKED = entry(
    0,
    "waybill.tracking",
    "TrackingAdded",
    ORDER,
    {"parcel_id": PARCEL, "carrier_name": "UPS", "tracking_number": "N1", "tracking_url": "https://ups"},
)


def fulfilled(offset: int, number: str, units: dict[str, int], **changed: Any) -> Entry:
    data = {
        "parcel_id": changed.pop("parcel", PARCEL),
        "lines": [{"line_id": line_id, "quantity": count} for line_id, count in units.items()],
        "company": "UPS",
        "number": number,
    }
    return entry(offset, "waybill.fulfillment", "ItemsFulfilled", ORDER, data, **changed)


def look(before: list[str], now: list[str] | None) -> Command:
    answers = [{"at": 0, "status": 200, "says": ""}]
    return Command("look", ORDER, {"parcels": before}, outcome="accepted", answers=answers, answer=now)


def fix(name: str = "F1", **changed: Any) -> Command:
    answers = [{"at": 0, "status": 200, "says": ""}]
    wants = {"order_id": ORDER, "parcel_id": PARCEL, "was": "N1"}
    return Command("correct", name, wants, **{"outcome": "accepted", "answers": answers, **changed})


def fixed(offset: int, number: str = "F1", parcel: str = PARCEL, **changed: Any) -> Entry:
    data = {"parcel_id": parcel, "carrier_name": "UPS", "tracking_number": number, "tracking_url": "https://f"}
    return entry(offset, "waybill.tracking", "TrackingCorrected", ORDER, data, **{"sequence": offset + 1, **changed})


def file(fate: str, parcel: str | None = PARCEL) -> Command:
    answers = [{"at": 0, "status": 202, "says": ""}]
    rows = [{"fate": fate, "parcel_id": parcel}]
    return Command("import", "file", {"rows": ["N1"]}, outcome="accepted", answers=answers, answer=rows)


LEFT = fulfilled(0, "N1", {"1": 2})
LOG = [RECEIVED, SPLIT, PLACED, LEFT, TRACKED]
REQUEST = "request-1"
WON = {"line_id": "1", "quantity": 2, "why": "shipped", "won_by": ["command-1"], "parcel_ids": [PARCEL]}


def of_request(offset: int, topic: str, type_: str, sequence: int, **data: Any) -> Entry:
    return entry(offset, topic, type_, ORDER, {"request_id": REQUEST, **data}, sequence=sequence)


ASKED = of_request(2, "waybill.orders", "CancellationRequested", 2)
DECIDED = of_request(
    3,
    "waybill.fulfillment",
    "RequestDecided",
    2,
    kind="cancellation",
    granted=[{"line_id": "2", "quantity": 1}],
    refused=[WON],
)
CANCELED = of_request(4, "waybill.orders", "OrderCanceled", 3, lines=[{"line_id": "2", "quantity": 1}])
DECLINED = of_request(5, "waybill.orders", "RequestDeclined", 4, refused=[WON])
REQUESTED = [*LOG, ASKED, DECIDED, CANCELED, DECLINED]
UNITS = {"packed": 0, "canceled": 0, "returned": 0}
LEDGER = {
    "lines": [
        {"line_id": "1", "ordered": 3, "open": 1, "shipped": 2, **UNITS},
        {"line_id": "2", "ordered": 1, "open": 1, "shipped": 0, **UNITS},
    ],
    "parcels": [{"parcel_id": PARCEL, "state": "shipped", "tracking_number": "N1", "label": None}],
}
SHOWN = {
    "reference": "1-01",
    "brand_id": BRAND,
    "status": "partially shipped",
    "lines": [
        {"line_id": "1", "sku": "", "title": "Shirt", "quantity": 3, "shipped": 2, "canceled": 0, "packed": 0},
        {"line_id": "2", "sku": "", "title": "Mug", "quantity": 1, "shipped": 0, "canceled": 0, "packed": 0},
    ],
    "flags": [],
    "parcels": [
        {
            "parcel_id": PARCEL,
            "state": "shipped",
            "units": {"1": 2},
            "carrier_name": "UPS",
            "tracking_number": "N1",
            "tracking_url": "https://ups",
        }
    ],
}
LABEL = {"parcel_id": PARCEL, "label_id": "label-1"}
BOUGHT = entry(
    0,
    "waybill.labels",
    "LabelPurchased",
    ORDER,
    {**LABEL, "tracking_number": "WB1", "cost": {"amount": "7.35", "currency": "USD"}},
)
REFUSED = entry(1, "waybill.labels", "LabelVoidRefused", ORDER, {**LABEL, "why": "unpacked"}, sequence=2)
SOLD = {"key": "label-1", "tracking_number": "WB1", "amount": "7.35", "state": "sold"}
QUIET = {"outbox_rows": 0.0, "waiting_events": 0.0}
ANSWERS = Answers(
    ledgers={ORDER: LEDGER},
    orders={ORDER: {"requests": []}},
    portal={ORDER: SHOWN},
    listed=[ORDER],
    slips={ORDER: 200},
    parked={},
    dead_letters={},
    still_parked={},
    metrics=dict.fromkeys(SERVICES, QUIET),
)


def broken(history: list[Command], log: list[Entry], answers: Answers = ANSWERS) -> set[str]:
    return {finding.name for finding in judge(history, log, answers) if finding.violations}


def test_a_parcel_that_was_taken_apart_may_be_shown_no_more() -> None:
    looks = [sale(), ship(), look([PARCEL, "apart"], [PARCEL])]
    data = {"parcel_id": "apart", "lines": []}
    packed = entry(8, "waybill.fulfillment", "ParcelPacked", ORDER, data, sequence=2)
    apart = entry(9, "waybill.fulfillment", "ParcelUnpacked", ORDER, data, sequence=3)

    assert "shown-stays-shown" in broken(looks, [*LOG, packed])
    assert "shown-stays-shown" not in broken(looks, [*LOG, packed, apart])


def test_what_is_right_breaks_nothing_and_every_invariant_is_looked_at() -> None:
    poisoned = entry(9, "waybill.tracking", "TrackingAdded", ORDER, None, source="chaos/unknown-version/1", error="v9")
    stands = {ORDER: "unknown version"}
    answers = replace(ANSWERS, parked={"portal": stands, "fulfillment": stands}, still_parked={"portal": []})
    refused = [ship("N2", outcome="refused"), Command("sale", "sale-2", {"number": "#2", "orders": []}, "refused")]
    unknown = ship("N3", outcome="unknown")

    looks = [look([], [PARCEL]), look([PARCEL], [PARCEL, "parcel-2"])]
    corrected = fix(outcome="refused")

    answers = replace(answers, ledgers=AFTER.ledgers, orders=AFTER.orders)
    answers = replace(answers, portal=AFTER.portal)
    history = [sale(), ship(), asking(), *refused, unknown, *looks, corrected, file("applied")]

    answers = replace(answers, books=[SOLD])

    findings = judge(history, [*REQUESTED, BOUGHT, REFUSED, poisoned, poisoned], answers)

    assert {finding.name: finding.violations for finding in findings} == {name: [] for name in INVARIANTS}
    assert all(finding.checked for finding in findings)


@pytest.mark.parametrize(
    ("invariant", "log", "books", "label"),
    [
        ("labels-and-books-agree", [], [SOLD], None),
        ("labels-and-books-agree", [BOUGHT], [], "labeled"),
        ("labels-and-books-agree", [BOUGHT, REFUSED], [{**SOLD, "state": "refunded"}], None),
        ("labels-and-books-agree", [BOUGHT], [SOLD, {**SOLD, "tracking_number": "WB2"}], "labeled"),
        ("one-label-a-parcel", [BOUGHT], [SOLD], None),
        ("one-label-a-parcel", [BOUGHT, REFUSED], [SOLD], "labeled"),
        ("one-label-a-parcel", [], [], "labeled"),
    ],
)
def test_a_doctored_label_breaks(invariant: str, log: list[Entry], books: list[Any], label: str | None) -> None:
    parcel = {**LEDGER["parcels"][0], "label": label}
    answers = replace(ANSWERS, books=books, ledgers={ORDER: {**LEDGER, "parcels": [parcel]}})

    assert broken([sale(), ship()], [*LOG, *log], answers) == {invariant}


def test_a_copy_of_an_event_later_in_the_log_is_no_violation() -> None:
    copies = [replace(each, offset=each.offset + 50) for each in LOG]

    assert broken([sale(), ship()], [*LOG, *copies]) == set()


def doctored(number: int, **changed: Any) -> list[Entry]:
    return [replace(each, **changed) if at == number else each for at, each in enumerate(LOG)]


GAP = fulfilled(1, "N1", {"1": 2}, sequence=2)
FORK = fulfilled(1, "N2", {"1": 1}, parcel="parcel-2")
MORE = fulfilled(1, "N2", {"1": 2}, parcel="parcel-2", sequence=2)
OVER = {
    **LEDGER,
    "parcels": [
        *LEDGER["parcels"],
        {"parcel_id": "parcel-2", "state": "shipped", "tracking_number": "N2", "label": None},
    ],
}
UNPACKED = entry(
    0,
    "waybill.fulfillment",
    "ParcelUnpacked",
    ORDER,
    {"parcel_id": PARCEL, "lines": [{"line_id": "1", "quantity": 2}]},
)
"""Of a parcel that the log does not tell of, as where it lost what came before."""
MUG_CANCELED = {"open": 0, "canceled": 1}
AFTER = replace(
    ANSWERS,
    ledgers={ORDER: {**LEDGER, "lines": [LEDGER["lines"][0], {**LEDGER["lines"][1], **MUG_CANCELED}]}},
    orders={
        ORDER: {
            "requests": [
                {
                    "request_id": REQUEST,
                    "state": "partly_granted",
                    "granted": [{"line_id": "2", "quantity": 1}],
                    "refused": [WON],
                }
            ]
        }
    },
    portal={ORDER: {**SHOWN, "lines": [SHOWN["lines"][0], {**SHOWN["lines"][1], "canceled": 1}]}},
)


def asking(**changed: Any) -> Command:
    answers = [{"at": 0, "status": 202, "says": ""}]
    return Command("cancel", REQUEST, {"order_id": ORDER}, **{"outcome": "accepted", "answers": answers, **changed})


def answered(**changed: Any) -> Answers:
    (request,) = AFTER.orders[ORDER]["requests"]
    return replace(AFTER, orders={ORDER: {"requests": [{**request, **changed}]}})


def requested(of: Entry, **data: Any) -> list[Entry]:
    return [replace(each, data={**(each.data or {}), **data}) if each is of else each for each in REQUESTED]


def test_a_request_that_was_decided_unit_by_unit_and_told_so_breaks_nothing() -> None:
    assert broken([sale(), ship(), asking()], REQUESTED, AFTER) == set()


BACK = entry(
    4,
    "waybill.fulfillment",
    "ShipmentUndone",
    ORDER,
    {"parcel_id": PARCEL, "lines": [{"line_id": "1", "quantity": 2}], "packed": False},
    sequence=2,
)
OPEN_AGAIN = replace(
    ANSWERS,
    ledgers={
        ORDER: {
            "lines": [{**LEDGER["lines"][0], "open": 3, "shipped": 0}, LEDGER["lines"][1]],
            "parcels": [{**LEDGER["parcels"][0], "state": "unpacked"}],
        }
    },
    portal={
        ORDER: {
            **SHOWN,
            "status": "not shipped",
            "lines": [{**SHOWN["lines"][0], "shipped": 0}, SHOWN["lines"][1]],
            "parcels": [],
        }
    },
)


def test_a_shipment_that_was_undone_breaks_nothing_unless_something_says_otherwise() -> None:
    assert broken([sale(), ship(), look([PARCEL], [])], [*LOG, BACK], OPEN_AGAIN) == set()
    assert broken([sale(), ship(), file("undone")], [*LOG, BACK], OPEN_AGAIN) == set()
    assert broken([sale(), ship(), file("stays")], [*LOG, BACK], OPEN_AGAIN) == {"imports-as-told"}
    assert broken([sale(), ship()], [*LOG, BACK], ANSWERS) == {"ledgers-conserved", "portal-equals-fold"}


ONE = [{"line_id": "1", "quantity": 1}]
RETURNED = [
    *LOG,
    of_request(2, "waybill.orders", "ReturnRequested", 2, lines=ONE),
    of_request(5, "waybill.fulfillment", "RequestDecided", 2, kind="return", granted=ONE, refused=[]),
    entry(6, "waybill.orders", "ReturnOpened", ORDER, {"return_id": REQUEST, "lines": ONE}, sequence=3),
    entry(7, "waybill.fulfillment", "ReturnReceived", ORDER, {"return_id": REQUEST, "lines": ONE}, sequence=3),
]


def test_what_came_back_is_counted_and_moves_no_unit() -> None:
    lines = [{**LEDGER["lines"][0], "returned": 1}, LEDGER["lines"][1]]
    request = {"request_id": REQUEST, "state": "granted", "granted": ONE, "refused": []}
    answers = replace(ANSWERS, ledgers={ORDER: {**LEDGER, "lines": lines}}, orders={ORDER: {"requests": [request]}})

    assert broken([sale(), ship(), replace(asking(), kind="return")], RETURNED, answers) == set()
    assert broken([sale(), ship()], RETURNED, replace(answers, ledgers=ANSWERS.ledgers)) == {"ledgers-conserved"}
    assert broken([sale(), ship()], [each for each in RETURNED if each.type != "ReturnOpened"], answers) >= {
        "requests-decided-once"
    }


@pytest.mark.parametrize(
    ("invariant", "history", "log", "answers"),
    [
        ("requests-decided-once", [asking()], [each for each in REQUESTED if each is not ASKED], AFTER),
        ("requests-decided-once", [asking()], [each for each in REQUESTED if each is not DECIDED], AFTER),
        ("requests-decided-once", [asking()], [each for each in REQUESTED if each is not DECLINED], AFTER),
        ("requests-decided-once", [asking()], [*REQUESTED, replace(DECIDED, id="again", offset=9, sequence=3)], AFTER),
        ("requests-decided-once", [asking()], requested(CANCELED, lines=[{"line_id": "2", "quantity": 9}]), AFTER),
        ("requests-decided-once", [asking()], REQUESTED, answered(granted=[])),
        ("requests-decided-once", [asking()], REQUESTED, answered(state="pending")),
        ("requests-decided-once", [asking()], REQUESTED, replace(AFTER, orders={})),
        ("requests-decided-once", [asking(outcome="refused")], REQUESTED, AFTER),
        ("losers-know-the-winner", [asking()], requested(DECIDED, refused=[{**WON, "parcel_ids": ["p"]}]), AFTER),
        ("losers-know-the-winner", [asking()], requested(DECIDED, refused=[{**WON, "won_by": []}]), AFTER),
        ("ledgers-conserved", [asking()], requested(DECIDED, granted=[{"line_id": "1", "quantity": 2}]), AFTER),
        ("ledgers-conserved", [asking()], REQUESTED, replace(AFTER, ledgers={ORDER: LEDGER})),
        ("portal-equals-fold", [asking()], REQUESTED, replace(AFTER, portal={ORDER: SHOWN})),
        (
            "portal-equals-fold",
            [asking()],
            REQUESTED,
            replace(AFTER, portal={ORDER: {**AFTER.portal[ORDER], "flags": ["on hold: other"]}}),
        ),
    ],
)
def test_a_doctored_request_breaks(invariant: str, history: list[Command], log: list[Entry], answers: Answers) -> None:
    assert invariant in broken([sale(), ship(), *history], log, answers)


FIXED = replace(
    ANSWERS,
    ledgers={ORDER: {**LEDGER, "parcels": [{**LEDGER["parcels"][0], "tracking_number": "F1"}]}},
    portal={
        ORDER: {**SHOWN, "parcels": [{**SHOWN["parcels"][0], "tracking_number": "F1", "tracking_url": "https://f"}]}
    },
)


def test_a_correction_that_is_told_and_shown_breaks_nothing() -> None:
    assert broken([sale(), ship(), fix()], [*LOG, fixed(1)], FIXED) == set()


@pytest.mark.parametrize(
    ("invariant", "history", "log", "answers"),
    [
        ("corrections-once", [fix()], LOG, ANSWERS),
        ("corrections-once", [fix()], [*LOG, fixed(1), fixed(2)], FIXED),
        ("corrections-once", [fix()], [*LOG, fixed(1, parcel="parcel-2")], ANSWERS),
        ("corrections-once", [fix(outcome="refused")], [*LOG, fixed(1)], FIXED),
        ("corrections-once", [fix(outcome="unknown")], [*LOG, fixed(1), fixed(2)], FIXED),
        ("corrections-once", [], [*LOG, fixed(1)], FIXED),
        ("ledgers-conserved", [fix()], [*LOG, fixed(1)], replace(FIXED, ledgers=ANSWERS.ledgers)),
        ("portal-equals-fold", [fix()], [*LOG, fixed(1)], replace(FIXED, portal=ANSWERS.portal)),
        ("portal-equals-fold", [fix("F2"), fix()], [*LOG, fixed(2), fixed(1, "F2")], replace(FIXED, portal={})),
    ],
)
def test_a_doctored_correction_breaks(
    invariant: str, history: list[Command], log: list[Entry], answers: Answers
) -> None:
    assert invariant in broken([sale(), ship(), *history], log, answers)


@pytest.mark.parametrize(
    ("invariant", "history", "log"),
    [
        ("accepted-sales-once", [sale(), ship()], [each for each in LOG if each is not PLACED]),
        ("accepted-sales-once", [sale(), ship()], [*LOG, replace(SPLIT, id="again", offset=9, sequence=2)]),
        ("accepted-sales-once", [sale(), ship()], doctored(2, data={**PLACED.data, "brand_id": "brand-2"})),
        ("refused-sales-never", [sale(outcome="refused"), ship()], LOG),
        ("accepted-ships-once", [sale(), ship()], [each for each in LOG if each not in (LEFT, TRACKED)]),
        ("accepted-ships-once", [sale(), ship()], [*LOG, replace(LEFT, id="again", offset=1, sequence=2)]),
        ("accepted-ships-once", [sale(), ship(units={"1": 1})], LOG),
        ("refused-ships-never", [sale(), ship(outcome="refused")], LOG),
        (
            "unknown-at-most-once",
            [sale(), ship(outcome="unknown")],
            [*LOG, replace(LEFT, id="b", offset=1, sequence=2)],
        ),
        ("nothing-invented", [sale()], LOG),
        ("nothing-invented", [ship()], LOG),
        ("shown-stays-shown", [sale(), ship(), look([], None)], LOG),
        ("shown-stays-shown", [sale(), ship(), look([PARCEL], []), look([], [PARCEL])], LOG),
        ("same-key-same-answer", [sale(), ship(answer={"a": 1}, others=[{"a": 2}])], LOG),
        ("sequences-dense", [sale(), ship()], [RECEIVED, SPLIT, PLACED, GAP, TRACKED]),
        ("sequences-dense", [sale(), ship(), ship("N2", {"1": 1})], [*LOG, FORK]),
        (
            "sequences-dense",
            [sale(), ship()],
            [*LOG, replace(MORE, sequence=3), replace(MORE, sequence=2, id="x", offset=2)],
        ),
        ("imports-as-told", [sale(), ship(), file("wrong", None)], LOG),
        ("imports-as-told", [sale(), ship(), file("applied", "parcel-2")], LOG),
        ("imports-as-told", [sale(), ship(), file("undone")], LOG),
        ("ledgers-conserved", [sale(), ship(), ship("N2", {"1": 2})], [*LOG, MORE]),
        ("ledgers-conserved", [sale()], [RECEIVED, SPLIT, PLACED, UNPACKED]),
        ("numbers-tracked-once", [sale(), ship()], LOG[:-1]),
        ("numbers-tracked-once", [sale(), ship()], [*LOG, replace(TRACKED, id="again", offset=1, sequence=2)]),
    ],
)
def test_a_doctored_log_or_history_breaks(invariant: str, history: list[Command], log: list[Entry]) -> None:
    assert invariant in broken(history, log)


def shown(**changed: Any) -> Answers:
    return replace(ANSWERS, portal={ORDER: {**SHOWN, **changed}})


def measured(service: str, **changed: float) -> Answers:
    return replace(ANSWERS, metrics={**ANSWERS.metrics, service: {**QUIET, **changed}})


NOT_ADDING_UP = {**LEDGER, "lines": [{**LEDGER["lines"][0], "open": 2}, LEDGER["lines"][1]]}
LESS_SHIPPED = {**LEDGER, "lines": [{**LEDGER["lines"][0], "open": 2, "shipped": 1}, LEDGER["lines"][1]]}


@pytest.mark.parametrize(
    ("invariant", "answers"),
    [
        ("comes-to-rest", replace(ANSWERS, unsettled=["orders is not ready"])),
        ("ledgers-conserved", replace(ANSWERS, ledgers={ORDER: None})),
        ("ledgers-conserved", replace(ANSWERS, ledgers={ORDER: NOT_ADDING_UP})),
        ("ledgers-conserved", replace(ANSWERS, ledgers={ORDER: LESS_SHIPPED})),
        ("ledgers-conserved", replace(ANSWERS, ledgers={ORDER: OVER})),
        ("portal-equals-fold", replace(ANSWERS, portal={})),
        ("portal-equals-fold", shown(status="shipped")),
        ("portal-equals-fold", shown(parcels=[*SHOWN["parcels"], {**SHOWN["parcels"][0], "parcel_id": "parcel-2"}])),
        ("portal-equals-fold", shown(parcels=[{**SHOWN["parcels"][0], "tracking_url": ""}])),
        ("orders-as-many-as-sales", replace(ANSWERS, listed=[])),
        ("orders-as-many-as-sales", replace(ANSWERS, listed=[ORDER, "order-2"])),
        ("slips-there", replace(ANSWERS, slips={ORDER: 404})),
        ("exactly-the-poisoned-parked", replace(ANSWERS, parked={"portal": {ORDER: "a bug"}})),
        ("nobody-parked-in-the-end", replace(ANSWERS, still_parked={"portal": [ORDER]})),
        ("dead-letters-kept", replace(ANSWERS, dead_letters={"orders": 1})),
        ("nothing-left-over", measured("orders", outbox_rows=1)),
        ("nothing-left-over", measured("portal", waiting_events=1)),
    ],
)
def test_a_doctored_answer_breaks(invariant: str, answers: Answers) -> None:
    assert invariant in broken([sale(), ship()], LOG, answers)


def test_one_who_was_poisoned_and_is_not_parked_breaks() -> None:
    poisoned = entry(9, "waybill.tracking", "TrackingAdded", ORDER, None, source="chaos/unknown-version/1", error="v9")

    assert broken([sale(), ship()], [*LOG, poisoned]) == {"exactly-the-poisoned-parked"}


def test_a_dead_letter_that_is_lost_breaks() -> None:
    unreadable = Entry("waybill.sales", 0, 9, "unreadable", SALE, None, None, None, None, "no envelope")

    assert broken([sale(), ship()], [*LOG, unreadable]) == {"dead-letters-kept"}


def test_rows_that_the_database_was_told_to_refuse_may_be_parked() -> None:
    parked = {"labels": {ORDER: "CheckViolationError: chaos refuses order-1"}}

    assert broken([sale(), ship()], LOG, replace(ANSWERS, parked=parked, refusing=["labels"])) == set()
    assert broken([sale(), ship()], LOG, replace(ANSWERS, parked=parked)) == {"exactly-the-poisoned-parked"}
