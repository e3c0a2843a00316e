"""Tables of connectors."""

from typing import Final

from sqlalchemy import Boolean, Column, DateTime, ForeignKey, Index, LargeBinary, MetaData, Table, Text, Uuid, func

metadata: Final = MetaData()

connections: Final = Table(
    "connections",
    metadata,
    Column("connection_id", Uuid, primary_key=True),
    Column("platform", Text, nullable=False),
    Column("code", Text, nullable=False, unique=True),
    Column("name", Text, nullable=False),
    Column("secret", Text, nullable=False),
    Column("brand_id", Uuid),
    Column("start_date", DateTime(timezone=True), nullable=False),
    Column("test_orders", Boolean, nullable=False),
    Column("ships_when", Text, nullable=False),
)
"""Accounts on platforms. `brand_id` is the brand of lines that no rule claims."""

deliveries: Final = Table(
    "deliveries",
    metadata,
    Column("connection_id", Uuid, ForeignKey("connections.connection_id"), primary_key=True),
    Column("change_key", Text, primary_key=True),
    Column("outcome", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("sale_id", Uuid),
    Column("body", LargeBinary),
    Column("received_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Index("deliveries_of_sale", "sale_id", postgresql_where="outcome = 'sale'"),
)
"""Every webhook that was let in, for ever, so that none counts twice; the body only of those that were refused."""
