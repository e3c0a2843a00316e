"""The carriers that only a brand knows, which nobody need confirm."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0008"
down_revision = "0007"

BRANDS = """
    CREATE TABLE brands (
        brand_id uuid PRIMARY KEY,
        version integer NOT NULL,
        carriers text[] NOT NULL
    )
"""


def upgrade() -> None:
    for statement in (BRANDS, *brand_rows("brands")):
        op.execute(statement)
