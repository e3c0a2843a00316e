"""Orders are found by what stands beside their status: a hold, canceled units, a return, an exception."""

from alembic import op

revision = "0003"
down_revision = "0002"

COLUMN = "ALTER TABLE orders ADD COLUMN marks text[] NOT NULL DEFAULT '{}'"
FILL = """
    UPDATE orders SET marks = array_remove(ARRAY[
        CASE WHEN jsonb_array_length(state->'holds') > 0 THEN 'on hold' END,
        CASE WHEN jsonb_path_exists(state, '$.lines[*] ? (@.canceled > 0)') THEN 'canceled units' END,
        CASE WHEN COALESCE(state->'returns', '{}') <> '{}' THEN 'return' END,
        CASE WHEN COALESCE(state->'exceptions', '{}') <> '{}' THEN 'exception' END
    ], NULL)
"""
INDEX = "CREATE INDEX orders_by_mark ON orders USING gin (marks)"


def upgrade() -> None:
    for statement in (COLUMN, FILL, INDEX):
        op.execute(statement)
