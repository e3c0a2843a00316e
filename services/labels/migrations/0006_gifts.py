"""Which orders are gifts, and which language their customers speak."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE slips ADD COLUMN gift boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE slips ADD COLUMN language text NOT NULL DEFAULT ''")
