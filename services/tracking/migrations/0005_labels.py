"""Numbers that are those of labels."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE parcels ADD COLUMN label_id uuid")
