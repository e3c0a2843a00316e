"""A parcel, and what its label and its carrier make of it; where its units are is the ledger's matter."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final, assert_never
from uuid import UUID

from waybill_events import (
    CorrectionRequested,
    LabelFailed,
    LabelPurchased,
    LabelVoided,
    ParcelDelivered,
    ParcelScanned,
    TrackingAdded,
    TrackingCorrected,
)

Units = Mapping[str, int]
"""Quantities by line id, none of them zero."""
NONE: Final[Units] = MappingProxyType({})
OfItsLabel = LabelPurchased | LabelFailed | LabelVoided
OfItsCarrier = ParcelScanned | ParcelDelivered | CorrectionRequested | TrackingAdded | TrackingCorrected


class ParcelState(StrEnum):
    """Where a parcel is."""

    PACKED = "packed"
    SHIPPED = "shipped"
    UNPACKED = "unpacked"


class LabelState(StrEnum):
    """What has become of the label that is bought for a parcel."""

    PENDING = "pending"
    LABELED = "labeled"
    FAILED = "failed"
    VOIDED = "voided"


@dataclass(frozen=True, slots=True)
class Parcel:
    """Units that travel together. `number` counts the order's parcels from 1 and is never reused.

    `late` are canceled units in it. `moved_by` is the command or event that brought it into its state.
    """

    parcel_id: UUID
    number: int
    state: ParcelState
    units: Units
    moved_by: UUID
    late: Units = field(default_factory=lambda: NONE)
    tracking_company: str = ""
    tracking_number: str = ""
    packed_at: datetime | None = None
    shipped_at: datetime | None = None
    scanned_at: datetime | None = None
    delivered_at: datetime | None = None
    problem: str = ""
    """What was told of its way: `returned_to_sender`, `lost`, `damaged`; once for each parcel."""
    label: LabelState | None = None
    """None for one that leaves with the brand's own carrier."""
    label_id: UUID | None = None
    """Whose number it has, where it is `labeled`; None once that is void, while its parcel is on its way."""

    @property
    def labeled(self) -> bool:
        """Whether its number is that of its label."""
        return self.label is LabelState.LABELED


def of_its_carrier(parcel: Parcel, event: OfItsCarrier) -> Parcel:
    """What is known of a parcel on its way; whoever was scanned under a former number, it was not this parcel."""
    match event:
        case ParcelScanned():
            return replace(parcel, scanned_at=event.scanned_at)
        case ParcelDelivered():
            return replace(parcel, delivered_at=event.delivered_at)
        case CorrectionRequested():
            return replace(parcel, tracking_company=event.company or "", tracking_number=event.number)
        case TrackingAdded():
            if parcel.tracking_number or parcel.label in {LabelState.VOIDED, LabelState.FAILED}:
                return parcel
            return replace(parcel, tracking_company=event.carrier_name, tracking_number=event.tracking_number)
        case TrackingCorrected() if parcel.label is not None and parcel.state is ParcelState.PACKED:
            # Which number it has labels tells.
            return parcel
        case TrackingCorrected():
            return replace(
                parcel,
                tracking_company=event.carrier_name,
                tracking_number=event.tracking_number,
                scanned_at=None,
                delivered_at=None,
                problem="",
            )
        case _:
            assert_never(event)


def without_label(parcel: Parcel) -> Parcel:
    """A packed parcel whose label is void: it has no number."""
    return replace(parcel, label=LabelState.VOIDED, label_id=None, tracking_company="", tracking_number="")


def of_its_label(parcel: Parcel, event: OfItsLabel) -> Parcel:
    """What labels tells of a parcel, unless that left with another number; one that was taken apart keeps its label.

    Whatever was bought for one that does not need it any more is voided by labels.
    """
    if parcel.label is None:
        return parcel
    match event:
        case LabelPurchased():
            if event.unwanted is not None:
                return parcel
            return replace(
                parcel,
                label=LabelState.LABELED,
                label_id=event.label_id,
                tracking_company=event.carrier_name,
                tracking_number=event.tracking_number,
            )
        case LabelFailed():
            return parcel if parcel.labeled else replace(parcel, label=LabelState.FAILED)
        case LabelVoided():
            if parcel.label_id != event.label_id:
                return parcel
            return without_label(parcel) if parcel.state is ParcelState.PACKED else replace(parcel, label_id=None)
        case _:
            assert_never(event)
