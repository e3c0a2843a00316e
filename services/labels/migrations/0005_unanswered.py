"""How often no carrier answered what a label would cost."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE labels ADD COLUMN unanswered integer NOT NULL DEFAULT 0")
