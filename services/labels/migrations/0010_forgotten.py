"""Batches are found by the orders of which something was not printed: what they say of these goes with the people."""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("CREATE INDEX batches_by_failures ON batches USING gin (failures jsonb_path_ops)")
