"""How a sale becomes orders: whose line is it, what is each order called, what holds it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final
from uuid import UUID

from waybill_chassis.fold import Waiting
from waybill_events import (
    Address,
    Brand,
    CancellationRequested,
    CancelReason,
    Event,
    ExceptionRaised,
    Hold,
    HoldReason,
    LeftOut,
    LineUnits,
    OrderLine,
    OrderPlaced,
    OrderResent,
    Payment,
    Recipient,
    SaleCanceled,
    SaleLine,
    SaleReceived,
    SaleSplit,
    SplitOrder,
    ids,
)
from waybill_orders.domain.commands import asked_to_amend, release
from waybill_orders.domain.orders import Order, given_up, opened
from waybill_orders.domain.outcomes import NOT_SENT_AGAIN, NUMBER, SALE_CHANGED, TOO_LATE, raised, resent
from waybill_orders.domain.recipients import Amendment, difference, incomplete
from waybill_orders.domain.terms import SKU, Terms, known_after, others, terms_of

_AUTHORIZED: Final = {Payment.AUTHORIZED, Payment.PARTIALLY_PAID}
_DETAILS: Final = 1_000
_PAID: Final = {Payment.PAID, Payment.PARTIALLY_REFUNDED, Payment.REFUNDED}


@dataclass(frozen=True, slots=True)
class Seen:
    """What the platform has told of a line: how many units of it are canceled at most, and how many are wanted now.

    `order_id` None: it became no work. `wanted` None: it was told to a release that did not keep that.
    """

    order_id: UUID | None
    canceled: int
    wanted: int | None = None


@dataclass(frozen=True, slots=True)
class Addressed:
    """Where the platform last told to send a sale, with what note, and on what terms."""

    ship_to: Address | None
    note: str
    terms: Terms | None = None
    """None where it was told to a release that did not keep that."""


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale that was split, as the platform told it last, and the orders that it became, over all brands."""

    sale_id: UUID
    connection_id: UUID
    connection_code: str
    source_order_id: str
    number: str
    source_updated_at: datetime
    canceled: bool
    lines: Mapping[str, Seen]
    orders: Mapping[UUID, Order]
    addressed: Addressed | None = None
    """None where it was told to a release that did not keep that."""


@dataclass(frozen=True, slots=True)
class Claims:
    """The rules by which a brand claims lines: a vendor's name in lower case, a SKU's beginning."""

    brand_id: UUID
    vendors: frozenset[str]
    sku_prefixes: tuple[str, ...]


def split(sale: SaleReceived, claims: Sequence[Claims]) -> tuple[Sale, list[Event]]:
    """Split a sale into one order for each brand, in the order in which their lines come.

    Its orders carry the reference that they should have; where another order of the brand has it already, `renamed`
    gives them the one that was free. Raises Waiting while the brand of its connection is not known.
    """
    sale = _wholly_canceled(sale)
    known = {rule.brand_id for rule in claims}
    if sale.default_brand_id is not None and sale.default_brand_id not in known:
        raise Waiting(Brand)
    shares: dict[UUID, list[SaleLine]] = {}
    left_out: list[LeftOut] = []
    for line in sale.lines:
        brand = _brand_of(line, claims) or sale.default_brand_id
        if reason := _no_work(line, brand):
            left_out.append(LeftOut(line_id=line.line_id, reason=reason))
        elif brand is not None:
            shares.setdefault(brand, []).append(line)
    orders = [_placed(sale, brand, lines, at) for at, (brand, lines) in enumerate(shares.items(), start=1)]
    told = SaleSplit(
        sale_id=sale.sale_id,
        connection_id=sale.connection_id,
        source_order_id=sale.source_order_id,
        number=sale.number,
        orders=tuple(_in_split(order) for order in orders),
        left_out=tuple(left_out),
    )
    of = {line.line_id: order.order_id for order in orders for line in order.lines}
    after = Sale(
        sale.sale_id,
        sale.connection_id,
        sale.connection_code,
        sale.source_order_id,
        sale.number,
        sale.source_updated_at,
        sale.canceled_at is not None,
        MappingProxyType(
            {line.line_id: Seen(of.get(line.line_id), line.canceled, _wanted(line)) for line in sale.lines}
        ),
        MappingProxyType({order.order_id: opened(order).after([_recipient(sale, order)]) for order in orders}),
        Addressed(sale.ship_to, sale.note, terms_of(sale)),
    )
    return after, [told, *(each for order in orders for each in (_recipient(sale, order), order))]


