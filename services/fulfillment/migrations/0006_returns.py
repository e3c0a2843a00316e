"""What may come back and what has, when a parcel was with the customer, and what became of one that was not."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE ledgers ADD COLUMN returns jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE parcels ADD COLUMN delivered_at timestamptz")
    op.execute("ALTER TABLE parcels ADD COLUMN problem text NOT NULL DEFAULT ''")
