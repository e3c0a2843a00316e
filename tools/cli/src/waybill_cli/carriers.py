"""`waybill carriers`: what is known of carriers, and whose a number is."""

from typing import Annotated, Any

import typer
from rich.table import Table

from waybill_carriers import CARRIERS, Candidate, Carrier, by_name, detect, suggest
from waybill_cli.terminal import AsJson, fail, out, print_json

commands = typer.Typer(help="Carriers, their names and numbers.", no_args_is_help=True)


@commands.command("detect")
def detect_command(
    numbers: Annotated[list[str], typer.Argument(help="Tracking numbers, spaces and dashes allowed.")],
    *,
    hint: Annotated[
        str | None, typer.Option("--hint", help="The carrier that somebody named: it comes first where it can be.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Tell which carriers write such numbers, the likeliest first."""
    if hint is not None and by_name(hint) is None:
        alike = " or ".join(carrier.name for carrier in suggest(hint))
        more = f"did you mean {alike}?" if alike else "`waybill carriers list` names those that are."
        fail(f"No carrier is known as {hint}; {more}")
    found = [(number, detect(number, hint)) for number in numbers]
    if as_json:
        for number, candidates in found:
            print_json({"number": number, "candidates": [_plain(each) for each in candidates]})
        return
    table = Table("number", "carrier", "check digit", "service", "because", box=None, header_style="bold")
    for number, candidates in found:
        for candidate in candidates:
            service = candidate.service or ""
            table.add_row(number, candidate.carrier.name, candidate.check_digit, service, "; ".join(candidate.evidence))
        if not candidates:
            table.add_row(number, "", "", "", "no carrier that is known writes such numbers")
    out.print(table)


@commands.command("list")
def list_command(*, as_json: AsJson = False) -> None:
    """List the carriers, by what names they go and what their numbers look like."""
    if as_json:
        for carrier in CARRIERS:
            print_json(_entry(carrier))
        return
    table = Table("code", "name", "number", "check digit", "such as", box=None, header_style="bold")
    for carrier in CARRIERS:
        for at, each in enumerate(carrier.formats):
            table.add_row(
                "" if at else carrier.code,
                "" if at else carrier.name,
                each.name,
                "" if each.check is None else each.check.name,
                each.numbers[0] if each.numbers else "",
            )
    out.print(table)


def _plain(candidate: Candidate) -> dict[str, Any]:
    return {
        "carrier": candidate.carrier.code,
        "service": candidate.service,
        "check_digit": candidate.check_digit,
        "url": candidate.url,
        "evidence": list(candidate.evidence),
    }


def _entry(carrier: Carrier) -> dict[str, Any]:
    return {
        "code": carrier.code,
        "name": carrier.name,
        "aliases": carrier.aliases,
        "page": carrier.page_of,
        "source": carrier.source,
        "formats": [
            {
                "name": each.name,
                "shapes": each.shapes,
                "check_digit": None if each.check is None else each.check.name,
                "source": each.source,
                "numbers": each.numbers,
            }
            for each in carrier.formats
        ],
    }
