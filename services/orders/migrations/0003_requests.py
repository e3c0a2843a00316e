"""An order keeps what was asked of it and what holds it back; a sale keeps what its platform told of each line."""

from alembic import op

revision = "0003"
down_revision = "0002"

# Sales from before have no lines: what their platforms cancel later is taken only where they cancel the whole sale.
SALES = """
    ALTER TABLE sales
        ADD COLUMN canceled boolean NOT NULL DEFAULT false,
        ADD COLUMN lines jsonb NOT NULL DEFAULT '{}'
"""
ORDERS = """
    ALTER TABLE orders
        ADD COLUMN lines jsonb NOT NULL DEFAULT '{}',
        ADD COLUMN holds jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN requests jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN exceptions jsonb NOT NULL DEFAULT '[]',
        ADD COLUMN release_at timestamptz
"""
INDEXES = (
    "CREATE INDEX orders_of_sale ON orders (sale_id)",
    "CREATE INDEX orders_to_release ON orders (release_at) WHERE release_at IS NOT NULL",
)


def upgrade() -> None:
    for statement in (SALES, ORDERS, *INDEXES):
        op.execute(statement)
