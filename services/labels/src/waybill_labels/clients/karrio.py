"""Carriers whose protocols karrio speaks: an extra, `waybill-labels[karrio]`, and one of its packages per carrier.

karrio writes what a carrier is sent and reads what it says. How long that may take, and what it means for money, is
decided here: karrio takes silence, a refusal and an answer that nobody can read for the same, sends a request again
that was not answered where Sentry is installed, and switches certificates off for the whole process.
"""

import asyncio
import base64
import binascii
import hashlib
import importlib
import ssl
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from typing import Any, Final
from uuid import UUID

from PIL import ImageFile
from pydantic import ValidationError

from waybill_carriers import by_name
from waybill_events import Address, BusinessAddress, Money
from waybill_labels.clients.carriers import NoBooks, Refused, Sold, TakenBack, Unknown
from waybill_labels.clients.in_time import Exchange, exchange_until, hang_up, install, never_left
from waybill_labels.domain import File, Kept, Offer, Sale, Shipment
from waybill_labels.settings import KarrioAccount

AT_ONCE: Final = 40
"""Calls that are under way at a time, each in a thread: as many as labels of one round."""
_TOO_OFTEN: Final = 429
_NOT_LET_IN: Final = frozenset({401, 403})
_SAYS_NOTHING: Final = frozenset({408, 425, _TOO_OFTEN, *_NOT_LET_IN})
"""Answers of a gateway, not of the carrier behind it."""
_SERVER_ERROR: Final = 500
_BILLED_AFTER_USE: Final = frozenset({"ups"})
"""Carriers that bill what they carried, so that nothing is to come back for a label that is void."""
_MEDIA_TYPES: Final = {"PDF": "application/pdf", "PNG": "image/png", "ZPL": "application/zpl"}
_DEFAULT: Final = "_create_default_https_context"
"""With what urllib looks at certificates where nobody says otherwise (PEP 476)."""
_LOST: Final = Kept("application/pdf", hashlib.sha256(b"").hexdigest())
"""A label that its carrier gave and nobody can read: whoever wants to print it hears that it is gone."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of one call: what karrio read in the answer, the carrier's words, and how far it got."""

    found: Any
    words: str
    status: int | None
    requests: int
    """How many were sent after the account was let in: none, the one that asks, or more, which not all karrio tells."""
    read: bool = True


