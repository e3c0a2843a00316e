"""`waybill projection`: build a projection anew from the log, beside the live one, and point to it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from waybill_chassis.embedded.processes import environment
from waybill_cli.home import REBUILDERS, Home
from waybill_cli.services import As, Refused, Services, Why
from waybill_cli.terminal import AsJson, out, plain_errors, print_json, records_progress, when

commands = typer.Typer(help="Projections: what is shown, built from the log.", no_args_is_help=True)
_API: Final = "/projection"

Service = Annotated[str, typer.Argument(help="Whose projection: portal.")]


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
    by: As = None,
    as_json: AsJson = False,
) -> None:
    """Build it from offset 0 while the live one is read on, compare row by row, and point to it once both are level.

    One that was stopped goes on where it was. The old generation is kept until it is dropped. Where rows differ the
    differences are shown, the live one stays, and the exit status is 1: look at them, then run it again with --accept.
    """
    with plain_errors():
        home = Home.of_environment()
        plan = _services(home, service, by).do(service, f"{_API}/plan", why=why)
        if as_json:
            print_json({"plan": plan})
        else:
            out.print(f"Generation {plan['name']}: {plan['records']} records, plan {plan['hash']}")
        last = _run(home, service, plan, accept=accept, processes=processes, as_json=as_json)
    if not as_json:
        _report(last, plan)
    if not last["pointed"]:
        raise typer.Exit(1)


@commands.command("list")
def generations(service: Service, *, as_json: AsJson = False) -> None:
    """All generations, and which of them is live."""
    with plain_errors():
        found = _services(Home.of_environment(), service).get(service, f"{_API}/generations")["generations"]
    if as_json:
        for each in found:
            print_json(each)
        return
    table = Table("Generation", "", "Planned", "Pointed to", "Records", "Plan", box=None)
    for each in found:
        live = "[green]live[/]" if each["live"] else ("being built" if each["pointed_at"] is None else "kept")
        times = (when(each["planned_at"] or ""), when(each["pointed_at"] or ""))
        table.add_row(each["name"], live, *times, str(each["records"] or ""), each["hash"] or "")
    out.print(table)


@commands.command("drop")
def drop(
    service: Service, generation: Annotated[str, typer.Argument(help="Such as g1.")], *, why: Why, by: As = None
) -> None:
    """Remove a generation that is not the live one."""
    with plain_errors():
        _services(Home.of_environment(), service, by).do(service, f"{_API}/generations/{generation}/drop", why=why)
    out.print(f"{generation} is gone.")


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
    last: dict[str, Any] = {}
    with (
        records_progress(shown=not as_json) as bar,
        subprocess.Popen([program], env=environment(**settings), stdout=subprocess.PIPE, text=True) as running,  # noqa: S603
    ):
        task = bar.add_task("Reading", total=plan["records"])
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


def _report(last: dict[str, Any], plan: dict[str, Any]) -> None:
    out.print(f"{last['equal']} rows are equal, {last['different']} differ, {last['missing']} are on one side only.")
    for difference in last["told"]:
        out.print(f"  {difference}", markup=False)
    if last["pointed"]:
        out.print(
            f"[green]✓[/] {plan['name']} is live. The one before it is kept; `waybill projection list` shows both."
        )
    else:
        out.print(f"[yellow]![/] The live one stays. To take {plan['name']} as it is, run it again with --accept.")


def _services(home: Home, service: str, by: str | None = None) -> Services:
    """Those who can be asked for a projection of this service; raises Refused where it has none."""
    if service not in REBUILDERS:
        raise Refused(f"{service} has no projection that is built from the log; there is {', '.join(REBUILDERS)}")
    return Services(home, by)
