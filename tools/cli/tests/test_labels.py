"""Which labels `waybill labels void` gives back."""

from collections.abc import Sequence
from typing import Any

import pytest

from waybill_cli.labels import to_void


def label(name: str, parcel: str, state: str = "bought") -> dict[str, Any]:
    return {"label_id": name, "parcel_id": parcel, "state": state}


LABELS = [
    label("former", "packed", "refunded"),
    label("mine", "packed"),
    label("gone", "shipped"),
    label("back", "a return"),
]
PARCELS = [{"parcel_id": "packed", "state": "packed"}, {"parcel_id": "shipped", "state": "shipped"}]


@pytest.mark.parametrize(
    ("only", "meant"),
    [
        (None, ["mine"]),
        (["packed"], ["mine"]),
        (["back"], ["back"]),
        (["a return", "mine"], ["mine", "back"]),
        (["gone"], ["gone"]),
        (["former"], []),
    ],
)
def test_labels_of_packed_parcels_are_given_back_and_others_only_where_they_are_named(
    only: Sequence[str] | None, meant: list[str]
) -> None:
    assert [each["label_id"] for each in to_void(LABELS, PARCELS, only)] == meant
