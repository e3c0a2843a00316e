"""Why an order does not take a command; nothing changes then, and each says what can be done instead."""

from collections.abc import Iterable
from uuid import UUID


class Refused(Exception):
    """A command that the order does not take."""


class UnknownLine(Refused):
    """The order has no such line."""

    def __init__(self, line_id: str, known: Iterable[str]) -> None:
        super().__init__(f"The order has no line {line_id}. Its lines are {', '.join(known)}.")
        self.line_id = line_id


class MoreThanOrdered(Refused):
    """More units than were ever ordered."""

    def __init__(self, line_id: str, asked: int, ordered: int) -> None:
        super().__init__(f"Line {line_id} has {ordered} units, not {asked}. Cancel {ordered} at most.")
        self.line_id = line_id


class UnknownHold(Refused):
    """No hold of this id stands."""

    def __init__(self, hold_id: UUID) -> None:
        super().__init__(f"No hold {hold_id} stands on this order. Somebody may have released it.")


class PastRelease(Refused):
    """A hold that would end before it begins."""

    def __init__(self) -> None:
        super().__init__("The release date has passed. Give one that lies ahead, or none.")


class UnknownException(Refused):
    """No exception of this id is open."""

    def __init__(self, exception_id: UUID) -> None:
        super().__init__(f"No exception {exception_id} is open here. Somebody may have settled it.")


class NoChoice(Refused):
    """An exception is closed with one of its choices."""

    def __init__(self, choice: str, choices: tuple[str, ...]) -> None:
        super().__init__(f"{choice} is none of the choices. Choose {', '.join(choices)}.")
        self.choices = choices


class NothingToAmend(Refused):
    """An amendment that changes nothing."""

    def __init__(self) -> None:
        super().__init__("Give an address, a note, or both.")


class Incomplete(Refused):
    """An address that nobody can deliver to."""

    def __init__(self, lacks: tuple[str, ...]) -> None:
        super().__init__(f"The address lacks {', '.join(lacks)}. Fill that in.")
        self.lacks = lacks


class NotAmendable(Refused):
    """Who receives the order is not known here."""

    def __init__(self) -> None:
        super().__init__(
            "This order was placed by a release that did not keep who receives it, or that was erased. "
            "Change it on its platform."
        )


class UnknownReturn(Refused):
    """The order has no such return."""

    def __init__(self, return_id: UUID) -> None:
        super().__init__(f"No return {return_id} was opened for this order.")
