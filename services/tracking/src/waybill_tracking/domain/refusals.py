"""Why a parcel does not take a command; nothing changes then, and each says what can be done instead."""

from uuid import UUID


class Refused(Exception):
    """A command that the parcel does not take."""


class UnknownParcel(Refused):
    """The order has no such parcel that left."""

    def __init__(self, parcel_id: UUID) -> None:
        super().__init__(f"No parcel {parcel_id} of the order has left. Ship it with its number instead.")
        self.parcel_id = parcel_id


class SameNumber(Refused):
    """A correction that corrects nothing."""

    def __init__(self, number: str) -> None:
        super().__init__(f"The parcel has the number {number} already. Enter another one, or another company.")


class UnknownException(Refused):
    """No exception of this id is open."""

    def __init__(self, exception_id: UUID) -> None:
        super().__init__(f"No exception {exception_id} is open here. Somebody may have settled it.")


class NoChoice(Refused):
    """An exception is closed with one of its choices."""

    def __init__(self, choice: str, choices: tuple[str, ...]) -> None:
        super().__init__(f"{choice} is none of the choices. Choose {', '.join(choices)}.")
        self.choices = choices


class GoesWithLabel(Refused):
    """The number of a label is right: only another label, or leaving with another number, changes it."""

    def __init__(self, number: str) -> None:
        super().__init__(
            f"{number} is its label's. Undo its shipment, and ship it with a number of your own or with another label."
        )
