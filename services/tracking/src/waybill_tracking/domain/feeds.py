"""Feeds of carrier messages: whose signature is right, and what their webhooks say.

Sources: EasyPost's "Webhooks" guide and Tracker object (`X-Hmac-Signature`); the generic form is our own.
"""

import hashlib
import hmac
import json
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from waybill_carriers.numbers import compact
from waybill_events import CarrierStatus
from waybill_events.model import Name, Text, Time
from waybill_tracking.domain.messages import Message

Kind = Literal["easypost", "generic"]
SIGNATURES: Final[Mapping[Kind, tuple[str, str]]] = {
    "easypost": ("x-hmac-signature", "hmac-sha256-hex="),
    "generic": ("waybill-signature", "sha256="),
}
"""Header and prefix of the hex HMAC-SHA256 over the raw body."""
_EASYPOST: Final = {
    "pre_transit": CarrierStatus.PRE_TRANSIT,
    "in_transit": CarrierStatus.IN_TRANSIT,
    "out_for_delivery": CarrierStatus.OUT_FOR_DELIVERY,
    "available_for_pickup": CarrierStatus.AVAILABLE_FOR_PICKUP,
    "delivered": CarrierStatus.DELIVERED,
    "return_to_sender": CarrierStatus.RETURNED_TO_SENDER,
    "failure": CarrierStatus.EXCEPTION,
    "error": CarrierStatus.EXCEPTION,
    "cancelled": CarrierStatus.EXCEPTION,
}


class Unreadable(ValueError):
    """A webhook is not what its feed promises; the message names the field."""


def signature(kind: Kind, secret: str, body: bytes) -> dict[str, str]:
    """The header that signs a body; EasyPost decomposes the characters of its secret (NFKD), as its own clients do."""
    header, prefix = SIGNATURES[kind]
    key = unicodedata.normalize("NFKD", secret) if kind == "easypost" else secret
    return {header: prefix + hmac.new(key.encode(), body, hashlib.sha256).hexdigest()}


def signed(kind: Kind, secret: str, body: bytes, headers: Mapping[str, str]) -> bool:
    """Whether the signature in the headers is that of the body; compared in constant time."""
    ((header, right),) = signature(kind, secret, body).items()
    return hmac.compare_digest(right.encode(), headers.get(header, "").encode())


def messages(kind: Kind, body: bytes) -> list[Message]:
    """What a webhook says, none where it is about something else; raises Unreadable."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Unreadable("the body is not JSON") from error
    try:
        return _easypost(document) if kind == "easypost" else _generic(document)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False, include_context=False)
        says = "; ".join(f"{'.'.join(map(str, each['loc'])) or 'body'}: {each['msg']}" for each in found)
        raise Unreadable(says) from error


class _Said(BaseModel):
    model_config = ConfigDict(extra="ignore")


class _Detail(_Said):
    """One tracking detail of EasyPost."""

    status: str = "unknown"
    status_detail: str | None = None
    message: Text | None = None
    carrier_code: Text | None = None
    datetime: Time


class _Tracker(_Said):
    tracking_code: Name
    est_delivery_date: Time | None = None
    tracking_details: Annotated[list[_Detail], Field(max_length=1000)] = []


class _GenericMessage(_Said):
    status: CarrierStatus
    at: Time
    code: Text = ""
    words: Text = ""
    retracts: bool = False
    estimated_delivery: Time | None = None


class _Generic(_Said):
    tracking_number: Name
    messages: Annotated[list[_GenericMessage], Field(min_length=1, max_length=1000)]


def _easypost(document: Any) -> list[Message]:
    if not isinstance(document, dict):
        raise Unreadable("the body is not an object")
    event = cast("Mapping[str, Any]", document)
    tracker = event.get("result") if event.get("object") == "Event" else event
    if not isinstance(tracker, dict) or cast("Mapping[str, Any]", tracker).get("object") != "Tracker":
        return []
    read = _Tracker.model_validate(tracker)
    newest = max((detail.datetime for detail in read.tracking_details), default=None)
    return [
        Message(
            compact(read.tracking_code),
            detail.datetime,
            _easypost_status(detail),
            detail.carrier_code or detail.status_detail or detail.status,
            detail.message or "",
            # What it expects now goes with what it said last: it tells all of the journey every time.
            estimated_delivery=read.est_delivery_date if detail.datetime == newest else None,
        )
        for detail in read.tracking_details
    ]


def _easypost_status(detail: _Detail) -> CarrierStatus:
    if detail.status == "in_transit" and detail.status_detail in {"delivery_exception", "transit_exception"}:
        return CarrierStatus.EXCEPTION
    return _EASYPOST.get(detail.status, CarrierStatus.UNKNOWN)


def _generic(document: Any) -> list[Message]:
    read = _Generic.model_validate(document)
    return [
        Message(
            compact(read.tracking_number),
            each.at,
            each.status,
            each.code,
            each.words,
            retracts=each.retracts,
            estimated_delivery=each.estimated_delivery,
        )
        for each in read.messages
    ]
