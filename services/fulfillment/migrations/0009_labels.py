"""Parcels with labels that are bought, and who receives an order by version."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE parcels ADD COLUMN label text, ADD COLUMN label_id uuid")
    op.execute("""
        ALTER TABLE ledgers ADD COLUMN recipient_version integer, ADD COLUMN amending jsonb NOT NULL DEFAULT '[]'
    """)
    op.execute("ALTER TABLE brands ADD COLUMN shipping text NOT NULL DEFAULT 'own'")
