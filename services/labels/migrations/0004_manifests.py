"""Lists of what carriers take with them."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0004"
down_revision = "0003"

MANIFESTS = """
    CREATE TABLE manifests (
        manifest_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        carrier text NOT NULL,
        state text NOT NULL,
        number text NOT NULL DEFAULT '',
        words text NOT NULL DEFAULT '',
        opened_at timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_at timestamptz NOT NULL DEFAULT now()
    )
"""


def upgrade() -> None:
    op.execute(MANIFESTS)
    op.execute("CREATE INDEX manifests_due ON manifests (next_at) WHERE state = 'asked'")
    op.execute("ALTER TABLE labels ADD COLUMN manifest_id uuid")
    op.execute("CREATE INDEX labels_by_manifest ON labels (manifest_id) WHERE manifest_id IS NOT NULL")
    op.execute("CREATE INDEX labels_to_hand_over ON labels (brand_id) WHERE state = 'bought' AND manifest_id IS NULL")
    for statement in brand_rows("manifests"):
        op.execute(statement)
