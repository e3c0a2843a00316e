"""Connections and what came in through them."""

from alembic import op

from waybill_chassis.delivery import VERSION_1, brand_rows

revision = "0001"
down_revision = None

CONNECTIONS = """
    CREATE TABLE connections (
        connection_id uuid PRIMARY KEY,
        platform text NOT NULL,
        code text NOT NULL UNIQUE,
        name text NOT NULL,
        secret text NOT NULL,
        brand_id uuid,
        start_date timestamptz NOT NULL,
        test_orders boolean NOT NULL,
        ships_when text NOT NULL CHECK (ships_when IN ('paid', 'authorized', 'always'))
    )
"""
DELIVERIES = """
    CREATE TABLE deliveries (
        connection_id uuid REFERENCES connections,
        change_key text,
        outcome text NOT NULL CHECK (outcome IN ('sale', 'ignored', 'refused')),
        reason text NOT NULL,
        sale_id uuid,
        body bytea,
        received_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (connection_id, change_key),
        CHECK ((outcome = 'refused') = (body IS NOT NULL))
    )
"""


def upgrade() -> None:
    for statement in (*VERSION_1, CONNECTIONS, DELIVERIES, *brand_rows("connections")):
        op.execute(statement)
