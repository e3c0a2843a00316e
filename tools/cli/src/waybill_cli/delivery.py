"""`waybill consumer`, `waybill sent`, `waybill interventions`: how far services read and sent, and what was done."""

import asyncio
from typing import Annotated, Any
from uuid import UUID

import typer
from aiokafka.errors import KafkaError
from rich.markup import escape
from rich.table import Table

from waybill_cli import names, terminal
from waybill_cli.quarantine import end
from waybill_cli.report import print_done
from waybill_cli.services import As, Asked, OneService, Services, Why
from waybill_cli.terminal import AsJson, age, complain, out, plain_errors, print_json

consumer_commands = typer.Typer(help="How far services have read.", no_args_is_help=True)
sent_commands = typer.Typer(help="What services send, and have sent.", no_args_is_help=True)

Service = Annotated[str, typer.Argument(help="Which service.")]
Topic = Annotated[str, typer.Option("--topic", help="Which topic.")]
Partition = Annotated[int | None, typer.Option("--partition", min=0, help="Which partition; without it all.")]


@consumer_commands.command("offsets")
def offsets(service: Service, *, as_json: AsJson = False) -> None:
    """How far a service has read each partition, where that begins and ends, and whether its past has changed."""
    with plain_errors():
        found = Services(terminal.this_home()).get(service, "/offsets")
        for each in found["offsets"] if as_json else ():
            print_json({"service": service, **each, "lag": _lag(each)})
        if not as_json:
            table = Table("Topic", "Partition", "Begins", "Read to", "Ends", "Behind", "", box=None)
            for each in found["offsets"]:
                numbers = (each["partition"], each["first"], each["next"], each["end"], _lag(each))
                table.add_row(each["topic"], *map(str, numbers), "[red]changed[/]" if each["changed"] else "")
            out.print(table if found["offsets"] else f"{service} reads no topic.")
            for each in found["offsets"]:
                if each["changed"]:
                    complain(each["changed"])
            if found["log"]:
                complain(found["log"])


@consumer_commands.command("rewind")
def rewind(
    service: Service,
    *,
    topic: Topic,
    partition: Partition = None,
    offset: Annotated[int | None, typer.Option(min=0, help="Read again from here; without it from the first.")] = None,
    why: Why,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Read again from an earlier offset. What was taken in before is dropped by its number: nothing happens twice."""
    with plain_errors():
        found = Services(terminal.this_home(), as_).do(
            service, "/offsets/rewind", topic=topic, partition=partition, offset=offset, why=why
        )
        if as_json:
            print_json(found)
            return
        for each in found["moved"]:
            out.print(
                f"{each['topic']}[{each['partition']}] is read again from {each['to']} on (was at {each['from']})"
            )


@sent_commands.command("show")
def show_sent(*, service: OneService = None, as_json: AsJson = False) -> None:
    """What waits to be sent in each service, for how long, and why."""
    with plain_errors():
        asked = Services(terminal.this_home()).ask("/sent", service)
        table = Table("Service", "Topic", "Wait", "Oldest", "", box=None)
        for each in asked.answers:
            if as_json:
                print_json(each)
            why = f"[red]{'its past has changed' if each['changed'] else escape(each['problem'] or '')}[/]"
            for row in each["outbox"]:
                table.add_row(each["service"], row["topic"], str(row["events"]), age(row["age_s"]), why)
            if not each["outbox"]:
                table.add_row(each["service"], ", ".join(each["writes_to"]), "0", "", why)
        if not as_json:
            out.print(table)
    end(asked)


@sent_commands.command("again")
def send_again(
    service: Service,
    *,
    topic: Topic,
    partition: Partition = None,
    offset: Annotated[int | None, typer.Option(min=0, help="From here on; without it from where the log ends.")] = None,
    why: Why,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Put what the log has lost back into the outbox, before all that was written since."""
    with plain_errors():
        found = Services(terminal.this_home(), as_).do(
            service, "/sent/again", topic=topic, partition=partition, offset=offset, why=why
        )
        if as_json:
            print_json(found)
            return
        for each in found["again"]:
            events = "event is" if each["events"] == 1 else "events are"
            out.print(f"{each['topic']}[{each['partition']}]: {each['events']} {events} sent again")
        if not found["events"]:
            out.print(f"{service} keeps nothing that {topic} has lost. What it sent is kept for 7 days.")


def interventions(
    *,
    order: Annotated[str | None, typer.Option("--order", help="Only what was done to this order or sale.")] = None,
    service: OneService = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000, help="The newest so many of each service.")] = 100,
    as_json: AsJson = False,
) -> None:
    """What operators did to delivery: when, who, and why; the newest first."""
    with plain_errors():
        home = terminal.this_home()
        services = Services(home)
        subjects = [None] if order is None else [str(each.id) for each in asyncio.run(names.find(home.kafka, order))]
        answers: list[dict[str, Any]] = []
        silent: list[str] = []
        for subject in subjects:
            asked = services.ask("/interventions", service, subject=subject, limit=limit)
            answers, silent = answers + asked.answers, asked.silent
        done = [(each["service"], one) for each in answers for one in each["interventions"]]
        done.sort(key=lambda each: each[1]["at"], reverse=True)
        try:
            known = asyncio.run(names.labels(home.kafka, {UUID(o["subject"]) for _, o in done if o["subject"]}))
        except KafkaError:
            known = {}
        for name, one in done if as_json else ():
            subject = one["subject"]
            print_json(
                {"service": name, "order": None if subject is None else known.get(UUID(subject), subject), **one}
            )
        if not as_json and done:
            print_done(done, known)
        elif not as_json:
            out.print("Nothing was done by hand.")
    end(Asked([], silent))


def _lag(each: dict[str, Any]) -> int:
    return max(0, int(each["end"]) - int(each["next"]))
