"""Carriers of the United States."""

from typing import Final

from waybill_carriers.check_digits import LUHN, S10, ups_value, weighted, weighted_11
from waybill_carriers.formats import Format
from waybill_carriers.registry.carrier import Carrier

_COLLECTION: Final = "https://github.com/jkeen/tracking_number_data"
_PUBLICATION_199: Final = "USPS Publication 199, Intelligent Mail Package Barcode, 2-1"
_GS1: Final = weighted(3, 1)
_EXPRESS: Final = (3, 1, 7)

UPS: Final = Carrier(
    code="ups",
    name="UPS",
    aliases=("United Parcel Service", "UPS Mail Innovations", "UPS MI", "UPS SurePost", "UPSN", "UPS Freight"),
    page_of="https://www.ups.com/track?tracknum={}",
    source="https://www.ups.com/us/en/support/tracking-support.page",
    formats=(
        Format(
            name="UPS 1Z",
            shapes=("1Z (*6 service=*2 *7) check=#",),
            check=weighted(1, 2, value_of=ups_value),
            services={
                "01": "Next Day Air",
                "02": "2nd Day Air",
                "03": "Ground",
                "12": "3 Day Select",
                "13": "Next Day Air Saver",
                "15": "Next Day Air Early",
                "22": "Ground, return after three attempts",
                "32": "Next Day Air Early, collect on delivery",
                "33": "Next Day Air Early, Saturday, collect on delivery",
                "41": "Next Day Air Early, Saturday",
                "42": "Ground, signature required",
                "44": "Next Day Air, Saturday",
                "66": "Worldwide Express",
                "72": "Ground, collect on delivery",
                "78": "Ground, return after one attempt",
                "90": "Ground, printed and mailed return label",
                "A0": "Next Day Air Early, adult signature",
                "A1": "Next Day Air Early, Saturday, adult signature",
                "A2": "Next Day Air, adult signature",
                "A8": "Ground, adult signature",
                "YW": "SurePost, delivered by USPS",
            },
            source=f"{_COLLECTION}, couriers/ups.json",
            numbers=("1Z5R89390357567127", "1Z879E930346834440", "1Z410E7W0392751591", "1ZXX3150YW44070023"),
        ),
        Format(
            name="UPS waybill",
            shapes=("service=[AHJKTV] (#9) check=#",),
            check=weighted(1, 2),
            services={"J": "Next Day Express", "K": "Ground", "V": "Worldwide Express Saver"},
            source=f"{_COLLECTION}, couriers/ups.json",
            numbers=("K2479825491", "J4603636537", "V0490119172"),
        ),
    ),
)

_LEGACY_SERVICES: Final = {
    "01": "Delivery Confirmation, Priority or First-Class",
    "02": "Delivery Confirmation, Package Services",
    "03": "Delivery Confirmation, retail",
    "04": "Delivery Confirmation, retail",
    "21": "Signature Confirmation, Priority or First-Class",
    "22": "Signature Confirmation, Package Services",
    "71": "Certified Mail",
}

USPS: Final = Carrier(
    code="usps",
    name="USPS",
    aliases=(
        "United States Postal Service",
        "US Postal Service",
        "US Post",
        "US Mail",
        "USPS Priority Mail",
        "Stamps.com",
        "Endicia",
    ),
    page_of="https://tools.usps.com/go/TrackConfirmAction?tLabels={}",
    source="https://www.usps.com/help/tracking.htm",
    formats=(
        Format(
            name="USPS Intelligent Mail package barcode",
            shapes=tuple(
                f"{routing} < (9 [2-5] service=#3 #{more}) check=# >"
                for routing in ("", "420 #9", "420 #5")
                for more in (16, 20)
            ),
            check=_GS1,
            services={"612": "Parcel Select"},
            source=_PUBLICATION_199,
            numbers=(
                "9400111206206406260787",
                "9505511069605048600624",
                "92748931507708513018050063",
                "420193809261290336128704280838",
                "4201002334249200190132607600833457",
            ),
        ),
        Format(
            name="USPS 22 digits, 91",
            shapes=tuple(f"{routing} < (91 service=#2 #17) check=# >" for routing in ("", "420 #5", "420 #9")),
            check=_GS1,
            services=_LEGACY_SERVICES,
            source=f"{_COLLECTION}, couriers/usps.json",
            numbers=("9101123456789000000013", "420221539101026837331000039521"),
        ),
        Format(
            name="USPS 20 digits",
            shapes=("(service=#2 [0-8] #16) check=#",),
            check=_GS1,
            services=_LEGACY_SERVICES,
            source=f"USPS Publication 109, 2-8.5; {_COLLECTION}, couriers/usps.json",
            numbers=("03071790000523483741", "71123456789123456787", "03110240000115809160"),
        ),
        Format(
            # A customer's nine digits that begin with 9 are a mailer id, as barcodes with 91 hold it, others a DUNS.
            name="USPS 20 digits, 91 left out",
            shapes=("(service=#2 9 #16) check=#",),
            check=weighted(3, 1, prefix="91"),
            services=_LEGACY_SERVICES,
            source=f"USPS Postal Bulletin 22290, mailer ids; {_COLLECTION}, couriers/usps.json",
            numbers=("71969010756003077385",),
        ),
        Format(
            name="USPS international (S10)",
            shapes=("@2 (#8) check=# US",),
            check=S10,
            source="Universal Postal Union, standard S10-12",
            numbers=("RB123456785US",),
            also=True,
        ),
    ),
)

