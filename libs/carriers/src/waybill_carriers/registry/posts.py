"""The posts of the world, by the country that ends an S10 number."""

from typing import Final

from waybill_carriers.check_digits import S10
from waybill_carriers.formats import Format
from waybill_carriers.registry.carrier import Carrier

_ANY: Final = "https://t.17track.net/en#nums={}"
"""For posts whose own page takes no number."""
_COUNTRIES: Final = (
    "AD AE AF AG AI AL AM AO AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BM BN BO BR BS BT BW BY BZ CA CC CD "
    "CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG ER ES ET FI FJ FK FM FO FR GA GB "
    "GD GE GF GG GH GI GL GM GN GP GQ GR GT GU GW GY HK HN HR HT HU ID IE IL IM IN IQ IR IS IT JE JM JO JP KE KG "
    "KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MG MH MK ML MM MN MO MP MQ MR MS MT "
    "MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO "
    "RS RU RW SA SB SC SD SE SG SH SI SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TG TH TJ TK TL TM TN TO TR TT TV "
    "TW TZ UA UG US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW"
)
"""ISO 3166-1 alpha-2, as far as there is a post, and XK."""

_POSTS: Final = {
    "AT": ("Österreichische Post", "https://www.post.at/s/sendungsdetails?snr={}"),
    "AU": ("Australia Post", "https://auspost.com.au/mypost/track/details/{}"),
    "BE": ("bpost", "https://track.bpost.cloud/btr/web/#/search?itemCode={}"),
    "BR": ("Correios", "https://rastreamento.correios.com.br/app/index.php?objetos={}"),
    "CA": ("Canada Post", "https://www.canadapost-postescanada.ca/track-reperage/en#/search?searchFor={}"),
    "CH": ("Swiss Post", "https://service.post.ch/ekp-web/ui/entry/search/{}"),
    "CN": ("China Post", _ANY),
    "CZ": ("Česká pošta", "https://www.postaonline.cz/trackandtrace/-/zasilka/cislo?parcelNumbers={}"),
    "DE": ("Deutsche Post", "https://www.deutschepost.de/de/s/sendungsverfolgung.html?piececode={}"),
    "DK": ("PostNord Danmark", "https://tracking.postnord.com/en/tracking?id={}"),
    "ES": ("Correos", "https://www.correos.es/es/es/herramientas/localizador/envios/detalle?tracking-number={}"),
    "FI": ("Posti", "https://www.posti.fi/en/tracking#/lahetys/{}"),
    "FR": ("La Poste", "https://www.laposte.fr/outils/suivre-vos-envois?code={}"),
    "GB": ("Royal Mail", "https://www.royalmail.com/track-your-item#/tracking-results/{}"),
    "HK": ("Hongkong Post", "https://www.hongkongpost.hk/en/mail_tracking/index.html?id={}"),
    "HU": ("Magyar Posta", "https://www.posta.hu/nyomkovetes/nyitooldal?searchvalue={}"),
    "IE": ("An Post", "https://www.anpost.com/Post-Parcels/Track/History?item={}"),
    "IN": ("India Post", _ANY),
    "IT": ("Poste Italiane", "https://www.poste.it/cerca/index.html#/risultati-spedizioni/{}"),
    "JP": ("Japan Post", "https://trackings.post.japanpost.jp/services/srv/search/direct?locale=en&reqCodeNo1={}"),
    "KR": ("Korea Post", _ANY),
    "MX": ("Correos de México", _ANY),
    "MY": ("Pos Malaysia", _ANY),
    "NL": ("PostNL", "https://postnl.nl/tracktrace/?B={}"),
    "NO": ("Posten Norge", "https://sporing.posten.no/sporing/{}"),
    "NZ": ("NZ Post", "https://www.nzpost.co.nz/tools/tracking?trackid={}"),
    "PL": ("Poczta Polska", "https://emonitoring.poczta-polska.pl/?numer={}"),
    "PT": ("CTT", "https://www.ctt.pt/feapl_2/app/open/objectSearch/objectSearch.jspx?objects={}"),
    "SE": ("PostNord Sverige", "https://tracking.postnord.com/en/tracking?id={}"),
    "SG": ("Singapore Post", "https://www.singpost.com/track-items?trackingid={}"),
    "TH": ("Thailand Post", "https://track.thailandpost.co.th/?trackNumber={}"),
    "TW": ("Chunghwa Post", _ANY),
    "UA": ("Ukrposhta", "https://track.ukrposhta.ua/tracking_UA.html?barcode={}"),
    "US": ("USPS", "https://tools.usps.com/go/TrackConfirmAction?tLabels={}"),
    "ZA": ("South African Post Office", _ANY),
}
"""The designated operators' names and pages, as on their own sites."""

_KINDS: Final = {
    "A": "letter, unregistered",
    "C": "parcel",
    "E": "express (EMS)",
    "H": "e-commerce parcel",
    "L": "letter, express",
    "M": "M-bag",
    "Q": "business reply",
    "R": "registered letter",
    "U": "letter, not tracked",
    "V": "insured letter",
    "Z": "prepaid",
}
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

POST: Final = Carrier(
    code="s10",
    name="Post (S10)",
    aliases=tuple(name for name, _ in _POSTS.values() if name not in {"USPS", "Canada Post", "PostNL", "bpost"}),
    page_of=_ANY,
    source="Universal Postal Union, standard S10-12",
    posts=True,
    formats=(
        Format(
            name="S10",
            shapes=("service=@2 (#8) check=# country=@2",),
            check=S10,
            services={first + second: says for first, says in _KINDS.items() for second in _LETTERS},
            source="Universal Postal Union, standard S10-12, 6",
            numbers=("RB123456785GB", "RB123456785CV", "EW112720413FR", "CI076369983JP", "LH211265976AU"),
        ),
    ),
)


def post_of(country: str) -> Carrier | None:
    """The post of a country (ISO 3166-1 alpha-2), with its own name and page; None where there is none."""
    return _BY_COUNTRY.get(country)


def post_named(name: str) -> Carrier | None:
    """The post that is called so."""
    return next((post for post in _BY_COUNTRY.values() if post.name == name), None)


def _of(country: str) -> Carrier:
    name, page = _POSTS.get(country, (f"Post of {country}", _ANY))
    return Carrier(
        POST.code, name, (name,) if country in _POSTS else (), page, POST.source, POST.formats, POST.family, posts=True
    )


_BY_COUNTRY: Final = {country: _of(country) for country in _COUNTRIES.split()}
