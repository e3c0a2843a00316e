"""Why a ledger does not allow a command; nothing changes then, and each says what can be done instead."""

from uuid import UUID


class Refused(Exception):
    """A command that the ledger does not allow."""


class Held(Refused):
    """The order may not be worked on."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        says = ", ".join(reason.replace("_", " ") for reason in reasons)
        super().__init__(f"The order is on hold ({says}). Release that first.")
        self.reasons = reasons


class UnknownLine(Refused):
    """The order has no such line."""

    def __init__(self, line_id: str, known: tuple[str, ...]) -> None:
        super().__init__(f"The order has no line {line_id}. Its lines are {', '.join(known)}.")
        self.line_id = line_id


class NotUnits(Refused):
    """A quantity that is no number of units."""

    def __init__(self, line_id: str, quantity: int) -> None:
        super().__init__(f"{quantity} units of line {line_id} fill no parcel. Take at least one, or leave it out.")
        self.line_id = line_id


class NotOpen(Refused):
    """More units than are open."""

    def __init__(self, line_id: str, asked: int, *, open_: int, ordered: int, elsewhere: str) -> None:
        units = "unit" if open_ == 1 else "units"
        super().__init__(
            f"Line {line_id} has {open_} open {units}, not {asked}: of {ordered} ordered, {elsewhere}. "
            f"Take {open_} at most."
        )
        self.line_id = line_id


class NothingOpen(Refused):
    """No unit is left to pack or ship."""

    def __init__(self, line_ids: tuple[str, ...]) -> None:
        super().__init__(f"Nothing is left to ship: no unit is open of line {', '.join(line_ids)}.")
        self.line_ids = line_ids


class UnknownParcel(Refused):
    """The order has no such parcel."""

    def __init__(self, parcel_id: UUID) -> None:
        super().__init__(f"The order has no parcel {parcel_id}. Open the order again to see its parcels.")
        self.parcel_id = parcel_id


class NotPacked(Refused):
    """A parcel that is not there to be worked on: it has left, or was taken apart."""

    def __init__(self, parcel_id: UUID, number: int, state: str) -> None:
        instead = "Undo its shipment first." if state == "shipped" else "Pack its units again."
        super().__init__(f"Parcel {number} is {state}, not packed. {instead}")
        self.parcel_id = parcel_id


class NotLabeled(Refused):
    """A parcel that waits for its label is not handed over without it."""

    def __init__(self, parcel_id: UUID, number: int, label: str) -> None:
        instead = "Wait for it" if label == "pending" else "Buy one again"
        super().__init__(
            f"The label of parcel {number} is {label}. {instead}, ship it with a number of your own, or unpack it."
        )
        self.parcel_id = parcel_id


class BeingAmended(Refused):
    """The address or note is about to be another one."""

    def __init__(self) -> None:
        super().__init__("The address or note of this order is being changed. Try again in a moment.")


class NotShipped(Refused):
    """A parcel that has not left cannot be undone."""

    def __init__(self, parcel_id: UUID, number: int, state: str) -> None:
        instead = "Unpack it instead." if state == "packed" else "There is nothing to undo."
        super().__init__(f"Parcel {number} is {state}, not shipped. {instead}")
        self.parcel_id = parcel_id


class Scanned(Refused):
    """A parcel that the carrier has seen has left, whatever anybody says."""

    def __init__(self, parcel_id: UUID, number: int) -> None:
        super().__init__(f"The carrier has scanned parcel {number}: it has left. Wait for it, or take it as a return.")
        self.parcel_id = parcel_id


class OtherNumber(Refused):
    """A correction cannot be taken back: the number is another one since, or there was none before."""

    def __init__(self, parcel_id: UUID, number: int, has: str) -> None:
        super().__init__(
            f"Parcel {number} stays with {has or 'no number'}. Correct its number by hand where that is wrong."
        )
        self.parcel_id = parcel_id


class UnknownException(Refused):
    """No exception of this id is open."""

    def __init__(self, exception_id: UUID) -> None:
        super().__init__(f"No exception {exception_id} is open here. Somebody may have settled it.")


class NoChoice(Refused):
    """An exception is closed with one of its choices."""

    def __init__(self, choice: str, choices: tuple[str, ...]) -> None:
        super().__init__(f"{choice} is none of the choices. Choose {', '.join(choices)}.")
        self.choices = choices


class UnknownReturn(Refused):
    """The order has no such return."""

    def __init__(self, return_id: UUID) -> None:
        super().__init__(f"No return {return_id} was granted for this order. Ask for it first.")


class ReturnIsClosed(Refused):
    """Nobody waits for anything of this return any more."""

    def __init__(self, return_id: UUID) -> None:
        super().__init__(f"The return {return_id} is closed. Ask for another one for what has come.")


class NothingReceived(Refused):
    """Units that came back are at least one."""

    def __init__(self) -> None:
        super().__init__("Name at least one unit that has come back.")


class MoreThanExpected(Refused):
    """More units than the return is about."""

    def __init__(self, line_id: str, received: int, missing: int) -> None:
        units = "unit" if missing == 1 else "units"
        super().__init__(
            f"Of line {line_id} {missing} {units} may still come back with this return, not {received}. "
            "Ask for another return for the rest."
        )
        self.line_id = line_id


class NotOnItsWay(Refused):
    """A parcel that has not left cannot be lost."""

    def __init__(self, parcel_id: UUID, number: int, state: str) -> None:
        super().__init__(f"Parcel {number} is {state}, not on its way. Only what has left can be lost or damaged.")
        self.parcel_id = parcel_id


class AlreadyTold(Refused):
    """What became of a parcel is told once."""

    def __init__(self, parcel_id: UUID, number: int, problem: str) -> None:
        super().__init__(f"Parcel {number} was told to be {problem.replace('_', ' ')} before. Settle that.")
        self.parcel_id = parcel_id


class NothingToSend(Refused):
    """Nobody gave what was in the parcel."""

    def __init__(self) -> None:
        super().__init__("Nobody said what was in that parcel. Choose another way, and place an order for it.")


class ComesBack(Refused):
    """What has come back, or may, cannot be said not to have left."""

    def __init__(self, parcel_id: UUID, number: int) -> None:
        super().__init__(f"Units of parcel {number} have come back, or may: it has left. Close the return first.")
        self.parcel_id = parcel_id
