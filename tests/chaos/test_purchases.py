"""The short form of `make purchases`, and what its judge says of books that do not agree."""

from dataclasses import replace
from typing import Any
from uuid import UUID

import pytest

from waybill_chaos.purchases import Case, judge, run

PARCEL, OTHER = UUID(int=1), UUID(int=2)


def label(state: str, parcel: UUID = PARCEL, number: str | None = "WB1") -> dict[str, Any]:
    return {
        "label_id": UUID(int=parcel.int + 100),
        "parcel_id": parcel,
        "state": state,
        "number": number,
        "amount": "7.35",
    }


def sold(state: str = "sold", number: str = "WB1", key: str = "k1") -> dict[str, Any]:
    return {"key": key, "state": state, "tracking_number": number, "amount": "7.35"}


FINE = Case(
    labels=[label("bought"), label("dropped", OTHER, None)],
    parcels={PARCEL: "packed", OTHER: "unpacked"},
    refuses=frozenset(),
    books=[sold()],
    told=[("LabelPurchased", str(UUID(int=101)))],
)


def broken(**changed: Any) -> list[str]:
    return [name for name, violations in judge(replace(FINE, **changed)).items() if violations]


def test_a_run_of_which_everything_is_told_breaks_nothing() -> None:
    assert broken() == []


@pytest.mark.parametrize(
    ("changed", "names"),
    [
        ({"books": [sold(), sold(number="WB2", key="k2")]}, ["books-agree"]),
        ({"books": [sold(), sold(number="WB2")]}, ["books-agree", "none-bought-twice"]),
        ({"books": []}, ["books-agree"]),
        ({"books": [sold("voided")]}, ["books-agree"]),
        ({"books": [{**sold(), "amount": "7.36"}]}, ["books-agree"]),
        ({"parcels": {PARCEL: "unpacked", OTHER: "unpacked"}}, ["one-paid-label"]),
        ({"parcels": {PARCEL: "packed", OTHER: "packed"}}, ["one-paid-label"]),
        ({"parcels": {PARCEL: "packed", OTHER: "packed"}, "refuses": frozenset({OTHER})}, []),
        ({"told": []}, ["the-log-tells-it"]),
        ({"told": [*FINE.told, *FINE.told]}, ["the-log-tells-it"]),
        ({"labels": [label("bought"), label("asked", OTHER, None)]}, ["nothing-is-left-open"]),
    ],
)
def test_what_does_not_agree_is_said(changed: dict[str, Any], names: list[str]) -> None:
    assert broken(**changed) == names


@pytest.mark.timeout(300)
async def test_labels_are_bought_once_whatever_is_lost_and_whoever_is_killed() -> None:
    struck: list[str] = []

    verdict = await run(200, 5, struck.append)

    assert not verdict.violated, "\n".join((*struck, *verdict.lines()))
    assert verdict.kills
    assert verdict.looked_up
    assert verdict.states["bought"]
