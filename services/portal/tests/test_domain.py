"""An order folded from events, without database or broker."""

import itertools
from datetime import UTC, datetime
from uuid import UUID

import pytest

from waybill_chassis.fold import Waiting
from waybill_events import (
    Envelope,
    Event,
    Hold,
    ItemsFulfilled,
    KnownShipment,
    LineUnits,
    OrderLine,
    OrderPlaced,
    TrackingAdded,
)
from waybill_portal.domain import Order, Status, flags, followable, on_event, status

ORDER, BRAND, PARCEL, OTHER = (UUID(int=number) for number in range(1, 5))
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
UPS_PAGE = "https://www.ups.com/track?tracknum=1Z"


def placed(*lines: OrderLine, shipments: tuple[KnownShipment, ...] = (), holds: tuple[Hold, ...] = ()) -> OrderPlaced:
    return OrderPlaced(
        order_id=ORDER,
        sale_id=UUID(int=9),
        brand_id=BRAND,
        reference="10001-01",
        number="#10001",
        connection_id=UUID(int=8),
        platform="shopify",
        placed_at=NOON,
        recipient_version=1,
        holds=holds,
        lines=lines or (OrderLine(line_id="shirt", quantity=3),),
        shipments=shipments,
    )


def shipped(units: int, parcel: UUID = PARCEL) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=parcel,
        lines=(LineUnits(line_id="shirt", quantity=units),),
        company="ups",
        number="1Z",
        shipped_at=NOON,
    )


def tracked(parcel: UUID = PARCEL, url: str = UPS_PAGE) -> TrackingAdded:
    return TrackingAdded(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=parcel,
        carrier="ups",
        carrier_name="UPS",
        tracking_number="1Z",
        tracking_url=url,
        decided_by="brand",
        added_at=NOON,
    )


def envelope(event: Event, sequence: int) -> Envelope:
    return Envelope(
        id=UUID(int=sequence),
        source=event.topic,
        type=event.type_name(),
        time=NOON,
        subject=ORDER,
        actor="test",
        causation_id=ORDER,
        sequence=sequence,
    )


def folded(*events: Event) -> Order:
    order: Order | None = None
    sequences: dict[str, int] = {}
    for event in events:
        sequences[event.topic] = sequences.get(event.topic, 0) + 1
        order, told = on_event(order, event, envelope(event, sequences[event.topic]))
        assert told == []
    assert order is not None
    return order


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([(3, 0, 0)], Status.NOT_SHIPPED),
        ([(3, 1, 0)], Status.PARTIALLY_SHIPPED),
        ([(3, 3, 0), (1, 0, 0)], Status.PARTIALLY_SHIPPED),
        ([(3, 3, 0)], Status.SHIPPED),
        ([(3, 2, 1)], Status.SHIPPED),
        ([(3, 0, 3)], Status.CANCELED),
        ([(3, 0, 1)], Status.NOT_SHIPPED),
    ],
)
def test_the_status_is_worked_out_from_the_units(lines: list[tuple[int, int, int]], expected: Status) -> None:
    order = folded(
        placed(
            *(
                OrderLine(line_id=str(at), quantity=quantity, shipped=gone, canceled=canceled)
                for at, (quantity, gone, canceled) in enumerate(lines)
            )
        )
    )

    assert status(order) is expected


def test_flags_stand_beside_the_status() -> None:
    order = folded(placed(OrderLine(line_id="1", quantity=3, canceled=1), holds=(Hold.ADDRESS,)))

    assert (status(order), flags(order)) == (Status.NOT_SHIPPED, ["on hold: address", "partly canceled"])


def test_a_shipment_shows_what_was_typed_until_its_carrier_is_settled() -> None:
    before = folded(placed(), shipped(3))
    after = folded(placed(), shipped(3), tracked())

    assert [(parcel.carrier_name, parcel.tracking_url) for parcel in before.parcels] == [("ups", "")]
    assert [(parcel.carrier_name, parcel.tracking_url) for parcel in after.parcels] == [("UPS", UPS_PAGE)]


def test_it_does_not_matter_how_the_sources_interleave() -> None:
    first, second, told, again = shipped(1), shipped(2, OTHER), tracked(), tracked(OTHER)
    orders = [
        folded(placed(), *events)
        for events in itertools.permutations((first, second, told, again))
        if events.index(first) < events.index(second)
        and events.index(told) < events.index(again)
        and events.index(first) < events.index(told)
        and events.index(second) < events.index(again)
    ]

    assert len(orders) == 2
    assert orders[0] == orders[1]


def test_what_comes_before_its_order_or_its_parcel_waits() -> None:
    with pytest.raises(Waiting):
        folded(shipped(1))
    with pytest.raises(Waiting):
        folded(placed(), tracked())


def test_shipments_from_before_are_parcels_of_their_own() -> None:
    known = KnownShipment(
        tracking_company="USPS",
        tracking_number="94",
        tracking_url="javascript:alert(1)",
        lines=(LineUnits(line_id="shirt", quantity=1),),
    )

    order = folded(placed(OrderLine(line_id="shirt", quantity=3, shipped=1), shipments=(known,)))

    (parcel,) = order.parcels
    assert (parcel.parcel_id, parcel.tracking_number, parcel.tracking_url) == (None, "94", "")


@pytest.mark.parametrize(
    ("url", "kept"), [("https://a.b/c", True), ("javascript:x", False), ("//a.b", False), ("http://[", False)]
)
def test_a_browser_is_sent_to_web_pages_only(url: str, kept: bool) -> None:
    assert followable(url) == (url if kept else "")
