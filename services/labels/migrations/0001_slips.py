"""What stands on a packing slip."""

from alembic import op

from waybill_chassis.delivery import VERSION_1, brand_rows

revision = "0001"
down_revision = None

SLIPS = """
    CREATE TABLE slips (
        order_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        reference text NOT NULL,
        placed_at timestamptz NOT NULL,
        shipping_method text NOT NULL,
        lines jsonb NOT NULL
    )
"""
RECIPIENTS = """
    CREATE TABLE recipients (
        order_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        version integer NOT NULL CHECK (version >= 1),
        recipient jsonb NOT NULL
    )
"""
BRANDS = """
    CREATE TABLE brands (
        brand_id uuid PRIMARY KEY,
        version integer NOT NULL CHECK (version >= 1),
        brand jsonb NOT NULL
    )
"""


def upgrade() -> None:
    policies = [statement for table in ("slips", "recipients", "brands") for statement in brand_rows(table)]
    for statement in (*VERSION_1, SLIPS, RECIPIENTS, BRANDS, *policies):
        op.execute(statement)
