"""Tables of the portal."""

from typing import Any, Final

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    ForeignKey,
    Identity,
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

orders: Final = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("shipments", Text, nullable=False),
    Column("cancellations", Text, nullable=False),
    Column("returns", Text, nullable=False),
    Column("waits", Boolean, nullable=False),
    Column("to_ship", Boolean, nullable=False),
    Column("on_hold", Boolean, nullable=False),
    Column("exception", Boolean, nullable=False),
    Column("ship_by", DateTime(timezone=True)),
    Column("state", JSONB, nullable=False),
    Index("orders_newest", "placed_at", "order_id"),
    Index("orders_newest_of_brand", "brand_id", "placed_at", "order_id"),
    Index("orders_by_shipments", "shipments", "placed_at", "order_id"),
    Index("orders_canceled", "cancellations", "placed_at", "order_id", postgresql_where="cancellations <> 'none'"),
    Index("orders_returned", "returns", "placed_at", "order_id", postgresql_where="returns <> 'none'"),
    Index("orders_that_wait", "placed_at", "order_id", postgresql_where="waits"),
    Index(
        "orders_that_a_platform_waits_for",
        "ship_by",
        "order_id",
        postgresql_where="waits AND ship_by IS NOT NULL",
    ),
    Index("orders_to_ship", "placed_at", "order_id", postgresql_where="to_ship"),
    Index("orders_on_hold", "placed_at", "order_id", postgresql_where="on_hold"),
    Index("orders_with_exception", "placed_at", "order_id", postgresql_where="exception"),
    Index("orders_by_reference", "reference", postgresql_ops={"reference": "text_pattern_ops"}),
    Index("orders_by_number", "number"),
)
"""The projection; every column but `state` is there to find it by (`Facets` of the domain)."""

recipients: Final = Table(
    "recipients",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("recipient", JSONB, nullable=False),
)
"""The newest version of who receives each order."""

brands: Final = Table(
    "brands",
    metadata,
    Column("brand_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("brand", JSONB, nullable=False),
)
"""Brands and their settings: the portal's own, published on `waybill.brands`."""


def _time(name: str, *, now: bool = False) -> Column[Any]:
    default = func.now() if now else None
    return Column(name, DateTime(timezone=True), nullable=not now, server_default=default)


people: Final = Table(
    "people",
    metadata,
    Column("person_id", Uuid, primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("password", Text),
    Column("is_operator", Boolean, nullable=False, server_default="false"),
    _time("disabled_at"),
    _time("made_at", now=True),
)
"""Who may log in. `password` is Argon2id's text of it, None until its link was followed."""

memberships: Final = Table(
    "memberships",
    metadata,
    Column("person_id", Uuid, ForeignKey("people.person_id"), primary_key=True),
    Column("brand_id", Uuid, primary_key=True),
    Column("role", Text, nullable=False),
    Index("memberships_of_brand", "brand_id"),
)
"""What people are to brands."""

links: Final = Table(
    "links",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.person_id"), nullable=False, unique=True),
    Column("expires_at", DateTime(timezone=True), nullable=False),
)
"""Of each person the newest link to choose a password; it is good once."""

sessions: Final = Table(
    "sessions",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("person_id", Uuid, ForeignKey("people.person_id"), nullable=False),
    Column("brand_id", Uuid),
    _time("opened_at", now=True),
    _time("seen_at", now=True),
    Index("sessions_of_person", "person_id"),
)
"""Browsers that are logged in: the SHA-256 of the cookie, and the brand that is looked at."""

tokens: Final = Table(
    "tokens",
    metadata,
    Column("token_id", Uuid, primary_key=True),
    Column("digest", LargeBinary, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("brand_id", Uuid),
    Column("scopes", ARRAY(Text), nullable=False),
    Column("made_by", Text, nullable=False),
    _time("made_at", now=True),
    _time("used_at"),
    _time("revoked_at"),
)
"""Programs that may call the API: the SHA-256 of the token, what it may do, and of which brand; None: of all."""

tries: Final = Table(
    "tries",
    metadata,
    Column("try_id", BigInteger, Identity(always=True), primary_key=True),
    Column("email", Text, nullable=False),
    Column("address", Text, nullable=False),
    _time("at", now=True),
    Index("tries_by_account", "email", "at"),
    Index("tries_by_address", "address", "at"),
)
"""Attempts to log in, until one of them succeeds."""

audit: Final = Table(
    "audit",
    metadata,
    Column("audit_id", BigInteger, Identity(always=True), primary_key=True),
    _time("at", now=True),
    Column("actor", Text, nullable=False),
    Column("brand_id", Uuid),
    Column("method", Text, nullable=False),
    Column("path", Text, nullable=False),
    Column("status", SmallInteger),
    Index("audit_of_brand", "brand_id", "audit_id"),
)
"""Each command that came in; `status` is None while it is under way, and where its answer was lost with a process."""
