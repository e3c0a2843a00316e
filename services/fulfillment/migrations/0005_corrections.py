"""What a row of a file has corrected, so that it can be taken back."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE import_rows ADD COLUMN former jsonb")
