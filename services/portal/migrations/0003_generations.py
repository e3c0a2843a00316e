"""The projection moves into a schema of its own, so that another one can be built beside it."""

from alembic import op

from waybill_chassis.generations import first_generation

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for statement in first_generation(("orders", "recipients")):
        op.execute(statement)
