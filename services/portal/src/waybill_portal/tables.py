"""Tables of the portal."""

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, Index, Integer, MetaData, Table, Text, Uuid
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