FEDEX: Final = Carrier(
    code="fedex",
    name="FedEx",
    aliases=("Federal Express", "Fed Ex", "FDX", "Fedx", "FedEx SmartPost", "FedEx Ground Economy", "FXFE", "FXSP"),
    page_of="https://www.fedex.com/fedextrack/?trknbr={}",
    source="https://www.fedex.com/en-us/tracking.html",
    formats=(
        Format(
            name="FedEx Express, 12 digits",
            shapes=("(#11) check=#",),
            check=weighted_11((_EXPRESS * 4)[:11]),
            source=f"{_COLLECTION}, couriers/fedex.json",
            numbers=("986578788855", "477179081230", "799531274483", "790535312317", "974367662710"),
        ),
        Format(
            name="FedEx Ground, 15 digits",
            shapes=("(#14) check=#",),
            check=weighted(1, 3),
            source=f"{_COLLECTION}, couriers/fedex.json",
            numbers=("041441760228964", "568283610012000", "568283610012734"),
        ),
        Format(
            name="FedEx Ground, 96 and 22 digits",
            shapes=("96 #2 service=#3 < (#14) check=# >",),
            check=weighted(1, 3),
            source=f"{_COLLECTION}, couriers/fedex.json",
            numbers=("9611020987654312345672",),
        ),
        Format(
            name="FedEx Ground, shipping container code",
            shapes=("(00|01|02|04 #15) check=#",),
            check=_GS1,
            source=f"{_COLLECTION}, couriers/fedex.json",
            numbers=("000123450000000027",),
        ),
        Format(
            name="FedEx Ground, 96 and 34 digits",
            shapes=("96 #2 #5 #10 # (#2 < #11) check=# >",),
            check=weighted_11((1, *(7, 3, 1) * 4)),
            source=f"{_COLLECTION}, couriers/fedex.json",
            numbers=("9622001900000000000000776632517510", "9632001560123456789900794808390594"),
        ),
        Format(
            name="FedEx Express, 34 digits",
            shapes=("[0-8] #14 #5 (#2 < #11) check=# >",),
            check=weighted_11((1, *(7, 3, 1) * 4)),
            source=f"{_COLLECTION}, couriers/fedex.json",
            numbers=("1001921334250001000300779017972697", "1027590111820004833500785458233610"),
        ),
        Format(
            name="FedEx ASTRA, 32 digits",
            shapes=("3 #15 < (#11) check=# > #4",),
            check=weighted_11((_EXPRESS * 4)[:11]),
            source=f"{_COLLECTION}, couriers/fedex.json",
            numbers=("32971514560102447849175802862014", "33810799560000004380417923803212"),
        ),
        Format(
            name="FedEx SmartPost, delivered by USPS",
            shapes=tuple(f"{routing} < (926129 #15) check=# >" for routing in ("", "420 #5")),
            check=_GS1,
            source="https://www.fedex.com/en-us/shipping/ground/economy.html",
            numbers=("9261292700768711948021",),
            also=True,
        ),
        Format(
            name="FedEx SmartPost, 20 digits",
            shapes=("(61 #17) check=#",),
            check=weighted(3, 1, prefix="92"),
            source="https://www.fedex.com/en-us/shipping/ground/economy.html",
            numbers=("61299998820821171811",),
        ),
    ),
)

AMAZON: Final = Carrier(
    code="amazon",
    name="Amazon Logistics",
    aliases=("Amazon", "Amazon Shipping", "AMZL", "AMZL US", "AMZN_US", "Swiship"),
    page_of="https://track.amazon.com/tracking/{}",
    source=f"{_COLLECTION}, couriers/amazon.json",
    formats=(
        Format(
            name="Amazon Logistics",
            shapes=("TBA|TBC|TBM #12",),
            source=f"{_COLLECTION}, couriers/amazon.json",
            numbers=("TBA000000000000", "TBA010000000000", "TBC000000000000", "TBM502887274000"),
        ),
        Format(
            name="Amazon international",
            shapes=("[AFC] #10",),
            source=f"{_COLLECTION}, couriers/amazon.json",
            numbers=("C1004444443", "C1004444444"),
        ),
    ),
)

