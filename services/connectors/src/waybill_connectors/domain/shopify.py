"""Shopify's order as a sale.

Sources: Shopify's REST Admin reference of the Order resource, and "Verify webhook deliveries".
"""

import base64
import hashlib
import hmac
import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, cast

from pydantic import ValidationError

from waybill_connectors.domain.connections import Connection, Unreadable
from waybill_events import (
    Address,
    Buyer,
    CancelReason,
    KnownShipment,
    LineUnits,
    Money,
    Payment,
    SaleLine,
    SaleReceived,
    ids,
)

Json = Mapping[str, Any]

_PAYMENTS: Final = {
    "pending": Payment.UNPAID,
    "unpaid": Payment.UNPAID,
    "expired": Payment.VOIDED,
    **{payment.value: payment for payment in Payment},
}
CREATED: Final = "orders/create"
CHANGED: Final = frozenset({"orders/updated", "orders/edited", "orders/paid", "orders/cancelled"})
"""Topics of webhooks whose body is the whole order as it is then."""
_REASONS: Final = {
    **{reason.value: reason for reason in CancelReason},
    "payment_declined": CancelReason.DECLINED,
    "out_of_stock": CancelReason.INVENTORY,
}
_DIGITS: Final = 30
_FAILED: Final = {"cancelled", "error", "failure"}
"""A fulfillment in one of these states moved nothing."""


def signed(secret: str, body: bytes, signature: str) -> bool:
    """Whether `X-Shopify-Hmac-Sha256` is the base64 of the body's HMAC-SHA256; compared in constant time."""
    digest = hmac.new(secret.encode(), body, hashlib.sha256).digest()
    return hmac.compare_digest(base64.b64encode(digest), signature.encode())


def parse(body: bytes) -> Json:
    """The order in a webhook's body; raises Unreadable. Numbers keep their digits."""
    try:
        order = json.loads(body, parse_float=_number, parse_constant=_no_number)
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Unreadable(f"the body is not JSON that can be read: {clean(error, 300)}") from error
    if not isinstance(order, dict):
        raise Unreadable("the body is JSON, but not an object with an order's fields")
    return cast("Json", order)


def change_key(order: Json, topic: str, event_id: str | None, body: bytes) -> str:
    """What tells one change from another: Shopify's event id, else the order and when it was changed how."""
    if event_id:
        return f"event:{clean(event_id, 200)}"
    if order.get("id") and order.get("updated_at"):
        how = "" if topic == CREATED else f"{topic}:"
        return f"{how}order:{clean(order['id'], 100)}@{clean(order['updated_at'], 100)}"
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


def sale(order: Json, connection: Connection, kind: type[SaleReceived] = SaleReceived) -> SaleReceived:
    """The sale that an order tells of, received or changed; raises Unreadable naming the field."""
    try:
        return kind.model_validate(_sale(order, connection))
    except ValidationError as error:
        says = "; ".join(
            f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
            for found in error.errors(include_input=False, include_url=False, include_context=False)
        )
        raise Unreadable(f"the order cannot be read: {says}") from error
    except (TypeError, AttributeError, KeyError, ArithmeticError) as error:
        raise Unreadable(f"the order is not of Shopify's shape: {clean(error, 300)}") from error


