"""Whether a sale was told before is asked with each of its changes."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.execute("CREATE INDEX deliveries_of_sale ON deliveries (sale_id) WHERE outcome = 'sale'")
