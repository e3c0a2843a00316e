"""What carriers say of numbers, and what is true of their parcels after it."""

from alembic import op

revision = "0003"
down_revision = "0002"

PARCELS = """
    ALTER TABLE parcels
        ADD COLUMN key text NOT NULL
            GENERATED ALWAYS AS (upper(regexp_replace(tracking_number, '[[:space:]-]', '', 'g'))) STORED,
        ADD COLUMN since timestamptz NOT NULL DEFAULT now(),
        ADD COLUMN status text NOT NULL DEFAULT '',
        ADD COLUMN status_at timestamptz,
        ADD COLUMN scanned_at timestamptz,
        ADD COLUMN delivered_at timestamptz
"""
# From here on the key is what waybill_carriers makes of a number, and written with it.
KEY = "ALTER TABLE parcels ALTER COLUMN key DROP EXPRESSION"
MESSAGES = """
    CREATE TABLE messages (
        message_id uuid PRIMARY KEY,
        number text NOT NULL,
        at timestamptz NOT NULL,
        status text NOT NULL,
        code text NOT NULL,
        words text NOT NULL,
        retracts boolean NOT NULL,
        estimated_delivery timestamptz,
        feed text NOT NULL,
        looked smallint NOT NULL DEFAULT 0,
        received_at timestamptz NOT NULL DEFAULT now()
    )
"""
DELIVERIES = """
    CREATE TABLE deliveries (
        digest bytea PRIMARY KEY,
        feed text NOT NULL,
        body bytea NOT NULL,
        received_at timestamptz NOT NULL DEFAULT now()
    )
"""
INDEXES = (
    "CREATE INDEX parcels_by_key ON parcels (key)",
    "CREATE INDEX ix_messages_number ON messages (number)",
    "CREATE INDEX messages_to_look_at ON messages (received_at) WHERE looked < 2",
)


def upgrade() -> None:
    for statement in (PARCELS, KEY, MESSAGES, DELIVERIES, *INDEXES):
        op.execute(statement)
