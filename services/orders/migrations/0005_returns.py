"""What may come back of an order, how long its brand takes something back, and what of it is sent again."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("ALTER TABLE orders ADD COLUMN returns jsonb NOT NULL DEFAULT '[]'")
    op.execute("""
        ALTER TABLE orders
            ADD COLUMN resends jsonb NOT NULL DEFAULT '[]',
            ADD COLUMN placed jsonb,
            ADD COLUMN to_resend boolean NOT NULL DEFAULT false
    """)
    op.execute("CREATE INDEX orders_to_resend ON orders (sale_id) WHERE to_resend")
    # Brands from before say how long with their next change.
    op.execute("ALTER TABLE brands ADD COLUMN return_days integer NOT NULL DEFAULT 30")
