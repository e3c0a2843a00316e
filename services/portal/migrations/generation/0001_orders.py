"""The projection of orders, and their recipients, as the first generation has them."""

from alembic import op

from waybill_chassis.delivery import READING_1, READING_2, brand_rows

revision = "0001"
down_revision = None

ORDERS = """
    CREATE TABLE orders (
        order_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        reference text NOT NULL,
        number text NOT NULL,
        placed_at timestamptz NOT NULL,
        status text NOT NULL,
        state jsonb NOT NULL
    )
"""
INDEXES = (
    "CREATE INDEX orders_newest ON orders (placed_at, order_id)",
    "CREATE INDEX orders_newest_of_brand ON orders (brand_id, placed_at, order_id)",
    "CREATE INDEX orders_newest_by_status ON orders (status, placed_at, order_id)",
    "CREATE INDEX orders_by_reference ON orders (reference text_pattern_ops)",
    "CREATE INDEX orders_by_number ON orders (number)",
)
RECIPIENTS = """
    CREATE TABLE recipients (
        order_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        version integer NOT NULL CHECK (version >= 1),
        recipient jsonb NOT NULL
    )
"""


def upgrade() -> None:
    policies = [statement for table in ("orders", "recipients") for statement in brand_rows(table)]
    for statement in (*READING_1, *READING_2, ORDERS, *INDEXES, RECIPIENTS, *policies):
        op.execute(statement)
