"""Parcels and the labels that are bought for them."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0003"
down_revision = "0002"

PARCELS = """
    CREATE TABLE parcels (
        parcel_id uuid PRIMARY KEY,
        order_id uuid NOT NULL,
        brand_id uuid NOT NULL,
        number integer NOT NULL CHECK (number >= 1),
        place text NOT NULL,
        units jsonb NOT NULL,
        shipping text NOT NULL,
        recipient_version integer,
        wish jsonb NOT NULL,
        UNIQUE (order_id, number)
    )
"""
LABELS = """
    CREATE TABLE labels (
        label_id uuid PRIMARY KEY,
        order_id uuid NOT NULL,
        brand_id uuid NOT NULL,
        parcel_id uuid NOT NULL,
        purchase integer NOT NULL CHECK (purchase >= 1),
        state text NOT NULL,
        wish jsonb NOT NULL,
        void_why text NOT NULL,
        offer jsonb,
        shipment jsonb,
        sale jsonb,
        purchased_at timestamptz,
        voided_at timestamptz,
        code text NOT NULL,
        words text NOT NULL,
        exception_id uuid,
        claimed text NOT NULL DEFAULT '',
        attempts integer NOT NULL DEFAULT 0,
        next_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (parcel_id, purchase),
        CHECK (state NOT IN ('bought', 'voiding', 'voided', 'refunded', 'kept') OR sale IS NOT NULL),
        CHECK (state <> 'asked' OR offer IS NOT NULL)
    )
"""
INDEXES = (
    "CREATE INDEX labels_by_order ON labels (order_id)",
    """CREATE UNIQUE INDEX one_label_a_parcel ON labels (parcel_id)
        WHERE state IN ('wanted', 'asked', 'bought') AND void_why = ''""",
    """CREATE INDEX labels_due ON labels (next_at) WHERE state IN ('wanted', 'asked', 'voiding', 'voided')""",
    """CREATE INDEX labels_changed ON labels (label_id)
        WHERE state IN ('wanted', 'asked', 'voiding', 'voided') AND claimed <> state""",
)


def upgrade() -> None:
    policies = (*brand_rows("parcels"), *brand_rows("labels"))
    for statement in (PARCELS, LABELS, *INDEXES, *policies):
        op.execute(statement)
