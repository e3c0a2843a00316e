"""How far the brand has come with an order, worked out from its units, and why it says so. Nothing here is stored."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from uuid import UUID

from waybill_portal.domain.order import Evidence, Frozen, Line, Order, Parcel, Request


class Status(StrEnum):
    """How far the brand has come with an order."""

    NOT_SHIPPED = "not shipped"
    PARTIALLY_SHIPPED = "partially shipped"
    SHIPPED = "shipped"
    CANCELED = "canceled"


class Shipments(StrEnum):
    """How much of what is not canceled has left."""

    NOT_SHIPPED = "not shipped"
    PARTIALLY_SHIPPED = "partially shipped"
    SHIPPED = "shipped"


class Cancellations(StrEnum):
    """How much is canceled."""

    NONE = "none"
    PARTLY = "partly"
    CANCELED = "canceled"


class Returns(StrEnum):
    """How far the return has come that most is to be done for."""

    NONE = "none"
    REQUESTED = "requested"
    """Something is to come back."""
    RECEIVED = "received"
    """What was to come back has."""
    CLOSED = "closed"
    """Nobody waits for the rest any more."""


@dataclass(frozen=True, slots=True)
class Facets:
    """What orders are found by."""

    shipments: Shipments
    cancellations: Cancellations
    returns: Returns
    waits: bool
    """Units are open or packed."""
    to_ship: bool
    """The same, and no hold stands in the way."""
    on_hold: bool
    exception: bool
    """Somebody has to decide something."""


_RULES = {
    Status.CANCELED: "Every unit is canceled.",
    Status.SHIPPED: "Nothing is open or packed, and something has left.",
    Status.PARTIALLY_SHIPPED: "Something has left, and something is still open or packed.",
    Status.NOT_SHIPPED: "Nothing has left yet, and something is open or packed.",
}


class Badge(Frozen):
    """A word that stands on an order: the rule behind it, the lines it is about, the events that made it so."""

    badge: str
    says: str
    lines: tuple[Line, ...]
    events: tuple[Evidence, ...]


class Outcome(Frozen):
    """What became of some units of a line, by which event, and the requests that wanted them otherwise."""

    line_id: str
    quantity: int
    outcome: str
    """`shipped`, `late`, `packed` or `canceled`."""
    event: Evidence | None
    parcel_id: str | None = None
    request_id: str | None = None
    lost: tuple[str, ...] = ()
    """The requests that were refused these units."""


def status(order: Order) -> Status:
    """All canceled: canceled; nothing open or packed: shipped; something shipped: partially shipped; else not."""
    if _cancellations_of(order) is Cancellations.CANCELED:
        return Status.CANCELED
    return Status(_shipments_of(order).value)


def facets(order: Order) -> Facets:
    """What an order is found by: three things that say each for itself how far it has come, and what is to be done."""
    waits = any(line.left for line in order.lines)
    return Facets(
        _shipments_of(order),
        _cancellations_of(order),
        _returns_of(order),
        waits=waits,
        to_ship=waits and not order.holds,
        on_hold=bool(order.holds),
        exception=bool(order.exceptions),
    )


def _shipments_of(order: Order) -> Shipments:
    if not any(line.shipped for line in order.lines):
        return Shipments.NOT_SHIPPED
    return Shipments.PARTIALLY_SHIPPED if any(line.left for line in order.lines) else Shipments.SHIPPED


def _cancellations_of(order: Order) -> Cancellations:
    if all(line.canceled == line.quantity for line in order.lines):
        return Cancellations.CANCELED
    return Cancellations.PARTLY if any(line.canceled for line in order.lines) else Cancellations.NONE


def _returns_of(order: Order) -> Returns:
    states = {each.state for each in order.returns.values()}
    if states & {"open", "partly received"}:
        return Returns.REQUESTED
    if "received" in states:
        return Returns.RECEIVED
    return Returns.CLOSED if states else Returns.NONE


def flags(order: Order) -> list[str]:
    """What stands beside the status, so that open work never hides behind another word."""
    return [badge.badge for badge in _flags(order)]


def explained(order: Order) -> list[Badge]:
    """Each badge of an order with what made it so: the status first, at last what carriers say of its parcels."""
    now = status(order)
    touched = tuple(line for line in order.lines if now is not Status.CANCELED or line.canceled)
    brand = Badge(badge=now.value, says=_RULES[now], lines=touched, events=_moves(order))
    return [brand, *_flags(order), *_carriers(order)]


def carrier_status(parcel: Parcel) -> str | None:
    """The carrier's word for where a parcel is; `not followed` where nobody would hear of it; None before the first."""
    if parcel.carried is not None:
        return parcel.carried.status.replace("_", " ")
    return "not followed" if parcel.tracked is not None and not parcel.tracked.feed else None


