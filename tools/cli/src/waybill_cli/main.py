"""The commands. Each says what it does; what goes wrong is one line that says what to do."""

import asyncio
import logging
import os
import shlex
import time
from typing import Annotated, Any, Final

import typer
from rich.table import Table

from waybill_chassis import topics as kafka_topics
from waybill_cli import (
    carriers,
    dead_letters,
    delivery,
    demo,
    events,
    export,
    labels,
    people,
    projection,
    quarantine,
    stack,
)
from waybill_cli.home import Home
from waybill_cli.terminal import AsJson, Kafka, Personal, err, fail, out, plain_errors, print_json, this_home
from waybill_cli.verify import command as verify

logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
app = typer.Typer(
    help="Run Waybill on this machine, and look into it.", no_args_is_help=True, pretty_exceptions_enable=False
)
topic_commands = typer.Typer(help="Kafka's topics.", no_args_is_help=True)
event_commands = typer.Typer(help="The events in Kafka.", no_args_is_help=True)
app.add_typer(topic_commands, name="topics")
app.add_typer(event_commands, name="events")
app.add_typer(carriers.commands, name="carriers")
app.add_typer(labels.commands, name="labels")
app.add_typer(projection.commands, name="projection")
app.add_typer(quarantine.commands, name="quarantine")
app.add_typer(dead_letters.commands, name="dead-letters")
app.add_typer(delivery.consumer_commands, name="consumer")
app.add_typer(delivery.sent_commands, name="sent")
event_commands.command("export")(export.command)
app.add_typer(people.commands, name="people")
app.command("verify")(verify.command)

_FOR_PEOPLE: Final = 100

Limit = Annotated[int | None, typer.Option(min=1, help="The newest so many; without it 100, or with --json all.")]


@app.command()
def up(*, with_demo: Annotated[bool, typer.Option("--demo/--no-demo", help="Send demo sales in.")] = True) -> None:
    """Start everything on this machine, and fill it with demo sales. What runs already is left alone."""
    began = time.monotonic()
    with plain_errors(), stack.alone(home := Home.of_environment().on_asked_ports()):
        with err.status("Starting") as status:

            def say(text: str) -> None:
                out.print(f"[green]✓[/] {text}")

            def working(text: str) -> None:
                status.update(f"{text} …")

            started = stack.up(home, say, working)
            if with_demo:
                working("Sending demo sales")
                new = asyncio.run(demo.fill(home))
                say(f"{new} demo sales came in as signed webhooks" if new else "The demo sales are there already")
        ready = "Waybill is ready" if started else "Waybill was running already"
        out.print(f"\n{ready}, after {time.monotonic() - began:.1f} s.\n")
        out.print(f"  Look      [bold]{home.url('portal')}[/]")
        if with_demo:
            out.print(
                f"  Log in    as {demo.MANAGER} of one brand, or {demo.OPERATOR} of all; the password is", end=" "
            )
            out.print(home.secret(demo.PASSWORD), highlight=False, markup=False)
        else:
            out.print("  Log in    by the link that `waybill people let-in YOUR@MAIL --role operator` gives you")
        out.print("  Try       ship 10001-01 with UPS and 1Z12345E0205271686, and watch the list in a second window")
        here = f"WAYBILL_HOME={shlex.quote(str(home.folder))} " if os.environ.get("WAYBILL_HOME") else ""
        out.print(f"  Follow    [bold]{here}.venv/bin/waybill events show 10001-01[/]")
        out.print(f"  Stop      [bold]{here}make down[/] (keeps the data), [bold]{here}make clean[/] (forgets it)")
        out.print(f"  Data      {home.folder}", soft_wrap=True)


@app.command()
def down() -> None:
    """Stop everything, and keep the data."""
    home = this_home()
    if not home.exists or not home.processes():
        out.print("Nothing is running.")
        return
    with plain_errors(), stack.alone(home):
        if not stack.down(home, lambda text: out.print(f"[green]✓[/] {text}")):
            raise typer.Exit(1)


@app.command()
def clean() -> None:
    """Stop everything, and remove all data, logs and secrets of this home."""
    home = this_home()
    if not home.exists:
        out.print(f"{home.folder} is no home of Waybill's; there is nothing to forget.")
        return
    with plain_errors(), stack.alone(home):
        stack.down(home, lambda text: out.print(f"[green]✓[/] {text}"))
        others = stack.forget(home)
    out.print(f"{home.folder} is gone." if not others else f"{home.folder} keeps what is not ours: {', '.join(others)}")


