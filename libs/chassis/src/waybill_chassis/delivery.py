"""The tables of delivery, the same in every service, and the DDL that migrations run for them."""

from typing import Final

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Double,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

streams: Final = Table(
    "streams",
    metadata,
    Column("subject", Uuid, primary_key=True),
    Column("next_sequence", Integer, nullable=False, server_default="1"),
    Column("taken", JSONB, nullable=False, server_default="{}"),
    Column("parked", Boolean, nullable=False, server_default="false"),
    Column("waiting", Integer, nullable=False, server_default="0"),
)
"""One row per subject, locked by whoever touches it.

`next_sequence` is the number of the next event of our own; `taken` the last one taken in, per source, as
`[sequence, event id]`; `waiting` counts its waiters.
"""

outbox: Final = Table(
    "outbox",
    metadata,
    Column("id", BigInteger, Identity(always=True, cache=1), primary_key=True),
    Column("bucket", SmallInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""What is to be sent, in the order of `id` within a subject; a payload of NULL is a tombstone."""

sent: Final = Table(
    "sent",
    metadata,
    Column("id", BigInteger, nullable=False),
    Column("topic", Text, nullable=False),
    Column("key", Uuid, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("payload", LargeBinary),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("sent_at", DateTime(timezone=True), nullable=False),
    Index("sent_by_key", "key"),
    postgresql_partition_by="RANGE (sent_at)",
)
"""What the broker has acknowledged, and where; a partition per day, kept for seven."""

offsets: Final = Table(
    "offsets",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("next", BigInteger, nullable=False),
    Column("fingerprint", LargeBinary),
)
"""How far each partition was read: the fence. `fingerprint` is of the record before `next`, where one was read."""

acknowledged: Final = Table(
    "acknowledged",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, nullable=False),
    Column("event_id", Text),
)
"""The last record of each partition that is known to be ours; outlives the days for which `sent` is kept."""

_record: Final = ("topic", "partition", "offset")

waiters: Final = Table(
    "waiters",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", Uuid, nullable=False, index=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("needs", Text),
    Column("waited_s", Double, nullable=False, server_default="0"),
    Column("aged_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint(*_record),
)
"""Events kept until what they need has come: an event on topic `needs`, or (NULL) the gap before them to close."""

quarantine: Final = Table(
    "quarantine",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("subject", Uuid, nullable=False, index=True),
    Column("topic", Text, nullable=False),
    Column("partition", Integer, nullable=False),
    Column("offset", BigInteger, nullable=False),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary),
    Column("cause", Text),
    Column("error", Text),
    Column("parked_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    UniqueConstraint(*_record),
)
"""The queue of each parked subject: the event with its `cause` and `error`, then every later one."""

dead_letters: Final = Table(
    "dead_letters",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("key", LargeBinary),
    Column("headers", JSONB, nullable=False),
    Column("value", LargeBinary),
    Column("error", Text, nullable=False),
    Column("subject", Uuid),
    Column("buried_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Records whose bytes do not decode, whole; header values are base64 here, since they may be no text."""

rulings: Final = Table(
    "rulings",
    metadata,
    Column("topic", Text, primary_key=True),
    Column("partition", Integer, primary_key=True),
    Column("offset", BigInteger, primary_key=True),
    Column("value", LargeBinary),
)
"""What an operator decided about a record, when it is read again: another value, or (NULL) it is passed over."""

interventions: Final = Table(
    "interventions",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("actor", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("subject", Uuid),
    Column("details", JSONB, nullable=False),
)
"""What operators did to delivery, and why."""

idempotency: Final = Table(
    "idempotency",
    metadata,
    Column("caller", Text, primary_key=True),
    Column("route", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("body_hash", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
)
"""The answers of commands, for seven days; json, not jsonb, which would give them back in another order."""

READING_1: Final = (
    """
    CREATE TABLE streams (
        subject uuid PRIMARY KEY,
        next_sequence integer NOT NULL DEFAULT 1 CHECK (next_sequence >= 1),
        taken jsonb NOT NULL DEFAULT '{}',
        parked boolean NOT NULL DEFAULT false,
        waiting integer NOT NULL DEFAULT 0 CHECK (waiting >= 0)
    )
    """,
    """
    CREATE TABLE offsets (
        topic text,
        partition integer,
        next bigint NOT NULL CHECK (next >= 0),
        PRIMARY KEY (topic, partition)
    )
    """,
    """
    CREATE TABLE waiters (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        subject uuid NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        headers jsonb NOT NULL,
        value bytea NOT NULL,
        needs text,
        waited_s double precision NOT NULL DEFAULT 0,
        aged_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (topic, partition, "offset")
    )
    """,
    "CREATE INDEX ix_waiters_subject ON waiters (subject)",
    """
    CREATE TABLE quarantine (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        subject uuid NOT NULL,
        topic text NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        headers jsonb NOT NULL,
        value bytea,
        error text,
        parked_at timestamptz NOT NULL DEFAULT now(),
        UNIQUE (topic, partition, "offset")
    )
    """,
    "CREATE INDEX ix_quarantine_subject ON quarantine (subject)",
    """
    CREATE TABLE dead_letters (
        topic text,
        partition integer,
        "offset" bigint,
        key bytea,
        headers jsonb NOT NULL,
        value bytea,
        error text NOT NULL,
        subject uuid,
        buried_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (topic, partition, "offset")
    )
    """,
)
"""What was taken in; in a database with generations each of them has its own."""

WRITING_1: Final = (
    """
    CREATE TABLE outbox (
        id bigint GENERATED ALWAYS AS IDENTITY (CACHE 1) PRIMARY KEY,
        bucket smallint NOT NULL CHECK (bucket BETWEEN 0 AND 255),
        topic text NOT NULL,
        key uuid NOT NULL,
        headers jsonb NOT NULL,
        payload bytea,
        created_at timestamptz NOT NULL DEFAULT now()
    )
    """,
    """
    CREATE TABLE sent (
        id bigint NOT NULL,
        topic text NOT NULL,
        key uuid NOT NULL,
        headers jsonb NOT NULL,
        payload bytea,
        created_at timestamptz NOT NULL,
        partition integer NOT NULL,
        "offset" bigint NOT NULL,
        sent_at timestamptz NOT NULL
    ) PARTITION BY RANGE (sent_at)
    """,
    "CREATE INDEX sent_by_key ON sent (key)",
    """
    CREATE TABLE idempotency (
        caller text,
        route text,
        key text,
        body_hash bytea NOT NULL,
        status smallint NOT NULL,
        answer json NOT NULL,
        created_at timestamptz NOT NULL DEFAULT now(),
        PRIMARY KEY (caller, route, key)
    )
    """,
    "CREATE INDEX ix_idempotency_created_at ON idempotency (created_at)",
)

VERSION_1: Final = (*READING_1, *WRITING_1)
"""Frozen: a later change of these tables is a version of its own that each service's next migration runs."""

READING_2: Final = (
    "ALTER TABLE offsets ADD COLUMN fingerprint bytea",
    "ALTER TABLE quarantine ADD COLUMN cause text",
    "UPDATE quarantine SET cause = split_part(error, ':', 1) WHERE error IS NOT NULL",
)

WRITING_2: Final = (
    """
    CREATE TABLE acknowledged (
        topic text,
        partition integer,
        "offset" bigint NOT NULL,
        event_id text,
        PRIMARY KEY (topic, partition)
    )
    """,
    """
    INSERT INTO acknowledged
    SELECT DISTINCT ON (topic, partition) topic, partition, "offset", headers->>'ce_id' FROM sent
    ORDER BY topic, partition, "offset" DESC
    """,
    """
    CREATE TABLE rulings (
        topic text,
        partition integer,
        "offset" bigint,
        value bytea,
        PRIMARY KEY (topic, partition, "offset")
    )
    """,
    """
    CREATE TABLE interventions (
        id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
        at timestamptz NOT NULL DEFAULT now(),
        actor text NOT NULL,
        action text NOT NULL,
        why text NOT NULL,
        subject uuid,
        details jsonb NOT NULL
    )
    """,
)

VERSION_2: Final = (*READING_2, *WRITING_2)
"""Frozen likewise: a changed past is noticed, and what operators do is recorded."""

READING: Final = ("streams", "offsets", "waiters", "quarantine", "dead_letters")
"""The tables of READING_1 and what came after."""


def brand_rows(table: str) -> tuple[str, ...]:
    """The DDL that lets a transaction see only its brand's rows of `table`, the owner of the table included."""
    return (
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"""
        CREATE POLICY brand_rows ON {table} USING (
            current_setting('waybill.scope', true) = 'all'
            OR brand_id = nullif(current_setting('waybill.brand', true), '')::uuid
        )
        """,
    )
