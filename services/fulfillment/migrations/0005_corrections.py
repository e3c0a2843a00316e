"""What a row of a file has corrected, so that it can be taken back."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE import_rows ADD COLUMN former jsonb")
    # All rows of an order are looked at, whatever became of them.
    op.execute("CREATE INDEX import_rows_by_order ON import_rows (import_id, order_id)")
    op.execute("DROP INDEX import_rows_to_apply")
