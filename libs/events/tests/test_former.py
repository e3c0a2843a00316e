"""A former version of an event: read for as long as a topic keeps it, and told to handlers as the newest one."""

from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from waybill_events import EVENTS, ItemsFulfilled, LineUnits, OrderPlaced, Registry, UnknownVersion, ids
from waybill_events.compatibility import Schema, violations
from waybill_events.documents import asyncapi, json_schema
from waybill_events.former import v1
from waybill_events.model import Event, Name

V1 = Path(__file__).parents[1] / "golden/ItemsFulfilled/v1"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
OLD = st.builds(
    v1.ItemsFulfilled,
    order_id=st.uuids(),
    brand_id=st.uuids(),
    parcel_id=st.uuids(),
    lines=st.lists(st.builds(LineUnits, line_id=TEXT.filter(bool), quantity=st.integers(1, 2**31 - 1))),
    tracking_company=TEXT,
    tracking_number=TEXT,
    shipped_at=st.datetimes(timezones=st.just(UTC)),
    notify_customer=st.booleans(),
)


def nothing_wrong(_schema: Schema, _document: object) -> list[str]:
    return []


def shipped(*, notify_customer: bool, company: str | None = None, number: str | None = None) -> ItemsFulfilled:
    """What the frozen samples tell, with what the brand typed."""
    return ItemsFulfilled(
        order_id=UUID("bd3b9ef6-88b3-57d6-aba3-2ff435ab80a8"),
        brand_id=UUID("0b0b0b0b-0000-4000-8000-0000000000b1"),
        parcel_id=UUID("8c7e39a4-e605-5937-b072-fd0c87d5ea28"),
        lines=(LineUnits(line_id="1", quantity=1),),
        company=company,
        number=number,
        shipped_at=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
        notify_customer=notify_customer,
    )


@pytest.mark.parametrize(
    ("sample", "read"),
    [
        ("with-a-number.json", shipped(company="UPS", number="1Z12345E0205271688", notify_customer=True)),
        ("without-a-number.json", shipped(notify_customer=False)),
    ],
)
def test_a_frozen_record_of_version_1_is_read_as_version_2(sample: str, read: ItemsFulfilled) -> None:
    value = (V1 / "samples" / sample).read_bytes()

    assert EVENTS.decode("waybill.ItemsFulfilled.v1", value) == read


@given(OLD)
def test_nothing_of_version_1_is_lost_and_nothing_is_made_up(old: v1.ItemsFulfilled) -> None:
    new = EVENTS.decode(old.type_name(), old.to_json())

    assert isinstance(new, ItemsFulfilled)
    assert old == v1.ItemsFulfilled(
        **new.model_dump(exclude={"company", "number", "handed_over_by"}),
        tracking_company=new.company or "",
        tracking_number=new.number or "",
    )


def test_the_holds_of_an_order_of_version_1_have_the_ids_that_such_holds_are_born_with() -> None:
    samples = Path(__file__).parents[1] / "golden/OrderPlaced"
    old = v1.OrderPlaced.from_json((samples / "v1/samples/held-without-address.json").read_bytes())
    both = old.model_copy(update={"holds": (v1.Hold.ADDRESS, v1.Hold.PAYMENT, v1.Hold.ADDRESS)})

    new = EVENTS.decode(both.type_name(), both.to_json())

    assert isinstance(new, OrderPlaced)
    assert [(hold.hold_id, hold.reason) for hold in new.holds] == [
        (ids.hold_id(old.order_id, reason), reason) for reason in ("address", "awaiting_payment")
    ]
    assert new.model_dump(exclude={"holds", "paid_at", "ship_by", "replaces", "gift", "language"}) == both.model_dump(
        exclude={"holds"}
    )


def test_a_reader_of_version_1_that_looked_past_the_version_would_lose_the_number() -> None:
    new = shipped(company="UPS", number="1Z12345E0205271688", notify_customer=True)

    mistaken = v1.ItemsFulfilled.from_json(new.to_json())

    assert (mistaken.tracking_company, mistaken.tracking_number) == ("", "")


def test_the_new_fields_under_the_old_version_are_found_to_break_readers() -> None:
    class ItemsFulfilled(Event, topic="waybill.fulfillment", subject="order_id", version=1):
        company: Name
        number: Name

    name = ItemsFulfilled.type_name()
    samples = {path.name: path.read_bytes() for path in (V1 / "samples").glob("*.json")}

    found = violations(Registry([ItemsFulfilled]), {name: samples}, {name: {"schema.json": {}}}, nothing_wrong)

    assert found == [
        f"{name} no longer reads {sample}: {name}: company: Field required; number: Field required"
        for sample in samples
    ]


def test_a_version_that_only_newer_code_knows_is_named_as_such() -> None:
    with pytest.raises(UnknownVersion, match=r"ItemsFulfilled\.v3 is not known here \(known: v1, v2\)"):
        EVENTS.decode("waybill.ItemsFulfilled.v3", b"{}")


def test_the_documents_say_which_version_is_written_and_which_are_still_read() -> None:
    document = asyncapi(EVENTS, "1.2.3")
    at = "#/channels/waybill.fulfillment/messages/waybill.ItemsFulfilled."
    old, new = (document["components"]["messages"][f"waybill.ItemsFulfilled.{version}"] for version in ("v1", "v2"))

    def messages(operation: str) -> list[str]:
        found = (each["$ref"] for each in document["operations"][f"{operation}.waybill.fulfillment"]["messages"])
        return [reference for reference in found if reference.startswith(at)]

    assert messages("publish") == [f"{at}v2"]
    assert messages("read") == [f"{at}v1", f"{at}v2"]
    assert old["description"].endswith("it is still read; write waybill.ItemsFulfilled.v2.")
    assert "description" not in new
    assert (json_schema(v1.ItemsFulfilled)["deprecated"], "deprecated" in json_schema(ItemsFulfilled)) == (True, False)
