"""The command: which databases, which log, and the report for people or programs."""

import asyncio
import os
from collections.abc import Sequence
from importlib.metadata import entry_points
from typing import Annotated, Final

import typer
from rich.markup import escape

from waybill_chassis.checks import ENTRY_POINTS, Checks
from waybill_chassis.readers import ROLE as READER
from waybill_cli.home import SERVICES
from waybill_cli.terminal import AsJson, Kafka, fail, out, plain_errors, print_json, records_progress, this_home
from waybill_cli.verify.databases import services
from waybill_cli.verify.report import Finding, Result, event_of
from waybill_cli.verify.walk import Progress, Walk

DATABASES: Final = "WAYBILL_VERIFY_DATABASES"
HINT: Final = "`waybill status` says what is away; `make down` and `make up` give role `verify` its rights again."
_MARKS: Final = {True: "[green]✓[/]", False: "[red]✗[/]", None: "[yellow]?[/]"}
_LINES: Final = 20


def command(
    *,
    as_json: AsJson = False,
    outbox_limit: Annotated[
        float, typer.Option(min=0, help="Seconds that an event may wait in an outbox.", metavar="SECONDS")
    ] = 60.0,
    kafka: Kafka = None,
    databases: Annotated[
        str | None,
        typer.Option(
            envvar=DATABASES,
            help="Where the databases are, {service} standing for each name; default: this machine's.",
            metavar="postgresql+asyncpg://verify:PASSWORD@HOST/{service}",
        ),
    ] = None,
) -> None:
    """Hold log, databases and portal against each other. It only reads, and may run while everything is at work.

    The exit status is 0 when every invariant holds, 1 when one does not, 2 when something could not be checked.
    """
    url = databases or _of_home()
    if "{service}" not in url:
        fail(f"--databases must have {{service}} where the name of each database stands ({DATABASES} is the same)")
    bootstrap = kafka or os.environ.get("WAYBILL_KAFKA") or this_home().kafka
    with plain_errors(), records_progress(shown=True) as bar:
        task = bar.add_task("Reading", total=None)
        tell = Progress(
            says=lambda text: bar.update(task, description=text),
            total=lambda total: bar.update(task, total=total),
            advance=lambda more: bar.update(task, advance=more),
        )
        known = services(SERVICES, lambda name: url.replace("{service}", name), _checks())
        results = asyncio.run(Walk(known, bootstrap, outbox_limit, tell).run())
    for result in results:
        if as_json:
            print_json(result.as_json())
        else:
            _print(result)
    reasons = dict.fromkeys(reason for result in results for reason in result.not_checked)
    if reasons and not as_json:
        out.print(f"\n[yellow]Not everything could be checked:[/] {HINT}")
        for reason in _shortened(list(reasons)):
            out.print(f"  {escape(reason)}")
    if any(result.holds is False for result in results):
        raise typer.Exit(1)
    if any(result.holds is None for result in results):
        raise typer.Exit(2)


def _of_home() -> str:
    home = this_home()
    if not home.exists:
        fail(f"{home.folder} is no home of Waybill's. Start one (make up), or say where with --databases and --kafka.")
    password = home.secret(f"database {READER}")
    return f"postgresql+asyncpg://{READER}:{password}@127.0.0.1:{home.port('postgres')}/{{service}}"


def _checks() -> dict[str, Checks]:
    """What the installed services bring, by their name."""
    return {point.name: point.load() for point in entry_points(group=ENTRY_POINTS)}


def _print(result: Result) -> None:
    counts = ", ".join(f"{number:,} {what}" for what, number in result.counts.items() if number)
    out.print(f"{_MARKS[result.holds]} [bold]{result.name:<11}[/] {escape(result.says)}")
    out.print(f"  {'':<11} [dim]{escape(counts) or 'nothing to look at'}[/]")
    if result.first is not None:
        _print_finding(result.first, result.violations)


def _print_finding(first: Finding, of: int) -> None:
    who = ", ".join(str(each) for each in (first.service, first.subject) if each is not None)
    out.print(f"  {'':<11} [red]{'violation' if of == 1 else f'first of {of:,} violations'}[/] {escape(who)}")
    out.print(f"  {'':<11} {escape(first.broken.says)}")
    for line in _shortened(first.broken.differences):
        out.print(f"  {'':<13} {escape(line)}")
    for line in _shortened([_place(event_of(record)) for record in first.broken.records]):
        out.print(f"  {'':<13} [dim]{escape(line)}[/]")


def _place(event: dict[str, object]) -> str:
    said = [f"{event['topic']} partition {event['partition']} offset {event['offset']}"]
    if event["type"] is not None:
        number = "" if event["sequence"] is None else f" number {event['sequence']} of {event['source']}"
        said.append(f"{event['type']}{number}, id {event['id']}")
    return "  ".join(said)


def _shortened(lines: Sequence[str]) -> list[str]:
    more = len(lines) - _LINES
    return [*lines[:_LINES], *([f"… and {more} more"] if more > 0 else [])]
