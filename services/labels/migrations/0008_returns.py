"""What customers send back."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0008"
down_revision = "0007"

RETURNS = """
    CREATE TABLE returns (
        return_id uuid PRIMARY KEY,
        order_id uuid NOT NULL,
        brand_id uuid NOT NULL,
        number integer NOT NULL CHECK (number >= 1),
        place text NOT NULL,
        units jsonb NOT NULL,
        UNIQUE (order_id, number)
    )
"""


def upgrade() -> None:
    for statement in (RETURNS, *brand_rows("returns")):
        op.execute(statement)
