"""Tables of the portal."""

from typing import Final

from sqlalchemy import Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

metadata: Final = MetaData()

orders: Final = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("number", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("status", Text, nullable=False),
    Column("marks", ARRAY(Text), nullable=False, server_default="{}"),
    Column("state", JSONB, nullable=False),
    Index("orders_newest", "placed_at", "order_id"),
    Index("orders_newest_of_brand", "brand_id", "placed_at", "order_id"),
    Index("orders_newest_by_status", "status", "placed_at", "order_id"),
    Index("orders_by_reference", "reference", postgresql_ops={"reference": "text_pattern_ops"}),
    Index("orders_by_number", "number"),
    Index("orders_by_mark", "marks", postgresql_using="gin"),
)
"""The projection; every column but `state` is there to find it by."""

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
