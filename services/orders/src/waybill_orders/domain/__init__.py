"""What orders decides: how sales become orders, and what becomes of those. Pure."""

from waybill_orders.domain.incoming import State, on_event
from waybill_orders.domain.orders import (
    Cancel,
    Hold,
    OpenException,
    Order,
    PutOnHold,
    Request,
    RequestState,
    cancel,
    due,
    hold,
    release,
    resolve,
)
from waybill_orders.domain.refusals import (
    MoreThanOrdered,
    NoChoice,
    PastRelease,
    Refused,
    UnknownException,
    UnknownHold,
    UnknownLine,
)
from waybill_orders.domain.sales import Claims, Sale, Seen, named, references, renamed

__all__ = [
    "Cancel",
    "Claims",
    "Hold",
    "MoreThanOrdered",
    "NoChoice",
    "OpenException",
    "Order",
    "PastRelease",
    "PutOnHold",
    "Refused",
    "Request",
    "RequestState",
    "Sale",
    "Seen",
    "State",
    "UnknownException",
    "UnknownHold",
    "UnknownLine",
    "cancel",
    "due",
    "hold",
    "named",
    "on_event",
    "references",
    "release",
    "renamed",
    "resolve",
]