def changed(sale: Sale, told: SaleReceived, cause: UUID) -> tuple[Sale, list[Event]]:
    """A sale that is told again: ask for what the platform canceled and changed since, release what has been paid.

    Of its recipient only what the platform itself changed since it told last is asked for, so that a correction made
    here stays. More units, other lines or other terms are for a person to see. What it told before, or what is older,
    changes nothing.
    """
    told = _wholly_canceled(told)
    if told.source_updated_at < sale.source_updated_at:
        return sale, []
    lines, asked, more = _lines_since(sale, told)
    _note_terms(sale, told, more)
    amendment = _amendment_since(sale, told)
    events: list[Event] = []
    orders: dict[UUID, Order] = {}
    for order in sale.orders.values():
        said: list[Event] = []
        if order.order_id in asked:
            reason = told.cancel_reason or CancelReason.OTHER
            said.append(_requested(order, tuple(asked[order.order_id]), reason, cause, told.source_updated_at))
        if order.order_id in more:
            said.append(more[order.order_id].raised(order, cause, told.source_updated_at))
        if _enough(told):
            hold_id = ids.hold_id(order.order_id, HoldReason.AWAITING_PAYMENT)
            if any(hold.hold_id == hold_id for hold in order.holds):
                said += release(order, hold_id, told.paid_at or told.source_updated_at)
        if amendment and order.recipient is None:
            details = (
                f"The shop has changed {', '.join(amendment.fields)} of it. Change it wherever it is still of use."
            )
            said.append(raised(order, TOO_LATE, cause, details, told.source_updated_at))
        after_it = order.after(said)
        if amendment and order.recipient is not None:
            request_id = ids.request_id(order.order_id, cause, "amendment")
            after_it, requested = asked_to_amend(
                after_it, amendment, request_id, told.source_updated_at, by_platform=True
            )
            said += requested
        orders[order.order_id] = after_it
        events += said
    before = sale.addressed or Addressed(None, "")
    after = replace(
        sale,
        source_updated_at=told.source_updated_at,
        canceled=sale.canceled or told.canceled_at is not None,
        lines=MappingProxyType(lines),
        addressed=Addressed(told.ship_to or before.ship_to, told.note, known_after(before.terms, terms_of(told))),
    )
    # Told again without a change, it stays as it is, and nothing is written.
    unchanged = after == sale and not events
    return (sale if unchanged else replace(after, orders=MappingProxyType(orders))), events


@dataclass(slots=True)
class _More:
    """What is more of an order's lines than it was placed with, or otherwise than the platform told before."""

    units: list[LineUnits] = field(default_factory=list[LineUnits])
    titles: list[str] = field(default_factory=list[str])
    terms: list[str] = field(default_factory=list[str])

    def raised(self, order: Order, cause: UUID, at: datetime) -> ExceptionRaised:
        """Somebody has to see it."""
        says = [f"{each.quantity} more of line {each.line_id}" for each in self.units]
        says += [*(f"a new line: {title}" for title in self.titles), *self.terms]
        details = f"In the shop there is now {'; '.join(says)}."[:_DETAILS]
        return raised(order, SALE_CHANGED, cause, details, at, lines=tuple(self.units))


def _lines_since(
    sale: Sale, told: SaleReceived
) -> tuple[dict[str, Seen], dict[UUID, list[LineUnits]], dict[UUID, _More]]:
    """The lines as they are told now, and of each order what the platform canceled and added since.

    Units that a line was sold with and that are not wanted any more are canceled units, as are all those of a line that
    is told no more. What is wanted again, after it was canceled, is as much more as what never was.
    """
    if not sale.lines:
        # It was split by a release that kept none of them.
        return {line.line_id: Seen(None, line.canceled, _wanted(line)) for line in told.lines}, {}, {}
    lines = dict(sale.lines)
    asked: dict[UUID, list[LineUnits]] = {}
    more: dict[UUID, _More] = {}
    now = {line.line_id: _wanted(line) for line in told.lines}
    for line_id, seen in sale.lines.items():
        order = None if seen.order_id is None else sale.orders.get(seen.order_id)
        wanted = now.get(line_id, 0)
        if order is None or line_id not in order.lines:
            lines[line_id] = replace(seen, wanted=wanted)
            continue
        before = order.lines[line_id] - seen.canceled if seen.wanted is None else seen.wanted
        if told.source_updated_at == sale.source_updated_at:
            # Of two that were told at one moment nobody knows which is older; what is canceled stays so.
            wanted = min(wanted, before)
        canceled = max(0, order.lines[line_id] - wanted)
        if canceled > seen.canceled:
            asked.setdefault(order.order_id, []).append(LineUnits(line_id=line_id, quantity=canceled))
        if wanted > before:
            extra = LineUnits(line_id=line_id, quantity=wanted - before)
            more.setdefault(order.order_id, _More()).units.append(extra)
        lines[line_id] = replace(seen, canceled=max(seen.canceled, canceled), wanted=wanted)
    for line in told.lines:
        if line.line_id not in lines and line.requires_shipping and _wanted(line):
            lines[line.line_id] = Seen(None, line.canceled, _wanted(line))
            if sale.orders:
                # Whose it is nobody has decided yet: whoever has the first order sees it.
                first = min(sale.orders.values(), key=lambda order: order.reference)
                title = line.title or line.sku or line.line_id
                more.setdefault(first.order_id, _More()).titles.append(f"{_wanted(line)} of {title}")
    return lines, asked, more


