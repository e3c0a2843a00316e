"""Who receives an order, what is to change of that, and where the platform last told to send a sale."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0004"
down_revision = "0003"

# Orders from before have no recipient here: only their platforms can change it, and nobody is told of that.
SALES = "ALTER TABLE sales ADD COLUMN addressed jsonb"
RECIPIENTS = """
    CREATE TABLE recipients (
        order_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        version integer NOT NULL,
        recipient jsonb NOT NULL
    )
"""
AMENDMENTS = """
    CREATE TABLE amendments (
        request_id uuid PRIMARY KEY,
        order_id uuid NOT NULL,
        brand_id uuid NOT NULL,
        address jsonb NOT NULL,
        note text
    )
"""
INDEXES = ("CREATE INDEX ix_amendments_order_id ON amendments (order_id)",)


def upgrade() -> None:
    policies = [statement for table in ("recipients", "amendments") for statement in brand_rows(table)]
    for statement in (SALES, RECIPIENTS, AMENDMENTS, *INDEXES, *policies):
        op.execute(statement)
