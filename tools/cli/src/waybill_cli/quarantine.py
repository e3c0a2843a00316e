"""`waybill quarantine`: what stands still, why, and how it goes on."""

import asyncio
import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from uuid import UUID

import typer
from aiokafka.errors import KafkaError
from rich.progress import track
from rich.table import Table

from waybill_cli import names, terminal
from waybill_cli.report import bare, needs, print_known, print_parked, told
from waybill_cli.services import As, Asked, OneService, Refused, Services, Why
from waybill_cli.terminal import AsJson, age, complain, err, fail, out, plain_errors, print_json

commands = typer.Typer(help="Orders that stand still: why, since when, and how they go on.", no_args_is_help=True)

Order = Annotated[str, typer.Argument(help="A reference such as 10001-01, the id of an order or a sale, or a number.")]
Type = Annotated[str | None, typer.Option("--type", help="Only this event, such as ItemsFulfilled.")]
Cause = Annotated[str | None, typer.Option("--cause", help="Only this cause, as `quarantine list` names it.")]
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask.")]
_UNITS: Final = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86_400}
_MOST: Final = 10_000


def seconds(text: str) -> float:
    """Read `90s`, `10m`, `2h`, `1d`."""
    number = text.rstrip("smindh ")
    unit = text[len(number) :].strip() or "s"
    try:
        return float(number) * _UNITS[unit]
    except (ValueError, KeyError) as error:
        raise typer.BadParameter("write a time span such as 90s, 10m, 2h or 1d") from error


OlderThan = Annotated[
    float | None, typer.Option("--older-than", parser=seconds, metavar="10m", help="Only older ones.")
]


@dataclass(frozen=True, slots=True)
class Target:
    """A subject that is parked in one service."""

    service: str
    subject: UUID
    label: str


@commands.command("list")
def list_parked(
    *,
    service: OneService = None,
    order: Annotated[str | None, typer.Option("--order", help="Only this order or sale.")] = None,
    type_: Type = None,
    cause: Cause = None,
    older_than: OlderThan = None,
    as_json: AsJson = False,
) -> None:
    """What is parked in all services, by cause; then each order, the oldest first."""
    with plain_errors():
        home = terminal.this_home()
        asked = Services(home).ask(
            "/quarantine", service, type=type_, cause=cause, older_than_s=older_than, limit=_MOST
        )
        parked = _parked(asked)
        if order is not None:
            wanted = {str(subject.id) for subject in asyncio.run(names.find(home.kafka, order))}
            parked = [each for each in parked if each["subject"] in wanted]
        _label(home.kafka, parked)
        for each in parked if as_json else ():
            print_json(each)
        if not as_json:
            print_parked(parked)
    end(asked)


@commands.command("waiting")
def list_waiting(*, service: OneService = None, older_than: OlderThan = None, as_json: AsJson = False) -> None:
    """Events that came too early: what each waits for, and how long it has."""
    with plain_errors():
        home = terminal.this_home()
        asked = Services(home).ask("/waiting", service, older_than_s=older_than, limit=_MOST)
        waiting = [{"service": each["service"], **one} for each in asked.answers for one in each["waiting"]]
        waiting.sort(key=lambda one: -one["waited_s"])
        _label(home.kafka, waiting)
        for each in waiting if as_json else ():
            print_json(each)
        if not as_json:
            if not waiting:
                out.print("Nothing waits.")
            else:
                table = Table("Order", "Service", "Event", "#", "Waits for", "Waited", box=None)
                for one in waiting:
                    table.add_row(
                        one["order"],
                        one["service"],
                        bare(one["type"]),
                        one["sequence"] or "",
                        needs(one),
                        age(one["waited_s"]),
                    )
                out.print(table)
                limits = {each["service"]: each["limit_s"] for each in asked.answers}
                out.print(f"\nPast {age(max(limits.values()))} of waiting an event is parked.")
    end(asked)


@commands.command("show")
def show(
    order: Order,
    *,
    service: OneService = None,
    event: Annotated[
        bool, typer.Option("--event", help="Print only what the refused event says, whole, to be edited (--service).")
    ] = False,
    as_json: AsJson = False,
    personal: terminal.Personal = False,
) -> None:
    """Why an order stands still: what was refused, what queues behind it, who waits for what, what was done."""
    with plain_errors():
        home = terminal.this_home()
        services = Services(home)
        silent: list[str] = []
        known: list[tuple[names.Subject, dict[str, Any]]] = []
        for subject in asyncio.run(names.find(home.kafka, order)):
            asked = services.ask(f"/quarantine/{subject.id}", service, personal=personal or event or None)
            silent = asked.silent
            known += [(subject, answer) for answer in asked.answers]
        if event:
            _print_event(order, known)
        elif as_json:
            for subject, answer in known:
                print_json({"order": subject.label, **answer})
        else:
            print_known(order, known)
    end(Asked([], silent))


