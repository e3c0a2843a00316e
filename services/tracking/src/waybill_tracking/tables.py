"""Tables of tracking."""

from typing import Final

from sqlalchemy import Column, MetaData, Table, Text, Uuid

metadata: Final = MetaData()

parcels: Final = Table(
    "parcels",
    metadata,
    Column("parcel_id", Uuid, primary_key=True),
    Column("order_id", Uuid, nullable=False, index=True),
    Column("brand_id", Uuid, nullable=False),
    Column("carrier", Text, nullable=False),
    Column("tracking_number", Text, nullable=False),
)
"""Parcels that have a number."""
