"""`waybill dead-letters`: records whose bytes do not decode."""

import base64
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.markup import escape
from rich.table import Table

from waybill_cli import terminal
from waybill_cli.quarantine import OlderThan, end
from waybill_cli.report import place, told
from waybill_cli.services import As, OneService, Refused, Services, Why
from waybill_cli.terminal import AsJson, complain, fail, out, plain_errors, print_json, when

commands = typer.Typer(help="Records whose bytes do not decode; they are kept whole.", no_args_is_help=True)

Place = Annotated[str, typer.Argument(metavar="TOPIC/PARTITION/OFFSET", help="As `dead-letters list` names it.")]
_MOST: Final = 10_000
_SHOWN: Final = 1024
_ROW: Final = 16


@commands.command("list")
def list_letters(*, service: OneService = None, older_than: OlderThan = None, as_json: AsJson = False) -> None:
    """All of them, the oldest first."""
    with plain_errors():
        asked = Services(terminal.this_home()).ask("/dead-letters", service, older_than_s=older_than, limit=_MOST)
        found = [{"service": each["service"], **one} for each in asked.answers for one in each["dead_letters"]]
        found.sort(key=lambda one: one["at"])
        for one in found if as_json else ():
            print_json({"place": place(one), **one})
        if not as_json and not found:
            out.print("There are no dead letters.")
        elif not as_json:
            table = Table("Place", "Service", "Since (UTC)", "Bytes", "Parks", "Says", box=None)
            for one in found:
                size = "" if one["bytes"] is None else str(one["bytes"])
                table.add_row(
                    place(one), one["service"], when(one["at"]), size, one["subject"] or "", escape(one["error"])
                )
            out.print(table)
            out.print(f"\nNext: waybill dead-letters show {place(found[0])}", markup=False)
    end(asked)


@commands.command("show")
def show(letter: Place, *, service: OneService = None, as_json: AsJson = False) -> None:
    """One of them: its headers, key and value, readable where they are text; whole with --json."""
    with plain_errors():
        asked = Services(terminal.this_home()).ask(f"/dead-letters/{_path(letter)}", service)
        if not asked.answers and not asked.silent:
            fail(f"no service has a dead letter {letter}; `waybill dead-letters list` says which there are")
        for each in asked.answers:
            if as_json:
                print_json(each)
        if asked.answers and not as_json:
            one = asked.answers[0]
            out.print(f"[bold]{letter}[/] does not decode in {', '.join(_where(asked.answers))}:")
            out.print(f"  {one['error']}", markup=False)
            out.print(f"\nSince    {when(one['at'])} UTC\nParks    {one['subject'] or 'nobody: it names none'}")
            for name, value in one["headers"].items():
                out.print(f"Header   {name}: {value}", markup=False)
            for name in ("key", "value"):
                out.print(f"\n{name.capitalize()}, {_size(one[name])}:")
                out.print(readable(one[name]), markup=False)
            out.print("\nNext:")
            out.print(f'  waybill dead-letters retry {letter} --why "…"     when code that can read it runs')
            out.print(f'  waybill dead-letters discard {letter} --why "…"   when it should never have been')
    end(asked)


@commands.command("retry")
def retry(letter: Place, *, why: Why, service: OneService = None, as_: As = None, as_json: AsJson = False) -> None:
    """Read it again with the code of today, and go on with what queues behind it."""
    _do("retry", letter, why, service, as_, as_json=as_json)


@commands.command("discard")
def discard(letter: Place, *, why: Why, service: OneService = None, as_: As = None, as_json: AsJson = False) -> None:
    """Pass it over, now and whenever it is read again."""
    _do("discard", letter, why, service, as_, as_json=as_json)


def readable(value: str | None) -> str:
    """Bytes (in base64) as text, or where they are none in rows of hexadecimal; at most the first 1,024."""
    if value is None:
        return "  (none)"
    data = base64.b64decode(value)
    shown = data[:_SHOWN]
    more = f"\n  … and {len(data) - _SHOWN} bytes more; --json has them" if len(data) > _SHOWN else ""
    try:
        text = data.decode()[:_SHOWN]
    except UnicodeDecodeError:
        text = "\0"
    if all(letter.isprintable() or letter in "\n\t" for letter in text):
        return "\n".join(f"  {row}" for row in text.splitlines() or [""]) + more
    rows = [shown[at : at + _ROW] for at in range(0, len(shown), _ROW)]
    letters = [bytes(each if each in range(32, 127) else ord(".") for each in row).decode() for row in rows]
    return "\n".join(f"  {row.hex(' '):<{3 * _ROW}} {text}" for row, text in zip(rows, letters, strict=True)) + more


def _do(action: str, letter: str, why: str, service: str | None, as_: str | None, *, as_json: bool) -> None:
    stays = False
    with plain_errors():
        services = Services(terminal.this_home(), as_)
        asked = services.ask(f"/dead-letters/{_path(letter)}", service)
        if asked.silent:
            fail("; ".join(asked.silent))
        if not asked.answers:
            fail(f"no service has a dead letter {letter}; `waybill dead-letters list` says which there are")
        for where in _where(asked.answers):
            try:
                found = services.do(where, f"/dead-letters/{_path(letter)}/{action}", why=why)
            except Refused as refused:
                complain(str(refused))
                stays = True
                continue
            if as_json:
                print_json({"service": where, "place": letter, **found})
                stays |= bool(found["left"])
            else:
                stays |= told(found, f"{letter} in {where}")
    if stays:
        raise typer.Exit(1)


def _where(answers: list[dict[str, Any]]) -> list[str]:
    return [each["service"] for each in answers]


def _path(letter: str) -> str:
    topic, *numbers = letter.split("/")
    if len(numbers) != 2 or not all(number.isascii() and number.isdecimal() for number in numbers):  # noqa: PLR2004
        fail(f"{letter} is no place; write topic, partition and offset, such as waybill.orders/3/17")
    return "/".join([quote(topic, safe=""), *numbers])


def _size(value: str | None) -> str:
    count = 0 if value is None else len(base64.b64decode(value))
    return f"{count} {'byte' if count == 1 else 'bytes'}"
