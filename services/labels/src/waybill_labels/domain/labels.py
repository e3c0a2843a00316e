"""The life of a label: each step gives the order afterwards and the events that tell of it, or changes nothing.

A label is bought for one parcel under one key. Once a carrier was asked, only the carrier's word settles what became of
it; whatever it sold that nobody needs any more is voided.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, assert_never
from uuid import UUID

from waybill_events import (
    Event,
    ExceptionRaised,
    ExceptionResolved,
    LabelFailed,
    LabelPurchased,
    LabelRefunded,
    LabelVoided,
    LabelVoidRefused,
    ManifestClosed,
    ReturnLabelChanged,
    ReturnLabelPurchased,
    ids,
)
from waybill_labels.domain.orders import (
    PLATFORM,
    Decided,
    Label,
    Offer,
    Order,
    Parcel,
    Place,
    Sale,
    Shipment,
    State,
    Wish,
)
from waybill_labels.domain.refusals import (
    HasLabel,
    NotBought,
    NotPacked,
    OwnCarrier,
    ParcelLeft,
    UnknownLabel,
    UnknownParcel,
)

FAILED: Final = "label_failed"
UNCLEAR: Final = "label_unclear"
RETRY: Final = "retry"
SOLD: Final = "sold"
NOT_SOLD: Final = "not_sold"
CHOICES: Final = {FAILED: (RETRY,), UNCLEAR: (SOLD, NOT_SOLD)}
BOUGHT_TWICE: Final = "bought_twice"
REFUSED: Final = "refused"
IF_REFUSED: Final = (
    "Correct the address: unpack the parcel, amend the order, and pack it again. "
    "Or choose another service, or ship it with your own carrier."
)
IF_REFUSED_BACK: Final = "Correct the address: amend the order, and buy it again. Or choose another service."
"""The same of a return's label."""
ASKED: Final = "asked"
"""By a person."""


def want(order: Order, parcel: Parcel, wish: Wish) -> Order:
    """With one more label that is wanted for a parcel."""
    purchase = len(order.labels_of(parcel.parcel_id)) + 1
    label_id = ids.label_id(parcel.parcel_id, purchase)
    return order.with_label(Label(label_id, parcel.parcel_id, purchase, State.WANTED, wish))


def current(order: Order, parcel_id: UUID) -> Label | None:
    """The label with which a parcel goes, or is to go: the latest that nobody wants void."""
    standing = (State.WANTED, State.ASKED, State.BOUGHT)
    mine = (each for each in order.labels_of(parcel_id) if each.state in standing and not each.void_why)
    return next(mine, None)


def buy(order: Order, parcel_id: UUID, wish: Wish | None, at: datetime, comment: str = "") -> Decided:
    """Want a label again for a packed parcel that is left without one; a wish of None is that of the parcel.

    Raises UnknownParcel, NotPacked, OwnCarrier, HasLabel.
    """
    parcel = order.parcel(parcel_id)
    if parcel is None:
        raise UnknownParcel(parcel_id)
    if parcel.place not in {Place.PACKED, Place.COMES_BACK}:
        raise NotPacked(parcel_id, parcel.number, parcel.place)
    if parcel.shipping != PLATFORM:
        raise OwnCarrier(parcel_id, parcel.number)
    if (label := current(order, parcel_id) or _asked_back(order, parcel_id)) is not None:
        raise HasLabel(label.label_id, parcel.number, label.state)
    settled, events = _settled(order, parcel_id, RETRY, at, comment)
    return want(settled, parcel, wish or parcel.wish), events


def _asked_back(order: Order, parcel_id: UUID) -> Label | None:
    """The label that somebody wanted void: while its carrier has not said so, the parcel may still go with it."""
    mine = (each for each in order.labels_of(parcel_id) if each.state is State.VOIDING and each.void_why == ASKED)
    return next(mine, None)


