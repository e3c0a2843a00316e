"""Connections, and which of their sales become work."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal
from uuid import UUID

from waybill_events import SaleReceived

ShipsWhen = Literal["paid", "authorized", "always"]


class Unreadable(ValueError):
    """A platform's message is not what its documentation says; the message names the field."""


@dataclass(frozen=True, slots=True)
class Connection:
    """An account on a platform. `brand_id` is the brand of every line that no rule claims."""

    connection_id: UUID
    platform: str
    code: str
    name: str
    secret: str
    brand_id: UUID | None
    start_date: datetime
    test_orders: bool
    ships_when: ShipsWhen


def refusal(sale: SaleReceived, connection: Connection) -> str | None:
    """Why this sale is not to become work here; None when it is."""
    if sale.test and not connection.test_orders:
        return "a test order, and this connection takes none"
    finished = all(line.quantity <= line.shipped + line.canceled for line in sale.lines)
    if finished and sale.placed_at < connection.start_date:
        return f"finished, and older than the connection's start date {connection.start_date:%Y-%m-%d}"
    return None