@app.command()
def status(*, as_json: AsJson = False) -> None:
    """What is running and whether it is ready; the exit status is 1 unless everything is."""
    with plain_errors():
        found = stack.states(Home.of_environment())
    if as_json:
        for each in found:
            print_json(
                {
                    "name": each.name,
                    "port": each.port,
                    "pid": each.pid,
                    "ready": not each.reasons,
                    "reasons": each.reasons,
                }
            )
    else:
        table = Table("", "Port", "Process", "Ready", box=None)
        for each in found:
            ready = "[green]yes[/]" if not each.reasons else f"[red]no[/] {'; '.join(each.reasons)}"
            table.add_row(each.name, str(each.port), str(each.pid or ""), ready)
        out.print(table)
    if any(each.reasons for each in found):
        raise typer.Exit(1)


app.command()(delivery.interventions)


@topic_commands.command("create")
def create_topics(
    kafka: Kafka = None,
    replication: Annotated[int, typer.Option(min=1, help="Copies of each partition.")] = 1,
) -> None:
    """Create the topics that are missing; those that exist are left alone."""
    with plain_errors():
        created = asyncio.run(kafka_topics.create(kafka or Home.of_environment().kafka, replication=replication))
    for name in created:
        out.print(f"{name} created")
    if not created:
        out.print("All topics exist already.")


@event_commands.command("show")
def show_events(
    order: Annotated[str, typer.Argument(help="A reference such as 10001-01, or the id of an order or a sale.")],
    *,
    as_json: AsJson = False,
    limit: Limit = None,
    personal: Personal = False,
    kafka: Kafka = None,
) -> None:
    """Every event of an order and its sale, causes before effects, with the time that each hop took."""
    with plain_errors():
        found = asyncio.run(events.of_order(kafka or Home.of_environment().kafka, order))
        hops = list(map(events.Hops(found).of, found))
        start = 0 if limit is None else max(0, len(found) - limit)
        _print(found[start:], hops[start:], as_json=as_json, personal=personal)


@event_commands.command("tail")
def tail_events(
    *,
    as_json: AsJson = False,
    limit: Limit = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on as events come, until Ctrl-C.")] = False,
    topic: Annotated[list[str] | None, typer.Option(help="Only this topic; may be given again.")] = None,
    personal: Personal = False,
    kafka: Kafka = None,
) -> None:
    """The newest events of all topics, oldest first; ends at the end of the log unless told to follow."""
    names = tuple(topic or events.ALL)
    if unknown := set(names) - set(events.ALL):
        fail(f"no topic {', '.join(sorted(unknown))}; there are {', '.join(events.ALL)}")
    with plain_errors():
        bootstrap = kafka or Home.of_environment().kafka
        found = asyncio.run(events.newest(bootstrap, names, limit or (None if as_json else _FOR_PEOPLE)))
        _print(found, list(map(events.Hops(found).of, found)), as_json=as_json, personal=personal)
        if follow:
            asyncio.run(_follow(bootstrap, names, found, as_json=as_json, personal=personal))


async def _follow(
    bootstrap: str, names: tuple[str, ...], found: list[events.Seen], *, as_json: bool, personal: bool
) -> None:
    hops = events.Hops(found)
    async for seen in events.follow(bootstrap, names, found):
        _print([seen], [hops.of(seen)], as_json=as_json, personal=personal, heading=False)


def _print(
    found: list[events.Seen], hops: list[int | None], *, as_json: bool, personal: bool, heading: bool = True
) -> None:
    if as_json:
        for seen, hop in zip(found, hops, strict=True):
            print_json(seen.as_json(hop, personal=personal))
        return
    width = out.width if out.is_terminal else 10_000
    if heading:
        out.print(f"[bold]{'Time (UTC)':<13} {'Event':<16} {'#':>4} {'Hop':>9}  {'Subject':<8}  Data[/]"[:width])
    for seen, hop in zip(found, hops, strict=True):
        envelope = seen.envelope
        key = (seen.record.key or b"").decode(errors="replace") if envelope is None else str(envelope.subject)
        sequence = "" if envelope is None or envelope.sequence is None else envelope.sequence
        data = {} if seen.event is None else events.shown(seen.event, personal=personal)
        says = seen.error or " ".join(f"{name}={value}" for name, value in data.items() if _brief(name, value))
        line = (
            f"{seen.logged_at:%H:%M:%S.%f}"[:12].ljust(13)
            + f" {seen.name:<16} {sequence:>4} {'' if hop is None else f'+{hop} ms':>9}  {key[:8]}  {says}"
        )
        out.print(line if len(line) <= width else f"{line[: width - 1]}…", markup=False)


def _brief(name: str, value: Any) -> bool:
    """What a person sees of an event at a glance."""
    return not name.endswith("_id") and isinstance(value, str | int) and value not in ("", 0)
