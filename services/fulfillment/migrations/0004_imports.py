"""Files of tracking numbers, and what their rows find orders and lines by."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0004"
down_revision = "0003"

# What was opened before has neither a sale nor skus, and is found by its reference alone.
COLUMNS = (
    "ALTER TABLE ledgers ADD COLUMN sale text NOT NULL DEFAULT ''",
    "ALTER TABLE lines ADD COLUMN sku text NOT NULL DEFAULT ''",
    "CREATE INDEX ledgers_by_reference ON ledgers (lower(reference))",
    "CREATE INDEX ledgers_by_sale ON ledgers (lower(sale))",
)
IMPORTS = """
    CREATE TABLE imports (
        import_id uuid PRIMARY KEY,
        brand_id uuid,
        actor text NOT NULL,
        name text NOT NULL,
        state text NOT NULL CHECK (state IN ('previewed', 'applying', 'applied', 'undoing', 'undone')),
        confirmed text[] NOT NULL,
        notify_customer boolean NOT NULL,
        header jsonb NOT NULL,
        digest bytea NOT NULL,
        created_at timestamptz NOT NULL,
        applied_at timestamptz
    )
"""
ROWS = """
    CREATE TABLE import_rows (
        import_id uuid REFERENCES imports,
        line integer,
        brand_id uuid,
        order_id uuid,
        cells jsonb NOT NULL,
        row jsonb NOT NULL,
        fate text NOT NULL CHECK (fate IN ('ready', 'nothing', 'asks', 'wrong', 'applied', 'undone')),
        code text NOT NULL,
        says text NOT NULL,
        parcel_id uuid,
        PRIMARY KEY (import_id, line)
    )
"""
INDEXES = (
    "CREATE INDEX imports_under_way ON imports (created_at) WHERE state IN ('applying', 'undoing')",
    "CREATE INDEX import_rows_to_apply ON import_rows (import_id, order_id) WHERE fate IN ('ready', 'asks', 'applied')",
)


def upgrade() -> None:
    policies = [statement for table in ("imports", "import_rows") for statement in brand_rows(table)]
    for statement in (*COLUMNS, IMPORTS, ROWS, *INDEXES, *policies):
        op.execute(statement)
