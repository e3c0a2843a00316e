"""What a carrier must know of a parcel, and which of the services that it may go with is taken.

Whatever is missing is said before anybody is asked to sell anything.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from waybill_chassis.postal import is_country
from waybill_events import Address, Brand, BusinessAddress, RateRule, Recipient
from waybill_labels.domain.carriers import Rules, rules_of
from waybill_labels.domain.orders import COMING, Offer, Order, Parcel, Shipment, Wish
from waybill_labels.domain.words import impersonal

_PO_BOX: Final = re.compile(
    r"\b(?:p\.?\s?o\.?\s?box|post(?:al)?\s+office\s+box|postfach|apartado(?:\s+postal)?|bo[iî]te\s+postale)\b",
    re.IGNORECASE,
)
_MILITARY_CITIES: Final = frozenset({"APO", "FPO", "DPO"})
_MILITARY_REGIONS: Final = frozenset({"AA", "AE", "AP"})
_EU: Final = frozenset(
    "AT BE BG CY CZ DE DK EE ES FI FR GR HR HU IE IT LT LU LV MC MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)
_UNITED_STATES: Final = frozenset({"US", "PR"})
_UNIONS: Final = (_EU, _UNITED_STATES)
"""Countries between which nobody asks for customs papers; source: Union Customs Code art. 4 (its outlying regions have
country codes of their own, or are left to the carrier), and 19 CFR 101.1."""


LONGEST: Final = 60
"""Characters of one line of an address on a label; carriers take 35 to 50, and say so themselves."""


class NotReady(Exception):
    """No label can be bought as things are; `code` says what is missing, the message what to do."""

    def __init__(self, code: str, says: str) -> None:
        super().__init__(says)
        self.code = code


class NotYet(Exception):
    """What is needed to decide has not come yet; it does by itself."""


def prepare(order: Order, parcel: Parcel, wish: Wish, recipient: Recipient | None, brand: Brand | None) -> Shipment:
    """What is to be carried; raises NotReady, and NotYet while brand or recipient have not come this far."""
    if brand is None:
        raise NotYet("the brand's settings have not come yet")
    if recipient is None or recipient.version < (parcel.recipient_version or 0):
        raise NotYet("the recipient's address has not come yet")
    if parcel.recipient_version is not None and recipient.version > parcel.recipient_version:
        raise NotReady("address_changed", "The address is another one by now. Unpack the parcel and pack it again.")
    ship_from, ship_to = brand.ship_from, recipient.address or Address()
    _check_addresses(ship_from, ship_to)
    box = wish.box or brand.default_box
    if box is None:
        raise NotReady("no_box", "Nobody said how large the parcel is. Enter its box, or a default box of the brand.")
    if parcel.place in COMING:
        ship_from, ship_to = _from_customer(ship_to), _to_brand(brand)
    return Shipment(ship_from, ship_to, _weight(order, parcel, wish, brand), box, order.reference)


def _check_addresses(ship_from: BusinessAddress, ship_to: Address) -> None:
    """Raise NotReady for what no carrier takes."""
    to, from_ = _checked_to(ship_to), _checked_from(ship_from)
    if customs_between(from_, to):
        raise NotReady(
            "customs_required",
            f"From {from_} to {to} customs papers are needed, which cannot be made here. "
            "Ship it with your own carrier.",
        )


def _checked_to(address: Address) -> str:
    """The country that it goes to; raises NotReady."""
    if not address.line1.strip() or address.country is None:
        raise NotReady("no_address", "The order has no street or no country to go to. Amend its address.")
    if not is_country(address.country):
        raise NotReady("unknown_country", f"There is no country {address.country}. Amend the country of the address.")
    if long := [name for name in Address.model_fields if len(getattr(address, name) or "") > LONGEST]:
        raise NotReady(
            "address_too_long",
            f"{', '.join(long)} of the address: a label has room for {LONGEST} characters in each. Amend the address.",
        )
    return address.country


def _checked_from(address: BusinessAddress) -> str:
    """The country that it comes from; raises NotReady."""
    if not address.line1 or address.country is None:
        raise NotReady("no_ship_from", "The brand has no address to ship from. Enter it in the brand's settings.")
    if not is_country(address.country):
        raise NotReady(
            "unknown_ship_from",
            f"There is no country {address.country}, from which the brand ships. Correct it in the brand's settings.",
        )
    if any(len(getattr(address, name) or "") > LONGEST for name in BusinessAddress.model_fields):
        raise NotReady(
            "ship_from_too_long",
            f"The brand's address has lines of more than {LONGEST} characters. Shorten it in the brand's settings.",
        )
    return address.country


def _from_customer(address: Address) -> BusinessAddress:
    said = {name: getattr(address, name) for name in BusinessAddress.model_fields}
    return BusinessAddress(**said | {"name": address.name or address.company})


def _to_brand(brand: Brand) -> Address:
    return Address(**brand.ship_from.model_dump() | {"name": brand.ship_from.name or brand.name})


def choose(offers: Sequence[Offer], shipment: Shipment, wish: Wish, rule: RateRule) -> Offer:
    """The offer that is taken: the wished service, else what the brand's rule says; of equal ones the first by code.

    Raises NotReady, which says of each service why it is left out.
    """
    takes, left_out = able(offers, shipment)
    named = _named(wish, rule)
    if named is not None:
        takes = [offer for code in named for offer in takes if offer.code == code][:1]
    if not takes:
        wanted = "any service" if named is None else ", ".join(named) or "a service, as the rule names none,"
        reasons = "; ".join(f"{code}: {why}" for code, why in sorted(left_out.items()))
        raise NotReady(
            "no_rate",
            f"No carrier offers {wanted} for this parcel{f' ({reasons})' if reasons else ''}. "
            "Choose another service, or ship it with your own carrier.",
        )
    if rule.choose == "fastest" and not wish.service:
        # Those with the same days stay by their cost.
        return min(takes, key=lambda offer: (offer.days is None, offer.days))
    return takes[0]


def nobody_carries(said: Iterable[str], shipment: Shipment) -> NotReady:
    """That there is no offer, in the words of the carriers that were asked, and what to do about it."""
    words = impersonal(" ".join(said), shipment) or "No carrier is set up here."
    return NotReady("no_carrier", f"{words} Ship it with your own carrier, or correct what is wrong and retry.")


def carriers_meant(wish: Wish, rule: RateRule) -> set[str]:
    """The carriers without which nothing can be chosen; none where any will do."""
    return {code.partition(":")[0] for code in _named(wish, rule) or ()}


def _named(wish: Wish, rule: RateRule) -> tuple[str, ...] | None:
    """The services that may be taken, as carrier:service, the first that there is; None for any."""
    if wish.service:
        return (wish.service,)
    return rule.services if rule.choose == "fixed" else None


def customs_between(one: str, other: str) -> bool:
    """Whether papers are needed between two countries."""
    return one != other and not any(one in union and other in union for union in _UNIONS)


def refusals(rules: Rules, shipment: Shipment) -> list[str]:
    """Why a service with these rules does not take a shipment."""
    to, sides = shipment.ship_to, sorted((shipment.box.length_mm, shipment.box.width_mm, shipment.box.height_mm))
    girth = sides[2] + 2 * (sides[0] + sides[1])
    checks = (
        (rules.phone and not to.phone.strip(), "it needs the recipient's phone"),
        (not rules.po_box and is_po_box(to), "it does not deliver to PO boxes"),
        (not rules.military and is_military(to), "it does not go to military addresses"),
        (_over(shipment.weight_g, rules.greatest_weight_g), f"it takes {rules.greatest_weight_g} g at most"),
        (_over(sides[2], rules.greatest_length_mm), f"it takes {rules.greatest_length_mm} mm of length at most"),
        (_over(girth, rules.greatest_girth_mm), f"it takes {rules.greatest_girth_mm} mm of length and girth at most"),
    )
    return [says for wrong, says in checks if wrong]


def is_po_box(address: Address) -> bool:
    """Whether it goes to a box in a post office."""
    return any(_PO_BOX.search(line) for line in (address.line1, address.line2))


def is_military(address: Address) -> bool:
    """Whether it goes to a military post office of the United States."""
    at_base = address.city.strip().upper() in _MILITARY_CITIES or address.region.strip().upper() in _MILITARY_REGIONS
    return address.country == "US" and at_base


def able(offers: Iterable[Offer], shipment: Shipment) -> tuple[list[Offer], Mapping[str, str]]:
    """The offers of services that take the shipment, the cheapest first, and of the others why they do not."""
    takes: list[Offer] = []
    left_out: dict[str, str] = {}
    for offer in offers:
        if reasons := refusals(rules_of(offer.carrier, offer.service), shipment):
            left_out[offer.code] = ", ".join(reasons)
        else:
            takes.append(offer)
    return _by_cost(takes), left_out


def _by_cost(offers: Sequence[Offer]) -> list[Offer]:
    """The cheapest first, then by code. Prices in other currencies than most come after those that can be compared."""
    of_currency = Counter(offer.cost.currency for offer in offers)

    def key(offer: Offer) -> tuple[int, str, Decimal, str]:
        return -of_currency[offer.cost.currency], offer.cost.currency, Decimal(offer.cost.amount), offer.code

    return sorted(offers, key=key)


def _weight(order: Order, parcel: Parcel, wish: Wish, brand: Brand) -> int:
    """What the scale said, else the sum of its units, where the brand's default stands for an unknown one."""
    if wish.weight_g is not None:
        return wish.weight_g
    weights = {item.line_id: item.weight_g for item in order.items}
    total = 0
    for line_id, units in parcel.units.items():
        each = weights.get(line_id) or brand.default_weight_g
        if each is None:
            raise NotReady(
                "no_weight", f"Nobody said what line {line_id} weighs. Weigh the parcel and enter its weight."
            )
        total += units * each
    if total == 0:
        raise NotReady("no_weight", "Nobody said what is in the parcel. Weigh it and enter its weight.")
    return total


def _over(value: int, greatest: int | None) -> bool:
    return greatest is not None and value > greatest
