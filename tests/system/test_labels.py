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


async def _run(stack: Any, *arguments: str, fails: bool = False) -> str:
    """The command's output, beside everything else."""
    said: str = await asyncio.to_thread(stack.run, "labels", *arguments, fails=fails)
    return said
