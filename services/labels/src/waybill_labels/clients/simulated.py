"""The simulated carrier, over HTTP."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar, cast
from uuid import UUID

import httpx
from pydantic import Base64Bytes, BaseModel, ConfigDict, ValidationError

from waybill_events import Money
from waybill_events.model import Currency, Decimal, Name
from waybill_labels.clients.carriers import NoBooks, Refused, Sold, TakenBack, Unknown
from waybill_labels.domain import File, Kept, Offer, Sale, Shipment
from waybill_labels.settings import SimulatedAccount

_NAME: Final = "Simulated Carrier"
_REFUSES: Final = range(400, 500)
_NO_BOOKS: Final = Unknown("HTTP 501")
_AGAIN: Final = frozenset({401, 403, 408, 425, 429})
"""Answers that say nothing of what was asked: a wrong key, or no time."""


class _Answer(BaseModel):
    model_config = ConfigDict(extra="ignore")


A = TypeVar("A", bound=_Answer)


class _Rate(_Answer):
    service: Name
    name: Name
    amount: Decimal
    currency: Currency
    days: int | None = None


class _Rates(_Answer):
    rates: list[_Rate]


class _File(_Answer):
    media_type: Name
    content: Base64Bytes


class _Label(_Answer):
    id: Name
    tracking_number: Name
    amount: Decimal
    currency: Currency
    state: str
    file: _File | None = None


class _Manifest(_Answer):
    manifest: Name


class _Labels(_Answer):
    labels: list[_Label]


class Simulated:
    """An account with the simulated carrier."""

    voids_again = True

    def __init__(self, code: str, account: SimulatedAccount) -> None:
        self.code, self.deadline_s, self.settles_s = code, account.deadline_s, account.settles_s
        self.url = str(account.url).rstrip("/")
        headers = {"Authorization": f"Bearer {account.api_key.get_secret_value()}"}
        self.http = httpx.AsyncClient(timeout=account.deadline_s, headers=headers)

    async def rates(self, shipment: Shipment) -> Sequence[Offer] | Refused | Unknown:
        """What its services cost."""
        answer = await self._call("POST", "/v1/rates", _Rates, json=_consignment(shipment))
        if not isinstance(answer, _Rates):
            return answer
        return [Offer(self.code, _NAME, each.service, each.name, _money(each), each.days) for each in answer.rates]

    async def buy(self, key: UUID, offer: Offer, shipment: Shipment) -> Sold | Refused | Unknown:
        """Buy a label under a key."""
        wanted = {
            **_consignment(shipment),
            "service": offer.service,
            "key": str(key),
            "reference": shipment.mark(key),
        }
        answer = await self._call("POST", "/v1/labels", _Label, json=wanted)
        return self._sold(answer) if isinstance(answer, _Label) else answer

    async def bought(self, key: UUID) -> Sequence[Sold] | NoBooks | Unknown:
        """All that was ever bought under a key."""
        answer = await self._call("GET", "/v1/labels", _Labels, params={"key": str(key)})
        if isinstance(answer, Refused):
            return Unknown(answer.words)
        if answer == _NO_BOOKS:
            return NoBooks()
        return answer if isinstance(answer, Unknown) else [self._sold(label) for label in answer.labels]

    async def void(self, sale: Sale) -> TakenBack | Refused | Unknown:
        """Have a label taken back; again for one that was."""
        answer = await self._call("POST", f"/v1/labels/{sale.reference}/void", _Label)
        return TakenBack(answer.state == "refunded") if isinstance(answer, _Label) else answer

    async def manifest(self, key: UUID, sales: Sequence[Sale]) -> str | Refused | Unknown:
        """Have these labels taken along, on one list under a key; its number."""
        wanted = {"key": str(key), "labels": [sale.reference for sale in sales]}
        answer = await self._call("POST", "/v1/manifests", _Manifest, json=wanted)
        return answer.manifest if isinstance(answer, _Manifest) else answer

    async def close(self) -> None:
        """Close the connections."""
        await self.http.aclose()

    def _sold(self, label: _Label) -> Sold:
        page = f"{self.url}/track/{label.tracking_number}"
        file = None if label.file is None else File(label.file.media_type, label.file.content)
        kept = None if file is None else Kept(file.media_type, file.digest)
        return Sold(Sale(label.id, label.tracking_number, page, _money(label), kept), file)

    async def _call(self, method: str, path: str, read: type[A], **sent: Any) -> A | Refused | Unknown:
        try:
            async with asyncio.timeout(self.deadline_s):
                answer = await self.http.request(method, f"{self.url}{path}", **sent)
        except (httpx.HTTPError, TimeoutError) as error:
            return Unknown(type(error).__name__)
        if answer.status_code in _REFUSES and answer.status_code not in _AGAIN:
            return Refused(_words(answer))
        if not answer.is_success:
            return Unknown(f"HTTP {answer.status_code}")
        try:
            return read.model_validate_json(answer.content)
        except ValidationError:
            return Unknown("its answer cannot be read")


def _money(priced: _Rate | _Label) -> Money:
    return Money(amount=priced.amount, currency=priced.currency)


def _consignment(shipment: Shipment) -> dict[str, Any]:
    return {
        "ship_from": shipment.ship_from.model_dump(exclude_none=True),
        "ship_to": shipment.ship_to.model_dump(exclude_none=True),
        "weight_g": shipment.weight_g,
        **shipment.box.model_dump(),
    }


def _words(answer: httpx.Response) -> str:
    """What it says, without what a database cannot keep."""
    try:
        said: Any = answer.json()
    except ValueError:
        said = answer.text
    if isinstance(said, dict):
        said = cast("Mapping[str, Any]", said).get("detail", said)
    return str(said).replace("\x00", "")[:500]
