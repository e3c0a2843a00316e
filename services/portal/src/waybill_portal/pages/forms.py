"""What forms of an order's page say, read into commands."""

import re
from collections.abc import Mapping
from typing import Any, Final
from uuid import UUID

from fastapi import Request

from waybill_chassis.commands import KEY
from waybill_chassis.problems import Problem
from waybill_portal.domain.people import Viewer

_KEY_LENGTH: Final = 200
MEASURES: Final = ("weight_g", "length_mm", "width_mm", "height_mm")
"""What a person says of a parcel, in grams and millimeters."""
_FIELDS: Final = 2_100
"""An order has 2,000 lines at the most, and a quantity for each."""


async def read(request: Request) -> dict[str, str]:
    """The fields of a form, without files."""
    fields = await request.form(max_fields=_FIELDS)
    return {name: value for name, value in fields.items() if isinstance(value, str)}


async def chosen(request: Request, name: str) -> list[UUID]:
    """The ids that were ticked; raises Problem for one that is none."""
    fields = await request.form(max_fields=_FIELDS)
    try:
        return [UUID(str(value)) for value in fields.getlist(name)]
    except ValueError as error:
        raise Problem(422, "bad-id", "This form was not made by this page. Open the list again.") from error


def of_this_page(viewer: Viewer, given: Mapping[str, str]) -> None:
    """Raise Problem for a form about no order in particular that was made while another brand was looked at."""
    if given.get("looks_at", "") != ("" if viewer.brand is None else str(viewer.brand)):
        raise Problem(409, "turned-meanwhile", f"You look at {viewer.looks_at} now. Open the page again, then do it.")


def key_of(given: Mapping[str, str]) -> str | None:
    """The key that the form carries, so that sending it twice counts once; raises Problem for one of another make."""
    key = given.get("key") or None
    if key is not None and (len(key) > _KEY_LENGTH or not re.fullmatch(KEY, key)):
        raise Problem(422, "bad-key", "The form's key is none that this page made. Open the order again.")
    return key


def number(given: Mapping[str, str]) -> dict[str, Any]:
    """The company and number of a form, and the warning about them that somebody has seen."""
    body: dict[str, Any] = {name: given.get(name, "") for name in ("tracking_company", "tracking_number")}
    if confirmed := given.get("confirm"):
        body["confirm"] = confirmed.split(",")
    return body


def seen(problem: Problem) -> str:
    """What a warning says, for somebody who confirms it with a button."""
    return problem.detail.removesuffix("Send it again with `confirm` to take it.").strip()


def label_wish(given: Mapping[str, str]) -> dict[str, Any]:
    """The label that a form wants; raises Problem for a measure that is no whole number."""
    measures = {name: given[name].strip() for name in MEASURES if given.get(name, "").strip()}
    for name, said in measures.items():
        if not said.isascii() or not said.isdecimal():
            raise Problem(422, "not-a-number", f"{said!r} is no whole number of {name.replace('_', ', ')}.")
    wish: dict[str, Any] = {"service": given["service"]} if given.get("service") else {}
    if "weight_g" in measures:
        wish["weight_g"] = int(measures.pop("weight_g"))
    return {**wish, "box": {name: int(said) for name, said in measures.items()}} if measures else wish


def quantities(given: Mapping[str, str]) -> list[dict[str, Any]]:
    """The units that a form names by line; raises Problem for a quantity that is no number, and where there is none."""
    lines: list[dict[str, Any]] = []
    for name, value in given.items():
        if name.startswith("quantity:") and value.strip():
            line_id = name.removeprefix("quantity:")
            try:
                quantity = int(value)
            except ValueError as error:
                raise Problem(422, "not-a-number", f"{value!r} is no whole number of units.", line=line_id) from error
            if quantity:
                lines.append({"line_id": line_id, "quantity": quantity})
    if not lines:
        raise Problem(422, "nothing-chosen", "Choose at least one unit.")
    return lines
