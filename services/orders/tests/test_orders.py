"""What is asked of an order and what comes of it, without database or broker."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from waybill_chassis.fold import Waiting
from waybill_events import (
    Address,
    CancellationRequested,
    Envelope,
    Event,
    ExceptionRaised,
    HoldReason,
    HoldRequested,
    LineUnits,
    OrderCanceled,
    OrderHeld,
    OrderReleased,
    Payment,
    RefusedUnits,
    RequestDecided,
    RequestDeclined,
    SaleCanceled,
    SaleChanged,
    SaleLine,
    SaleReceived,
    ids,
)
from waybill_orders.domain import (
    Cancel,
    Claims,
    MoreThanOrdered,
    NoChoice,
    Order,
    PastRelease,
    PutOnHold,
    RequestState,
    Sale,
    UnknownException,
    UnknownHold,
    UnknownLine,
    cancel,
    due,
    hold,
    on_event,
    release,
    resolve,
)

ACORN, BIRCH, CONNECTION, COMMAND = (UUID(int=number) for number in (1, 2, 9, 40))
CLAIMS = [Claims(ACORN, frozenset({"acorn"}), ()), Claims(BIRCH, frozenset({"birch"}), ())]
SALE = ids.sale_id(CONNECTION, "5001")
FIRST, SECOND = ids.order_id(SALE, 1), ids.order_id(SALE, 2)
REQUEST = ids.request_id(FIRST, COMMAND)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LATER = NOON + timedelta(hours=1)


def told(number: int = 7, at: datetime = NOON) -> Envelope:
    id_ = UUID(int=number)
    return Envelope(id=id_, source="test", type="t", time=at, subject=SALE, actor="test", causation_id=id_)


def a_sale(kind: type[SaleReceived] = SaleReceived, *, canceled: int = 0, **changed: Any) -> SaleReceived:
    """Three shirts of Acorn, of which so many are canceled, and a mug of Birch."""
    said: dict[str, Any] = {
        "sale_id": SALE,
        "connection_id": CONNECTION,
        "connection_code": "shop",
        "platform": "shopify",
        "source_order_id": "5001",
        "number": "#10001",
        "placed_at": NOON,
        "source_updated_at": NOON,
        "payment": Payment.PAID,
        "ship_to": Address(name="Ann", line1="1 High St", country="US"),
        "lines": (
            SaleLine(line_id="shirt", quantity=3, vendor="Acorn", canceled=canceled),
            SaleLine(line_id="mug", quantity=1, vendor="Birch"),
        ),
    }
    return kind(**said | changed)


def split(sale: SaleReceived | None = None) -> Sale:
    state, _ = on_event(None, sale or a_sale(), told(1), claims=CLAIMS)
    assert isinstance(state, Sale)
    return state


def tell(sale: Sale, event: Event, number: int = 7) -> tuple[Sale, list[Event]]:
    state, events = on_event(sale, event, told(number), claims=CLAIMS)
    assert isinstance(state, Sale)
    return state, events


def an_order() -> Order:
    return split().orders[FIRST]


def decide(order: Order, **said: Any) -> tuple[Order, list[Event]]:
    standard = {"request_id": REQUEST, "kind": "cancellation", "reason": "customer", "accepted": True}
    decided = RequestDecided(order_id=FIRST, brand_id=ACORN, **standard | said)
    after, events = on_event(order, decided, told(20, LATER), claims=[])
    assert isinstance(after, Order)
    return after, events


def of(**units: int) -> tuple[LineUnits, ...]:
    return tuple(LineUnits(line_id=line_id, quantity=count) for line_id, count in units.items())


def canceling(units: dict[str, int] | None = None) -> Cancel:
    return Cancel(COMMAND, units, "customer", NOON)


def test_a_cancellation_is_asked_for_and_pending_until_it_is_decided() -> None:
    order = an_order()

    asked = cancel(order, canceling({"shirt": 2}))

    assert asked == [
        CancellationRequested(
            order_id=FIRST,
            brand_id=ACORN,
            request_id=REQUEST,
            lines=of(shirt=2),
            reason="customer",
            requested_at=NOON,
        )
    ]
    (request,) = order.after(asked).requests
    assert (request.request_id, request.state, request.lines) == (REQUEST, RequestState.PENDING, of(shirt=2))


def test_what_the_order_never_had_is_refused_at_once_and_its_line_named() -> None:
    with pytest.raises(UnknownLine, match="mug"):
        cancel(an_order(), canceling({"mug": 1}))
    with pytest.raises(MoreThanOrdered, match="has 3 units, not 4"):
        cancel(an_order(), canceling({"shirt": 4}))


def test_what_was_granted_is_stated_with_the_reason_and_the_time_of_the_decision() -> None:
    order = an_order()
    order = order.after(cancel(order, canceling()))

    after, events = decide(order, granted=of(shirt=3))

    assert events == [
        OrderCanceled(
            order_id=FIRST,
            brand_id=ACORN,
            request_id=REQUEST,
            lines=of(shirt=3),
            reason="customer",
            canceled_at=LATER,
        )
    ]
    assert after.requests[0].state is RequestState.GRANTED
    assert after.requests[0].granted == of(shirt=3)


def test_what_was_granted_in_part_is_stated_and_declined_for_the_rest() -> None:
    order = an_order()
    order = order.after(cancel(order, canceling()))
    shipped = RefusedUnits(line_id="shirt", quantity=1, why="shipped", won_by=(UUID(int=5),))

    after, events = decide(order, granted=of(shirt=2), refused=(shipped,))

    assert [type(event) for event in events] == [OrderCanceled, RequestDeclined]
    assert (after.requests[0].state, after.requests[0].refused) == (RequestState.PARTLY_GRANTED, (shipped,))


def test_a_request_is_stated_once_however_often_its_decision_is_told() -> None:
    order = an_order()
    order = order.after(cancel(order, canceling()))
    stated, _ = decide(order, granted=of(shirt=3))

    again, events = decide(stated, granted=of(shirt=3))

    assert (again, events) == (stated, [])


def test_a_decision_on_a_request_that_nobody_made_is_an_error() -> None:
    with pytest.raises(LookupError, match="never made"):
        decide(an_order(), granted=of(shirt=1))
    with pytest.raises(LookupError, match="no order of ours"):
        decide(None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def test_a_granted_hold_stands_until_it_is_released() -> None:
    order = an_order()
    asked = hold(order, PutOnHold(COMMAND, HoldReason.INVENTORY, LATER, NOON))
    assert [type(event) for event in asked] == [HoldRequested]

    held, events = decide(order.after(asked), kind="hold", reason="inventory")

    assert events == [
        OrderHeld(order_id=FIRST, brand_id=ACORN, hold_id=REQUEST, reason="inventory", release_at=LATER, held_at=LATER)
    ]
    released = release(held, REQUEST, LATER)
    assert released == [OrderReleased(order_id=FIRST, brand_id=ACORN, hold_id=REQUEST, released_at=LATER)]
    assert held.after(released).holds == ()
    with pytest.raises(UnknownHold):
        release(held.after(released), REQUEST, LATER)


def test_a_hold_with_a_date_is_released_when_that_has_come_and_not_before() -> None:
    order = an_order()
    dated = order.after(hold(order, PutOnHold(COMMAND, HoldReason.INVENTORY, LATER, NOON)))
    held, _ = decide(dated, kind="hold", reason="inventory")

    assert due(held, LATER - timedelta(seconds=1)) == []
    assert [event.hold_id for event in due(held, LATER)] == [REQUEST]


def test_a_hold_that_has_ended_before_it_begins_is_refused() -> None:
    with pytest.raises(PastRelease):
        hold(an_order(), PutOnHold(COMMAND, HoldReason.INVENTORY, NOON, NOON))


def test_a_declined_hold_does_not_stand() -> None:
    order = an_order()
    asked = order.after(hold(order, PutOnHold(COMMAND, HoldReason.OTHER, None, NOON)))

    after, events = decide(asked, kind="hold", reason="other", accepted=False, why="nothing_left")

    assert [type(event) for event in events] == [RequestDeclined]
    assert (after.holds, after.requests[0].state, after.requests[0].why) == (
        (),
        RequestState.DECLINED,
        "nothing_left",
    )


def test_a_sale_told_again_changes_nothing() -> None:
    sale = split()

    assert tell(sale, a_sale(number="#other")) == (sale, [])


def test_units_that_the_platform_cancels_are_asked_for_as_totals_of_their_order() -> None:
    changed = a_sale(SaleChanged, canceled=2, source_updated_at=LATER, cancel_reason="fraud")

    after, events = tell(split(), changed, number=8)

    assert events == [
        CancellationRequested(
            order_id=FIRST,
            brand_id=ACORN,
            request_id=ids.request_id(FIRST, UUID(int=8)),
            lines=of(shirt=2),
            reason="fraud",
            by_platform=True,
            requested_at=LATER,
        )
    ]
    assert [request.state for request in after.orders[FIRST].requests] == [RequestState.PENDING]
    assert tell(after, changed, number=9) == (after, [])


def test_an_older_state_of_a_sale_that_comes_late_takes_nothing_back() -> None:
    after, _ = tell(split(), a_sale(SaleChanged, canceled=2, source_updated_at=LATER))

    assert tell(after, a_sale(SaleChanged, canceled=3)) == (after, [])
    assert tell(after, a_sale(SaleChanged, canceled=1, source_updated_at=LATER)) == (after, [])


def test_a_sale_that_is_told_after_its_change_was_is_split_as_it_was_changed() -> None:
    changed = a_sale(SaleChanged, canceled=2, source_updated_at=LATER)

    sale = split(changed)

    assert tell(sale, a_sale()) == (sale, [])


def test_a_sale_canceled_as_a_whole_is_asked_for_in_each_of_its_orders_once() -> None:
    gone = SaleCanceled(sale_id=SALE, connection_id=CONNECTION, reason="customer", canceled_at=LATER)

    after, events = tell(split(), gone)

    assert [
        (event.subject, event.lines, event.by_platform) for event in events if isinstance(event, CancellationRequested)
    ] == [
        (FIRST, None, True),
        (SECOND, None, True),
    ]
    assert tell(after, gone, number=8) == (after, [])


def test_a_cancellation_that_comes_before_its_sale_waits_for_it() -> None:
    gone = SaleCanceled(sale_id=SALE, connection_id=CONNECTION, reason="customer", canceled_at=LATER)

    with pytest.raises(Waiting, match="SaleReceived"):
        on_event(None, gone, told(), claims=CLAIMS)


def test_a_payment_that_comes_releases_the_orders_that_waited_for_it() -> None:
    sale = split(a_sale(payment=Payment.UNPAID))
    waiting = ids.hold_id(FIRST, HoldReason.AWAITING_PAYMENT)
    assert [held.hold_id for held in sale.orders[FIRST].holds] == [waiting]

    after, events = tell(sale, a_sale(SaleChanged, source_updated_at=LATER))

    assert [(type(event), event.subject) for event in events] == [(OrderReleased, FIRST), (OrderReleased, SECOND)]
    assert after.orders[FIRST].holds == ()
    assert tell(after, a_sale(SaleChanged, source_updated_at=LATER)) == (after, [])


def test_what_the_platform_refunded_and_has_left_needs_somebodys_decision() -> None:
    sale, (asked,) = tell(split(), a_sale(SaleChanged, canceled=2, source_updated_at=LATER), number=8)
    assert isinstance(asked, CancellationRequested)
    shipped = RefusedUnits(line_id="shirt", quantity=2, why="shipped", parcel_ids=(UUID(int=5),))

    after, events = decide(
        sale.orders[FIRST], request_id=asked.request_id, reason="other", accepted=False, refused=(shipped,)
    )

    assert [type(event) for event in events] == [RequestDeclined, ExceptionRaised]
    (exception,) = after.exceptions
    assert exception.choices == ("intercept", "return", "absorb")
    with pytest.raises(NoChoice, match="absorb"):
        resolve(after, exception.exception_id, "dance", "", NOON)
    settled = after.after(resolve(after, exception.exception_id, "absorb", "", NOON))
    assert settled.exceptions == ()
    with pytest.raises(UnknownException):
        resolve(settled, exception.exception_id, "absorb", "", NOON)


def test_what_a_brand_may_not_cancel_any_more_is_declined_without_an_exception() -> None:
    order = an_order()
    order = order.after(cancel(order, canceling()))
    shipped = RefusedUnits(line_id="shirt", quantity=3, why="shipped")

    after, events = decide(order, accepted=False, refused=(shipped,))

    assert [type(event) for event in events] == [RequestDeclined]
    assert after.exceptions == ()
