"""When a carrier expects to deliver a parcel, so that it is told when that changes."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE parcels ADD COLUMN estimated_delivery timestamptz")