def _sale(order: Json, connection: Connection) -> Mapping[str, Any]:
    source_id = _required(order, "id")
    number = _text(order.get("name")) or _text(order.get("order_number")) or source_id
    currency = order.get("currency")
    fulfilled = [each for each in _items(order, "fulfillments") if _text(each.get("status")) not in _FAILED]
    shipped, refunded = _shipped(fulfilled), _refunded(order)
    return {
        "sale_id": ids.sale_id(connection.connection_id, source_id),
        "connection_id": connection.connection_id,
        "connection_code": connection.code,
        "platform": "shopify",
        "source_order_id": source_id,
        "number": number,
        "placed_at": _time(order, "created_at", "processed_at"),
        "source_updated_at": _time(order, "updated_at", "created_at", "processed_at"),
        "default_brand_id": connection.brand_id,
        "payment": _PAYMENTS.get(_text(order.get("financial_status")), Payment.UNKNOWN),
        "ships_when": connection.ships_when,
        "canceled_at": _time(order, "cancelled_at") if order.get("cancelled_at") else None,
        "cancel_reason": _reason(order),
        "test": bool(order.get("test")),
        "currency": currency,
        "total": _money(order.get("current_total_price") or order.get("total_price"), currency),
        "shipping_method": ", ".join(_text(each.get("title")) for each in _items(order, "shipping_lines")),
        "buyer": _buyer(order),
        "ship_to": _address(_part(order, "shipping_address")),
        "note": _text(order.get("note")),
        "language": _language(order.get("customer_locale")),
        "lines": tuple(
            _line(each, shipped, refunded, currency, canceled=bool(order.get("cancelled_at")))
            for each in _items(order, "line_items")
        ),
        "shipments": tuple(_shipment(each) for each in fulfilled),
    }


@dataclass(frozen=True, slots=True)
class _Refunded:
    """Units by line that were refunded `before` they left, and those that were `returned`."""

    before: Counter[str]
    returned: Counter[str]


def _line(line: Json, shipped: Counter[str], refunded: _Refunded, currency: Any, *, canceled: bool) -> SaleLine:
    line_id, quantity = _required(line, "id"), _units(line, "quantity")
    gone = min(shipped[line_id], quantity)
    taken_out = refunded.before[line_id]
    if line.get("current_quantity") is not None:
        taken_out = quantity - _units(line, "current_quantity") - refunded.returned[line_id]
    if line.get("fulfillable_quantity") is not None:
        # A refund of what has left lowers the one as well, and this one not.
        taken_out = min(taken_out, quantity - gone - _units(line, "fulfillable_quantity"))
    name, variant = _text(line.get("title")), _text(line.get("variant_title"))
    return SaleLine(
        line_id=line_id,
        sku=_text(line.get("sku")),
        title=_text(line.get("name")) or (f"{name} - {variant}" if variant else name),
        quantity=quantity,
        shipped=gone,
        canceled=quantity - gone if canceled else max(0, min(taken_out, quantity - gone)),
        vendor=_text(line.get("vendor")),
        weight_g=line.get("grams") or None,
        unit_price=_money(line.get("price"), currency),
        requires_shipping=line.get("requires_shipping") is not False and not line.get("gift_card"),
    )


def _shipped(fulfillments: Sequence[Json]) -> Counter[str]:
    units: Counter[str] = Counter()
    for fulfillment in fulfillments:
        for line in _items(fulfillment, "line_items"):
            units[_required(line, "id")] += _units(line, "quantity")
    return units


def _refunded(order: Json) -> _Refunded:
    refunded = _Refunded(Counter(), Counter())
    for refund in _items(order, "refunds"):
        for line in _items(refund, "refund_line_items"):
            units = refunded.returned if line.get("restock_type") == "return" else refunded.before
            units[_required(line, "line_item_id")] += _units(line, "quantity")
    return refunded


def _reason(order: Json) -> CancelReason | None:
    """Why it was canceled, in our words; None where it was not."""
    reason = _text(order.get("cancel_reason"))
    if not reason and not order.get("cancelled_at"):
        return None
    return _REASONS.get(reason, CancelReason.OTHER)


def _shipment(fulfillment: Json) -> KnownShipment:
    return KnownShipment(
        tracking_company=_text(fulfillment.get("tracking_company")),
        tracking_number=_first(fulfillment, "tracking_numbers", "tracking_number"),
        tracking_url=_first(fulfillment, "tracking_urls", "tracking_url"),
        lines=tuple(
            LineUnits(line_id=_required(line, "id"), quantity=units)
            for line in _items(fulfillment, "line_items")
            if (units := _units(line, "quantity"))
        ),
    )


