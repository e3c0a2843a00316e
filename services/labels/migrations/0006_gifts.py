"""Which orders are gifts."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE slips ADD COLUMN gift boolean NOT NULL DEFAULT false")
