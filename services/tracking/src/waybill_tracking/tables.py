"""Tables of tracking."""

from typing import Final

from sqlalchemy import (
    Boolean,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

parcels: Final = Table(
    "parcels",
    metadata,
    Column("parcel_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False, index=True),
    Column("brand_id", Uuid, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("tracking_number", Text, nullable=False),
    Column("key", Text, nullable=False),
    Column("since", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("status_at", DateTime(timezone=True)),
    Column("scanned_at", DateTime(timezone=True)),
    Column("delivered_at", DateTime(timezone=True)),
    Column("carrier_name", Text, nullable=False),
    Column("feed", Text, nullable=False),
    Column("former", JSONB, nullable=False),
    Column("undone", Boolean, nullable=False),
    Column("missed", Boolean, nullable=False),
    Column("exception_id", Uuid),
    Column("label_id", Uuid),
    Column("estimated_delivery", DateTime(timezone=True)),
    Column("look_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("parcels_by_key", "key"),
    Index(
        "parcels_unscanned",
        "look_at",
        postgresql_where="feed <> '' AND scanned_at IS NULL AND NOT undone AND NOT missed",
    ),
)
"""Parcels that have left, and what is true of them after all that their carriers said.

`look_at` is when to see next whether somebody should have scanned it.
"""

registrations: Final = Table(
    "registrations",
    metadata,
    Column("feed", Text, primary_key=True),
    Column("number", Text, primary_key=True),
    Column("carrier", Text, nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("next_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("state", Text, nullable=False, server_default="wanted"),
    Column("says", Text, nullable=False, server_default=""),
    Index("registrations_wanted", "next_at", postgresql_where="state = 'wanted'"),
)
"""Numbers that a feed is asked to follow: `wanted`, `registered`, or `refused` with what it said."""

brands: Final = Table(
    "brands",
    metadata,
    Column("brand_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("brand", JSONB, nullable=False),
)
"""The newest settings of each brand."""

messages: Final = Table(
    "messages",
    metadata,
    Column("message_id", Uuid, primary_key=True),
    Column("number", Text, nullable=False, index=True),
    Column("at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("code", Text, nullable=False),
    Column("words", Text, nullable=False),
    Column("retracts", Boolean, nullable=False),
    Column("estimated_delivery", DateTime(timezone=True)),
    Column("feed", Text, nullable=False),
    Column("looked", SmallInteger, nullable=False, server_default="0"),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("messages_to_look_at", "received_at", postgresql_where="looked < 2"),
)
"""What carriers said, each once; also of numbers that no parcel has yet.

`looked` is 0 while nobody told it, and 2 once it need not be told again.
"""

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("feed", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
)
"""Webhooks of feeds as they came."""
