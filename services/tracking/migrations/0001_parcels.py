"""Parcels that have a number."""

from alembic import op

from waybill_chassis.delivery import VERSION_1, brand_rows

revision = "0001"
down_revision = None

PARCELS = """
    CREATE TABLE parcels (
        parcel_id uuid PRIMARY KEY,
        order_id uuid NOT NULL,
        brand_id uuid NOT NULL,
        carrier text NOT NULL,
        tracking_number text NOT NULL
    )
"""


def upgrade() -> None:
    for statement in (*VERSION_1, PARCELS, "CREATE INDEX ix_parcels_order_id ON parcels (order_id)"):
        op.execute(statement)
    for statement in brand_rows("parcels"):
        op.execute(statement)
