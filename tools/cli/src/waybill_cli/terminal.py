"""What all commands share: where they print, their options, and errors as one line that says what to do."""

import json
import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from typing import Annotated, Any, Final, NoReturn

import typer
from aiokafka.errors import KafkaError
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn, TimeRemainingColumn
from rich.text import Text

from waybill_chassis.embedded.jars import WrongHash
from waybill_chassis.embedded.processes import NotStarted
from waybill_cli import demo, events, services, stack
from waybill_cli.home import Home, Invalid

_PIPED: Final = 200
"""Columns of what is read by no terminal, so that no id is cut."""
out: Final = Console(
    highlight=False,
    soft_wrap=True,
    width=None if sys.stdout.isatty() or "COLUMNS" in os.environ else _PIPED,
)
err: Final = Console(stderr=True, highlight=False)

AsJson = Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")]
Personal = Annotated[bool, typer.Option("--personal", help="Show names, addresses, mails and phones, too.")]
Kafka = Annotated[str | None, typer.Option(help="Bootstrap servers; default: this machine's.")]

_EXPECTED: Final = (
    Invalid,
    NotStarted,
    WrongHash,
    demo.DemoFailed,
    events.NotFound,
    services.Refused,
    services.Silent,
    stack.Busy,
    stack.Halted,
    stack.PortTaken,
)
_MINUTE: Final = 60
_HOUR: Final = 3600
_DAY: Final = 86_400


def print_json(value: dict[str, Any]) -> None:
    """Print one JSON object."""
    typer.echo(json.dumps(value, ensure_ascii=False))


def this_home() -> Home:
    """The home that this environment means, or an error."""
    try:
        return Home.of_environment()
    except Invalid as error:
        fail(str(error))


def fail(says: str) -> NoReturn:
    """End with an error."""
    complain(says)
    raise typer.Exit(1)


def complain(says: str) -> None:
    """Say what is wrong, and go on."""
    err.print("[red]✗[/] ", end="")
    err.print(says, markup=False, soft_wrap=True)


def age(seconds: float) -> str:
    """A time span as people say it: `40 s`, `12 min`, `5 h`, `3 d`."""
    for unit, length in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def when(iso: str) -> str:
    """A time to the second."""
    return iso[:19].replace("T", " ")


def first_line(text: str | None) -> str:
    """What fits into a table of an error that may have many lines."""
    return (text or "").partition("\n")[0]


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        """Records a second."""
        return Text("" if task.speed is None else f"{task.speed:,.0f}/s", style="progress.data.speed")


def records_progress(*, shown: bool = True) -> Progress:
    """A bar on standard error that counts records, with rate and time left; nothing where that is no terminal."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=err,
        transient=True,
        disable=not (shown and err.is_terminal),
    )


@contextmanager
def plain_errors() -> Generator[None]:
    """Say in one line what went wrong and what to do."""
    try:
        yield
    except _EXPECTED as error:
        fail(str(error))
    except KafkaError:
        fail("Kafka does not answer. Is it running? `waybill status` says; `make up` starts the one of this machine.")
    except BrokenPipeError:
        # Whoever read our output has enough; nothing must be written at exit either.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise typer.Exit(0) from None
    except OSError as error:
        fail(f"{type(error).__name__}: {error}")
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