def _address(address: Json) -> Address | None:
    if not any(_text(address.get(part)) for part in ("address1", "address2", "city", "zip")):
        return None
    return Address(
        name=_text(address.get("name")) or _full_name(address),
        company=_text(address.get("company")),
        line1=_text(address.get("address1")),
        line2=_text(address.get("address2")),
        city=_text(address.get("city")),
        region=_text(address.get("province_code")) or _text(address.get("province")),
        postcode=_text(address.get("zip")),
        country=_text(address.get("country_code")).upper() or None,
        phone=_text(address.get("phone")),
    )


def _buyer(order: Json) -> Buyer:
    customer, billing = _part(order, "customer"), _part(order, "billing_address")
    return Buyer(
        name=_full_name(customer) or _text(billing.get("name")),
        email=_text(order.get("email")) or _text(customer.get("email")),
        phone=_text(order.get("phone")) or _text(customer.get("phone")),
    )


def _full_name(person: Json) -> str:
    return f"{_text(person.get('first_name'))} {_text(person.get('last_name'))}".strip()


def _money(amount: Any, currency: Any) -> Money | None:
    return None if amount in (None, "") or not currency else Money(amount=_text(amount), currency=currency)


def _language(locale: Any) -> str:
    """Of a locale such as `de-AT`; empty where that says none."""
    found = re.match(r"([a-z]{2})(?![a-z])", _text(locale).lower())
    return found.group(1) if found else ""


def _text(value: Any) -> str:
    """Text as an event may carry it: without U+0000, not longer than a field may be."""
    return "" if value is None else clean(value, 4000)


def clean(value: object, most: int) -> str:
    """`value` as text that every service can store: no U+0000, no half of a character, not longer than `most`."""
    return str(value).encode("utf-8", "replace").decode().replace("\x00", "").strip()[:most]


def _number(text: str) -> Decimal:
    """A decimal number; ArithmeticError where its exponent alone would make it a book."""
    number = Decimal(text)
    if abs(number.adjusted()) > _DIGITS:
        raise ArithmeticError(f"the number {text[:40]} is out of all proportion")
    return number


def _no_number(text: str) -> Decimal:
    raise ArithmeticError(f"{text} is no JSON")


def _units(part: Json, field: str) -> int:
    """Whole units from 0; a missing field is none."""
    units = part.get(field)
    if units is None:
        return 0
    if isinstance(units, bool) or not isinstance(units, int) or units < 0:
        of = _text(part.get("id") or part.get("line_item_id"))
        raise Unreadable(f"line {of} has the {field} {clean(units, 40)}, not a whole number from 0")
    return units


def _part(order: Json, field: str) -> Json:
    found: Any = order.get(field) or {}
    if not isinstance(found, dict):
        raise Unreadable(f"{field} is no object")
    return cast("Json", found)


def _first(fulfillment: Json, several: str, one: str) -> str:
    found: Any = fulfillment.get(several)
    if isinstance(found, list) and found:
        return _text(found[0])
    return _text(fulfillment.get(one))


def _required(part: Json, field: str) -> str:
    if not (text := _text(part.get(field))):
        raise Unreadable(f"{field} is missing")
    return text


def _time(order: Json, *fields: str) -> datetime:
    for field in fields:
        if text := order.get(field):
            try:
                time = datetime.fromisoformat(text)
            except (TypeError, ValueError) as error:
                raise Unreadable(f"{field} is {text!r}, not an ISO 8601 time") from error
            if time.tzinfo is None:
                raise Unreadable(f"{field} is {text!r}, without an offset")
            return time
    raise Unreadable(f"{fields[0]} is missing")


def _items(part: Json, field: str) -> Sequence[Json]:
    found: Any = part.get(field) or []
    if not isinstance(found, list):
        raise Unreadable(f"{field} is not a list")
    entries = cast("Sequence[Any]", found)
    if not all(isinstance(each, dict) for each in entries):
        raise Unreadable(f"{field} is not a list of objects")
    return entries
