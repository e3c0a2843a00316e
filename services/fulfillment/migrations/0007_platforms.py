"""Where an order came from, so that a file can say whom it tells."""

from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.execute("ALTER TABLE ledgers ADD COLUMN platform text NOT NULL DEFAULT ''")
