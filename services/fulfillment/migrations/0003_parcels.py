"""Parcels are packed before they leave, units may be late or come back, and holds have ids of their own."""

import json

from alembic import op
from sqlalchemy import text

from waybill_events import HoldReason, ids

revision = "0003"
down_revision = "0002"

LINES = """
    ALTER TABLE lines
        ADD COLUMN late integer NOT NULL DEFAULT 0 CHECK (late >= 0),
        ADD COLUMN returned integer NOT NULL DEFAULT 0 CHECK (returned >= 0),
        ADD CHECK (late <= canceled),
        ADD CHECK (returned <= shipped + late)
"""
PARCELS = """
    ALTER TABLE parcels
        ADD COLUMN state text NOT NULL DEFAULT 'shipped' CHECK (state IN ('packed', 'shipped', 'unpacked')),
        ADD COLUMN moved_by uuid NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000',
        ADD COLUMN late jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN packed_at timestamptz,
        ADD COLUMN scanned_at timestamptz,
        ALTER COLUMN shipped_at DROP NOT NULL
"""
# `holds` stays for releases before this one, and is not written any more.
LEDGERS = """
    ALTER TABLE ledgers
        ALTER COLUMN holds SET DEFAULT '{}',
        ADD COLUMN held jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN canceled_by jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN exceptions jsonb NOT NULL DEFAULT '[]'
"""
REASONS = {"address": HoldReason.ADDRESS, "payment": HoldReason.AWAITING_PAYMENT}


def upgrade() -> None:
    for statement in (LINES, PARCELS, LEDGERS):
        op.execute(statement)
    connection = op.get_bind()
    for order in connection.execute(text("SELECT order_id, holds FROM ledgers WHERE holds <> '{}'")).all():
        held = [
            {"hold_id": str(ids.hold_id(order.order_id, REASONS[hold])), "reason": REASONS[hold]}
            for hold in order.holds
        ]
        connection.execute(
            text("UPDATE ledgers SET held = CAST(:held AS jsonb) WHERE order_id = :id"),
            {"held": json.dumps(held), "id": order.order_id},
        )
