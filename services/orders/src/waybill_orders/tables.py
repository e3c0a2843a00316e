"""Tables of orders."""

from typing import Final

from sqlalchemy import ARRAY, Column, DateTime, Integer, MetaData, Table, Text, UniqueConstraint, Uuid

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
    UniqueConstraint("connection_id", "source_order_id"),
)
"""Sales that were split."""

orders: Final = Table(
    "orders",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("sale_id", Uuid, nullable=False),
    UniqueConstraint("brand_id", "reference"),
)
"""Which order of a brand has which reference, given once."""

brands: Final = Table(
    "brands",
    metadata,
    Column("brand_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("vendors", ARRAY(Text), nullable=False),
    Column("sku_prefixes", ARRAY(Text), nullable=False),
)
"""The newest settings of each brand, as far as they decide whose a line is."""
