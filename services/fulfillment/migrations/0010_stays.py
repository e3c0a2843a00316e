"""What of a file could not be taken back stays, and can be tried again."""

from alembic import op

revision = "0010"
down_revision = "0009"

FATES = "('ready', 'nothing', 'asks', 'wrong', 'applied', 'undone', 'stays')"


def upgrade() -> None:
    op.execute("ALTER TABLE import_rows DROP CONSTRAINT import_rows_fate_check")
    op.execute(f"ALTER TABLE import_rows ADD CONSTRAINT import_rows_fate_check CHECK (fate IN {FATES})")
    op.execute("""
        UPDATE import_rows SET fate = 'stays' FROM imports
        WHERE imports.import_id = import_rows.import_id AND imports.state IN ('undoing', 'undone')
            AND fate = 'wrong' AND parcel_id IS NOT NULL
    """)