def _note_terms(sale: Sale, told: SaleReceived, more: dict[UUID, _More]) -> None:
    """Add what is otherwise than before to each order that has something of it."""
    before = None if sale.addressed is None else sale.addressed.terms
    # Of two that were told at one moment nobody knows which is older.
    if before is None or told.source_updated_at == sale.source_updated_at:
        return
    elsewhere = {f"{SKU}{line_id}": seen.order_id for line_id, seen in sale.lines.items()}
    for name, says in others(before, terms_of(told)).items():
        for order_id in [elsewhere[name]] if name in elsewhere else list(sale.orders):
            if order_id is not None:
                more.setdefault(order_id, _More()).terms.append(says)


def _wholly_canceled(told: SaleReceived) -> SaleReceived:
    """A sale that its platform calls canceled, and of which it says no more: nothing of it is wanted."""
    if told.canceled_at is None or any(line.canceled for line in told.lines):
        return told
    lines = tuple(line.model_copy(update={"canceled": line.quantity - line.shipped}) for line in told.lines)
    return told.model_copy(update={"lines": lines})


def _wanted(line: SaleLine) -> int:
    """Units of a line that the customer still wants, or has."""
    return max(0, line.quantity - line.canceled)


def _amendment_since(sale: Sale, told: SaleReceived) -> Amendment:
    """What the platform has changed of the recipient since it told last; nothing where that is not known."""
    if sale.addressed is None:
        return Amendment()
    note = told.note if told.note != sale.addressed.note else None
    return Amendment(difference(sale.addressed.ship_to, told.ship_to), note)


def canceled(sale: Sale, told: SaleCanceled, cause: UUID) -> tuple[Sale, list[Event]]:
    """A sale that its platform has canceled as a whole: ask for all of its orders, once."""
    if sale.canceled:
        return sale, []
    events: list[Event] = [
        _requested(order, None, told.reason, cause, told.canceled_at) for order in sale.orders.values()
    ]
    return _with_orders(replace(sale, canceled=True), events), events


def _with_orders(sale: Sale, events: Sequence[Event]) -> Sale:
    """With each order after the events about it."""
    orders = {
        order_id: order.after([event for event in events if event.subject == order_id])
        for order_id, order in sale.orders.items()
    }
    return replace(sale, orders=MappingProxyType(orders))


def _requested(
    order: Order, lines: tuple[LineUnits, ...] | None, reason: str, cause: UUID, at: datetime
) -> CancellationRequested:
    return CancellationRequested(
        order_id=order.order_id,
        brand_id=order.brand_id,
        request_id=ids.request_id(order.order_id, cause),
        lines=lines,
        reason=reason,
        by_platform=True,
        requested_at=at,
    )


def sent_again(sale: Sale, at: datetime) -> tuple[Sale, list[Event]]:
    """The sale with another order for each parcel that is to be sent again, and what is told of it."""
    orders, events = dict(sale.orders), list[Event]()
    for order in sale.orders.values():
        for resend in order.resends:
            if not resend.pending:
                continue
            made = resent(order, resend, len(orders) + 1, at)
            if made is None or order.recipient is None:
                says = "What did not arrive cannot be placed again: nobody kept how it was placed. Do it by hand."
                exception = raised(order, NOT_SENT_AGAIN, resend.exception_id, says, at, lines=resend.lines)
                orders[order.order_id] = given_up(orders[order.order_id], resend).after([exception])
                events.append(exception)
            else:
                placed, told = made
                recipient = order.recipient.model_copy(update={"order_id": placed.order_id, "version": 1})
                orders[placed.order_id] = opened(placed).after([recipient])
                orders[order.order_id] = orders[order.order_id].after([told])
                events += [recipient, placed, told]
    return replace(sale, orders=MappingProxyType(orders)), events