class Karrio:
    """An account with a carrier, of karrio's name `account.carrier`."""

    voids_again = False

    def __init__(self, code: str, account: KarrioAccount) -> None:
        self.code, self.deadline_s, self.settles_s = code, account.deadline_s, account.settles_s
        known = by_name(code)
        self.carrier, self.name = account.carrier, known.name if known else code
        self._lib: Any = _module("karrio.lib")
        self._models: Any = _module("karrio.core.models")
        self._utils: Any = _module("karrio.core.utils")
        self._connect = _gateway_of(account)
        self._tokens: Any = self._utils.Cache()
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix=code)
        install()

    async def rates(self, shipment: Shipment) -> Sequence[Offer] | Refused | Unknown:
        """What its services cost."""

        def ask(gateway: Any) -> Any:
            request = gateway.mapper.create_rate_request(self._payload(self._models.RateRequest, shipment))
            return lambda: gateway.mapper.parse_rate_response(gateway.proxy.get_rates(request))

        told = await self._call(ask)
        if isinstance(told, Unknown | Refused):
            return told
        return [each for each in map(self._offer, told.found) if each] if told.found else _means(told)

    async def buy(self, key: UUID, offer: Offer, shipment: Shipment) -> Sold | Refused | Unknown:
        """Buy a label. The carrier knows no keys: the beginning of it stands beside the reference, for people."""

        def ask(gateway: Any) -> Any:
            wanted = {"service": offer.service, "label_type": "PDF", "reference": shipment.mark(key)}
            payload = self._payload(self._models.ShipmentRequest, shipment, shipment.mark(key), wanted)
            request = gateway.mapper.create_shipment_request(payload)
            return lambda: gateway.mapper.parse_shipment_response(gateway.proxy.create_shipment(request))

        told = await self._call(ask)
        if isinstance(told, Unknown | Refused):
            return told
        if told.found is not None and told.found.tracking_number:
            return _sold(told.found, offer)
        stopped = told.status == _TOO_OFTEN or told.status in _NOT_LET_IN
        if told.requests == 0 or (told.requests == 1 and stopped):
            # Nothing was sold for certain, which only a purchase has to know.
            return Refused(f"{told.words or f'HTTP {told.status}'}. It may sell it later: retry.")
        return _means(told) if told.requests == 1 else Unknown(told.words or f"HTTP {told.status}")

    async def bought(self, _key: UUID) -> NoBooks:
        """It keeps no list that karrio could read."""
        return NoBooks()

    async def void(self, sale: Sale) -> TakenBack | Refused | Unknown:
        """Have a label taken back."""

        def ask(gateway: Any) -> Any:
            payload = self._models.ShipmentCancelRequest(shipment_identifier=sale.reference)
            request = gateway.mapper.create_cancel_shipment_request(payload)
            return lambda: gateway.mapper.parse_cancel_shipment_response(gateway.proxy.cancel_shipment(request))

        told = await self._call(ask)
        if isinstance(told, Unknown | Refused):
            return told
        if told.found is not None and told.found.success:
            return TakenBack(refunded=self.carrier in _BILLED_AFTER_USE)
        return _means(told)

    async def manifest(self, _key: UUID, _sales: Sequence[Sale]) -> str | Refused | Unknown:
        """Its driver takes parcels along without a list of ours, which gets no number."""
        return ""

    async def close(self) -> None:
        """What is under way ends by its deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, prepare: Callable[[Any], Callable[[], Any]]) -> _Told | Refused | Unknown:
        """Prepare a request, log in, send it, and read the answer, in a thread."""
        ends = time.monotonic() + self.deadline_s
        try:
            async with asyncio.timeout(self.deadline_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._talk, prepare, ends)
        except TimeoutError:
            return Unknown("no answer in time")
        except Exception as error:  # noqa: BLE001  # nothing was sent: it could not be set up
            return Refused(_plain(error))

    def _talk(self, prepare: Callable[[Any], Callable[[], Any]], ends: float) -> _Told | Refused:
        with exchange_until(ends) as exchange:
            return self._told(self._connect(self._tokens), prepare, exchange)

    def _told(self, gateway: Any, prepare: Callable[[Any], Callable[[], Any]], exchange: Exchange) -> _Told | Refused:
        try:
            send = prepare(gateway)
        except Exception as error:  # noqa: BLE001  # karrio's mappers raise anything
            return Refused(f"karrio cannot ask for this: {_plain(error)}")
        before = None
        try:
            with suppress(_module("karrio.core.errors").MethodNotSupportedError):
                gateway.proxy.authenticate(None)
            before = len(exchange.sent)
            found, messages = send()
            return _Told(found, _words(messages), exchange.status, len(exchange.sent) - before)
        except Exception as error:  # noqa: BLE001  # and so do its readers
            hang_up(error)
            words = _words(getattr(error, "messages", None)) or _plain(error)
            sent = 0 if before is None else len(exchange.sent) - before - never_left(error)
            return _Told(None, words, exchange.status, sent, read=False)
        finally:
            if exchange.status in _NOT_LET_IN:
                self._tokens = self._utils.Cache()

    def _payload(self, kind: Any, shipment: Shipment, mark: str = "", more: dict[str, Any] | None = None) -> Any:
        parcel = {
            "weight": shipment.weight_g / 1000,
            "weight_unit": "KG",
            "length": shipment.box.length_mm / 10,
            "width": shipment.box.width_mm / 10,
            "height": shipment.box.height_mm / 10,
            "dimension_unit": "CM",
            "reference_number": mark or None,
        }
        said = {
            "shipper": _party(shipment.ship_from),
            "recipient": _party(shipment.ship_to),
            "parcels": [parcel],
            **(more or {}),
        }
        return self._lib.to_object(kind, said)

    def _offer(self, rate: Any) -> Offer | None:
        words = str(rate.service).removeprefix(f"{self.carrier}_").split("_")
        name = " ".join([self.name, *(word[:1].upper() + word[1:] for word in words)])
        try:
            cost = Money(amount=str(rate.total_charge), currency=rate.currency)
        except ValidationError:
            return None
        return Offer(self.code, self.name, rate.service, name, cost, rate.transit_days or None)


def _means(told: _Told) -> Refused | Unknown:
    """What an answer without what was asked for says."""
    if told.status is None or told.requests == 0 or not told.read:
        return Unknown(told.words or "no answer")
    if told.status >= _SERVER_ERROR or told.status in _SAYS_NOTHING:
        return Unknown(f"HTTP {told.status}")
    return Refused(told.words) if told.words else Unknown("its answer cannot be read")


def _words(messages: Any) -> str:
    """A carrier's errors, without its warnings and what a database cannot keep."""
    errors = [each for each in messages or () if (each.level or "error") == "error"]
    return "; ".join(f"{each.message} ({each.code})" for each in errors).replace("\x00", "")[:500]


