"""What other services tell, and what orders makes of it."""

from collections.abc import Sequence

from waybill_chassis.fold import Waiting
from waybill_events import Envelope, Event, RequestDecided, ResendRequested, ReturnReceived, SaleCanceled, SaleReceived
from waybill_orders.domain.orders import Order
from waybill_orders.domain.outcomes import came_back, stated
from waybill_orders.domain.sales import Claims, Sale, canceled, changed, split

State = Sale | Order


def on_event(
    state: State | None, event: Event, envelope: Envelope, *, claims: Sequence[Claims]
) -> tuple[State | None, list[Event]]:
    """Split a sale, or ask for what has changed of it; state what was decided about an order."""
    match event:
        case RequestDecided():
            order = _ours(state, event)
            events = stated(order, event, envelope.time)
            return order.after(events), events
        case ResendRequested():
            return _ours(state, event).after([event]), []
        case ReturnReceived():
            order = _ours(state, event)
            events = came_back(order, event, envelope.time)
            return order.after([event, *events]), events
        case SaleCanceled():
            if not isinstance(state, Sale):
                raise Waiting(SaleReceived)
            return canceled(state, event, envelope.id)
        case SaleReceived():
            assert not isinstance(state, Order)
            return split(event, claims) if state is None else changed(state, event, envelope.id)
        case _:
            raise AssertionError(event)


def _ours(state: State | None, event: Event) -> Order:
    order = state if isinstance(state, Order) else None
    if order is None:
        raise LookupError(f"{event.subject} is no order of ours, and yet there is a {type(event).__name__} about it")
    return order
