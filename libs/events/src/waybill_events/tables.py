"""Table topics: compacted, the highest version of a key is the truth, a tombstone removes it."""

from uuid import UUID

from waybill_events.model import Event, Name, PersonalText, Text, Version
from waybill_events.places import Address, BusinessAddress, Buyer


class Recipient(Event, topic="waybill.recipients", subject="order_id", sequenced=False):
    """Who receives an order. Erasing writes a tombstone under the same key."""

    order_id: UUID
    brand_id: UUID
    version: Version
    address: Address | None = None
    buyer: Buyer = Buyer()
    note: PersonalText = ""


class Brand(Event, topic="waybill.brands", subject="brand_id", sequenced=False):
    """The settings of a brand; the portal owns them."""

    brand_id: UUID
    version: Version
    name: Name
    vendors: tuple[Name, ...] = ()
    sku_prefixes: tuple[Name, ...] = ()
    """With `vendors`, the rules that claim lines of a sale for this brand."""
    ship_from: BusinessAddress = BusinessAddress()
    time_zone: Text = "UTC"
