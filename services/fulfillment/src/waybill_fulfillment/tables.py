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
    Column("holds", ARRAY(Text), nullable=False, server_default="{}"),
    Column("held", JSONB, nullable=False),
    Column("canceled_by", JSONB, nullable=False),
    Column("exceptions", JSONB, nullable=False),
)
"""Orders: what holds them (`held`; `holds` is of releases before), which cause canceled which units, and what somebody
has to decide."""

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
    Column("late", Integer, CheckConstraint("late >= 0"), nullable=False),
    Column("returned", Integer, CheckConstraint("returned >= 0"), nullable=False),
    CheckConstraint("ordered = open + packed + shipped + canceled"),
    CheckConstraint("late <= canceled"),
    CheckConstraint("returned <= shipped + late"),
)
"""Units of each line; what was ordered is always somewhere."""

parcels: Final = Table(
    "parcels",
    metadata,
    Column("parcel_id", Uuid, primary_key=True),
    Column("order_id", Uuid, ForeignKey("ledgers.order_id"), nullable=False),
    Column("brand_id", Uuid, nullable=False),
    Column("number", Integer, CheckConstraint("number >= 1"), nullable=False),
    Column("state", Text, CheckConstraint("state IN ('packed', 'shipped', 'unpacked')"), nullable=False),
    Column("units", JSONB, nullable=False),
    Column("late", JSONB, nullable=False),
    Column("moved_by", Uuid, nullable=False),
    Column("tracking_company", Text, nullable=False),
    Column("tracking_number", Text, nullable=False),
    Column("packed_at", DateTime(timezone=True)),
    Column("shipped_at", DateTime(timezone=True)),
    Column("scanned_at", DateTime(timezone=True)),
    UniqueConstraint("order_id", "number"),
)
"""What travels together; `units` and `late` map line ids to quantities."""
