"""Rows say which event made them so, and keep apart what the brand typed and what tracking settled.

Rows from before are put into the new shape without their events; a rebuild gives them those.
"""

import json
from typing import Any

from alembic import op
from sqlalchemy import text

from waybill_events import HoldReason, ids

revision = "0002"
down_revision = "0001"

REASONS = {"address": HoldReason.ADDRESS, "payment": HoldReason.AWAITING_PAYMENT}
CHUNK = 1_000


def upgrade() -> None:
    connection = op.get_bind()
    rows = connection.execute(text("SELECT order_id, state FROM orders")).all()
    for start in range(0, len(rows), CHUNK):
        changed = [
            {"id": row.order_id, "state": json.dumps(reshaped(row.state))} for row in rows[start : start + CHUNK]
        ]
        connection.execute(text("UPDATE orders SET state = CAST(:state AS jsonb) WHERE order_id = :id"), changed)


def reshaped(state: dict[str, Any]) -> dict[str, Any]:
    """A state as it is kept from now on."""
    holds = [
        {"hold_id": str(ids.hold_id(state["order_id"], REASONS[hold])), "reason": REASONS[hold], "release_at": None}
        for hold in state["holds"]
    ]
    return {**state, "holds": holds, "parcels": [reshaped_parcel(each) for each in state["parcels"]]}


def reshaped_parcel(parcel: dict[str, Any]) -> dict[str, Any]:
    """A parcel: what one shows of it was settled by tracking where it has a page, else typed."""
    company, number, url = (parcel[name] for name in ("carrier_name", "tracking_number", "tracking_url"))
    settled = {"carrier_name": company, "tracking_number": number, "tracking_url": url}
    return {
        "parcel_id": parcel["parcel_id"],
        "state": "shipped",
        "units": parcel["units"],
        "company": company,
        "number": number,
        "url": "" if parcel["parcel_id"] else url,
        "shipped_at": parcel["shipped_at"],
        "tracked": settled if url and parcel["parcel_id"] else None,
    }
