"""What is printed of many parcels at once, and the documents that are kept."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0007"
down_revision = "0006"

DOCUMENTS = """
    CREATE TABLE documents (
        brand_id uuid NOT NULL,
        digest text NOT NULL,
        media_type text NOT NULL,
        content bytea NOT NULL,
        kept_until timestamptz NOT NULL,
        PRIMARY KEY (brand_id, digest)
    )
"""
PEOPLE = """
    CREATE TABLE document_orders (
        order_id uuid NOT NULL,
        brand_id uuid NOT NULL,
        digest text NOT NULL,
        PRIMARY KEY (order_id, brand_id, digest),
        FOREIGN KEY (brand_id, digest) REFERENCES documents ON DELETE CASCADE
    )
"""
BATCHES = """
    CREATE TABLE batches (
        batch_id uuid PRIMARY KEY,
        brand_id uuid NOT NULL,
        prints text NOT NULL,
        sort text NOT NULL,
        size text NOT NULL,
        copy integer NOT NULL CHECK (copy >= 1),
        again_of uuid,
        asked bytea NOT NULL,
        jobs jsonb NOT NULL,
        failures jsonb NOT NULL,
        state text NOT NULL,
        done integer NOT NULL,
        pages integer NOT NULL,
        digest text,
        created_at timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        next_at timestamptz NOT NULL DEFAULT now()
    )
"""
INDEXES = (
    "CREATE INDEX documents_by_end ON documents (kept_until)",
    "CREATE INDEX document_orders_by_document ON document_orders (brand_id, digest)",
    "CREATE INDEX batches_due ON batches (next_at) WHERE state <> 'done'",
    "CREATE INDEX batches_newest ON batches (brand_id, created_at)",
    "CREATE INDEX slips_by_reference ON slips (lower(reference))",
    "CREATE INDEX labels_by_number ON labels (lower(sale ->> 'tracking_number'))",
)


def upgrade() -> None:
    policies = (*brand_rows("documents"), *brand_rows("document_orders"), *brand_rows("batches"))
    for statement in (DOCUMENTS, PEOPLE, BATCHES, *INDEXES, *policies):
        op.execute(statement)
