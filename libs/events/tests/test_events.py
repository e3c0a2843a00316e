"""The envelope, the ids and the registry, each as its readers in other languages will meet it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from waybill_events import (
    EVENTS,
    TOPICS,
    Envelope,
    ExceptionRaised,
    InvalidEnvelope,
    LineUnits,
    Registry,
    SaleReceived,
    TrackingAdded,
    Undecodable,
    UnknownType,
    UnknownVersion,
    ids,
    personal_fields,
    subject_of,
)
from waybill_events.compatibility import schema_of, violations
from waybill_events.documents import asyncapi
from waybill_events.model import Event, Name, Text

ROOT = Path(__file__).parents[3]
GOLDEN = ROOT / "libs/events/golden"
SUBJECT = UUID("11111111-1111-4111-8111-111111111111")
ENVELOPE = Envelope(
    id=UUID("22222222-2222-4222-8222-222222222222"),
    source="waybill/orders",
    type="waybill.OrderPlaced.v1",
    time=datetime(2026, 3, 1, 9, 30, tzinfo=UTC),
    subject=SUBJECT,
    sequence=7,
    brand=UUID("33333333-3333-4333-8333-333333333333"),
    actor="person:ana",
    causation_id=UUID("44444444-4444-4444-8444-444444444444"),
    traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
)


def test_an_envelope_survives_its_headers() -> None:
    assert Envelope.from_headers(ENVELOPE.headers()) == ENVELOPE


def test_headers_are_cloudevents_attributes_as_text() -> None:
    headers = dict(ENVELOPE.headers())

    assert headers["ce_specversion"] == b"1.0"
    assert headers["ce_time"] == b"2026-03-01T09:30:00Z"
    assert headers["ce_sequence"] == b"7"
    assert headers["traceparent"].startswith(b"00-")


@pytest.mark.parametrize(
    ("header", "value", "says"),
    [
        ("ce_id", b"seven", "ce_id is 'seven', not a UUID"),
        ("ce_id", None, "ce_id is missing"),
        ("ce_type", b"", "ce_type is missing"),
        ("ce_sequence", b"0", "not a whole number from 1"),
        ("ce_sequence", b"-1", "not a whole number from 1"),
        ("ce_sequence", b"99999999999", "not a whole number from 1"),
        ("ce_sequence", "²".encode(), "not a whole number from 1"),
        ("ce_time", b"yesterday", "not an RFC 3339 time"),
        ("ce_time", b"2026-03-01T09:30:00", "without an offset"),
        ("ce_specversion", b"0.3", "ce_specversion is '0.3'"),
        ("ce_actor", b"\xff", "ce_actor is not UTF-8"),
        ("ce_actor", b"a\x00b", "U+0000"),
    ],
)
def test_a_bad_header_is_named(header: str, value: bytes | None, says: str) -> None:
    headers = [(name, value if name == header else text) for name, text in ENVELOPE.headers()]

    with pytest.raises(InvalidEnvelope, match=says.replace("+", r"\+")):
        Envelope.from_headers(headers)


@pytest.mark.parametrize(
    "written",
    [str(SUBJECT).upper(), f"urn:uuid:{SUBJECT}", f"{{{SUBJECT}}}", SUBJECT.hex, f"-{SUBJECT}", f"{SUBJECT}}}"],
)
def test_an_id_is_read_however_it_is_written(written: str) -> None:
    headers = [(name, written.encode() if name == "ce_subject" else value) for name, value in ENVELOPE.headers()]

    assert Envelope.from_headers(headers) == ENVELOPE


def test_the_subject_is_read_even_when_the_rest_cannot_be() -> None:
    assert subject_of([("ce_type", b"\xff"), ("ce_subject", str(SUBJECT).encode())]) == SUBJECT
    assert subject_of([("ce_subject", b"\xff")]) is None
    assert subject_of([]) is None


def test_another_connector_may_leave_out_actor_and_cause() -> None:
    headers = [pair for pair in ENVELOPE.headers() if pair[0] not in {"ce_actor", "ce_causationid", "ce_sequence"}]

    read = Envelope.from_headers(headers)

    assert (read.actor, read.causation_id, read.sequence) == ("source:waybill/orders", ENVELOPE.id, None)


def test_ids_are_those_that_other_languages_compute() -> None:
    connection = UUID("0b0b0b0b-0000-4000-8000-000000000001")
    sale = ids.sale_id(connection, "450789469")

    assert str(sale) == "fc9c5cf2-b44f-5c95-8f30-d25202270571"
    assert ids.order_id(sale, 1) != ids.order_id(sale, 2)
    assert ids.event_id(sale, "waybill.SaleSplit.v1", sale, 0) != ids.event_id(sale, "waybill.SaleSplit.v1", sale, 1)


@given(st.uuids())
def test_the_partition_is_the_one_of_javas_client(subject: UUID) -> None:
    assert ids.partition(subject) == (murmur2(str(subject).encode()) & 0x7FFFFFFF) % 12


def test_an_unknown_type_is_told_from_an_unknown_version() -> None:
    with pytest.raises(UnknownType):
        EVENTS.find("waybill.MoonLanded.v1")
    with pytest.raises(UnknownType):
        EVENTS.find("OrderPlaced")
    for version in ("v²", "v0", "v-1", f"v{'9' * 5000}", "v"):
        with pytest.raises(UnknownType):
            EVENTS.find(f"waybill.OrderPlaced.{version}")
    with pytest.raises(UnknownVersion, match="known: v1"):
        EVENTS.find("waybill.OrderPlaced.v99")


def test_what_does_not_decode_is_named_by_field_and_never_shown() -> None:
    sample = json.loads((GOLDEN / "SaleReceived/v1/samples/full.json").read_text())
    sample["buyer"]["email"] = "secret\x00@example.com"
    sample["lines"][0]["quantity"] = -3

    with pytest.raises(Undecodable) as caught:
        EVENTS.decode("waybill.SaleReceived.v1", json.dumps(sample).encode())

    assert "buyer.email" in str(caught.value)
    assert "lines.0.quantity" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_reader_passes_over_fields_of_newer_releases() -> None:
    sample = json.loads((GOLDEN / "TrackingAdded/v1/samples/ups.json").read_text())

    read = EVENTS.decode("waybill.TrackingAdded.v1", json.dumps({**sample, "from_the_future": 1}).encode())

    assert isinstance(read, TrackingAdded)
    assert "from_the_future" not in read.model_dump()


def test_personal_fields_are_known_however_deep() -> None:
    personal = set(personal_fields(SaleReceived))

    assert {"buyer.email", "ship_to.line1", "ship_to.country", "note"} <= personal
    assert "lines.title" not in personal


def test_only_expiring_topics_and_table_topics_carry_personal_fields() -> None:
    keeps_everything = {topic.name for topic in TOPICS if topic.kind == "log"}

    assert {
        event.__name__ for event in EVENTS if event.topic in keeps_everything and set(personal_fields(event))
    } == set()


@pytest.mark.parametrize("event", list(EVENTS), ids=lambda event: event.type_name())
def test_every_text_and_number_of_an_event_is_bounded(event: type[Event]) -> None:
    def unbounded(schema: Any, path: str) -> list[str]:
        if isinstance(schema, list):
            return [found for part in schema for found in unbounded(part, path)]
        if not isinstance(schema, dict):
            return []
        found: list[str] = []
        kind = schema.get("type")
        if kind == "integer" and "maximum" not in schema:
            found.append(path)
        if kind == "string" and not schema.keys() & {"pattern", "format", "enum", "const"}:
            found.append(path)
        return found + [bad for name, part in schema.items() for bad in unbounded(part, f"{path}/{name}")]

    assert unbounded(schema_of(event), event.__name__) == []


def _frozen() -> tuple[dict[str, dict[str, bytes]], dict[str, dict[str, Any]]]:
    folders = {f"waybill.{f.parent.name}.{f.name}": f for f in sorted(GOLDEN.glob("*/v*"))}
    samples = {name: {p.name: p.read_bytes() for p in (f / "samples").glob("*.json")} for name, f in folders.items()}
    schemas = {name: {p.name: json.loads(p.read_text()) for p in f.glob("*.json")} for name, f in folders.items()}
    return samples, schemas


def _validate(schema: dict[str, Any], document: Any) -> list[str]:
    return [error.message for error in Draft202012Validator(schema).iter_errors(document)]


def test_todays_events_fit_all_that_was_ever_frozen() -> None:
    assert violations(EVENTS, *_frozen(), _validate) == []


def test_a_breaking_change_is_found_in_either_direction() -> None:
    class TrackingAdded(Event, topic="waybill.tracking", subject="order_id"):  # a new required field, others gone
        order_id: UUID
        scanned_by: Name

    class ItemsFulfilled(Event, topic="waybill.fulfillment", subject="order_id"):  # required fields gone
        order_id: UUID
        lines: tuple[LineUnits, ...]

    changed = Registry([TrackingAdded, ItemsFulfilled])
    samples, schemas = _frozen()
    kept = {event.type_name() for event in changed}

    found = violations(
        changed,
        {name: sample for name, sample in samples.items() if name in kept},
        {name: schema for name, schema in schemas.items() if name in kept},
        _validate,
    )

    assert any("no longer reads ups.json: waybill.TrackingAdded.v1: scanned_by" in line for line in found)
    assert any("does not fit schema-0.1.0.json: 'parcel_id' is a required property" in line for line in found)


def test_an_event_that_nobody_froze_is_a_violation() -> None:
    class Sneezed(Event, topic="waybill.orders", subject="order_id"):
        order_id: UUID
        loudness: Text = ""

    assert violations(Registry([Sneezed]), {}, {}, _validate) == [
        "waybill.Sneezed.v1 has no frozen sample or schema; run `make freeze`"
    ]


def test_two_events_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="registered twice"):
        Registry([SaleReceived, SaleReceived])


def test_the_asyncapi_document_names_every_event_once() -> None:
    document = asyncapi(EVENTS, "1.2.3")

    assert set(document["components"]["messages"]) == {event.type_name() for event in EVENTS}
    assert set(document["channels"]) == {topic.name for topic in TOPICS}
    assert document["channels"]["waybill.brands"]["messages"].keys() == {"waybill.Brand.v1"}
    assert document["channels"]["waybill.tracking"]["messages"].keys() == {
        "waybill.ExceptionRaised.v1",
        "waybill.ExceptionResolved.v1",
        "waybill.ParcelDelivered.v1",
        "waybill.ParcelScanned.v1",
        "waybill.ParcelUnscanned.v1",
        "waybill.TrackingAdded.v1",
        "waybill.TrackingCorrected.v1",
        "waybill.TrackingUpdated.v1",
    }


def test_what_any_service_may_tell_goes_to_its_own_topic() -> None:
    assert ExceptionRaised.topic_of("waybill/orders") == "waybill.orders"
    assert TrackingAdded.topic_of("waybill/tracking") == "waybill.tracking"


def test_models_are_immutable() -> None:
    line = LineUnits(line_id="1", quantity=1)

    with pytest.raises(ValueError, match="frozen"):
        line.quantity = 2  # type: ignore[misc]  # pyright: ignore[reportAttributeAccessIssue]
