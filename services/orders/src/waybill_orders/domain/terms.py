"""What a platform tells of a sale beside recipient and quantities, and people act by: a change is for them to see.

An order has it from how it was placed. Nothing that is personal is kept here, or said.
"""

from collections.abc import Mapping
from hashlib import sha256

from waybill_events import SaleReceived

SHIP_BY, METHOD, GIFT, MESSAGE, SKU = "ship-by date", "shipping method", "gift", "gift message", "SKU of line "
_SAYS = {GIFT: "a gift, whose slip shows no prices", MESSAGE: "another gift message"}
Terms = Mapping[str, str]
"""By name, empty where the platform does not say; the SKU of each line by the line's id."""


def terms_of(sale: SaleReceived) -> Terms:
    """As the platform tells them now."""
    return {
        SHIP_BY: "" if sale.ship_by is None else f"{sale.ship_by:%Y-%m-%d %H:%M} UTC",
        METHOD: sale.shipping_method,
        GIFT: "yes" if sale.gift else "",
        MESSAGE: sha256(sale.gift_message.encode()).hexdigest()[:16] if sale.gift_message else "",
        **{f"{SKU}{line.line_id}": line.sku for line in sale.lines},
    }


def known_after(before: Terms | None, now: Terms) -> Terms:
    """What is known of them then: what the platform says no more stays as it was."""
    return now if before is None else {**now, **{name: now.get(name) or value for name, value in before.items()}}


def others(before: Terms, now: Terms) -> Mapping[str, str]:
    """What is another one now, in words, by name."""
    changed = [name for name, value in now.items() if value and name in before and value != before[name]]
    return {name: _SAYS.get(name, f"another {name}, {now[name]}") for name in changed}
