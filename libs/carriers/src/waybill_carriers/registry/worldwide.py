"""Carriers of Europe and those that are everywhere."""

from typing import Final

from waybill_carriers.check_digits import ISO_7064, S10, Check, remainder, weighted
from waybill_carriers.formats import Format
from waybill_carriers.registry.carrier import Carrier

_COLLECTION: Final = "https://github.com/jkeen/tracking_number_data"
_KARRIO: Final = "https://github.com/karrioapi/karrio, tests of the connectors"
_UPU: Final = "Universal Postal Union, standard S10-12"


def _one_more(check: Check) -> Check:
    """The algorithm over a sum that begins at one, as GLS has it."""
    return Check(f"{check.name}, one more", lambda covered: str((int(check.digit_of(covered)) - 1) % 10), check.one_in)


DHL: Final = Carrier(
    code="dhl",
    name="DHL",
    aliases=("DHL Express", "DHL Worldwide Express", "DHL eCommerce", "DHL Global Mail", "DHL Ecommerce US"),
    page_of="https://www.dhl.com/global-en/home/tracking.html?tracking-id={}",
    source="https://www.dhl.com/global-en/home/tracking.html",
    family="dhl",
    formats=(
        Format(
            name="DHL Express air waybill",
            shapes=("(#9) check=#", "(#10) check=#"),
            check=remainder(7),
            source=f"{_COLLECTION}, couriers/dhl.json",
            numbers=("3318810025", "8487135506", "1099255990", "73891051146"),
        ),
        Format(
            name="DHL Express piece",
            shapes=("JJD #9", "JJD #10", *(f"JVGL #{more}" for more in range(9, 21))),
            source=f"{_COLLECTION}, couriers/dhl.json",
            numbers=("JJD0099999999", "JVGL0999999990"),
        ),
        Format(
            name="DHL Express piece, other letters",
            shapes=("J @2 #9", "J @2 #10", "J @3 #9", "J @3 #10"),
            source=f"{_COLLECTION}, couriers/dhl.json",
            also=True,
        ),
        Format(
            name="DHL license plate",
            shapes=("JD #18", "JJD #18"),
            source="DHL Express, piece identifiers (ISO 15459 license plates of issuer JD)",
            numbers=("JD014600003828392837",),
        ),
        Format(
            name="DHL eCommerce",
            shapes=tuple(f"GM|LX|RX|UV|CN|SG|TH|IN|HK|MY # *{more}" for more in range(9, 39)),
            source=f"{_COLLECTION}, couriers/dhl.json",
            numbers=("GM2951173225174494", "GM295117494011169042", "GM9E44608A27984866BA2D"),
        ),
        Format(
            name="DHL eCommerce, 14 digits",
            shapes=("#14",),
            source=f"{_COLLECTION}, couriers/dhl.json",
            numbers=("60120172242323", "51087693037816", "60120174971147"),
        ),
    ),
)

DHL_PARCEL_DE: Final = Carrier(
    code="dhl_parcel_de",
    name="DHL Paket",
    aliases=("DHL Parcel DE", "DHL Paket DE", "DHL Germany", "Deutsche Post DHL", "DHL Parcel Germany"),
    page_of="https://www.dhl.de/de/privatkunden/pakete-empfangen/verfolgen.html?piececode={}",
    source="https://developer.dhl.com, Parcel DE Tracking",
    family="dhl",
    formats=(
        Format(
            name="DHL Paket shipment number",
            shapes=("(0034043 #12) check=#",),
            check=weighted(3, 1),
            source="https://developer.dhl.com, Parcel DE Tracking: numbers of the sandbox",
            numbers=(
                "00340434161094015902",
                "00340434161094022115",
                "00340434161094027318",
                "00340434161094032954",
                "00340434161094038253",
                "00340434161094042557",
            ),
        ),
        Format(
            name="DHL Paket identcode",
            shapes=("(#11) check=#",),
            check=weighted(4, 9),
            source="https://www.paketda.de/firmenkunden/paket-pruefziffern.html",
            numbers=("201298452277",),
            also=True,
        ),
        Format(
            name="DHL Paket license plate",
            shapes=tuple(f"JJD14 #{more}" for more in (11, 19)),
            source="https://www.paketda.de/firmenkunden/paket-pruefziffern.html",
            numbers=("JJD1410302937991", "JJD149020000300000000173"),
        ),
    ),
)

LANDMARK: Final = Carrier(
    code="landmark",
    name="Landmark Global",
    aliases=("Landmark",),
    page_of="https://track.landmarkglobal.com/?search={}",
    source=f"{_COLLECTION}, couriers/landmark.json",
    formats=(
        Format(
            name="Landmark Global",
            shapes=("LTN #8 N [1-9]", "LTN #9 N [1-9]", "LTN #9"),
            source=f"{_COLLECTION}, couriers/landmark.json; {_KARRIO}",
            numbers=("LTN74207623N1", "LTN74209518N1", "LTN74224021N1", "LTN49100231N3", "LTN408798880N1"),
        ),
    ),
)

YODEL: Final = Carrier(
    code="yodel",
    name="Yodel",
    aliases=("Yodel Direct", "Home Delivery Network"),
    page_of="https://www.yodel.co.uk/tracking/{}",
    source="https://www.yodel.co.uk/track",
    formats=(
        Format(
            name="Yodel",
            shapes=("JD #16", "JJD #16"),
            source=f"{_COLLECTION}, couriers/yodel.json",
            numbers=("JJD0002257639032011", "JJD0002255380054291", "JD0002242617644732"),
        ),
    ),
)