def void(order: Order, label_id: UUID, at: datetime) -> Order:
    """Ask the carrier to take a label back; raises UnknownLabel, NotBought, ParcelLeft."""
    label = order.label(label_id)
    if label is None:
        raise UnknownLabel(label_id)
    if label.state is not State.BOUGHT:
        raise NotBought(label_id, label.state)
    parcel = order.parcel(label.parcel_id)
    if parcel is not None and parcel.place in {Place.SHIPPED, Place.CAME_BACK}:
        raise ParcelLeft(label_id, parcel.number)
    return order.with_label(replace(label, state=State.VOIDING, void_why=ASKED, void_asked_at=at))


def not_needed(order: Order, parcel_id: UUID, why: str, at: datetime, *, keep: UUID | None = None) -> Decided:
    """Nobody needs the labels of a parcel any more, but that one: what is paid goes back, what is under way will."""
    after, events = _settled(order, parcel_id, why, at)
    for label in after.labels_of(parcel_id):
        if label.label_id == keep:
            continue
        match label.state:
            case State.WANTED | State.FAILED:
                after = after.with_label(replace(label, state=State.DROPPED, void_why=why))
            case State.ASKED:
                after = after.with_label(replace(label, void_why=why))
            case State.BOUGHT:
                after = after.with_label(replace(label, state=State.VOIDING, void_why=why, void_asked_at=at))
            case State.VOIDING:
                after = after.with_label(replace(label, void_why=why))
            case State.DROPPED | State.VOIDED | State.REFUNDED | State.KEPT:
                pass
            case _:
                assert_never(label.state)
    return after, events


def ask(order: Order, label_id: UUID, offer: Offer, shipment: Shipment) -> Order:
    """Note that a carrier is about to be asked to sell a label, so that nobody forgets it, unless none is wanted."""
    label = _known(order, label_id)
    if label.state is not State.WANTED:
        return order
    return order.with_label(replace(label, state=State.ASKED, offer=offer, shipment=shipment))


def sold(order: Order, label_id: UUID, sales: Sequence[Sale], at: datetime) -> Decided:
    """The carrier has sold it, perhaps more than once under its key: one is kept, whatever else was sold goes back."""
    asked = _known(order, label_id)
    paid_for = [label.sale for label in order.labels if label.sale is not None]
    known = {name for sale in paid_for for name in (sale.reference, sale.tracking_number)}
    events: list[Event] = [] if asked.state is not State.ASKED else resolved(order, asked, SOLD, at)
    for sale in sales:
        # Who looked it up at the carrier's site knows its number alone.
        if sale.reference in known or sale.tracking_number in known:
            continue
        label = _known(order, label_id)
        if label.state is not State.ASKED:
            purchase = len(order.labels_of(asked.parcel_id)) + 1
            new_id = ids.label_id(asked.parcel_id, purchase)
            label = replace(asked, label_id=new_id, purchase=purchase, void_why=asked.void_why or BOUGHT_TWICE)
        paid = replace(
            label,
            state=State.VOIDING if label.void_why else State.BOUGHT,
            sale=sale,
            purchased_at=at,
            void_asked_at=at if label.void_why else None,
            exception_id=None,
            manifest_id=None,
        )
        order = order.with_label(paid)
        events.append(_purchased(order, paid, sale, at))
    return order, events


def not_sold(order: Order, label_id: UUID) -> Order:
    """The carrier has never sold it and nobody needs it any more."""
    label = _known(order, label_id)
    if label.state not in {State.WANTED, State.ASKED}:
        return order
    return order.with_label(replace(label, state=State.DROPPED, exception_id=None))


def refused(order: Order, label_id: UUID, says: str, at: datetime) -> Decided:
    """Its carrier refuses to sell it, in these words: beside them is told what can be done."""
    instead = IF_REFUSED_BACK if _comes_back(order, _known(order, label_id)) else IF_REFUSED
    return failed(order, label_id, REFUSED, f"{says.rstrip('. ')}. {instead}", at)


