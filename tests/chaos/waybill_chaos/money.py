"""Labels and their money: what the log tells of each, beside the books of the carrier that sold them. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final

TOLD: Final = (
    "LabelPurchased",
    "LabelVoided",
    "LabelVoidRefused",
    "LabelRefunded",
    "ReturnLabelPurchased",
    "ReturnLabelChanged",
)
_BOOKS: Final = {"bought": "sold", "kept": "sold", "voided": "voided", "refunded": "refunded"}
"""How the carrier calls what a label is here, where money has moved."""


def told(events: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, dict[str, Any]]:
    """Each label by its id, as its events in order leave it: its parcel, number, price, and state."""
    labels: dict[str, dict[str, Any]] = {}
    for name, data in events:
        if name in {"LabelPurchased", "ReturnLabelPurchased"}:
            labels[data["label_id"]] = {
                "parcel_id": data.get("parcel_id") or data["return_id"],
                "number": data["tracking_number"],
                "amount": data["cost"]["amount"],
                "state": "bought",
            }
        elif name == "LabelVoided":
            labels[data["label_id"]]["state"] = "voided"
        elif name == "LabelRefunded":
            labels[data["label_id"]]["state"] = "refunded"
        elif name == "ReturnLabelChanged" and data["label_id"] in labels:
            labels[data["label_id"]]["state"] = data["state"]
        elif name == "LabelVoidRefused" and data["why"] != "asked":
            labels[data["label_id"]]["state"] = "kept"
    return labels


def agree(labels: Iterable[Mapping[str, Any]], books: Sequence[Mapping[str, Any]]) -> Iterator[str | None]:
    """Whatever the carrier has sold is ours, under its number, with the same state of its money; and the reverse."""
    ours = {label["number"]: label for label in labels if label["number"]}
    for sold in books:
        mine, number = ours.pop(sold["tracking_number"], None), sold["tracking_number"]
        if mine is None:
            yield f"{number} was paid and forgotten ({sold['key']})"
        elif _BOOKS.get(mine["state"]) != sold["state"]:
            yield f"{number} is {mine['state']} here and {sold['state']} at the carrier"
        elif Decimal(mine["amount"]) != Decimal(sold["amount"]):
            yield f"{number} cost {sold['amount']}, and {mine['amount']} here"
        else:
            yield None
    for number in ours:
        yield f"{number} was never sold"


def bought_once(books: Sequence[Mapping[str, Any]]) -> Iterator[str | None]:
    """Under each key a label was bought once."""
    for key, times in Counter(sold["key"] for sold in books).items():
        yield None if times == 1 else f"{key} was bought {times} times"


def one_a_parcel(labels: Iterable[Mapping[str, Any]], wanted: Mapping[str, bool]) -> Iterator[str | None]:
    """A parcel that goes with a label has one, and another one none; `wanted` says which does, by its id."""
    bought = Counter(str(label["parcel_id"]) for label in labels if label["state"] == "bought")
    for parcel_id, goes in wanted.items():
        count = bought[parcel_id]
        yield None if count == int(goes) else f"parcel {parcel_id} has {count} labels and needs {int(goes)}"
