"""Why a command about labels is not allowed; nothing changes then, and each says what can be done instead."""

from uuid import UUID


class Refused(Exception):
    """A command that labels does not allow."""


class UnknownParcel(Refused):
    """The order has no such parcel."""

    def __init__(self, parcel_id: UUID) -> None:
        super().__init__(f"The order has no parcel {parcel_id} (yet). If it was just packed, ask again.")


class UnknownLabel(Refused):
    """The order has no such label."""

    def __init__(self, label_id: UUID) -> None:
        super().__init__(f"The order has no label {label_id}. Open the order again to see its labels.")


class NotPacked(Refused):
    """Labels are bought for what is packed."""

    def __init__(self, parcel_id: UUID, number: int, place: str) -> None:
        super().__init__(f"Parcel {number} is {place}, not packed. Pack its units again to buy a label for them.")
        self.parcel_id = parcel_id


class OwnCarrier(Refused):
    """A parcel that goes with the brand's own carrier gets no label here."""

    def __init__(self, parcel_id: UUID, number: int) -> None:
        super().__init__(
            f"Parcel {number} goes with your own carrier. Unpack it, and pack it again with platform shipping."
        )
        self.parcel_id = parcel_id


class HasLabel(Refused):
    """One label a parcel."""

    def __init__(self, label_id: UUID, number: int, state: str) -> None:
        instead = "Void it first." if state == "bought" else "Wait for it."
        super().__init__(f"Parcel {number} has a label, which is {state}. {instead}")
        self.label_id = label_id


class NotBought(Refused):
    """Only what was bought can be given back."""

    def __init__(self, label_id: UUID, state: str) -> None:
        super().__init__(f"The label is {state}, not bought: there is nothing to void.")
        self.label_id = label_id


class ParcelLeft(Refused):
    """A label that is on its way is used."""

    def __init__(self, label_id: UUID, number: int) -> None:
        super().__init__(
            f"Parcel {number} has left with this label, or is on a manifest. Undo its shipment, if it has not."
        )
        self.label_id = label_id


class UnknownException(Refused):
    """No exception of this id is open."""

    def __init__(self, exception_id: UUID) -> None:
        super().__init__(f"No exception {exception_id} is open here. Somebody may have settled it.")


class NoNumber(Refused):
    """What was sold is given back by its number."""

    def __init__(self) -> None:
        super().__init__(
            "Enter the tracking number under which the carrier sold it, letters and digits: it is given back by that."
        )


class NumberKnown(Refused):
    """It is that of another label."""

    def __init__(self, number: str) -> None:
        super().__init__(f"{number} is the number of another label. Enter that of the one that is unclear.")


class NumberOfWhat(Refused):
    """What was not sold has no number."""

    def __init__(self, number: str) -> None:
        super().__init__(f"You entered {number}. Choose sold if the carrier sold that, or leave the number out.")


class NoChoice(Refused):
    """An exception is closed with one of its choices."""

    def __init__(self, choice: str, choices: tuple[str, ...]) -> None:
        super().__init__(f"{choice} is none of the choices. Choose {', '.join(choices)}.")
        self.choices = choices
