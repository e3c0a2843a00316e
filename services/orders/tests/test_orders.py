"""What is asked of an order and what comes of it, without database or broker."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from waybill_chassis.fold import Waiting
from waybill_events import (
    Address,
    AmendmentRequested,
    CancellationRequested,
    Envelope,
    Event,
    ExceptionRaised,
    HoldReason,
    HoldRequested,
    LineUnits,
    OrderAmended,
    OrderCanceled,
    OrderHeld,
    OrderPlaced,
    OrderReleased,
    OrderResent,
    Payment,
    Recipient,
    RefusedUnits,
    RequestDecided,
    RequestDeclined,
    ResendRequested,
    ReturnClosed,
    ReturnedUnits,
    ReturnOpened,
    ReturnReceived,
    SaleCanceled,
    SaleChanged,
    SaleLine,
    SaleReceived,
    ids,
)
from waybill_orders.domain import (
    Amend,
    Cancel,
    Claims,
    Incomplete,
    MoreThanOrdered,
    NoChoice,
    NotAmendable,
    NothingToAmend,
    Order,
    PastRelease,
    PutOnHold,
    RequestState,
    Sale,
    SendBack,
    UnknownException,
    UnknownHold,
    UnknownLine,
    UnknownReturn,
    amend,
    cancel,
    close_return,
    due,
    hold,
    on_event,
    release,
    resolve,
    send_back,
    sent_again,
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
        "ship_to": Address(name="Ann", line1="1 High St", city="Troy", postcode="12180", country="US"),
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


HOME = Address(name="Ann", line1="2 Low St", city="Troy", postcode="12180", country="US")


def asked(order: Order, address: Address | None = None, note: str | None = None) -> Order:
    after, _ = amend(order, Amend(COMMAND, address, note, NOON))
    return after


def amended(order: Order, **said: Any) -> tuple[Order, list[Event]]:
    return decide(order, kind="amendment", reason="amendment", **said)


def test_an_amendment_is_asked_for_without_a_word_of_what_is_personal() -> None:
    after, (event,) = amend(an_order(), Amend(COMMAND, HOME, "ring twice", NOON))

    assert isinstance(event, AmendmentRequested)
    assert event.fields == (*(f"address.{name}" for name in Address.model_fields), "note")
    assert "Low St" not in event.model_dump_json()
    assert after.amendments[REQUEST].note == "ring twice"
    assert after.requests[0].state is RequestState.PENDING


def test_a_granted_amendment_is_the_next_version_of_the_recipient() -> None:
    after, events = amended(asked(an_order(), HOME))

    recipient, told_of = events
    assert isinstance(recipient, Recipient)
    assert (recipient.version, recipient.address, recipient.note) == (2, HOME, "")
    assert isinstance(told_of, OrderAmended)
    assert (told_of.recipient_version, told_of.country) == (2, "US")
    assert (after.recipient, dict(after.amendments)) == (recipient, {})
    assert after.requests[0].state is RequestState.GRANTED


def test_a_note_alone_leaves_the_address_as_it_is() -> None:
    _, (recipient, _) = amended(asked(an_order(), note="ring twice"))

    assert isinstance(recipient, Recipient)
    assert (recipient.address, recipient.note) == (a_sale().ship_to, "ring twice")


def test_a_declined_amendment_changes_nothing_and_is_forgotten() -> None:
    before = an_order()

    after, (event,) = amended(asked(before, HOME), accepted=False, why="packed")

    assert isinstance(event, RequestDeclined)
    assert (after.recipient, dict(after.amendments)) == (before.recipient, {})
    assert after.requests[0].state is RequestState.DECLINED


def test_an_address_that_is_complete_now_holds_the_order_no_longer_and_a_persons_hold_stays() -> None:
    order = split(a_sale(ship_to=HOME.model_copy(update={"city": ""}))).orders[FIRST]
    held = order.after(hold(order, PutOnHold(UUID(int=41), HoldReason.ADDRESS, None, NOON)))
    held, _ = decide(held, request_id=ids.request_id(FIRST, UUID(int=41)), kind="hold", reason="address")
    assert [each.reason for each in held.holds] == ["address", "address"]

    after, events = amended(asked(held, HOME))

    assert isinstance(events[-1], OrderReleased)
    assert [each.hold_id for each in after.holds] == [ids.request_id(FIRST, UUID(int=41))]


def test_an_amendment_that_makes_no_sense_is_refused_at_once() -> None:
    with pytest.raises(NothingToAmend):
        asked(an_order())
    with pytest.raises(Incomplete, match="city, postcode"):
        asked(an_order(), HOME.model_copy(update={"city": "", "postcode": " "}))
    with pytest.raises(NotAmendable):
        asked(replace(an_order(), recipient=None), HOME)


def changed_sale(hours: int = 1, **changed: Any) -> SaleReceived:
    return a_sale(SaleChanged, source_updated_at=NOON + timedelta(hours=hours), **changed)


def requests_in(events: list[Event]) -> list[tuple[UUID, tuple[str, ...]]]:
    return [(event.order_id, event.fields) for event in events if isinstance(event, AmendmentRequested)]


def granted(sale: Sale) -> Sale:
    """All amendments of the sale are granted."""
    orders = {}
    for id_, order in sale.orders.items():
        for request_id in order.amendments:
            decided = RequestDecided(
                order_id=id_,
                brand_id=order.brand_id,
                request_id=request_id,
                kind="amendment",
                reason="amendment",
                accepted=True,
            )
            state, _ = on_event(order, decided, told(21), claims=[])
            assert isinstance(state, Order)
            orders[id_] = state
    return replace(sale, orders={**sale.orders, **orders})


def test_a_platform_amends_only_the_fields_that_it_has_changed_itself_in_every_order() -> None:
    ours, _ = amended(asked(split().orders[FIRST], HOME))
    sale = replace(split(), orders={**split().orders, FIRST: ours})
    moved = a_sale().ship_to
    assert moved is not None

    after, events = tell(sale, changed_sale(ship_to=moved.model_copy(update={"phone": "+1 555"}), note="back door"))
    same, nothing = tell(
        after, changed_sale(2, ship_to=moved.model_copy(update={"phone": "+1 555"}), note="back door"), 8
    )

    assert requests_in(events) == [(FIRST, ("address.phone", "note")), (SECOND, ("address.phone", "note"))]
    recipient = granted(after).orders[FIRST].recipient
    assert recipient is not None
    assert recipient.address == HOME.model_copy(update={"phone": "+1 555"})
    assert recipient.note == "back door"
    assert nothing == []
    assert same.orders == after.orders


def test_a_platforms_change_that_comes_too_late_is_an_exception() -> None:
    moved = HOME.model_copy(update={"city": "Albany"})
    sale, _ = tell(split(), changed_sale(ship_to=moved))
    ((request_id, _),) = sale.orders[FIRST].amendments.items()

    after, events = amended(sale.orders[FIRST], request_id=request_id, accepted=False, why="packed")

    assert [type(event) for event in events] == [RequestDeclined, ExceptionRaised]
    assert isinstance(events[1], ExceptionRaised)
    assert (events[1].kind, events[1].choices) == ("changed_too_late", ("done", "ignored"))
    assert events[1].details == "The shop has changed address.line1, address.city of it, and it is packed."
    assert after.exceptions[0].kind == "changed_too_late"


def test_an_address_that_the_platform_makes_incomplete_holds_the_order_until_it_is_complete() -> None:
    sale, _ = tell(split(), changed_sale(ship_to=HOME.model_copy(update={"postcode": ""})))
    ((request_id, _),) = sale.orders[FIRST].amendments.items()

    after, events = amended(sale.orders[FIRST], request_id=request_id)

    assert [type(event) for event in events] == [Recipient, OrderAmended, HoldRequested]
    assert isinstance(events[2], HoldRequested)
    held, _ = decide(after, request_id=events[2].request_id, kind="hold", reason="address")
    free, released = amended(asked(held, HOME))
    assert isinstance(released[-1], OrderReleased)
    assert free.holds == ()


def test_more_units_and_new_lines_are_an_exception_once_and_fewer_are_canceled() -> None:
    lines = (
        SaleLine(line_id="shirt", quantity=5, vendor="Acorn"),
        SaleLine(line_id="hat", title="Hat", quantity=2, vendor="Acorn"),
    )

    after, events = tell(split(), changed_sale(lines=lines))
    _, again = tell(after, changed_sale(2, lines=lines), 8)

    exception, request = events
    assert isinstance(exception, ExceptionRaised)
    assert (exception.order_id, exception.kind, exception.lines) == (FIRST, "sale_changed", of(shirt=2))
    assert exception.details == "In the shop there is now 2 more of line shirt; a new line: 2 of Hat."
    assert isinstance(request, CancellationRequested)
    assert (request.order_id, request.lines, request.by_platform) == (SECOND, of(mug=1), True)
    assert again == []


def test_other_terms_are_an_exception_of_the_orders_that_they_are_about_and_say_nothing_personal() -> None:
    later = {"ship_by": NOON + timedelta(days=2), "gift_message": "For Bob", "shipping_method": "Express"}
    before = split(a_sale(ship_by=NOON, gift_message="For Ann", shipping_method="Ground"))

    after, events = tell(before, changed_sale(**later))
    _, sku = tell(split(a_sale(lines=with_sku("TS-1"))), changed_sale(lines=with_sku("TS-2")))
    _, again = tell(after, changed_sale(2, **later), 8)
    less, unsaid = tell(after, changed_sale(3), 9)
    _, said_again = tell(less, changed_sale(4, **later), 10)

    says = "In the shop there is now another ship-by date, 2026-03-03 12:00 UTC; another shipping method, Express; "
    assert {(each.order_id, each.kind, each.details) for each in events if isinstance(each, ExceptionRaised)} == {
        (order, "sale_changed", f"{says}another gift message.") for order in (FIRST, SECOND)
    }
    assert [(each.order_id, each.details) for each in sku if isinstance(each, ExceptionRaised)] == [
        (FIRST, "In the shop there is now another SKU of line shirt, TS-2.")
    ]
    assert (len(events), len(sku), again, unsaid, said_again) == (2, 1, [], [], [])


def with_sku(sku: str) -> tuple[SaleLine, ...]:
    shirt, mug = a_sale().lines
    return shirt.model_copy(update={"sku": sku}), mug


def test_a_sale_that_is_called_canceled_and_says_no_more_is_canceled_whole_and_once() -> None:
    before = split()
    canceled = {"canceled_at": NOON, "cancel_reason": "fraud"}

    after, events = tell(before, changed_sale(**canceled))
    _, again = tell(after, changed_sale(2, **canceled), 8)
    born = split(a_sale(**canceled)).lines

    asked = [each for each in events if isinstance(each, CancellationRequested)]
    assert {(each.order_id, each.lines, each.reason) for each in asked} == {
        (FIRST, of(shirt=3), "fraud"),
        (SECOND, of(mug=1), "fraud"),
    }
    assert again == []
    assert {line_id: (seen.canceled, seen.wanted) for line_id, seen in born.items()} == {"shirt": (3, 0), "mug": (1, 0)}


def test_a_lowered_quantity_is_a_cancellation_of_what_is_missing() -> None:
    fewer = (SaleLine(line_id="shirt", quantity=2, canceled=1), SaleLine(line_id="mug", quantity=1))

    _, events = tell(split(a_sale(canceled=1)), changed_sale(lines=fewer))

    (request,) = events
    assert isinstance(request, CancellationRequested)
    assert request.lines == of(shirt=2)


def test_a_sale_that_a_former_release_split_amends_nothing_until_it_is_told_twice() -> None:
    old = replace(split(), addressed=None)

    after, events = tell(old, changed_sale(ship_to=HOME))
    _, then = tell(after, changed_sale(2, ship_to=HOME.model_copy(update={"city": "Albany"})), 8)

    assert events == []
    assert requests_in(then) == [(FIRST, ("address.city",)), (SECOND, ("address.city",))]


def sending(units: dict[str, int], **changed: Any) -> SendBack:
    said: dict[str, Any] = {"cause": COMMAND, "units": units, "reason": "damaged", "days": 30, "at": NOON}
    return SendBack(**said | changed)


def opened_return(units: dict[str, int] | None = None) -> Order:
    order = an_order()
    asked = order.after(send_back(order, sending(units or {"shirt": 2})))
    after, _ = decide(asked, kind="return", reason="damaged", granted=of(**(units or {"shirt": 2})))
    return after


def comes_back(order: Order, *units: tuple[str, int]) -> tuple[Order, list[Event]]:
    lines = tuple(ReturnedUnits(line_id=line_id, quantity=count, condition="restock") for line_id, count in units)
    event = ReturnReceived(order_id=FIRST, brand_id=ACORN, return_id=REQUEST, lines=lines, received_at=NOON)
    after, events = on_event(order, event, told(22, LATER), claims=[])
    assert isinstance(after, Order)
    return after, events


def test_a_return_is_asked_for_with_its_brands_days_and_opened_as_it_was_granted() -> None:
    order = an_order()
    (asked,) = send_back(order, sending({"shirt": 3}, wants_label=True))
    refused = RefusedUnits(line_id="shirt", quantity=1, why="not_shipped")

    after, events = decide(
        order.after([asked]), kind="return", reason="damaged", granted=of(shirt=2), refused=(refused,)
    )

    assert (asked.days, asked.wants_label) == (30, True)
    assert [type(event) for event in events] == [ReturnOpened, RequestDeclined]
    assert isinstance(events[0], ReturnOpened)
    assert (events[0].lines, events[0].wants_label) == (of(shirt=2), True)
    assert after.requests[0].state is RequestState.PARTLY_GRANTED
    assert [(each.return_id, each.lines) for each in after.returns] == [(REQUEST, of(shirt=2))]


def test_a_return_that_is_complete_is_closed_by_itself_and_once() -> None:
    part, nothing = comes_back(opened_return(), ("shirt", 1))
    whole, events = comes_back(part, ("shirt", 1))

    assert nothing == []
    assert [type(event) for event in events] == [ReturnClosed]
    assert whole.returns[0].closed_at == LATER
    assert close_return(whole, REQUEST, LATER) == []


def test_somebody_closes_a_return_of_which_nothing_more_is_expected() -> None:
    order = opened_return()

    (closed,) = close_return(order, REQUEST, LATER)

    assert order.after([closed]).returns[0].closed_at == LATER
    with pytest.raises(UnknownReturn):
        close_return(order, UUID(int=77), LATER)


def test_a_return_of_what_the_order_never_had_is_refused_at_once() -> None:
    with pytest.raises(UnknownLine):
        send_back(an_order(), sending({"mug": 1}))
    with pytest.raises(MoreThanOrdered):
        send_back(an_order(), sending({"shirt": 4}))


def lost_units(sale: Sale, exception: int = 60, **units: int) -> Sale:
    """Some of the first order did not arrive, and is to be sent again."""
    wanted = ResendRequested(
        order_id=FIRST,
        brand_id=ACORN,
        parcel_id=UUID(int=61),
        exception_id=UUID(int=exception),
        lines=of(**units),
        requested_at=NOON,
    )
    order, events = on_event(sale.orders[FIRST], wanted, told(23), claims=[])
    assert isinstance(order, Order)
    assert events == []
    return replace(sale, orders={**sale.orders, FIRST: order})


def test_what_did_not_arrive_becomes_another_order_of_the_sale_once() -> None:
    sale, events = sent_again(lost_units(split(), shirt=2), LATER)
    again, nothing = sent_again(sale, LATER)

    recipient, placed, resent = events
    third = ids.order_id(SALE, 3)
    assert isinstance(placed, OrderPlaced)
    assert (placed.order_id, placed.reference, placed.replaces) == (third, "10001-03", FIRST)
    assert [(line.line_id, line.quantity, line.shipped) for line in placed.lines] == [("shirt", 2, 0)]
    assert (placed.holds, placed.placed_at, placed.brand_id) == ((), LATER, ACORN)
    assert isinstance(recipient, Recipient)
    assert (recipient.order_id, recipient.version, recipient.address) == (third, 1, a_sale().ship_to)
    assert isinstance(resent, OrderResent)
    assert (resent.order_id, resent.new_order_id, resent.reference) == (FIRST, third, "10001-03")
    assert sale.orders[FIRST].resends[0].new_order_id == third
    assert (again, nothing) == (sale, [])


def test_several_parcels_of_an_order_are_sent_again_with_an_order_each() -> None:
    sale, events = sent_again(lost_units(lost_units(split(), shirt=1), 62, shirt=2), LATER)

    assert [event.reference for event in events if isinstance(event, OrderPlaced)] == ["10001-03", "10001-04"]
    assert len(sale.orders) == 4


def test_what_was_placed_by_a_release_that_kept_nothing_of_it_is_for_a_person_to_send_again() -> None:
    sale = lost_units(split(), shirt=2)
    old = replace(sale, orders={FIRST: replace(sale.orders[FIRST], placed=None)})

    after, (raised,) = sent_again(old, LATER)

    assert isinstance(raised, ExceptionRaised)
    assert (raised.order_id, raised.kind, raised.lines) == (FIRST, "not_sent_again", of(shirt=2))
    assert not after.orders[FIRST].resends[0].pending
    assert sent_again(after, LATER) == (after, [])


def test_what_is_sent_again_goes_to_where_the_order_was_amended_to() -> None:
    abroad = HOME.model_copy(update={"country": "DE", "postcode": "10115"})
    moved, _ = amended(asked(split().orders[FIRST], abroad))
    sale = lost_units(replace(split(), orders={**split().orders, FIRST: moved}), shirt=1)

    _, (recipient, placed, _) = sent_again(sale, LATER)

    assert isinstance(placed, OrderPlaced)
    assert isinstance(recipient, Recipient)
    assert (placed.country, recipient.address) == ("DE", abroad)


def wanting(*quantities: tuple[int, int]) -> list[list[Event]]:
    """What is told for each of these states of the shirts' line: quantity, and of those canceled."""
    sale, said = split(), list[list[Event]]()
    for hours, (quantity, gone) in enumerate(quantities, start=1):
        shirt = SaleLine(line_id="shirt", quantity=quantity, vendor="Acorn", canceled=gone)
        mug = SaleLine(line_id="mug", quantity=1, vendor="Birch")
        sale, events = tell(sale, changed_sale(hours, lines=(shirt, mug)), 60 + hours)
        said.append(events)
    return said