def failed(order: Order, label_id: UUID, code: str, words: str, at: datetime) -> Decided:
    """No carrier sells it: somebody has to do something, unless nobody needs it any more."""
    label = _known(order, label_id)
    if label.state not in {State.WANTED, State.ASKED}:
        return order, []
    if label.void_why:
        return not_sold(order, label_id), resolved(order, label, NOT_SOLD, at)
    raised = _raised(order, label, FAILED, words, at)
    changed = replace(label, state=State.FAILED, code=code, words=words, exception_id=raised.exception_id)
    told = LabelFailed(**_of(order, label), code=code, words=words, failed_at=at)
    clear = resolved(order, label, NOT_SOLD, at)
    return order.with_label(changed), [*clear, _of_return(order, changed, at) or told, raised]


def unclear(order: Order, label_id: UUID, at: datetime) -> Decided:
    """Its carrier neither said whether it sold it nor can be asked: somebody has to look there."""
    label = _known(order, label_id)
    if label.state is not State.ASKED or label.exception_id is not None:
        return order, []
    parcel = order.parcel(label.parcel_id)
    assert label.offer is not None
    assert label.shipment is not None
    assert parcel is not None
    words = (
        f"{label.offer.carrier_name} did not say whether it sold a label for parcel {parcel.number}, nor can it "
        f"be asked. Look in your account there for {label.shipment.mark(label_id)}. If it is there, enter its number "
        "and choose sold, and it is given back; else choose not sold. A label that is needed is then bought anew."
    )
    raised = _raised(order, label, UNCLEAR, words, at)
    return order.with_label(replace(label, words=words, exception_id=raised.exception_id)), [raised]


def voided(order: Order, label_id: UUID, at: datetime) -> Decided:
    """The carrier has taken it back; its money may come later."""
    label = _known(order, label_id)
    if label.state is not State.VOIDING:
        return order, []
    after = replace(label, state=State.VOIDED, voided_at=at)
    told = LabelVoided(**_of(order, label), why=label.void_why, voided_at=at)
    return order.with_label(after), [_of_return(order, after, at) or told]


def void_refused(order: Order, label_id: UUID, words: str, at: datetime, *, certain: bool = True) -> Decided:
    """The carrier does not take it back, or does not pay; a parcel whose label somebody wanted void goes with it.

    Where that is not `certain`, since it may have taken it back before without an answer, no parcel does.
    """
    label = _known(order, label_id)
    if label.state not in {State.VOIDING, State.VOIDED}:
        return order, []
    told = LabelVoidRefused(**_of(order, label), why=label.void_why, words=words, refused_at=at)
    after = replace(label, state=State.KEPT, words=words, settled_at=at)
    if label.void_why == ASKED and label.state is State.VOIDING and certain:
        after = replace(label, state=State.BOUGHT, words=words, void_why="", void_asked_at=None)
    return order.with_label(after), [_of_return(order, after, at) or told]


def refunded(order: Order, label_id: UUID, at: datetime) -> Decided:
    """Its money is back."""
    label = _known(order, label_id)
    if label.state is not State.VOIDED or label.sale is None:
        return order, []
    after = replace(label, state=State.REFUNDED, settled_at=at)
    told = LabelRefunded(**_of(order, label), amount=label.sale.cost, refunded_at=at)
    return order.with_label(after), [_of_return(order, after, at) or told]


def _purchased(order: Order, label: Label, sale: Sale, at: datetime) -> LabelPurchased | ReturnLabelPurchased:
    offer = label.offer
    assert offer is not None
    assert label.shipment is not None
    said: dict[str, Any] = {
        "carrier": offer.carrier,
        "carrier_name": offer.carrier_name,
        "service": offer.service,
        "service_name": offer.service_name,
        "tracking_number": sale.tracking_number,
        "tracking_url": sale.tracking_url,
        "cost": sale.cost,
        "weight_g": label.shipment.weight_g,
        "purchased_at": at,
    }
    if _comes_back(order, label):
        return ReturnLabelPurchased(**_named(order, label), **said)
    return LabelPurchased(**_of(order, label), **said, unwanted=label.void_why or None)


