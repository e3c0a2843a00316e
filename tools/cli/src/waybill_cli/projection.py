"""`waybill projection`: build a projection anew from the log, beside the live one, and point to it."""

import getpass
import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Final

import httpx
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from waybill_chassis.embedded.processes import environment
from waybill_cli.home import REBUILDERS, Home

commands = typer.Typer(help="Projections: what is shown, built from the log.", no_args_is_help=True)
_out: Final = Console(highlight=False, soft_wrap=True)
_err: Final = Console(stderr=True, highlight=False)

Service = Annotated[str, typer.Argument(help="Whose projection: portal.")]
Why = Annotated[str, typer.Option(help="Why; it is kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]


class Refused(Exception):
    """The service says no, or nothing; the message says what to do."""


@commands.command("rebuild")
def rebuild(
    service: Service,
    *,
    why: Why,
    accept: Annotated[
        bool, typer.Option("--accept", help="Point to the new one even where its rows are others than the live ones.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=12, help="How many at a time; default: one a core.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Build it from offset 0 while the live one is read on, compare row by row, and point to it once both are level.

    One that was stopped goes on where it was. The old generation is kept until it is dropped. Where rows differ the
    differences are shown, the live one stays, and the exit status is 1: look at them, then run it again with --accept.
    """
    home = Home.of_environment()
    with _plain(service):
        plan = _ask(home, service, "POST", "plan", {"why": why})
        _say(as_json, {"plan": plan}, f"Generation {plan['name']}: {plan['records']} records, plan {plan['hash']}")
        last = _run(home, service, plan, accept=accept, processes=processes, as_json=as_json)
    _report(last, plan, as_json=as_json)
    if not last["pointed"]:
        raise typer.Exit(1)


@commands.command("list")
def generations(service: Service, *, as_json: AsJson = False) -> None:
    """All generations, and which of them is live."""
    with _plain(service):
        found = _ask(Home.of_environment(), service, "GET", "generations")["generations"]
    if as_json:
        for each in found:
            typer.echo(json.dumps(each))
        return
    table = Table("Generation", "", "Planned", "Pointed to", "Records", "Plan", box=None)
    for each in found:
        live = "[green]live[/]" if each["live"] else ("being built" if each["pointed_at"] is None else "kept")
        cells = (each["planned_at"], each["pointed_at"], each["records"], each["hash"])
        table.add_row(each["name"], live, *("" if cell is None else str(cell)[:19] for cell in cells))
    _out.print(table)


@commands.command("drop")
def drop(service: Service, generation: Annotated[str, typer.Argument(help="Such as g1.")], *, why: Why) -> None:
    """Remove a generation that is not the live one."""
    with _plain(service):
        _ask(Home.of_environment(), service, "POST", f"generations/{generation}/drop", {"why": why})
    _out.print(f"{generation} is gone.")


class _Rate(ProgressColumn):
    """Records a second."""

    def render(self, task: Task) -> Text:
        """Over the last moments."""
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s")


def _run(
    home: Home, service: str, plan: dict[str, Any], *, accept: bool, processes: int | None, as_json: bool
) -> dict[str, Any]:
    role = REBUILDERS[service]
    password = home.secret(f"database {role}")
    settings = {
        "WAYBILL_DATABASE_URL": f"postgresql+asyncpg://{role}:{password}@127.0.0.1:{home.port('postgres')}/{service}",
        "WAYBILL_KAFKA": home.kafka,
        "WAYBILL_PLAN": json.dumps(plan),
        "WAYBILL_ACCEPT": str(accept).lower(),
        **({} if processes is None else {"WAYBILL_PROCESSES": str(processes)}),
    }
    program = Path(sys.executable).with_name(f"waybill-{service}-rebuild")
    columns = (TextColumn("Reading"), BarColumn(), MofNCompleteColumn(), _Rate(), TimeRemainingColumn())
    last: dict[str, Any] = {}
    with (
        Progress(*columns, console=_err, transient=True) as bar,
        subprocess.Popen([program], env=environment(**settings), stdout=subprocess.PIPE, text=True) as running,  # noqa: S603
    ):
        task = bar.add_task("", total=plan["records"])
        assert running.stdout is not None
        try:
            for line in running.stdout:
                last = json.loads(line)
                if as_json:
                    typer.echo(line.rstrip())
                if "done" in last:
                    bar.update(task, completed=last["done"])
        except KeyboardInterrupt:
            running.terminate()
            raise
    if "pointed" not in last:
        raise Refused(
            f"the rebuild ended before it was done (exit status {running.returncode}); what it did is kept. Its last "
            "lines above say why; run the same command again to go on."
        )
    return last


def _report(last: dict[str, Any], plan: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        return
    _out.print(f"{last['equal']} rows are equal, {last['different']} differ, {last['missing']} are on one side only.")
    for difference in last["told"]:
        _out.print(f"  {difference}", markup=False)
    if last["pointed"]:
        _out.print(
            f"[green]✓[/] {plan['name']} is live. The one before it is kept; `waybill projection list` shows both."
        )
    else:
        _out.print(f"[yellow]![/] The live one stays. To take {plan['name']} as it is, run it again with --accept.")


def _ask(home: Home, service: str, method: str, path: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    """Call the owner; its answer. Raises Refused."""
    if service not in REBUILDERS:
        raise Refused(f"{service} has no projection that is built from the log; there is {', '.join(REBUILDERS)}")
    headers = {"Authorization": f"Bearer {home.secret('token')}", "Waybill-Actor": f"person:{getpass.getuser()}"}
    with httpx.Client(base_url=home.url(service), timeout=60, trust_env=False, headers=headers) as http:
        answer = http.request(method, f"/ops/v1/projection/{path}", json=body)
    if not answer.is_success:
        raise Refused(answer.json().get("detail", answer.text))
    found: dict[str, Any] = answer.json()
    return found


@contextmanager
def _plain(service: str) -> Generator[None]:
    try:
        yield
    except httpx.HTTPError as error:
        says = f"{service} does not answer ({type(error).__name__}). `waybill status` says what is running."
        _err.print(f"[red]✗[/] {says}", soft_wrap=True)
        raise typer.Exit(1) from None
    except Refused as error:
        _err.print(f"[red]✗[/] {error}", soft_wrap=True)
        raise typer.Exit(1) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def _say(as_json: bool, value: dict[str, Any], text: str) -> None:
    if as_json:
        typer.echo(json.dumps(value))
    else:
        _out.print(text)
