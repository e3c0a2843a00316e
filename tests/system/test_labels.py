"""`waybill labels`, on a whole Waybill: bought, printed, given back, and what is said where that makes no sense."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pypdf import PdfReader

from waybill_simulators.shopify import an_order

Until = Callable[..., Awaitable[None]]
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
MUG = {"title": "Mug", "vendor": "", "sku": "MU", "price": "9.00", "quantity": 2}
NUMBER = 880_001
NAME = f"{NUMBER}-01"


async def test_a_label_is_bought_printed_and_given_back_from_the_command_line(
    stack: Any, selling: Any, until: Until, tmp_path: Path
) -> None:
    await selling.shop.tell(an_order(NUMBER, [MUG], datetime.now(UTC), address=ADDRESS))

    async def there() -> bool:
        return bool(await selling.orders(q=NAME))

    await until(there)
    early = await _run(stack, "print", NAME, fails=True)
    bought = json.loads(await _run(stack, "buy", NAME, "--service", "simulated:ground", "--weight-g", "900", "--json"))
    again = await _run(stack, "buy", NAME, fails=True)
    printed = await _run(stack, "print", NAME, "--to", str(tmp_path))
    await _run(stack, "print", NAME, "--to", str(tmp_path / "label.zpl"), "--zpl", "--size", "a6")
    void = await _run(stack, "void", NAME)
    shown = [json.loads(line) for line in (await _run(stack, "show", NAME, "--json")).splitlines()]
    nobody = await _run(stack, "show", "1-01", fails=True)

    assert "No label of 880001-01 is bought" in early
    assert (bought["state"], bought["service"], bought["weight_g"]) == ("bought", "ground", 900)
    assert "Nothing of 880001-01 is open" in again
    pdf = tmp_path / f"label-{NAME}.pdf"
    assert str(pdf) in printed
    assert bought["tracking_number"] in PdfReader(pdf).pages[0].extract_text()
    assert (tmp_path / "label.zpl").read_bytes().startswith(b"^XA^PW839")
    assert "refunded" in void
    assert [(label["state"], label["money"]) for label in shown] == [("refunded", "refunded")]
    assert [entry["what"] for entry in shown[0]["ledger"]] == ["bought", "void_requested", "voided", "refunded"]
    assert all(word in void for word in ("void requested", "voided", "refunded"))
    assert "no order 1-01 is known" in nobody


async def test_only_labels_of_packed_parcels_are_given_back_and_each_that_is_not_is_named(
    stack: Any, selling: Any, until: Until
) -> None:
    name, order = await _sold(selling, until, NUMBER + 1, ADDRESS)
    line = order["lines"][0]["line_id"]
    at = f"/api/v1/orders/{order['order_id']}"
    parcels: list[str] = []
    for _ in range(2):
        wanted = {"shipping": "platform", "lines": [{"line_id": line, "quantity": 1}]}
        answer = await selling.portal.post(f"{at}/parcels", json=wanted)
        parcels.append(answer.json()["parcels"][-1]["parcel_id"])

    async def labeled() -> bool:
        shown = (await selling.portal.get(at)).json()["parcels"]
        return [each["label_state"] for each in shown] == ["labeled", "labeled"]

    await until(labeled)
    assert (await selling.portal.post(f"{at}/parcels/{parcels[0]}/hand-over")).is_success

    async def left() -> bool:
        # Labels hears a moment later that it has left.
        rows = "SELECT place FROM parcels WHERE parcel_id = :parcel"
        return bool(await stack.scalar("labels", rows, parcel=parcels[0]) == "shipped")

    await until(left)
    await _run(stack, "void", name)
    shown = [json.loads(each) for each in (await _run(stack, "show", name, "--json")).splitlines()]
    gone = await _run(stack, "void", name, parcels[0], fails=True)
    nothing = await _run(stack, "void", name, fails=True)

    assert {label["parcel_id"]: label["state"] for label in shown} == {parcels[0]: "bought", parcels[1]: "refunded"}
    (number,) = [label["tracking_number"] for label in shown if label["state"] == "bought"]
    assert number in gone
    assert "Parcel 1 has left with this label" in gone
    assert f"No paid label of {name} is of a packed parcel" in nothing


async def test_a_label_that_no_carrier_sells_ends_the_command_with_why_and_what_to_do(
    stack: Any, selling: Any, until: Until
) -> None:
    name, _ = await _sold(selling, until, NUMBER + 2, {**ADDRESS, "city": "Nowhere"})

    said = await _run(stack, "buy", name, fails=True)

    assert "We do not deliver to [city]. Check the city." in said
    assert "Or choose another service, or ship it with your own carrier." in said


async def _sold(selling: Any, until: Until, number: int, address: Any) -> tuple[str, dict[str, Any]]:
    """The name of an order that was sold, and the order itself as the portal knows it."""
    await selling.shop.tell(an_order(number, [MUG], datetime.now(UTC), address=address))
    found: list[dict[str, Any]] = []

    async def there() -> bool:
        found[:] = await selling.orders(q=f"{number}-01")
        return bool(found)

    await until(there)
    return f"{number}-01", found[0]


async def _run(stack: Any, *arguments: str, fails: bool = False) -> str:
    """The command's output, beside everything else."""
    said: str = await asyncio.to_thread(stack.run, "labels", *arguments, fails=fails)
    return said
