"""What people are shown of orders that stand still, and of what was done about them."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from rich.markup import escape
from rich.table import Table

from waybill_cli import names
from waybill_cli.terminal import age, first_line, out, when


def bare(type_: str | None) -> str:
    """An event's name for people."""
    return (type_ or "unreadable").removeprefix("waybill.").partition(".v")[0]


def place(one: Mapping[str, Any]) -> str:
    """A record's place, as commands take it."""
    return f"{one['topic']}/{one['partition']}/{one['offset']}"


def told(found: Mapping[str, Any], label: str) -> bool:
    """Print what became of one that was tried; whether something of it stays."""
    moved, left = found["released"], found["left"]
    out.print(f"{label}: {moved} {'event' if moved == 1 else 'events'} released, ", end="", markup=False)
    if not left:
        out.print("[green]nothing is left; it goes on[/]")
        return False
    out.print(f"[red]{left} {'stays' if left == 1 else 'stay'}[/], refused with")
    out.print(f"  {found['error']}", markup=False)
    return True


def print_parked(parked: Sequence[dict[str, Any]]) -> None:
    """What is parked: its causes, the most frequent first, then each order."""
    if not parked:
        out.print("Nothing is parked.")
        return
    causes: dict[tuple[str, str, str, str], list[dict[str, Any]]] = {}
    for one in parked:
        causes.setdefault((one["service"], bare(one["type"]), one["cause"], one["alike"]), []).append(one)
    table = Table("Service", "Event", "Cause", "Orders", "Oldest", "Says", box=None)
    for (service, event, cause, _), alike in sorted(causes.items(), key=lambda each: -len(each[1])):
        oldest = age(max(one["age_s"] for one in alike))
        table.add_row(service, event, cause, str(len(alike)), oldest, escape(first_line(alike[0]["error"])))
    out.print(table)
    out.print()
    table = Table("Order", "Service", "Event", "Parked for", "Events", box=None)
    for one in parked:
        table.add_row(one["order"], one["service"], bare(one["type"]), age(one["age_s"]), str(one["events"]))
    out.print(table)
    out.print(f"\nNext: waybill quarantine show {typed(parked[0]['order'], parked[0]['subject'])}", markup=False)


def print_known(order: str, known: Sequence[tuple[names.Subject, dict[str, Any]]]) -> None:
    """Where and why an order stands still or waits, what was taken in of it, what was done, and what to do next."""
    still = [(subject, answer) for subject, answer in known if answer["is_parked"] or answer["waiting"]]
    for subject, answer in still:
        _print_queue(subject, answer)
        _print_waiting(subject, answer)
    if not still:
        out.print(f"{order} is parked nowhere and waits for nothing.\n", markup=False)
    _print_taken(known)
    if done := [(answer["service"], each) for _, answer in known for each in answer["interventions"]]:
        out.print()
        print_done(done, {subject.id: subject.label for subject, _ in known})
    if commands := _next(still):
        out.print("\nNext:")
        width = max(map(len, commands))
        for command, when in commands.items():
            out.print(f"  {command:<{width}}  {when}", markup=False)


def _print_taken(known: Sequence[tuple[names.Subject, dict[str, Any]]]) -> None:
    table = Table("Service", "Of", "Taken in, up to number", box=None)
    for subject, answer in known:
        if answer["taken"]:
            said = ", ".join(f"{source} #{number}" for source, number in sorted(answer["taken"].items()))
            table.add_row(answer["service"], subject.label, said)
    out.print(table if table.row_count else "No service has taken in any numbered event of it.")


def _print_queue(subject: names.Subject, answer: Mapping[str, Any]) -> None:
    if not answer["is_parked"]:
        return
    head = answer["parked"][0]
    behind = len(answer["parked"]) - 1
    out.print(f"[bold]{subject.label} stands still in {answer['service']}[/], since {when(head['at'])} UTC:")
    out.print(f"  {first_line(head['error'])}", markup=False)
    for more in (head["error"] or "").splitlines()[1:]:
        out.print(f"  {more}", markup=False)
    if behind:
        out.print(f"  {behind} later {'event queues' if behind == 1 else 'events queue'} behind it.")
    table = Table("Event", "#", "From", "Parked at (UTC)", "Place", "Id", "", box=None)
    for one in answer["parked"]:
        table.add_row(
            bare(one["type"]),
            one["sequence"] or "",
            one["source"] or "",
            when(one["at"]),
            place(one),
            one["id"] or "",
            f"[red]{one['cause']}[/]" if one["cause"] else "queues",
        )
    out.print(table)
    out.print()


def _print_waiting(subject: names.Subject, answer: Mapping[str, Any]) -> None:
    if not answer["waiting"]:
        return
    out.print(f"[bold]{subject.label} waits in {answer['service']}[/]:")
    table = Table("Event", "#", "From", "Waits for", "Waited", "Place", box=None)
    for one in answer["waiting"]:
        table.add_row(
            bare(one["type"]), one["sequence"] or "", one["source"] or "", needs(one), age(one["waited_s"]), place(one)
        )
    out.print(table)
    out.print()


def print_done(done: Iterable[tuple[str, Mapping[str, Any]]], known: Mapping[UUID, str] | None = None) -> None:
    """What operators did."""
    table = Table("Done at (UTC)", "Service", "By", "What", "Of", "Why", box=None)
    for service, each in done:
        of = each["subject"] and (known or {}).get(UUID(each["subject"]), each["subject"])
        table.add_row(when(each["at"]), service, each["actor"], each["action"], of or _of(each), escape(each["why"]))
    out.print(table)


def _of(each: Mapping[str, Any]) -> str:
    details: dict[str, Any] = each["details"]
    if "offset" in details:
        return place(details)
    moved: list[dict[str, Any]] = details.get("moved") or details.get("again") or []
    return ", ".join(sorted({str(one["topic"]) for one in moved})) or str(details.get("topic", ""))


def needs(one: Mapping[str, Any]) -> str:
    """What an early event waits for."""
    if one["needs"] is None:
        return f"the events of {one['source']} before #{one['sequence']}"
    return f"an event on {one['needs']}"


def _next(still: Iterable[tuple[names.Subject, Mapping[str, Any]]]) -> dict[str, str]:
    """Commands, and when to type them."""
    found: dict[str, str] = {}
    for subject, answer in still:
        it, at = typed(subject.label, str(subject.id)), f"--service {answer['service']}"
        if answer["is_parked"]:
            found[f'waybill quarantine redrive {it} {at} --why "…"'] = "when its cause is mended"
            if answer["parked"][0]["data"] is None:
                found[f"waybill dead-letters show {place(answer['parked'][0])}"] = "its bytes"
            else:
                found[f"waybill quarantine show {it} {at} --event"] = "what it says, to be edited"
            found[f'waybill quarantine discard {it} {at} --why "…"'] = "when it should never have been"
        if needed := sorted({one["needs"] for one in answer["waiting"] if one["needs"] is not None}):
            found[f"waybill consumer offsets {answer['service']}"] = f"is {', '.join(needed)} behind?"
        if answer["waiting"]:
            found[f"waybill events show {it}"] = "what has come, and what has not"
    return found


def typed(label: str, id_: str) -> str:
    """What to type for a subject."""
    return id_ if " " in label else label