ONTRAC: Final = Carrier(
    code="ontrac",
    name="OnTrac",
    aliases=("On Trac",),
    page_of="https://www.ontrac.com/tracking/?number={}",
    source="https://www.ontrac.com/tracking/",
    formats=(
        Format(
            name="OnTrac C",
            shapes=("C (#13) check=#",),
            check=weighted(1, 2, prefix="4"),
            source=f"{_COLLECTION}, couriers/ontrac.json",
            numbers=("C11031500001879", "C10999911320231", "C11121552953069"),
        ),
        Format(
            name="OnTrac D",
            shapes=("D (#13) check=#",),
            check=weighted(1, 2, prefix="5"),
            source=f"{_COLLECTION}, couriers/ontrac.json",
            numbers=("D10011354453707", "D10011345983010", "D10011342332145"),
        ),
    ),
)

LASERSHIP: Final = Carrier(
    code="lasership",
    name="LaserShip",
    aliases=("Laser Ship", "Lazership", "LSO LaserShip"),
    page_of="https://www.ontrac.com/tracking/?number={}",
    source="https://www.ontrac.com/tracking/ (the companies merged in 2021)",
    formats=(
        Format(
            name="LaserShip L",
            shapes=("L [AIEHNX] [1-3] #7",),
            source=f"{_COLLECTION}, couriers/lasership.json",
            numbers=("LX17635036", "LI12979072", "LA28372694", "LE10917377", "LN30083672"),
        ),
        Format(
            name="LaserShip 1LS7",
            shapes=("1LS7 [12] #10", "1LS7 [12] #2 01 [1-4] #6 1"),
            source=f"{_COLLECTION}, couriers/lasership.json",
            numbers=("1LS717793482164", "1LS724505321754", "1LS7119013618127-1"),
        ),
        Format(
            name="LaserShip 1LSCX",
            shapes=("1LSCX *10",),
            source=f"{_COLLECTION}, couriers/lasership.json",
            numbers=("1LSCXVE005BUEFX",),
        ),
    ),
)

OLD_DOMINION: Final = Carrier(
    code="old_dominion",
    name="Old Dominion",
    aliases=("Old Dominion Freight Line", "ODFL", "OD Freight"),
    page_of="https://www.odfl.com/us/en/tools/trace-track-ltl-freight/trace.html?proNumbers={}",
    source="https://www.odfl.com/us/en/tools/trace-track-ltl-freight.html",
    formats=(
        Format(
            name="Old Dominion PRO number",
            shapes=("(072|777|778|780 #7) check=#", "(80 #8) check=#"),
            check=LUHN,
            source=f"{_COLLECTION}, couriers/old_dominion.json",
            numbers=("07209562763", "77767553207", "78045768393", "80003280379", "80993847369"),
        ),
    ),
)

SPEEDEE: Final = Carrier(
    code="speedee",
    name="Spee-Dee",
    aliases=("Speedee Delivery", "Spee Dee Delivery Service"),
    page_of="https://speedeedelivery.com/track-a-shipment/?v=detail&barcode={}",
    source="https://speedeedelivery.com/track-a-shipment/",
    formats=(
        Format(
            name="Spee-Dee",
            shapes=("SP #18", "SP #16"),
            source=f"{_COLLECTION}, couriers/speedee.json",
            numbers=("SP029692510000920746", "SP029692510000901479", "SP029692450001607639"),
        ),
    ),
)

GOFO: Final = Carrier(
    code="gofo",
    name="GOFO Express",
    aliases=("GOFO", "CIRRO", "CIRRO E-Commerce", "Gofo US"),
    page_of="https://www.gofoexpress.com/tracking.html?searchID={}",
    source=f"{_COLLECTION}, couriers/gofo.json",
    formats=(
        Format(
            name="GOFO",
            shapes=("GFUS|GFIT|GFFR #14",),
            source=f"{_COLLECTION}, couriers/gofo.json",
            numbers=("GFUS01011884214464", "GFUS01011884214272", "GFUS01065635648649"),
        ),
    ),
)

UNITED_STATES: Final = (UPS, USPS, FEDEX, AMAZON, ONTRAC, LASERSHIP, OLD_DOMINION, SPEEDEE, GOFO)
