"""Orders, requests and scans with boring defaults."""

from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from waybill_events import (
    AmendmentRequested,
    CancellationRequested,
    Envelope,
    Hold,
    HoldReason,
    HoldRequested,
    LabelFailed,
    LabelPurchased,
    LabelVoided,
    LineUnits,
    ManifestClosed,
    Money,
    OrderAmended,
    OrderLine,
    OrderPlaced,
    ParcelDelivered,
    ParcelScanned,
    ReturnClosed,
    ReturnRequested,
    TrackingAdded,
    TrackingCorrected,
    TrackingUpdated,
    ids,
)

ORDER, BRAND = UUID(int=1), UUID(int=2)
NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
REQUEST: Final = UUID(int=50)
LINES: Final = (OrderLine(line_id="shirt", quantity=3), OrderLine(line_id="mug", quantity=1))


def cause(number: int = 9) -> Envelope:
    """An incoming event's envelope, told apart by a number."""
    id_ = UUID(int=number)
    return Envelope(id=id_, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=id_)


def placed(*lines: OrderLine, holds: tuple[HoldReason, ...] = (), order: UUID = ORDER) -> OrderPlaced:
    """An order of three shirts and a mug."""
    return OrderPlaced(
        order_id=order,
        sale_id=UUID(int=3),
        brand_id=BRAND,
        reference="10001-01",
        number="#10001",
        connection_id=UUID(int=4),
        platform="shopify",
        placed_at=NOON,
        recipient_version=1,
        holds=tuple(Hold(hold_id=ids.hold_id(order, reason), reason=reason) for reason in holds),
        lines=lines or LINES,
    )


def cancellation(units: dict[str, int] | None = None, **changed: Any) -> CancellationRequested:
    """A customer changed their mind."""
    said: dict[str, Any] = {
        "order_id": ORDER,
        "brand_id": BRAND,
        "request_id": REQUEST,
        "lines": None
        if units is None
        else tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items()),
        "reason": "customer",
        "requested_at": NOON,
    }
    return CancellationRequested(**said | changed)


def hold_request(request_id: UUID = REQUEST, order: UUID = ORDER) -> HoldRequested:
    """Somebody looks at the payment again."""
    return HoldRequested(
        order_id=order, brand_id=BRAND, request_id=request_id, reason=HoldReason.FRAUD_RISK, requested_at=NOON
    )


def scan(parcel_id: UUID, order: UUID = ORDER) -> ParcelScanned:
    """The carrier has it."""
    return ParcelScanned(order_id=order, brand_id=BRAND, parcel_id=parcel_id, scanned_at=NOON)


def corrected(parcel_id: UUID, number: str = "1Z9", order: UUID = ORDER) -> TrackingCorrected:
    """Its number was another one."""
    return TrackingCorrected(
        order_id=order,
        brand_id=BRAND,
        parcel_id=parcel_id,
        was="1Z",
        carrier_name="UPS",
        tracking_number=number,
        decided_by="brand",
        corrected_at=NOON,
    )


def delivered(parcel_id: UUID, at: datetime = NOON, order: UUID = ORDER) -> ParcelDelivered:
    """The customer has it."""
    return ParcelDelivered(order_id=order, brand_id=BRAND, parcel_id=parcel_id, delivered_at=at)


def added(parcel_id: UUID, number: str = "1Z9", order: UUID = ORDER) -> TrackingAdded:
    return TrackingAdded(
        order_id=order,
        brand_id=BRAND,
        parcel_id=parcel_id,
        carrier_name="UPS",
        tracking_number=number,
        decided_by="brand",
        added_at=NOON,
    )


def sent_back(parcel_id: UUID, order: UUID = ORDER) -> TrackingUpdated:
    return TrackingUpdated(
        order_id=order, brand_id=BRAND, parcel_id=parcel_id, status="returned_to_sender", words="Refused", at=NOON
    )


def return_request(units: dict[str, int], request_id: UUID = REQUEST, **changed: Any) -> ReturnRequested:
    """A customer sends something back, within 30 days."""
    said: dict[str, Any] = {
        "order_id": ORDER,
        "brand_id": BRAND,
        "request_id": request_id,
        "lines": tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items()),
        "reason": "unwanted",
        "days": 30,
        "requested_at": NOON,
    }
    return ReturnRequested(**said | changed)


def return_closed(return_id: UUID = REQUEST) -> ReturnClosed:
    """Nobody waits for the rest."""
    return ReturnClosed(order_id=ORDER, brand_id=BRAND, return_id=return_id, closed_at=NOON)


def amendment(request_id: UUID = REQUEST) -> AmendmentRequested:
    """The customer has moved."""
    return AmendmentRequested(
        order_id=ORDER, brand_id=BRAND, request_id=request_id, fields=("address.city",), requested_at=NOON
    )


def amended(version: int, request_id: UUID = REQUEST) -> OrderAmended:
    """It goes to the new address."""
    return OrderAmended(
        order_id=ORDER,
        brand_id=BRAND,
        request_id=request_id,
        fields=("address.city",),
        recipient_version=version,
        amended_at=NOON,
    )


def label_bought(purchase: int = 1, *, parcel: UUID | None = None) -> LabelPurchased:
    """A label for the first parcel, whose number tells which purchase it was."""
    parcel = parcel or ids.parcel_id(ORDER, 1)
    return LabelPurchased(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=parcel,
        label_id=ids.label_id(parcel, purchase),
        carrier="simulated",
        carrier_name="Simulated Carrier",
        service="ground",
        tracking_number=f"WB{purchase}",
        cost=Money(amount="7.35", currency="USD"),
        weight_g=840,
        purchased_at=NOON,
    )


def label_failed(purchase: int = 1, *, parcel: UUID | None = None) -> LabelFailed:
    """The carrier does not want it."""
    parcel = parcel or ids.parcel_id(ORDER, 1)
    return LabelFailed(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=parcel,
        label_id=ids.label_id(parcel, purchase),
        code="refused",
        words="No such street.",
        failed_at=NOON,
    )


def label_voided(purchase: int = 1, *, parcel: UUID | None = None) -> LabelVoided:
    """It must not be used any more."""
    parcel = parcel or ids.parcel_id(ORDER, 1)
    return LabelVoided(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=parcel,
        label_id=ids.label_id(parcel, purchase),
        why="asked",
        voided_at=NOON,
    )


def manifest(*parcels: UUID) -> ManifestClosed:
    """The carrier's list of the day."""
    return ManifestClosed(
        order_id=ORDER,
        brand_id=BRAND,
        manifest_id=UUID(int=60),
        carrier="simulated",
        parcel_ids=parcels or (ids.parcel_id(ORDER, 1),),
        closed_at=NOON,
    )
