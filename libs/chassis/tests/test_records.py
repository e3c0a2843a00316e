"""What a reader makes of a record that is on the wrong topic, or on one of several."""

from datetime import UTC, datetime
from uuid import UUID

from waybill_chassis.records import Arrival, DeadLetter, Record, read
from waybill_events import Envelope, ExceptionRaised

ORDER = UUID(int=1)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
RAISED = ExceptionRaised(
    order_id=ORDER, brand_id=ORDER, exception_id=ORDER, kind="sent_twice", choices=("other",), raised_at=NOON
)


def raised_on(topic: str) -> Arrival | DeadLetter:
    envelope = Envelope(
        id=ORDER,
        source="waybill/orders",
        type=RAISED.type_name(),
        time=NOON,
        subject=ORDER,
        actor="test",
        causation_id=ORDER,
    )
    record = Record(topic, 0, 0, str(ORDER).encode(), tuple(envelope.headers()), RAISED.to_json())
    return read(record, {"ExceptionRaised"})


def test_what_any_service_may_tell_is_read_from_its_own_topic_and_from_no_other() -> None:
    ours, others = raised_on("waybill.orders"), raised_on("waybill.fulfillment")

    assert isinstance(ours, Arrival)
    assert ours.event == RAISED
    assert isinstance(others, DeadLetter)
