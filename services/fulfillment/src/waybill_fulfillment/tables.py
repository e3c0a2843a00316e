"""Tables of fulfillment."""

from typing import Final

from sqlalchemy import (
    ARRAY,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()

ledgers: Final = Table(
    "ledgers",
    metadata,
    Column("order_id", Uuid, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("reference", Text, nullable=False),
    Column("holds", ARRAY(Text), nullable=False),
)

lines: Final = Table(
    "lines",
    metadata,
    Column("order_id", Uuid, ForeignKey("ledgers.order_id"), primary_key=True),
    Column("line_id", Text, primary_key=True),
    Column("brand_id", Uuid, nullable=False),
    Column("position", Integer, nullable=False),
    Column("ordered", Integer, CheckConstraint("ordered >= 0"), nullable=False),
    Column("open", Integer, CheckConstraint("open >= 0"), nullable=False),
    Column("packed", Integer, CheckConstraint("packed >= 0"), nullable=False),
    Column("shipped", Integer, CheckConstraint("shipped >= 0"), nullable=False),
    Column("canceled", Integer, CheckConstraint("canceled >= 0"), nullable=False),
    CheckConstraint("ordered = open + packed + shipped + canceled"),
)
"""Units of each line; what was ordered is always somewhere."""

parcels: Final = Table(
    "parcels",
    metadata,
    Column("parcel_id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("ledgers.order_id"), nullable=False),
    Column("brand_id", Uuid, nullable=False),
    Column("number", Integer, CheckConstraint("number >= 1"), nullable=False),
    Column("units", JSONB, nullable=False),
    Column("tracking_company", Text, nullable=False),
    Column("tracking_number", Text, nullable=False),
    Column("shipped_at", DateTime(timezone=True), nullable=False),
    UniqueConstraint("order_id", "number"),
)
"""What left together; `units` maps line ids to quantities."""