def test_units_that_were_added_and_taken_away_again_cancel_none_of_those_sold() -> None:
    more, back = wanting((5, 0), (5, 2))

    assert [type(event) for event in more] == [ExceptionRaised]
    assert back == []


def test_more_taken_away_than_was_added_cancels_the_rest() -> None:
    _, fewer, none = wanting((5, 0), (5, 3), (5, 5))

    assert [event.lines for event in fewer if isinstance(event, CancellationRequested)] == [of(shirt=1)]
    assert [event.lines for event in none if isinstance(event, CancellationRequested)] == [of(shirt=3)]


def test_units_that_are_wanted_again_after_they_were_canceled_are_for_a_person_to_see() -> None:
    fewer, again, still = wanting((1, 0), (3, 0), (3, 0))

    assert [event.lines for event in fewer if isinstance(event, CancellationRequested)] == [of(shirt=2)]
    assert [event.lines for event in again if isinstance(event, ExceptionRaised)] == [of(shirt=2)]
    assert still == []


def test_a_sale_whose_lines_a_former_release_did_not_keep_raises_nothing() -> None:
    old = replace(split(), lines={}, addressed=None)

    after, events = tell(old, changed_sale())

    assert events == []
    assert after.lines["shirt"].wanted == 3


def test_a_platforms_change_of_an_order_whose_recipient_is_not_kept_is_for_a_person_to_see() -> None:
    old = replace(split(), orders={FIRST: replace(split().orders[FIRST], recipient=None)})

    _, events = tell(old, changed_sale(ship_to=HOME))

    (raised,) = events
    assert isinstance(raised, ExceptionRaised)
    assert raised.details.startswith("The shop has changed address.line1 of it.")


def test_a_hold_for_an_address_that_is_complete_by_then_ends_as_soon_as_it_is_granted() -> None:
    sale, _ = tell(split(), changed_sale(ship_to=HOME.model_copy(update={"postcode": ""})))
    ((request_id, _),) = sale.orders[FIRST].amendments.items()
    held, (_, _, wanted) = amended(sale.orders[FIRST], request_id=request_id)
    assert isinstance(wanted, HoldRequested)
    complete, _ = amended(asked(held, HOME))

    after, events = decide(complete, request_id=wanted.request_id, kind="hold", reason="address")

    assert [type(event) for event in events] == [OrderHeld, OrderReleased]
    assert after.holds == ()


def test_a_note_alone_holds_no_order_whose_address_somebody_has_let_pass() -> None:
    order = split(a_sale(ship_to=HOME.model_copy(update={"city": ""}))).orders[FIRST]
    free = order.after(release(order, order.holds[0].hold_id, NOON))

    _, events = amended(asked(free, note="ring twice"))

    assert [type(event) for event in events] == [Recipient, OrderAmended]
