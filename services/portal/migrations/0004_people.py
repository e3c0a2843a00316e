"""People, what they are to brands, their sessions and links, tokens of programs, and the audit of commands."""

from alembic import op

from waybill_chassis.delivery import brand_rows

revision = "0004"
down_revision = "0003"

PEOPLE = """
    CREATE TABLE people (
        person_id uuid PRIMARY KEY,
        email text NOT NULL UNIQUE CHECK (email = lower(email)),
        name text NOT NULL,
        password text,
        is_operator boolean NOT NULL DEFAULT false,
        disabled_at timestamptz,
        made_at timestamptz NOT NULL DEFAULT now()
    )
"""
MEMBERSHIPS = """
    CREATE TABLE memberships (
        person_id uuid NOT NULL REFERENCES people,
        brand_id uuid NOT NULL,
        role text NOT NULL CHECK (role IN ('viewer', 'packer', 'manager')),
        PRIMARY KEY (person_id, brand_id)
    )
"""
LINKS = """
    CREATE TABLE links (
        digest bytea PRIMARY KEY,
        person_id uuid NOT NULL UNIQUE REFERENCES people,
        expires_at timestamptz NOT NULL
    )
"""
SESSIONS = """
    CREATE TABLE sessions (
        digest bytea PRIMARY KEY,
        person_id uuid NOT NULL REFERENCES people,
        brand_id uuid,
        opened_at timestamptz NOT NULL DEFAULT now(),
        seen_at timestamptz NOT NULL DEFAULT now()
    )
"""
TOKENS = """
    CREATE TABLE tokens (
        token_id uuid PRIMARY KEY,
        digest bytea NOT NULL UNIQUE,
        name text NOT NULL,
        brand_id uuid,
        scopes text[] NOT NULL,
        made_by text NOT NULL,
        made_at timestamptz NOT NULL DEFAULT now(),
        used_at timestamptz,
        revoked_at timestamptz
    )
"""
TRIES = """
    CREATE TABLE tries (
        try_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        email text NOT NULL,
        address text NOT NULL,
        at timestamptz NOT NULL DEFAULT now()
    )
"""
AUDIT = """
    CREATE TABLE audit (
        audit_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        actor text NOT NULL,
        brand_id uuid,
        method text NOT NULL,
        path text NOT NULL,
        status smallint
    )
"""
INDEXES = (
    "CREATE INDEX sessions_of_person ON sessions (person_id)",
    "CREATE INDEX memberships_of_brand ON memberships (brand_id)",
    "CREATE INDEX tries_by_account ON tries (email, at)",
    "CREATE INDEX tries_by_address ON tries (address, at)",
    "CREATE INDEX audit_of_brand ON audit (brand_id, audit_id)",
)
OF_ALL_BRANDS = ("links", "tries")
"""What only who may see everything sees."""


def upgrade() -> None:
    for statement in (PEOPLE, MEMBERSHIPS, LINKS, SESSIONS, TOKENS, TRIES, AUDIT, *INDEXES):
        op.execute(statement)
    for table in ("memberships", "sessions", "tokens", "audit"):
        for statement in brand_rows(table):
            op.execute(statement)
    seen = {
        **dict.fromkeys(OF_ALL_BRANDS, ""),
        # Whoever belongs to the brand: its memberships are all that a brand's transaction sees.
        "people": "OR EXISTS (SELECT FROM memberships AS m WHERE m.person_id = people.person_id)",
    }
    for table, more in seen.items():
        op.execute(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY")
        op.execute(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY")
        op.execute(
            f"CREATE POLICY scoped_rows ON {table} USING (current_setting('waybill.scope', true) = 'all' {more})"
        )
