"""Sales, the references of their orders, recipients, and what is known of brands."""

from alembic import op

from waybill_chassis.delivery import VERSION_1, brand_rows

revision = "0001"
down_revision = None

SALES = """
    CREATE TABLE sales (
        sale_id uuid PRIMARY KEY,
        connection_id uuid NOT NULL,
        connection_code text NOT NULL,
        source_order_id text NOT NULL,
        number text NOT NULL,
        orders integer NOT NULL CHECK (orders >= 0),
        source_updated_at timestamptz NOT NULL,
        UNIQUE (connection_id, source_order_id)
    )
"""
ORDERS = """
    CREATE TABLE orders (
        order_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        reference text NOT NULL,
        sale_id uuid NOT NULL,
        UNIQUE (brand_id, reference)
    )
"""
BRANDS = """
    CREATE TABLE brands (
        brand_id uuid PRIMARY KEY,
        version integer NOT NULL CHECK (version >= 1),
        vendors text[] NOT NULL,
        sku_prefixes text[] NOT NULL
    )
"""


def upgrade() -> None:
    policies = [statement for table in ("orders", "brands") for statement in brand_rows(table)]
    for statement in (*VERSION_1, SALES, ORDERS, BRANDS, *policies):
        op.execute(statement)
