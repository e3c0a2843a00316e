"""Carriers whose protocols karrio speaks: an extra, `waybill-labels[karrio]`, and one of its packages per carrier.

karrio writes what a carrier is sent and reads what it says. How long that may take, and what it means for money, is
decided here: karrio takes silence, a refusal and an answer that nobody can read for the same, and sends a request again
that was not answered where Sentry is installed.
"""

import asyncio
import base64
import binascii
import importlib
import time
import urllib.request
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Final
from urllib.error import HTTPError, URLError
from uuid import UUID

from pydantic import ValidationError

from waybill_carriers import by_name
from waybill_events import Address, BusinessAddress, Money
from waybill_labels.clients.carriers import NoBooks, Refused, Sold, TakenBack, Unknown
from waybill_labels.domain import File, Kept, Offer, Sale, Shipment
from waybill_labels.settings import KarrioAccount

AT_ONCE: Final = 40
"""Calls that are under way at a time, each in a thread: as many as labels of one round."""
_NO_TIME: Final = frozenset({408, 425, 429})
_NOT_LET_IN: Final = frozenset({401, 403})
_SERVER_ERROR: Final = 500
_BILLED_BEFORE_USE: Final = frozenset({"usps", "usps_international"})
"""Carriers that take the money with the sale and give it back later; the others bill what they carried."""
_MEDIA_TYPES: Final = {"PDF": "application/pdf", "PNG": "image/png", "ZPL": "application/zpl"}


@dataclass
class Exchange:
    """The requests of one call, and what the last of them was answered with; a status of None is no answer."""

    ends: float
    """By the monotonic clock."""
    status: int | None = None
    sent: list[urllib.request.Request] = field(default_factory=list[urllib.request.Request])


_exchange: ContextVar[Exchange | None] = ContextVar("exchange", default=None)


@contextmanager
def exchange_until(ends: float) -> Generator[Exchange]:
    """What is sent meanwhile in this thread belongs to one call."""
    token = _exchange.set(exchange := Exchange(ends))
    try:
        yield exchange
    finally:
        _exchange.reset(token)


class NotSent(URLError):
    """A request that must not go out: it has already, or is too late."""


class Watch(urllib.request.BaseHandler):
    """Ends each request by its call's deadline, sends none twice, and keeps with what it was answered."""

    handler_order = 100

    def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
        """Before it is sent."""
        if (exchange := _exchange.get()) is None:
            return request
        left = exchange.ends - time.monotonic()
        if left <= 0:
            raise NotSent("the deadline is over")
        if any(request is each for each in exchange.sent):
            raise NotSent("it was sent before")
        request.timeout = left
        exchange.status = None
        exchange.sent.append(request)
        return request

    def http_response(self, _request: urllib.request.Request, response: Any) -> Any:
        """Once there is an answer."""
        if (exchange := _exchange.get()) is not None:
            exchange.status = response.code
        return response

    https_request, https_response = http_request, http_response


@dataclass(frozen=True, slots=True)
class _Told:
    """What came of one call: what karrio read in the answer, the carrier's words, and how far it got."""

    found: Any
    words: str
    status: int | None
    asked: bool
    """Whether the account was let in, so that what was wanted was sent."""
    read: bool


