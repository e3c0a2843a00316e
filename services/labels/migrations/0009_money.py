"""When the money of a label was asked back, and when it came or was lost; what was lost can be listed."""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute("ALTER TABLE labels ADD COLUMN void_asked_at timestamptz, ADD COLUMN settled_at timestamptz")
    op.execute("CREATE INDEX labels_by_money ON labels (state, purchased_at, label_id) WHERE purchased_at IS NOT NULL")
