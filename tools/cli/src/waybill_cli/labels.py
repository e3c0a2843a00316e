"""`waybill labels`: what labels an order has, and what they cost; buy, give back, print."""

import time
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from waybill_cli.services import Refused, Services
from waybill_cli.terminal import AsJson, complain, fail, out, plain_errors, print_json, this_home

commands = typer.Typer(help="Labels of orders, and their money.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The order's reference, such as 10001-01.")]
Service = Annotated[
    str | None, typer.Option("--service", help="carrier:service; default: what the brand's rule chooses.")
]
Weight = Annotated[int | None, typer.Option("--weight-g", min=1, help="What the scale says, in grams.")]
_PATIENCE_S: Final = 30.0
_UNDER_WAY: Final = frozenset({"wanted", "asked", "voiding"})
_NOT_TAKEN_BACK: Final = frozenset({"bought", "kept"})


@commands.command("show")
def show(name: Name, *, as_json: AsJson = False) -> None:
    """Show every label that was ever wanted for an order, and where its money is."""
    with plain_errors():
        desk = Services(this_home())
        _print(desk.api("labels", "GET", f"/orders/{_order(desk, name)}/labels")["labels"], as_json=as_json)


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
        _print(found, as_json=as_json)


@commands.command("buy")
def buy(name: Name, *, service: Service = None, weight_g: Weight = None, as_json: AsJson = False) -> None:
    """Pack what is open of an order and buy its label; or buy one for each packed parcel that is left without.

    Ends with 1 where one is not bought, and says why and what to do.
    """
    with plain_errors():
        desk = Services(this_home())
        order = _order(desk, name)
        ledger = desk.api("fulfillment", "GET", f"/orders/{order}")
        known = {label["label_id"] for label in _labels(desk, order)}
        wish = {key: value for key, value in (("service", service), ("weight_g", weight_g)) if value is not None}
        if any(line["open"] for line in ledger["lines"]):
            packed = desk.api("fulfillment", "POST", f"/orders/{order}/parcels", body={"shipping": "platform", **wish})
            parcels = {packed["parcels"][-1]["parcel_id"]}
        else:
            parcels = {each["parcel_id"] for each in ledger["parcels"] if _left_without(each)}
            if not parcels:
                fail(f"Nothing of {name} is open, and no packed parcel of it is left without a label.")
            for parcel in parcels:
                desk.api("labels", "POST", f"/orders/{order}/parcels/{parcel}/label", body=wish)
        found = _settled(desk, order, lambda label: label["label_id"] not in known, parcels)
        _print(found, as_json=as_json)
        _end([label["words"] for label in found if label["label_id"] not in known and label["state"] == "failed"])


@commands.command("void")
def void(
    name: Name,
    only: Annotated[list[str] | None, typer.Argument(help="Ids of labels, parcels or returns.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Give back the paid labels of an order's packed parcels; or those that are named, also a return's.

    Ends with 1 where one is not given back, and says why.
    """
    with plain_errors():
        desk = Services(this_home())
        order = _order(desk, name)
        ledger = desk.api("fulfillment", "GET", f"/orders/{order}")
        paid = to_void(_labels(desk, order), ledger["parcels"], only)
        if not paid:
            which = f"is called {', '.join(only)}" if only else "is of a packed parcel"
            fail(f"No paid label of {name} {which}: there is nothing to give back. See `waybill labels show {name}`.")
        refused: list[str] = []
        for label in paid:
            try:
                desk.api("labels", "POST", f"/orders/{order}/labels/{label['label_id']}/void", body={})
            except Refused as error:
                refused.append(f"{label['tracking_number']}: {error}")
        tried = {label["label_id"] for label in paid}
        found = _settled(desk, order, lambda label: label["label_id"] in tried, ())
        _print(found, as_json=as_json)
        stay = [
            each for each in found if each["label_id"] in tried and each["state"] in _NOT_TAKEN_BACK and each["words"]
        ]
        _end([*refused, *(f"{each['tracking_number']}: {each['words']}" for each in stay)])


def to_void(
    labels: Sequence[dict[str, Any]], parcels: Sequence[dict[str, Any]], only: Sequence[str] | None
) -> list[dict[str, Any]]:
    """The paid labels that are meant: those that are named, else those of packed parcels."""
    meant = set(only or (each["parcel_id"] for each in parcels if each["state"] == "packed"))
    return [label for label in labels if label["state"] == "bought" and {label["label_id"], label["parcel_id"]} & meant]


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
    return parcel["state"] == "packed" and parcel["label"] in {"failed", "voided"}


def _labels(desk: Services, order: str) -> list[dict[str, Any]]:
    """The labels of an order; none while labels has not heard of it."""
    try:
        found: list[dict[str, Any]] = desk.api("labels", "GET", f"/orders/{order}/labels")["labels"]
    except Refused:
        return []
    return found


def _settled(
    desk: Services, order: str, mine: Callable[[dict[str, Any]], bool], parcels: Collection[str]
) -> list[dict[str, Any]]:
    """All labels of an order once none of `mine` is under way any more, or patience has ended.

    Each of these parcels has one by then; labels hears a moment later that it was packed.
    """
    end = time.monotonic() + _PATIENCE_S
    while True:
        found = _labels(desk, order)
        looked_at = [label for label in found if mine(label)]
        there = {label["parcel_id"] for label in looked_at} >= set(parcels)
        if (there and all(label["state"] not in _UNDER_WAY for label in looked_at)) or time.monotonic() > end:
            return found
        time.sleep(0.2)


def _end(wrong: Sequence[str]) -> None:
    """End with 1 where something went wrong, and say what."""
    for says in wrong:
        complain(says)
    if wrong:
        raise typer.Exit(1)


def _files(to: Path, name: str, ending: str, count: int) -> Iterable[Path]:
    """Where each label goes: to the file that was named, or into the folder, numbered where there are several."""
    folder, stem = (to, f"label-{name}") if to.is_dir() else (to.parent, to.stem)
    suffix = f".{ending}" if to.is_dir() or not to.suffix else to.suffix
    numbers = [""] if count == 1 else [f"-{at}" for at in range(1, count + 1)]
    return [folder / f"{stem}{number}{suffix}" for number in numbers]


def _when(time_: str | None) -> str:
    """To the minute, in UTC; `earlier` where a release before did not note it."""
    return "earlier" if time_ is None else datetime.fromisoformat(time_).astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def _print(found: Sequence[dict[str, Any]], *, as_json: bool) -> None:
    if as_json:
        for label in found:
            print_json(label)
        return
    named = any("reference" in label for label in found)
    columns = ("state", "service", "number", "cost", "money", "says")
    table = Table(*(("order",) if named else ()), *columns, box=None, header_style="bold")
    for label in found:
        cost: dict[str, Any] = label["cost"] or {}
        service = f"{label['carrier']}:{label['service']}" if label["carrier"] else ""
        price = f"{cost['amount']} {cost['currency']}" if cost else ""
        ledger = [f"{each['what']} {_when(each['at'])}".replace("_", " ") for each in label["ledger"]]
        money = "\n".join([label["money"], *ledger])
        order = (label["reference"],) if named else ()
        table.add_row(*order, label["state"], service, label["tracking_number"] or "", price, money, label["words"])
    out.print(table)