class Karrio:
    """An account with a carrier, of karrio's name `account.carrier`."""

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
        _watch_requests()

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
        if not told.asked or told.status in _NO_TIME | _NOT_LET_IN:
            # Nothing was sold for certain, which only a purchase has to know.
            return Refused(f"{told.words or f'HTTP {told.status}'}. It may sell it later: retry.")
        return _means(told)

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
            return TakenBack(refunded=self.carrier not in _BILLED_BEFORE_USE)
        return _means(told)

    async def manifest(self, _key: UUID, _sales: Sequence[Sale]) -> str | Refused | Unknown:
        """Its driver takes parcels along without a list of ours, which gets no number."""
        return ""

    async def close(self) -> None:
        """Wait for nothing: what is under way ends by its deadline."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _call(self, prepare: Callable[[Any], Callable[[], Any]]) -> _Told | Refused | Unknown:
        """Prepare a request, log in, send it, and read the answer, in a thread."""
        ends = time.monotonic() + self.deadline_s
        try:
            async with asyncio.timeout(self.deadline_s):
                return await asyncio.get_running_loop().run_in_executor(self._threads, self._talk, prepare, ends)
        except TimeoutError:
            return Unknown("no answer in time")

    def _talk(self, prepare: Callable[[Any], Callable[[], Any]], ends: float) -> _Told | Refused:
        with exchange_until(ends) as exchange:
            return self._told(self._connect(self._tokens), prepare, exchange)

    def _told(self, gateway: Any, prepare: Callable[[Any], Callable[[], Any]], exchange: Exchange) -> _Told | Refused:
        try:
            send = prepare(gateway)
        except Exception as error:  # noqa: BLE001  # karrio's mappers raise anything
            return Refused(f"karrio cannot ask for this: {error}"[:500])
        asked = False
        try:
            with suppress(_module("karrio.core.errors").MethodNotSupportedError):
                gateway.proxy.authenticate(None)
            asked = True
            found, messages = send()
        except Exception as error:  # noqa: BLE001  # and so do its readers
            _hang_up(error)
            words = _words(getattr(error, "messages", None)) or f"{type(error).__name__}: {error}"[:200]
            return _Told(None, words, exchange.status, asked, read=False)
        finally:
            if exchange.status in _NOT_LET_IN:
                self._tokens = self._utils.Cache()
        return _Told(found, _words(messages), exchange.status, asked, read=True)

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
    if told.status is None or not told.asked or not told.read:
        return Unknown(told.words or "no answer")
    if told.status >= _SERVER_ERROR or told.status in _NO_TIME | _NOT_LET_IN:
        return Unknown(f"HTTP {told.status}")
    return Refused(told.words) if told.words else Unknown("its answer cannot be read")


def _words(messages: Any) -> str:
    """A carrier's errors, without its warnings and what a database cannot keep."""
    errors = [each for each in messages or () if (each.level or "error") == "error"]
    return "; ".join(f"{each.message} ({each.code})" for each in errors).replace("\x00", "")[:500]


def _hang_up(error: BaseException | None) -> None:
    """Close what was answered and not read, wherever karrio went on from it."""
    while error is not None:
        if isinstance(error, HTTPError):
            error.close()
        error = error.__context__


def _sold(details: Any, offer: Offer) -> Sold:
    file = _file(details)
    rate = details.selected_rate
    cost = offer.cost
    if rate is not None and rate.total_charge:
        cost = Money(amount=str(rate.total_charge), currency=rate.currency or offer.cost.currency)
    known = by_name(offer.carrier)
    page = known.page(details.tracking_number) if known else ""
    meta: dict[str, Any] = details.meta or {}
    page = page or str(meta.get("carrier_tracking_link") or "")
    kept = None if file is None else Kept(file.media_type, file.digest)
    return Sold(Sale(details.shipment_identifier, details.tracking_number, page, cost, kept), file)


def _file(details: Any) -> File | None:
    """The label, where it can be kept; what is paid is paid, whatever its file is."""
    media_type = _MEDIA_TYPES.get(details.label_type or "")
    try:
        content = base64.b64decode(details.docs.label or "", validate=True)
    except (binascii.Error, TypeError, ValueError):
        return None
    return File(media_type, content) if media_type and content else None


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
def _watch_requests() -> None:
    """Karrio sends by urllib's own opener; nobody else does here."""
    urllib.request.install_opener(urllib.request.build_opener(Watch()))


@cache
def _module(name: str) -> Any:
    """Karrio has no types, and writes of what it does to stderr, addresses and all."""
    module = importlib.import_module(name)
    importlib.import_module("loguru").logger.remove()
    return module
