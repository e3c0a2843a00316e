"""How a sale becomes orders: whose line is it, what is each order called, what holds it back."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from waybill_chassis.fold import Waiting
from waybill_events import (
    Brand,
    Envelope,
    Event,
    Hold,
    LeftOut,
    OrderLine,
    OrderPlaced,
    Payment,
    Recipient,
    SaleLine,
    SaleReceived,
    SaleSplit,
    SplitOrder,
    ids,
)

_AUTHORIZED: Final = {Payment.AUTHORIZED, Payment.PARTIALLY_PAID}
_NUMBER: Final = 150
"""How much of a platform's number goes into a reference: with a connection's code and an id it must stay a name."""
_PAID: Final = {Payment.PAID, Payment.PARTIALLY_REFUNDED, Payment.REFUNDED}


@dataclass(frozen=True, slots=True)
class Sale:
    """A sale that was split; `orders` counts them, over all brands."""

    sale_id: UUID
    connection_id: UUID
    connection_code: str
    source_order_id: str
    number: str
    orders: int
    source_updated_at: datetime


@dataclass(frozen=True, slots=True)
class Claims:
    """The rules by which a brand claims lines: a vendor's name in lower case, a SKU's beginning."""

    brand_id: UUID
    vendors: frozenset[str]
    sku_prefixes: tuple[str, ...]


def split(
    sale: Sale | None, event: Event, _envelope: Envelope, *, claims: Sequence[Claims]
) -> tuple[Sale | None, list[Event]]:
    """Split a sale into one order for each brand, in the order in which their lines come.

    A sale is split once, however often it is told. Its orders carry the reference that they should have; where
    another order of the brand has it already, `renamed` gives them the one that was free.
    """
    assert isinstance(event, SaleReceived)
    if sale is not None:
        return sale, []
    known = {rule.brand_id for rule in claims}
    if event.default_brand_id is not None and event.default_brand_id not in known:
        raise Waiting(Brand)
    shares: dict[UUID, list[SaleLine]] = {}
    left_out: list[LeftOut] = []
    for line in event.lines:
        brand = _brand_of(line, claims) or event.default_brand_id
        if reason := _no_work(line, brand):
            left_out.append(LeftOut(line_id=line.line_id, reason=reason))
        elif brand is not None:
            shares.setdefault(brand, []).append(line)
    orders = [_placed(event, brand, lines, at) for at, (brand, lines) in enumerate(shares.items(), start=1)]
    told = SaleSplit(
        sale_id=event.sale_id,
        connection_id=event.connection_id,
        source_order_id=event.source_order_id,
        number=event.number,
        orders=tuple(_in_split(order) for order in orders),
        left_out=tuple(left_out),
    )
    after = Sale(
        event.sale_id,
        event.connection_id,
        event.connection_code,
        event.source_order_id,
        event.number,
        len(orders),
        event.source_updated_at,
    )
    return after, [told, *(each for order in orders for each in (_recipient(event, order), order))]


def references(order: OrderPlaced, code: str) -> tuple[str, str, str]:
    """What an order may be called, best first; the last one is nobody else's."""
    return order.reference, f"{code}-{order.reference}", f"{code}-{order.reference}-{order.order_id.hex[:12]}"


def renamed(event: Event, names: Mapping[UUID, str]) -> Event:
    """The event with the references that its orders were given."""
    match event:
        case OrderPlaced():
            return event.model_copy(update={"reference": names[event.order_id]})
        case SaleSplit():
            orders = tuple(order.model_copy(update={"reference": names[order.order_id]}) for order in event.orders)
            return event.model_copy(update={"orders": orders})
        case _:
            return event


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
    return OrderPlaced(
        order_id=ids.order_id(sale.sale_id, at),
        sale_id=sale.sale_id,
        brand_id=brand,
        reference=f"{sale.number.removeprefix('#')[:_NUMBER]}-{at:02d}",
        number=sale.number,
        connection_id=sale.connection_id,
        platform=sale.platform,
        placed_at=sale.placed_at,
        country=None if sale.ship_to is None else sale.ship_to.country,
        recipient_version=1,
        holds=_holds(sale, order_lines),
        lines=order_lines,
        shipments=tuple(shipments),
        shipping_method=sale.shipping_method,
        test=sale.test,
    )


def _holds(sale: SaleReceived, lines: Sequence[OrderLine]) -> tuple[Hold, ...]:
    """What must be settled before anybody works on it; the payment only while something is open."""
    holds: list[Hold] = []
    if sale.ship_to is None:
        holds.append(Hold.ADDRESS)
    enough = {"always": set(Payment), "authorized": _AUTHORIZED | _PAID, "paid": _PAID}[sale.ships_when]
    if sale.payment not in enough and any(line.quantity > line.shipped + line.canceled for line in lines):
        holds.append(Hold.PAYMENT)
    return tuple(holds)


def _recipient(sale: SaleReceived, order: OrderPlaced) -> Recipient:
    return Recipient(
        order_id=order.order_id,
        brand_id=order.brand_id,
        version=order.recipient_version,
        address=sale.ship_to,
        buyer=sale.buyer,
        note=sale.note,
    )


def _in_split(order: OrderPlaced) -> SplitOrder:
    return SplitOrder(
        order_id=order.order_id,
        brand_id=order.brand_id,
        reference=order.reference,
        line_ids=tuple(line.line_id for line in order.lines),
    )