def _of_return(order: Order, label: Label, at: datetime) -> ReturnLabelChanged | None:
    """What is told of a return's label, as it is afterwards; None where it is a parcel's."""
    if not _comes_back(order, label):
        return None
    return ReturnLabelChanged(**_named(order, label), state=label.state.value, words=label.words, changed_at=at)


def _comes_back(order: Order, label: Label) -> bool:
    return any(each.parcel_id == label.parcel_id for each in order.returns)


def _named(order: Order, label: Label) -> dict[str, Any]:
    """A return's label."""
    return {
        "order_id": order.order_id,
        "brand_id": order.brand_id,
        "return_id": label.parcel_id,
        "label_id": label.label_id,
    }


def list_on(order: Order, manifest_id: UUID, label_ids: Collection[UUID]) -> Order:
    """With those labels on a manifest that still are to be handed over and are on no other."""
    for label in order.labels:
        parcel = order.parcel(label.parcel_id)
        waits = label.state is State.BOUGHT and parcel is not None and parcel.place is Place.PACKED
        if waits and label.label_id in label_ids and label.manifest_id is None:
            order = order.with_label(replace(label, manifest_id=manifest_id))
    return order


def off(order: Order, manifest_id: UUID) -> Order:
    """The carrier does not take this list: its labels may stand on another."""
    for label in order.labels:
        if label.manifest_id == manifest_id:
            order = order.with_label(replace(label, manifest_id=None))
    return order


def closed(order: Order, manifest_id: UUID, carrier: str, at: datetime) -> list[ManifestClosed]:
    """The carrier takes with it what is on its list; what is on it and was given back since is left out."""
    parcels = tuple(
        label.parcel_id for label in order.labels if label.manifest_id == manifest_id and label.state is State.BOUGHT
    )
    if not parcels:
        return []
    return [
        ManifestClosed(
            order_id=order.order_id,
            brand_id=order.brand_id,
            manifest_id=manifest_id,
            carrier=carrier,
            parcel_ids=parcels,
            closed_at=at,
        )
    ]


def _settled(order: Order, parcel_id: UUID, choice: str, at: datetime, comment: str = "") -> Decided:
    """Close what is open about the labels of a parcel that failed."""
    events: list[Event] = []
    for label in order.labels_of(parcel_id):
        if label.state is State.FAILED:
            events += resolved(order, label, choice, at, comment)
            order = order.with_label(replace(label, exception_id=None))
    return order, events


def _raised(order: Order, label: Label, kind: str, words: str, at: datetime) -> ExceptionRaised:
    return ExceptionRaised(
        order_id=order.order_id,
        brand_id=order.brand_id,
        exception_id=ids.exception_id(order.order_id, kind, label.label_id),
        kind=kind,
        choices=CHOICES[kind],
        parcel_ids=() if _comes_back(order, label) else (label.parcel_id,),
        details=words,
        raised_at=at,
    )


def resolved(order: Order, label: Label, choice: str, at: datetime, comment: str = "") -> list[Event]:
    """What is told when the exception about a label is closed; nothing where none is open."""
    if label.exception_id is None:
        return []
    return [
        ExceptionResolved(
            order_id=order.order_id,
            brand_id=order.brand_id,
            exception_id=label.exception_id,
            kind=UNCLEAR if label.state is State.ASKED else FAILED,
            choice=choice,
            comment=comment,
            resolved_at=at,
        )
    ]


def _known(order: Order, label_id: UUID) -> Label:
    label = order.label(label_id)
    if label is None:
        raise LookupError(f"order {order.order_id} has no label {label_id}")
    return label


def _of(order: Order, label: Label) -> dict[str, Any]:
    return {
        "order_id": order.order_id,
        "brand_id": order.brand_id,
        "parcel_id": label.parcel_id,
        "label_id": label.label_id,
    }
