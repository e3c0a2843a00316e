"""`waybill labels`: what labels an order has, and what they cost; buy, give back, print."""

import time
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from waybill_cli.services import Refused, Services
from waybill_cli.terminal import AsJson, fail, out, plain_errors, print_json, this_home

commands = typer.Typer(help="Labels of orders, and their money.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The order's reference, such as 10001-01.")]
Service = Annotated[
    str | None, typer.Option("--service", help="carrier:service; default: what the brand's rule chooses.")
]
Weight = Annotated[int | None, typer.Option("--weight-g", min=1, help="What the scale says, in grams.")]
_PATIENCE_S: Final = 30.0
_UNDER_WAY: Final = frozenset({"wanted", "asked", "voiding"})


@commands.command("show")
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show every label that was ever wanted for an order, and where its money is."""
    with plain_errors():
        desk = Services(this_home())
        _print(desk.api("labels", "GET", f"/orders/{_order(desk, name)}/labels"), as_json=as_json)


@commands.command("lost")
def lost(*, as_json: AsJson = False) -> None:
    """List the labels of all orders that were paid and that no carrier takes back, the latest first."""
    with plain_errors():
        desk = Services(this_home())
        page: dict[str, Any] = desk.api("labels", "GET", "/labels", money="lost")
        found: list[dict[str, Any]] = page["labels"]
        while page["before"]:
            page = desk.api("labels", "GET", "/labels", money="lost", before=page["before"])
            found += page["labels"]
        _print({"labels": found}, as_json=as_json)


@commands.command("buy")
def buy(name: Name, *, service: Service = None, weight_g: Weight = None, as_json: AsJson = False) -> None:
    """Pack what is open of an order and buy its label; or buy one for each packed parcel that is left without."""
    with plain_errors():
        desk = Services(this_home())
        order = _order(desk, name)
        ledger = desk.api("fulfillment", "GET", f"/orders/{order}")
        wish = {key: value for key, value in (("service", service), ("weight_g", weight_g)) if value is not None}
        if any(line["open"] for line in ledger["lines"]):
            desk.api("fulfillment", "POST", f"/orders/{order}/parcels", body={"shipping": "platform", **wish})
        else:
            without = [each for each in ledger["parcels"] if each["state"] == "packed" and _left_without(each)]
            if not without:
                fail(f"Nothing of {name} is open, and no packed parcel of it is left without a label.")
            for parcel in without:
                desk.api("labels", "POST", f"/orders/{order}/parcels/{parcel['parcel_id']}/label", body=wish)
        _print(_settled(desk, order), as_json=as_json)


@commands.command("void")
def void(name: Name, *, as_json: AsJson = False) -> None:
    """Give back the labels of an order that are paid and have not left."""
    with plain_errors():
        desk = Services(this_home())
        order = _order(desk, name)
        found = desk.api("labels", "GET", f"/orders/{order}/labels")["labels"]
        paid = [label["label_id"] for label in found if label["state"] == "bought"]
        if not paid:
            fail(f"No label of {name} is bought: there is nothing to give back.")
        for label_id in paid:
            desk.api("labels", "POST", f"/orders/{order}/labels/{label_id}/void", body={})
        _print(_settled(desk, order), as_json=as_json)


@commands.command("print")
def print_(
    name: Name,
    *,
    to: Annotated[Path, typer.Option("--to", help="The file, or the folder, that it is written to.")] = Path(),
    zpl: Annotated[bool, typer.Option("--zpl", help="For a label printer with 203 dpi, instead of PDF.")] = False,
    size: Annotated[str, typer.Option("--size", help="4x6 or a6.")] = "4x6",
) -> None:
    """Write the labels of an order to files, one for each parcel."""
    with plain_errors():
        desk = Services(this_home())
        order, ending = _order(desk, name), "zpl" if zpl else "pdf"
        found = desk.api("labels", "GET", f"/orders/{order}/labels")["labels"]
        parcels = list(dict.fromkeys(label["parcel_id"] for label in found if label["state"] == "bought"))
        if not parcels:
            fail(f"No label of {name} is bought. `waybill labels buy {name}` buys one.")
        for path, parcel in zip(_files(to, name, ending, len(parcels)), parcels, strict=True):
            path.write_bytes(desk.document("labels", f"/orders/{order}/parcels/{parcel}/label.{ending}", size=size))
            out.print(f"[green]✓[/] {path}")


def _order(desk: Services, name: str) -> str:
    """The id of an order that is called so; raises Refused."""
    found = desk.api("portal", "GET", "/orders", q=name)["orders"]
    for order in found:
        if order["reference"] == name:
            return str(order["order_id"])
    raise Refused(f"no order {name} is known; the portal lists those that are")


def _left_without(parcel: dict[str, Any]) -> bool:
    return parcel["label"] in {"failed", "voided"}


def _settled(desk: Services, order: str) -> dict[str, Any]:
    """The labels of an order once nothing of them is under way any more, or patience has ended."""
    end = time.monotonic() + _PATIENCE_S
    found: dict[str, Any]
    while True:
        try:
            found = desk.api("labels", "GET", f"/orders/{order}/labels")
        except Refused:
            # It is packed, and labels has not heard of it yet.
            found = dict[str, Any](labels=[])
        labels = found["labels"]
        if (labels and all(label["state"] not in _UNDER_WAY for label in labels)) or time.monotonic() > end:
            return found
        time.sleep(0.2)


def _files(to: Path, name: str, ending: str, count: int) -> Iterable[Path]:
    """Where each label goes: to the file that was named, or into the folder, numbered where there are several."""
    folder, stem = (to, f"label-{name}") if to.is_dir() else (to.parent, to.stem)
    suffix = f".{ending}" if to.is_dir() or not to.suffix else to.suffix
    numbers = [""] if count == 1 else [f"-{at}" for at in range(1, count + 1)]
    return [folder / f"{stem}{number}{suffix}" for number in numbers]


def _when(time_: str | None) -> str:
    """To the minute, in UTC; `earlier` where a release before did not note it."""
    return "earlier" if time_ is None else datetime.fromisoformat(time_).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _print(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        for label in found["labels"]:
            print_json(label)
        return
    named = any("reference" in label for label in found["labels"])
    columns = ("state", "service", "number", "cost", "money", "says")
    table = Table(*(("order",) if named else ()), *columns, box=None, header_style="bold")
    for label in found["labels"]:
        cost: dict[str, Any] = label["cost"] or {}
        service = f"{label['carrier']}:{label['service']}" if label["carrier"] else ""
        price = f"{cost['amount']} {cost['currency']}" if cost else ""
        ledger = [f"{each['what']} {_when(each['at'])}".replace("_", " ") for each in label["ledger"]]
        money = "\n".join([label["money"], *ledger])
        order = (label["reference"],) if named else ()
        table.add_row(*order, label["state"], service, label["tracking_number"] or "", price, money, label["words"])
    out.print(table)
