"""Corrections of numbers, feeds that follow them, and parcels that nobody scans."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0004"
down_revision = "0003"

PARCELS = """
    ALTER TABLE parcels
        ADD COLUMN carrier_name text NOT NULL DEFAULT '',
        ADD COLUMN feed text NOT NULL DEFAULT '',
        ADD COLUMN former jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN undone boolean NOT NULL DEFAULT false,
        ADD COLUMN missed boolean NOT NULL DEFAULT false,
        ADD COLUMN exception_id uuid,
        ADD COLUMN look_at timestamptz NOT NULL DEFAULT now()
"""
REGISTRATIONS = """
    CREATE TABLE registrations (
        feed text,
        number text,
        carrier text NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_at timestamptz NOT NULL DEFAULT now(),
        state text NOT NULL DEFAULT 'wanted',
        says text NOT NULL DEFAULT '',
        PRIMARY KEY (feed, number)
    )
"""
BRANDS = """
    CREATE TABLE brands (
        brand_id uuid PRIMARY KEY,
        version integer NOT NULL,
        brand jsonb NOT NULL
    )
"""
INDEXES = (
    """CREATE INDEX parcels_unscanned ON parcels (look_at)
        WHERE feed <> '' AND scanned_at IS NULL AND NOT undone AND NOT missed""",
    "CREATE INDEX registrations_wanted ON registrations (next_at) WHERE state = 'wanted'",
)


def upgrade() -> None:
    for statement in (PARCELS, REGISTRATIONS, BRANDS, *INDEXES, *brand_rows("brands")):
        op.execute(statement)
