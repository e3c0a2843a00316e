"""Tables of orders."""

from typing import Final

from sqlalchemy import ARRAY, Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

sales: Final = Table(
    "sales",
    metadata,
    Column("sale_id", Uuid, primary_key=True),
    Column("connection_id", Uuid, nullable=False),
    Column("connection_code", Text, nullable=False),
    Column("source_order_id", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("orders", Integer, nullable=False),
    Column("source_updated_at", DateTime(timezone=True), nullable=False),
    Column("canceled", Boolean, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("addressed", JSONB(none_as_null=True)),
    UniqueConstraint("connection_id", "source_order_id"),
)
"""Sales that were split; `lines` maps line ids to their order and their units, `addressed` is where the platform last
told to send it: both as it told them last."""

orders: Final = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("sale_id", Uuid, nullable=False),
    Column("lines", JSONB, nullable=False),
    Column("holds", JSONB, nullable=False),
    Column("requests", JSONB, nullable=False),
    Column("exceptions", JSONB, nullable=False),
    Column("returns", JSONB, nullable=False, server_default="[]"),
    Column("resends", JSONB, nullable=False, server_default="[]"),
    Column("placed", JSONB(none_as_null=True)),
    Column("release_at", DateTime(timezone=True)),
    Column("to_resend", Boolean, nullable=False, server_default="false"),
    UniqueConstraint("brand_id", "reference"),
    Index("orders_of_sale", "sale_id"),
    Index("orders_to_release", "release_at", postgresql_where="release_at IS NOT NULL"),
    Index("orders_to_resend", "sale_id", postgresql_where="to_resend"),
)
"""Orders: which one of a brand has which reference, given once; what was asked of each; `release_at` is when its next
hold ends, `to_resend` that something of it is to become another order."""

recipients: Final = Table(
    "recipients",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("version", Integer, nullable=False),
    Column("recipient", JSONB, nullable=False),
)
"""Who receives each order, as it was published last."""

amendments: Final = Table(
    "amendments",
    metadata,
    Column("request_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False, index=True),
    Column("brand_id", Uuid, nullable=False),
    Column("address", JSONB, nullable=False),
    Column("note", Text),
)
"""What requests that are not decided yet are to change of a recipient."""

brands: Final = Table(
    "brands",
    metadata,
    Column("brand_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("vendors", ARRAY(Text), nullable=False),
    Column("sku_prefixes", ARRAY(Text), nullable=False),
    Column("return_days", Integer, nullable=False, server_default="30"),
)
"""The newest settings of each brand: whose a line is, and how long something may come back."""
