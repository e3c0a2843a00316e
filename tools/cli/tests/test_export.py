"""What an export takes and how it writes a record, without a log; with one it is tried in tests/system."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from typer.testing import CliRunner

from waybill_chassis.records import Record
from waybill_cli.events import Seen
from waybill_cli.export import Wanted, exported
from waybill_cli.main import app
from waybill_events import Buyer, Envelope, Recipient

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ORDER, BRAND = UUID(int=1), UUID(int=2)


def seen(value: bytes | None = None) -> Seen:
    event = Recipient(order_id=ORDER, brand_id=BRAND, version=1, buyer=Buyer(name="Ann Bee"))
    envelope = Envelope(
        id=UUID(int=3),
        source="waybill/orders",
        type=event.type_name(),
        time=NOON,
        subject=ORDER,
        actor="test",
        causation_id=UUID(int=3),
        brand=BRAND,
    )
    record = Record(
        "waybill.recipients",
        4,
        5,
        str(ORDER).encode(),
        (*envelope.headers(), ("others", None)),
        event.to_json() if value is None else value,
        int(NOON.timestamp() * 1000),
    )
    return Seen.of(record)


@pytest.mark.parametrize(
    ("wanted", "takes"),
    [
        (Wanted(), True),
        (Wanted(brand=BRAND), True),
        (Wanted(brand=ORDER), False),
        (Wanted(types=frozenset({"Recipient"})), True),
        (Wanted(types=frozenset({"waybill.Recipient.v1"})), True),
        (Wanted(types=frozenset({"OrderPlaced"})), False),
        (Wanted(since=NOON), True),
        (Wanted(since=NOON + timedelta(seconds=1)), False),
        (Wanted(until=NOON), False),
        (Wanted(since=NOON, until=NOON + timedelta(seconds=1), brand=BRAND), True),
    ],
)
def test_all_that_is_asked_must_hold(wanted: Wanted, takes: bool) -> None:
    assert wanted.takes(seen(), None) is takes


def test_a_record_keeps_its_place_and_every_header_and_leaves_people_out() -> None:
    told = exported(seen(), personal=False)

    assert (told["topic"], told["partition"], told["offset"]) == ("waybill.recipients", 4, 5)
    assert told["logged_at"] == "2026-03-01T12:00:00+00:00"
    assert told["headers"][-1] == ["others", None]
    assert dict(map(tuple, told["headers"]))["ce_id"] == told["id"]
    assert "Ann Bee" not in str(told)
    assert exported(seen(), personal=True)["data"]["buyer"]["name"] == "Ann Bee"


def test_what_does_not_decode_is_shown_only_where_people_may_be() -> None:
    broken = seen(b'{"name": "Ann Bee"')

    assert exported(broken, personal=False)["error"].startswith("waybill.Recipient.v1")
    assert "Ann Bee" not in str(exported(broken, personal=False))
    assert exported(broken, personal=True)["value"] == '{"name": "Ann Bee"'


def test_a_header_that_is_no_text_is_base64() -> None:
    odd = replace(seen().record, headers=(("ce_id", b"\xff"),))

    assert exported(Seen.of(odd), personal=False)["headers"] == [["ce_id", {"base64": "/w=="}]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--topic", "nope"), "no topic nope; there are waybill.sales"),
        (("--type", "Nope"), "no event Nope; there are AmendmentRequested"),
        (("--since", "yesterday"), "--since yesterday is no time; give one such as"),
        (("--since", "1h", "--until", "2h"), "nothing lies between --since 1h and --until 2h"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_what_to_do(options: tuple[str, ...], says: str) -> None:
    ran = CliRunner().invoke(app, ["events", "export", *options])

    assert ran.exit_code == 1
    assert says in " ".join(ran.output.split())


def test_a_file_that_is_there_is_not_written_over(tmp_path: Path) -> None:
    path = tmp_path / "before.jsonl"
    path.write_text("kept")

    ran = CliRunner().invoke(app, ["events", "export", "--to", str(path), "--kafka", "127.0.0.1:1"])

    assert (ran.exit_code, path.read_text()) == (1, "kept")
    assert "exists already; choose another name" in " ".join(ran.output.split())


def test_an_export_that_fails_leaves_no_file(tmp_path: Path) -> None:
    ran = CliRunner().invoke(app, ["events", "export", "--to", str(tmp_path / "new.jsonl"), "--kafka", "127.0.0.1:1"])

    assert ran.exit_code == 1
    assert "Kafka does not answer" in " ".join(ran.output.split())
    assert list(tmp_path.iterdir()) == []