@commands.command("redrive")
def redrive(
    order: Annotated[str | None, typer.Argument(help="An order or sale; or --cause for all of one cause.")] = None,
    *,
    why: Why,
    cause: Cause = None,
    type_: Type = None,
    service: OneService = None,
    older_than: OlderThan = None,
    edit: Annotated[
        Path | None, typer.Option("--edit", help="A file with what the refused event should have said, as JSON.")
    ] = None,
    yes: Yes = False,
    as_: As = None,
    as_json: AsJson = False,
) -> None:
    """Try what was refused again, with all that queues behind it, in order and in one transaction for each order."""
    if (order is None) == (cause is None):
        fail("name an order, or a --cause to redrive all of it")
    with plain_errors():
        home = terminal.this_home()
        services = Services(home, as_)
        value = None if edit is None else _edited(edit)
        if order is not None:
            targets = _targets(services, home.kafka, order, service)
            if value is not None and len(targets) > 1:
                fail(f"{order} is parked in {_in(targets)}; say with --service whose event is to be edited")
        elif value is not None:
            fail("--edit changes one event: name its order")
        else:
            asked = services.ask("/quarantine", service, cause=cause, type=type_, older_than_s=older_than, limit=_MOST)
            parked = _parked(asked)
            _label(home.kafka, parked)
            targets = [Target(each["service"], UUID(each["subject"]), each["order"]) for each in parked]
            if asked.silent:
                fail("; ".join(asked.silent))
            if not targets:
                fail(f"nothing is parked for {cause}; `waybill quarantine list` says what is")
            if not yes:
                typer.confirm(f"Redrive {len(targets)} {_orders(targets)} in {_in(targets)}?", abort=True, err=True)
        stays = _each(services, targets, "redrive", {"why": why, "value": value}, as_json=as_json)
    if stays:
        raise typer.Exit(1)


@commands.command("discard")
def discard(order: Order, *, why: Why, service: OneService = None, as_: As = None, as_json: AsJson = False) -> None:
    """Pass over what was refused, for good, and go on behind it."""
    with plain_errors():
        home = terminal.this_home()
        services = Services(home, as_)
        targets = _targets(services, home.kafka, order, service)
        if len(targets) > 1:
            fail(f"{order} is parked in {_in(targets)}; say with --service where its event is to be discarded")
        stays = _each(services, targets, "discard", {"why": why}, as_json=as_json)
    if stays:
        raise typer.Exit(1)


def end(asked: Asked) -> None:
    """Say who did not answer; the exit status is then 1, since something may be missing."""
    for says in asked.silent:
        complain(says)
    if asked.silent:
        raise typer.Exit(1)


def _parked(asked: Asked) -> list[dict[str, Any]]:
    parked = [{"service": each["service"], **one} for each in asked.answers for one in each["parked"]]
    for each in asked.answers:
        if each["found"] > len(each["parked"]):
            complain(f"{each['service']} has {each['found']} parked; these are the oldest {len(each['parked'])}")
    return sorted(parked, key=lambda one: -one["age_s"])


def _label(bootstrap: str, found: Iterable[dict[str, Any]]) -> None:
    """Give each its reference as `order`, or its id while the log cannot be read."""
    rows = list(found)
    try:
        known = asyncio.run(names.labels(bootstrap, {UUID(each["subject"]) for each in rows}))
    except KafkaError:
        known = {}
        complain("Kafka does not answer, so that orders are named by their ids")
    for each in rows:
        each["order"] = known.get(UUID(each["subject"]), each["subject"])


def _print_event(order: str, known: Sequence[tuple[names.Subject, dict[str, Any]]]) -> None:
    heads = [answer["parked"][0] for _, answer in known if answer["is_parked"]]
    if len(heads) != 1:
        where = ", ".join(answer["service"] for _, answer in known if answer["is_parked"]) or "nowhere"
        fail(f"{order} is parked in {where}; choose one with --service")
    if heads[0]["data"] is None:
        fail("the event does not decode, so that it has nothing to show; its bytes: `waybill dead-letters list`")
    # As it was written: what is decoded here may be of a newer version than the record is.
    typer.echo(json.dumps(json.loads(base64.b64decode(heads[0]["value"])), indent=2, ensure_ascii=False))


def _targets(services: Services, bootstrap: str, order: str, service: str | None) -> list[Target]:
    """Where the order itself, or the sale itself, is parked."""
    found: list[Target] = []
    for subject in asyncio.run(names.find(bootstrap, order)):
        if subject.meant:
            asked = services.ask(f"/quarantine/{subject.id}", service)
            if asked.silent:
                fail("; ".join(asked.silent))
            found += [Target(each["service"], subject.id, subject.label) for each in asked.answers if each["is_parked"]]
    if not found:
        where = "nowhere" if service is None else f"not in {service}"
        fail(f"{order} is parked {where}; `waybill quarantine show {order}` says how it is")
    return found


def _each(
    services: Services, targets: Sequence[Target], action: str, body: Mapping[str, Any], *, as_json: bool
) -> bool:
    """Do it to each; whether something stays."""
    stay = Counter[bool]()
    for target in track(targets, f"{action.capitalize()}", console=err, disable=len(targets) == 1, transient=True):
        label = f"{target.label} in {target.service}"
        try:
            found = services.do(target.service, f"/quarantine/{target.subject}/{action}", **body)
        except Refused as refused:
            stay[True] += 1
            complain(f"{label}: {refused}")
            continue
        if as_json:
            print_json({"service": target.service, "order": target.label, **found})
            stay[bool(found["left"])] += 1
        else:
            stay[told(found, label)] += 1
    if len(targets) > 1 and not as_json:
        out.print(f"\n{stay[False]} go on, {stay[True]} {'stays' if stay[True] == 1 else 'stay'}.")
    return stay[True] > 0


def _edited(path: Path) -> str:
    text = path.read_text()
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        fail(f"{path} is no JSON ({error}); `waybill quarantine show ORDER --event` prints what to begin with")
    return base64.b64encode(text.encode()).decode()


def _in(targets: Iterable[Target]) -> str:
    return ", ".join(sorted({target.service for target in targets}))


def _orders(targets: Sequence[Target]) -> str:
    return "order" if len(targets) == 1 else "orders"