def outcomes(order: Order) -> list[Outcome]:
    """What became of each unit that is not open, and who had wanted it: the record of every race."""
    found: list[Outcome] = []
    for parcel in order.standing:
        for outcome, units in ((parcel.state, parcel.units), ("late", parcel.late)):
            for line_id, quantity in units.items():
                found.append(
                    Outcome(
                        line_id=line_id,
                        quantity=quantity,
                        outcome=outcome,
                        event=parcel.moved or order.placed,
                        parcel_id=None if parcel.parcel_id is None else str(parcel.parcel_id),
                        lost=_losers(order, line_id, parcel_id=parcel.parcel_id),
                    )
                )
    for request in order.requests.values():
        for line_id, quantity in request.granted.items() if request.kind == "cancellation" else ():
            assert request.decided is not None
            found.append(
                Outcome(
                    line_id=line_id,
                    quantity=quantity,
                    outcome="canceled",
                    event=request.decided,
                    request_id=str(request.request_id),
                    lost=_losers(order, line_id, won_by=None if request.asked is None else request.asked.event_id),
                )
            )
    return found


def _losers(
    order: Order, line_id: str, *, parcel_id: UUID | None = None, won_by: UUID | None = None
) -> tuple[str, ...]:
    """The requests that were refused units of a line for the sake of a parcel, or of another request."""
    return tuple(
        str(request.request_id)
        for request in order.requests.values()
        for each in request.refused
        if each.line_id == line_id and (parcel_id in each.parcel_ids or won_by in each.won_by)
    )


def _flags(order: Order) -> Iterator[Badge]:
    for hold in order.holds:
        until = "" if hold.release_at is None else f" until {hold.release_at:%-d %b %Y, %H:%M} UTC"
        yield Badge(
            badge=f"on hold: {hold.reason.replace('_', ' ')}",
            says=f"Nobody packs or ships it{until}.",
            lines=tuple(line for line in order.lines if line.open or line.packed),
            events=_known(hold.held),
        )
    canceled = tuple(line for line in order.lines if line.canceled)
    if canceled and status(order) is not Status.CANCELED:
        yield Badge(
            badge="partly canceled",
            says="Some units are canceled, others are not.",
            lines=canceled,
            events=tuple(_cancellations(order)) or _known(order.placed),
        )
    for request in order.requests.values():
        if request.decided is None and request.asked is not None:
            yield Badge(
                badge=f"{request.kind} asked for",
                says="It is not decided yet.",
                lines=_of_request(order, request),
                events=(request.asked,),
            )
    for returned in order.returns.values():
        came = sum(each.quantity for each in returned.received)
        yield Badge(
            badge=f"return {returned.state}",
            says=f"{came} of {sum(returned.lines.values())} have come back.",
            lines=tuple(line for line in order.lines if line.line_id in returned.lines),
            events=_known(returned.opened, *returned.arrivals, returned.closed),
        )
    for each in order.exceptions.values():
        yield Badge(
            badge=f"exception: {each.kind.replace('_', ' ')}",
            says=f"Somebody has to choose: {', '.join(choice.replace('_', ' ') for choice in each.choices)}.",
            lines=tuple(line for line in order.lines if line.line_id in each.lines),
            events=(each.raised,),
        )


def _carriers(order: Order) -> Iterator[Badge]:
    for at, parcel in enumerate(order.standing, start=1):
        if (word := carrier_status(parcel)) is None:
            continue
        carried = parcel.carried
        says = "No feed of messages follows its carrier." if carried is None else f"Its carrier says: {carried.words}"
        yield Badge(
            badge=f"parcel {at}: {word}",
            says=says if carried is None or carried.words else "Its carrier says so.",
            lines=tuple(line for line in order.lines if line.line_id in {*parcel.units, *parcel.late}),
            events=_known(parcel.moved if carried is None else carried.told),
        )


def _known(*evidence: Evidence | None) -> tuple[Evidence, ...]:
    return tuple(each for each in evidence if each is not None)


def _moves(order: Order) -> tuple[Evidence, ...]:
    """What brought the units to where they are."""
    moved = [parcel.moved for parcel in order.standing if parcel.moved is not None]
    return (*_known(order.placed), *sorted((*moved, *_cancellations(order)), key=lambda by: (by.at, by.event_id)))


def _cancellations(order: Order) -> Iterator[Evidence]:
    for request in order.requests.values():
        if request.kind == "cancellation" and request.granted and request.decided is not None:
            yield request.decided


def _of_request(order: Order, request: Request) -> tuple[Line, ...]:
    return tuple(line for line in order.lines if request.lines is None or line.line_id in request.lines)