def _plain(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".replace("\x00", "")[:200]


def _sold(details: Any, offer: Offer) -> Sold:
    """What was sold. It is paid, so that whatever else cannot be read is left out."""
    number, reference = str(details.tracking_number), str(details.shipment_identifier or details.tracking_number)
    known, file = by_name(offer.carrier), _file(details)
    page = known.page(number) if known else ""
    kept = _LOST if file is None else Kept(file.media_type, file.digest)
    return Sold(Sale(reference, number, page, _cost(details) or offer.cost, kept), file)


def _cost(details: Any) -> Money | None:
    """What it cost in the end, where that is said."""
    try:
        return Money(amount=str(details.selected_rate.total_charge), currency=details.selected_rate.currency)
    except (AttributeError, ValidationError):
        return None


def _file(details: Any) -> File | None:
    """The label, where it can be read."""
    kind = str(details.label_type or "")[:3].upper()
    try:
        content = base64.b64decode("".join(details.docs.label.split()), validate=True)
    except (AttributeError, TypeError, binascii.Error):
        return None
    return File(_MEDIA_TYPES[kind], content) if kind in _MEDIA_TYPES and content else None


def _party(address: Address | BusinessAddress) -> dict[str, Any]:
    """An address in karrio's words."""
    return {
        "person_name": address.name or None,
        "company_name": getattr(address, "company", "") or None,
        "address_line1": address.line1,
        "address_line2": address.line2 or None,
        "city": address.city,
        "state_code": address.region or None,
        "postal_code": address.postcode or None,
        "country_code": address.country,
        "phone_number": address.phone or None,
        "email": getattr(address, "email", "") or None,
    }


def _gateway_of(account: KarrioAccount) -> Callable[[Any], Any]:
    """Makes a connection as it is needed: one that stays keeps all that was ever said. Raises ValueError."""
    providers: dict[str, Any] = _module("karrio.sdk").gateway.providers
    if account.carrier not in providers:
        raise ValueError(
            f"karrio does not know {account.carrier} here, but {', '.join(sorted(providers)) or 'nobody'}. "
            f"Install karrio-{account.carrier.replace('_', '-')}."
        )
    kind: Any = providers[account.carrier].Settings
    if account.url is not None:
        kind = type("At", (kind,), {"server_url": str(account.url).rstrip("/")})
    initializer: Any = _module("karrio.sdk").gateway[account.carrier]

    def connect(tokens: Any) -> Any:
        return initializer.create(kind(**account.connection.get_secret_value()), cache=tokens)

    try:
        connect(None)
    except Exception as error:
        says = str(error).rpartition("() ")[2]
        raise ValueError(f"karrio cannot connect to {account.carrier} with this connection: {says}") from error
    return connect


@cache
def _module(name: str) -> Any:
    """A part of karrio, which has no types, without what else it does when it is imported; raises ValueError.

    It writes to stderr, addresses and all, and has the process look at no certificate any more, and take half a picture
    for a whole one.
    """
    certificates, halves = getattr(ssl, _DEFAULT), ImageFile.LOAD_TRUNCATED_IMAGES
    try:
        module = importlib.import_module(name)
        importlib.import_module("loguru").logger.remove()
    except ModuleNotFoundError as error:
        raise ValueError("karrio is not installed here. Install waybill-labels[karrio].") from error
    finally:
        setattr(ssl, _DEFAULT, certificates)
        ImageFile.LOAD_TRUNCATED_IMAGES = halves
    return module