EVRI: Final = Carrier(
    code="evri",
    name="Evri",
    aliases=("Hermes", "Hermes UK", "myHermes", "Hermes World"),
    page_of="https://www.evri.com/track/parcel/{}",
    source="https://www.evri.com/track",
    formats=(
        Format(
            name="Evri, 16 characters",
            shapes=("H0 *14",),
            source="https://wobaaa.com/aliexpress-uk-tracking-numbers, and published parcels",
            numbers=("H06R4A1011299623", "H0595C0000314450", "H06R4A0218426976"),
        ),
        Format(name="Evri, 16 digits", shapes=("#16",), source="https://www.evri.com/faqs", also=True),
    ),
)

DPD: Final = Carrier(
    code="dpd",
    name="DPD",
    aliases=("DPD UK", "DPD Local", "DPD Germany", "Dynamic Parcel Distribution", "DPDgroup", "Geopost"),
    page_of="https://www.dpdgroup.com/nl/mydpd/my-parcels/track?lang=en&parcelNumber={}",
    source="DPD Parcel Label Specification 2.4.1",
    formats=(
        Format(
            name="DPD barcode, 28 characters",
            shapes=("(#7 < #14 > service=#3 #3) check=*",),
            check=ISO_7064,
            services={"101": "Classic", "136": "Classic, small", "327": "B2C", "350": "2C"},
            source=f"{_COLLECTION}, couriers/dpd.json",
            numbers=("008182709980000020033350276C", "008182709980000020045327276N"),
        ),
        Format(
            name="DPD, 14 digits and a check character",
            shapes=("< (#14) > check=*",),
            check=ISO_7064,
            source=f"{_COLLECTION}, couriers/dpd.json",
            numbers=("09980000020033F", "09980000020034D"),
        ),
        Format(
            name="DPD, 14 digits",
            shapes=("[01] #13",),
            source=_KARRIO,
            numbers=("05308801410058", "05300000011267", "09980000020033"),
        ),
    ),
)

GLS: Final = Carrier(
    code="gls",
    name="GLS",
    aliases=("General Logistics Systems", "GLS Germany", "GLS Netherlands", "GLS Italy"),
    page_of="https://gls-group.com/GROUP/en/parcel-tracking?match={}",
    source="https://gls-group.com/GROUP/en/parcel-tracking",
    formats=(
        Format(
            name="GLS parcel number, 12 digits",
            shapes=("(#11) check=#",),
            check=_one_more(weighted(3, 1)),
            source="https://github.com/karrioapi/karrio, tests of gls; marketplaces' help pages",
            numbers=("993990103198", "123416227171"),
            also=True,
        ),
        Format(
            name="GLS parcel number",
            shapes=("#11", "#14"),
            source=_KARRIO,
            numbers=("36301917596", "10272483975"),
            also=True,
        ),
    ),
)

POSTNL: Final = Carrier(
    code="postnl",
    name="PostNL",
    aliases=("Post NL", "TNT Post", "PostNL International"),
    page_of="https://postnl.nl/tracktrace/?B={}",
    source="https://developer.postnl.nl, barcodes",
    formats=(
        Format(
            name="PostNL 3S",
            shapes=tuple(f"3S @ *{letters} #{digits}" for letters in (0, 1, 2, 3) for digits in range(6, 11)),
            source="https://developer.postnl.nl, Barcode webservice: 3S, a customer code, a series",
            numbers=("3SABCD3427702", "3SABCD987446630", "3SABC19149187", "3SA5210528875", "3SDEVC6659149"),
        ),
        Format(
            name="PostNL international (S10)",
            shapes=("@2 (#8) check=# NL",),
            check=S10,
            source=_UPU,
            numbers=("CC123442066NL", "CD111208171NL", "LA599196732NL"),
            also=True,
        ),
    ),
)

BPOST: Final = Carrier(
    code="bpost",
    name="bpost",
    aliases=("Bpost", "Belgian Post", "bpost bpack", "La Poste Belge"),
    page_of="https://track.bpost.cloud/btr/web/#/search?itemCode={}",
    source="https://track.bpost.cloud",
    formats=(
        Format(
            name="bpost, 24 digits",
            shapes=("3232|3299 #20",),
            source=f"{_KARRIO}; https://www.bpost.be/en/faq",
            numbers=("323212345659900040669030", "323212345659900357663030", "329998745632147852365873"),
        ),
        Format(name="bpost, 18 digits", shapes=("3232 #14",), source=_KARRIO, numbers=("323256984521032569",)),
        Format(
            name="bpost international (S10)",
            shapes=("@2 (#8) check=# BE",),
            check=S10,
            source=_UPU,
            numbers=("CE500137339BE", "UI539489067BE"),
            also=True,
        ),
    ),
)

YUNEXPRESS: Final = Carrier(
    code="yunexpress",
    name="YunExpress",
    aliases=("Yun Express", "YunTrack", "Yuntu"),
    page_of="https://www.yuntrack.com/parcelTracking?id={}",
    source="https://www.yuntrack.com",
    formats=(
        Format(
            name="YunExpress",
            shapes=("YT #16",),
            source=(
                f"{_COLLECTION}, couriers/yunexpress.json; parcels in https://github.com/hdnpt/geartrack/issues/40 and "
                "https://github.com/hdnpt/geartrack-website/issues/48"
            ),
            numbers=("YT2229521272164446", "YT2229521272164447", "YT1709590005990379", "YT2033912102000480"),
        ),
    ),
)

WORLDWIDE: Final = (DHL, DHL_PARCEL_DE, LANDMARK, YODEL, EVRI, DPD, GLS, POSTNL, BPOST, YUNEXPRESS)
