"""Carriers of Canada."""

from typing import Final

from waybill_carriers.check_digits import LUHN, S10, weighted
from waybill_carriers.formats import Format
from waybill_carriers.registry.carrier import Carrier

_COLLECTION: Final = "https://github.com/jkeen/tracking_number_data"

CANADA_POST: Final = Carrier(
    code="canada_post",
    name="Canada Post",
    aliases=("Postes Canada", "Canadian Post", "Canada Post Corporation"),
    page_of="https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={}",
    source="https://www.canadapost-postescanada.ca/track-reperage/en",
    formats=(
        Format(
            name="Canada Post, 16 digits",
            shapes=("(#15) check=#",),
            check=weighted(3, 1),
            source=f"{_COLLECTION}, couriers/canadapost.json",
            numbers=("0073938000549297", "7035114477138472", "4002847016405018"),
        ),
        Format(
            name="Canada Post international (S10)",
            shapes=("@2 (#8) check=# CA",),
            check=S10,
            source="Universal Postal Union, standard S10-12",
            numbers=("RB123456785CA",),
            also=True,
        ),
    ),
)

PUROLATOR: Final = Carrier(
    code="purolator",
    name="Purolator",
    aliases=("Purolater", "Purolator Courier", "Purolator International"),
    page_of="https://www.purolator.com/en/shipping/tracker?pin={}",
    source="https://www.purolator.com/en/shipping/tracker",
    formats=(
        Format(
            name="Purolator, 12 digits",
            shapes=("([0-5] #10) check=#",),
            check=LUHN,
            source=f"{_COLLECTION}, couriers/purolator.json",
            numbers=("320595463938", "320606146993", "287809468872", "331434972567"),
        ),
        Format(
            name="Purolator, letters",
            shapes=("@3 #9",),
            source=f"{_COLLECTION}, couriers/purolator.json",
            numbers=("KYV009956937", "CGK002986959", "TLR000083964", "JFV247545960"),
        ),
    ),
)

CANPAR: Final = Carrier(
    code="canpar",
    name="Canpar Express",
    aliases=("Canpar", "Canpar Courier"),
    page_of="https://www.canpar.com/en/tracking/track.htm?barcode={}",
    source="https://www.canpar.com/en/tracking/track.htm",
    formats=(
        Format(
            name="Canpar",
            shapes=("[CDKLSUXZ] #21",),
            source=f"{_COLLECTION}, couriers/canpar.json",
            numbers=("D576002440000001718010", "L576002440000000001004", "S576002440000000025001"),
        ),
    ),
)

CANADA: Final = (CANADA_POST, PUROLATOR, CANPAR)
