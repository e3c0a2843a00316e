"""What the client did and what it was told: one JSON object a line."""

import json
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

Outcome = Literal["accepted", "refused", "unknown"]


@dataclass(slots=True)
class Command:
    """One command, over all of its attempts.

    `kind` is `sale`, `ship` or what else is done; `wants` is what must be there once if it is accepted, and nowhere if it is refused.
    A `look` is a question to the portal about one order: `wants` are the parcels that it showed before, `answer` those
    that it shows now, None where it knows no such order.
    Unknown is what was never answered, or was refused only after an attempt that nobody answered.
    """

    kind: str
    name: str
    """What it can be found by in the log: a sale's id, a tracking number."""
    wants: dict[str, Any]
    outcome: Outcome = "unknown"
    answers: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Each attempt: `at` (seconds since the epoch), `status` (None where none came), `says`."""
    answer: Any = None
    """The body of the first answer that accepted it; `others` are those bodies after it that differ."""
    others: list[Any] = field(default_factory=list[Any])

    def note(self, status: int | None, says: str, *, accepted: bool = False, refused: bool = False) -> None:
        """Add an attempt, and what the command now is."""
        self.answers.append({"at": round(time.time(), 3), "status": status, "says": says[:300]})
        open_before = any(each["status"] is None or each["status"] >= 500 for each in self.answers[:-1])
        if accepted:
            self.outcome = "accepted"
        elif refused and self.outcome == "unknown" and not open_before:
            self.outcome = "refused"


class History:
    """The commands of a run, in the order in which they were over."""

    def __init__(self) -> None:
        self.commands: list[Command] = []

    def keep(self, command: Command) -> None:
        """Note a command; it may still be sent again."""
        self.commands.append(command)

    def write(self) -> str:
        """As JSON lines."""
        return "".join(json.dumps(asdict(command)) + "\n" for command in self.commands)


def read(lines: Iterable[str]) -> list[Command]:
    """The commands that were written down."""
    return [Command(**json.loads(line)) for line in lines]