def references(order: OrderPlaced, code: str) -> tuple[str, str, str]:
    """What an order may be called, best first; the last one is nobody else's."""
    return order.reference, f"{code}-{order.reference}", f"{code}-{order.reference}-{order.order_id.hex[:12]}"


def renamed(event: Event, names: Mapping[UUID, str]) -> Event:
    """The event with the references that its orders were given."""
    match event:
        case OrderPlaced():
            return event.model_copy(update={"reference": names[event.order_id]})
        case OrderResent():
            return event.model_copy(update={"reference": names[event.new_order_id]})
        case SaleSplit():
            orders = tuple(order.model_copy(update={"reference": names[order.order_id]}) for order in event.orders)
            return event.model_copy(update={"orders": orders})
        case _:
            return event


def named(sale: Sale, names: Mapping[UUID, str]) -> Sale:
    """The sale with the references that its orders were given."""
    orders = {id_: replace(order, reference=names.get(id_, order.reference)) for id_, order in sale.orders.items()}
    return replace(sale, orders=MappingProxyType(orders))


def _brand_of(line: SaleLine, claims: Sequence[Claims]) -> UUID | None:
    """The brand whose rule names the line's vendor, else whose prefix fits its SKU best; None when none does."""
    vendor = line.vendor.strip().lower()
    for rule in claims:
        if vendor and vendor in rule.vendors:
            return rule.brand_id
    fits = [
        (len(prefix), rule.brand_id) for rule in claims for prefix in rule.sku_prefixes if line.sku.startswith(prefix)
    ]
    return max(fits)[1] if fits else None


def _no_work(line: SaleLine, brand: UUID | None) -> str | None:
    if not line.requires_shipping:
        return "nothing-to-ship"
    if line.quantity == 0:
        return "no-units"
    return "no-brand" if brand is None else None


def _placed(sale: SaleReceived, brand: UUID, lines: Sequence[SaleLine], at: int) -> OrderPlaced:
    mine = {line.line_id for line in lines}
    shipments = [
        replaced
        for shipment in sale.shipments
        if (
            replaced := shipment.model_copy(
                update={"lines": tuple(units for units in shipment.lines if units.line_id in mine)}
            )
        ).lines
    ]
    order_lines = tuple(OrderLine.model_validate(line.model_dump()) for line in lines)
    order_id = ids.order_id(sale.sale_id, at)
    return OrderPlaced(
        order_id=order_id,
        sale_id=sale.sale_id,
        brand_id=brand,
        reference=f"{sale.number.removeprefix('#')[:NUMBER]}-{at:02d}",
        number=sale.number,
        connection_id=sale.connection_id,
        platform=sale.platform,
        placed_at=sale.placed_at,
        paid_at=(sale.paid_at or sale.placed_at) if _enough(sale) else None,
        ship_by=sale.ship_by,
        country=None if sale.ship_to is None else sale.ship_to.country,
        recipient_version=1,
        holds=_holds(sale, order_id, order_lines),
        lines=order_lines,
        shipments=tuple(shipments),
        shipping_method=sale.shipping_method,
        test=sale.test,
        language=sale.language,
        gift=sale.gift or bool(sale.gift_message),
    )


def _holds(sale: SaleReceived, order_id: UUID, lines: Sequence[OrderLine]) -> tuple[Hold, ...]:
    """What must be settled before anybody works on it; the payment only while something is open."""
    reasons: list[HoldReason] = []
    if incomplete(sale.ship_to):
        reasons.append(HoldReason.ADDRESS)
    if not _enough(sale) and any(line.quantity > line.shipped + line.canceled for line in lines):
        reasons.append(HoldReason.AWAITING_PAYMENT)
    return tuple(Hold(hold_id=ids.hold_id(order_id, reason), reason=reason) for reason in reasons)


def _enough(sale: SaleReceived) -> bool:
    """Whether the payment has come as far as the connection wants it."""
    return sale.payment in {"always": set(Payment), "authorized": _AUTHORIZED | _PAID, "paid": _PAID}[sale.ships_when]


def _recipient(sale: SaleReceived, order: OrderPlaced) -> Recipient:
    return Recipient(
        order_id=order.order_id,
        brand_id=order.brand_id,
        version=order.recipient_version,
        address=sale.ship_to,
        buyer=sale.buyer,
        note=sale.note,
        gift_message=sale.gift_message,
    )


def _in_split(order: OrderPlaced) -> SplitOrder:
    return SplitOrder(
        order_id=order.order_id,
        brand_id=order.brand_id,
        reference=order.reference,
        line_ids=tuple(line.line_id for line in order.lines),
    )
