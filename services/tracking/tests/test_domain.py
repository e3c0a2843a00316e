"""Whose number it is, without database or broker."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from waybill_events import Envelope, ItemsFulfilled, LineUnits, TrackingAdded
from waybill_tracking.domain import Parcel, Tracked, on_event

ORDER, BRAND, PARCEL = UUID(int=1), UUID(int=2), UUID(int=3)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
CAUSE = Envelope(id=ORDER, source="test", type="t", time=NOON, subject=ORDER, actor="test", causation_id=ORDER)


def shipped(company: str | None, number: str | None) -> ItemsFulfilled:
    return ItemsFulfilled(
        order_id=ORDER,
        brand_id=BRAND,
        parcel_id=PARCEL,
        lines=(LineUnits(line_id="shirt", quantity=1),),
        company=company,
        number=number,
        shipped_at=NOON,
    )


def told(company: str | None, number: str) -> TrackingAdded:
    _, events = on_event(None, shipped(company, number), CAUSE, said={})
    (event,) = events
    assert isinstance(event, TrackingAdded)
    return event


@pytest.mark.parametrize(
    ("company", "number", "carrier", "name", "decided_by"),
    [
        ("UPS", "1Z12345E0205271688", "ups", "UPS", "brand"),
        (None, "1Z12345E0205271688", "ups", "UPS", "format"),
        ("DHL", "1Z12345E0205271688", "dhl", "DHL", "brand"),
        ("Bob's van", "1Z12345E0205271688", "", "Bob's van", "nobody"),
        (None, "bob-7", "", "", "nobody"),
    ],
)
def test_the_brands_word_wins_then_the_format_then_nobodys(
    company: str | None, number: str, carrier: str, name: str, decided_by: str
) -> None:
    event = told(company, number)

    assert (event.carrier, event.carrier_name, event.decided_by) == (carrier, name, decided_by)
    assert event.tracking_number == number


def test_a_known_carriers_parcel_has_a_page_and_an_unknown_ones_none() -> None:
    assert told("UPS", "1Z12345E0205271688").tracking_url == "https://www.ups.com/track?tracknum=1Z12345E0205271688"
    assert told("Bob's van", "7").tracking_url == ""


@pytest.mark.parametrize(
    ("company", "number", "carrier", "name", "page"),
    [
        (
            "Royal Mail",
            "RB123456785GB",
            "s10",
            "Royal Mail",
            "royalmail.com/track-your-item#/tracking-results/RB123456785GB",
        ),
        (None, "RB123456785GB", "s10", "Royal Mail", "royalmail.com/track-your-item#/tracking-results/RB123456785GB"),
        (
            "USPS Priority",
            "RB123456785US",
            "usps",
            "USPS",
            "tools.usps.com/go/TrackConfirmAction?tLabels=RB123456785US",
        ),
        (
            "USPS",
            "420 19380 9261290336128704280838",
            "usps",
            "USPS",
            "TrackConfirmAction?tLabels=9261290336128704280838",
        ),
    ],
)
def test_the_page_is_asked_for_what_the_carrier_knows_the_parcel_by(
    company: str | None, number: str, carrier: str, name: str, page: str
) -> None:
    event = told(company, number)

    assert (event.carrier, event.carrier_name) == (carrier, name)
    assert event.tracking_url.endswith(page)


def test_a_parcel_is_told_once() -> None:
    known = Tracked(ORDER, BRAND, (Parcel(PARCEL, "ups", "1Z", NOON),))

    assert on_event(known, shipped("UPS", "1Z"), CAUSE, said={}) == (known, [])


def test_a_parcel_without_a_number_is_not_told_of() -> None:
    assert on_event(None, shipped("UPS", None), CAUSE, said={}) == (Tracked(ORDER, BRAND), [])
