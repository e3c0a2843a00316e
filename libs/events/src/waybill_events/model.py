"""What every event model is made of: the base class, the marker for personal data, and bounded field types."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, ClassVar, Final, Self, get_args
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field

MAX_BYTES: Final = 900_000
"""The largest event value, in bytes of JSON; below Kafka's default limit of a record."""

OWN: Final = "*"
"""In place of a topic: whichever service tells it tells it on its own."""


@dataclass(frozen=True, slots=True)
class Personal:
    """Marks a field that names a person: logs, traces and exports leave it out, erasure removes it."""


Text = Annotated[str, Field(max_length=4000, pattern=r"^[^\x00]*$")]
"""Any text but U+0000, which PostgreSQL cannot store."""
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]+$")]
"""A short text that is not empty."""
Filled = Annotated[str, Field(min_length=1, max_length=4000, pattern=r"^[^\x00]+$")]
"""Any text but an empty one: where there is none, a field says null."""
PersonalText = Annotated[Text, Personal()]
Quantity = Annotated[int, Field(ge=0, le=2**31 - 1)]
"""Whole units, none or more."""
Units = Annotated[int, Field(ge=1, le=2**31 - 1)]
"""Whole units, at least one."""
Code = Annotated[str, Field(pattern=r"^[a-z][a-z_]{0,49}$")]
"""One of a list of words that only ever grows: a reader takes one that it does not know for `other`."""
Version = Annotated[int, Field(ge=1, le=2**31 - 1)]
Grams = Annotated[int, Field(ge=0, le=2**31 - 1)]
Weight = Annotated[int, Field(ge=1, le=10_000_000)]
"""Grams of what is weighed, at least one."""
Millimeters = Annotated[int, Field(ge=1, le=10_000)]
Country = Annotated[str, Field(pattern=r"^[A-Z]{2}$")]
"""ISO 3166-1 alpha-2."""
Currency = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
"""ISO 4217."""
Language = Annotated[str, Field(pattern=r"^([a-z]{2})?$")]
"""ISO 639-1, or nothing where nobody said."""
Decimal = Annotated[str, Field(pattern=r"^-?\d{1,18}(\.\d{1,9})?$")]
"""A decimal number as text, so that no reader rounds it."""


_NONE: Final = timedelta(0)


def _in_utc(time: datetime) -> datetime:
    """The same instant in UTC; raises ValueError where the calendar ends before it."""
    if time.utcoffset() == _NONE:
        return time.replace(tzinfo=UTC)
    try:
        return time.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999 of UTC") from error


Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
"""An instant, kept in UTC: an offset may have seconds that ISO 8601 cannot write, or leave a database's calendar."""


class Value(BaseModel):
    """A part of an event: immutable, and reading past fields that a newer release added."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Money(Value):
    """An amount in one currency."""

    amount: Decimal
    currency: Currency


class Box(Value):
    """The outside of a parcel, in mm."""

    length_mm: Millimeters
    width_mm: Millimeters
    height_mm: Millimeters


class LineUnits(Value):
    """Some units of one line."""

    line_id: Name
    quantity: Units


class Event(Value):
    """A fact in the past tense.

    A subclass says in its class line where it belongs:
    `class OrderPlaced(Event, topic="waybill.orders", subject="order_id")`. What any service may tell has the topic OWN.
    """

    topic: ClassVar[str]
    schema_version: ClassVar[int]
    subject_field: ClassVar[str]
    sequenced: ClassVar[bool]

    def __init_subclass__(cls, *, topic: str, subject: str, version: int = 1, sequenced: bool = True) -> None:
        """Record topic, key field, version, and whether events of one subject are numbered."""
        super().__init_subclass__()
        cls.topic, cls.subject_field, cls.schema_version, cls.sequenced = topic, subject, version, sequenced

    @classmethod
    def type_name(cls) -> str:
        """The CloudEvents type: `waybill.OrderPlaced.v1`."""
        return f"waybill.{cls.__name__}.v{cls.schema_version}"

    @classmethod
    def topic_of(cls, source: str) -> str:
        """Where `waybill/orders` or another service tells it."""
        return source.replace("/", ".") if cls.topic == OWN else cls.topic

    @property
    def subject(self) -> UUID:
        """What the event is about; also the Kafka key."""
        subject: UUID = getattr(self, self.subject_field)
        return subject

    @property
    def brand(self) -> UUID | None:
        """The brand whose event this is, where it belongs to one."""
        brand: UUID | None = getattr(self, "brand_id", None)
        return brand

    def upcast(self) -> "Event | None":
        """The same fact as the next version says it, nothing lost and nothing made up; None where this is the newest.

        Only former versions, in `former`, override it. It is pure, and takes whatever its own version allows.
        """
        return None

    @classmethod
    def is_former(cls) -> bool:
        """Whether a newer version took the place of this one: it is still read, and written by old releases only."""
        return cls.upcast is not Event.upcast

    def to_json(self) -> bytes:
        """The value of the Kafka record."""
        return self.model_dump_json().encode()

    @classmethod
    def from_json(cls, value: bytes) -> Self:
        """Read the value of a Kafka record; raises pydantic's ValidationError."""
        return cls.model_validate_json(value)


def personal_fields(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Dotted paths of the fields of a model that are marked `Personal`, nested ones included."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        if any(isinstance(mark, Personal) for mark in field.metadata) or _has_mark(field.annotation):
            yield path
            continue
        for nested in _models_in(field.annotation):
            yield from personal_fields(nested, f"{path}.")


def without_personal(model: BaseModel) -> dict[str, Any]:
    """What a model says, as JSON, without the fields that name a person."""
    exclude: dict[str, Any] = {}
    for path in personal_fields(type(model)):
        *parents, last = path.split(".")
        at = exclude
        for part in parents:
            at = at.setdefault(part, {})
        at[last] = True
    return model.model_dump(mode="json", exclude=exclude)


def _has_mark(annotation: object) -> bool:
    marks: tuple[object, ...] = getattr(annotation, "__metadata__", ())
    return any(isinstance(mark, Personal) for mark in marks) or any(map(_has_mark, get_args(annotation)))


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)
