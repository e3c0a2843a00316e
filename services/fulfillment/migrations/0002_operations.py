"""A changed past is noticed, and what operators do is recorded."""

from alembic import op

from waybill_chassis.delivery import VERSION_2

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    for statement in VERSION_2:
        op.execute(statement)
