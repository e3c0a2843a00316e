"""Tables of labels."""

from typing import Final

from sqlalchemy import Column, DateTime, Integer, MetaData, Table, Text, Uuid
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

slips: Final = Table(
    "slips",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("placed_at", DateTime(timezone=True), nullable=False),
    Column("shipping_method", Text, nullable=False),
    Column("lines", JSONB, nullable=False),
)
"""What each order holds."""

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
"""The newest settings of each brand."""
