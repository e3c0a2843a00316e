"""Tables of fulfillment."""

from typing import Final

from sqlalchemy import (
    ARRAY,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata: Final = MetaData()
_STATES: Final = ("previewed", "applying", "applied", "undoing", "undone")
_FATES: Final = ("ready", "nothing", "asks", "wrong", "applied", "undone", "stays")

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
    Column("returns", JSONB, nullable=False, server_default="[]"),
    Column("sale", Text, nullable=False, server_default=""),
    Column("platform", Text, nullable=False, server_default=""),
    Column("recipient_version", Integer),
    Column("amending", JSONB, nullable=False, server_default="[]"),
    Index("ledgers_by_reference", text("lower(reference)")),
    Index("ledgers_by_sale", text("lower(sale)")),
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
    Column("sku", Text, nullable=False, server_default=""),
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
    Column("delivered_at", DateTime(timezone=True)),
    Column("problem", Text, nullable=False, server_default=""),
    Column("label", Text),
    Column("label_id", Uuid),
    UniqueConstraint("order_id", "number"),
)
"""What travels together; `units` and `late` map line ids to quantities."""

brands: Final = Table(
    "brands",
    metadata,
    Column("brand_id", Uuid, primary_key=True),
    Column("version", Integer, nullable=False),
    Column("carriers", ARRAY(Text), nullable=False),
    Column("shipping", Text, nullable=False, server_default="own"),
)
"""The names of the carriers that only a brand knows, and how it ships, by its newest settings."""

imports: Final = Table(
    "imports",
    metadata,
    Column("import_id", Uuid, primary_key=True),
    Column("brand_id", Uuid),
    Column("actor", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column(
        "state",
        Text,
        CheckConstraint(f"state IN {_STATES}"),
        nullable=False,
    ),
    Column("confirmed", ARRAY(Text), nullable=False),
    Column("notify_customer", Boolean, nullable=False),
    Column("header", JSONB, nullable=False),
    Column("digest", LargeBinary, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False),
    Column("applied_at", DateTime(timezone=True)),
    Index("imports_under_way", "created_at", postgresql_where="state IN ('applying', 'undoing')"),
)
"""Files of tracking numbers; `confirmed` are the codes that somebody has confirmed."""

import_rows: Final = Table(
    "import_rows",
    metadata,
    Column("import_id", Uuid, ForeignKey("imports.import_id"), primary_key=True),
    Column("line", Integer, primary_key=True),
    Column("brand_id", Uuid),
    Column("order_id", Uuid),
    Column("cells", JSONB, nullable=False),
    Column("row", JSONB, nullable=False),
    Column(
        "fate",
        Text,
        CheckConstraint(f"fate IN {_FATES}"),
        nullable=False,
    ),
    Column("code", Text, nullable=False),
    Column("says", Text, nullable=False),
    Column("parcel_id", Uuid),
    Column("former", JSONB(none_as_null=True)),
    Index("import_rows_by_order", "import_id", "order_id"),
)
"""Their rows, and what becomes of each; `former` is the company and number that one has corrected."""
