"""Ledgers, their lines, and parcels."""

from alembic import op

from waybill_chassis.delivery import VERSION_1, brand_rows

revision = "0001"
down_revision = None

LEDGERS = """
    CREATE TABLE ledgers (
        order_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        reference text NOT NULL,
        holds text[] NOT NULL
    )
"""
LINES = """
    CREATE TABLE lines (
        order_id uuid REFERENCES ledgers,
        line_id text,
        brand_id uuid NOT NULL,
        position integer NOT NULL,
        ordered integer NOT NULL CHECK (ordered >= 0),
        open integer NOT NULL CHECK (open >= 0),
        packed integer NOT NULL CHECK (packed >= 0),
        shipped integer NOT NULL CHECK (shipped >= 0),
        canceled integer NOT NULL CHECK (canceled >= 0),
        PRIMARY KEY (order_id, line_id),
        CHECK (ordered = open + packed + shipped + canceled)
    )
"""
PARCELS = """
    CREATE TABLE parcels (
        parcel_id uuid PRIMARY KEY,
        order_id uuid NOT NULL REFERENCES ledgers,
        brand_id uuid NOT NULL,
        number integer NOT NULL CHECK (number >= 1),
        units jsonb NOT NULL,
        tracking_company text NOT NULL,
        tracking_number text NOT NULL,
        shipped_at timestamptz NOT NULL,
        UNIQUE (order_id, number)
    )
"""


def upgrade() -> None:
    tables = ("ledgers", "lines", "parcels")
    policies = [statement for table in tables for statement in brand_rows(table)]
    for statement in (*VERSION_1, LEDGERS, LINES, PARCELS, *policies):
        op.execute(statement)
