"""The plain hop, frozen: what the documentation of FastStream and SQLAlchemy leads to, one event after the other."""

import asyncio
import sys
from typing import Any
from uuid import UUID

from faststream import FastStream
from faststream.kafka import KafkaBroker
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from waybill_events import ItemsFulfilled, TrackingAdded


class Base(DeclarativeBase):
    """What the models derive from."""


class Parcel(Base):
    """The state that the hop keeps."""

    __tablename__ = "parcels"

    parcel_id: Mapped[UUID] = mapped_column(primary_key=True)
    order_id: Mapped[UUID] = mapped_column(index=True)
    brand_id: Mapped[UUID]
    carrier: Mapped[str]
    tracking_number: Mapped[str]


async def main(url: str, kafka: str, source: str, target: str) -> None:
    """Read `source`, keep a row, write to `target`, until SIGTERM."""
    engine = create_async_engine(url)
    session = async_sessionmaker(engine, expire_on_commit=False)
    broker = KafkaBroker(kafka, acks="all")

    @broker.subscriber(source, group_id="plain", auto_offset_reset="earliest")
    async def on_shipment(event: ItemsFulfilled) -> None:
        same: dict[str, Any] = {
            "order_id": event.order_id,
            "brand_id": event.brand_id,
            "parcel_id": event.parcel_id,
            "tracking_number": event.number,
        }
        async with session.begin() as work:
            await work.execute(insert(Parcel).values(**same, carrier="ups").on_conflict_do_nothing())
        page = f"https://www.ups.com/track?tracknum={event.number}"
        told = TrackingAdded(
            **same, carrier="ups", carrier_name="UPS", tracking_url=page, decided_by="brand", added_at=event.shipped_at
        )
        await broker.publish(told, target, key=str(event.order_id).encode())

    async with engine.begin() as connection:
        await connection.run_sync(Base.metadata.create_all)
    await FastStream(broker).run()


asyncio.run(main(*sys.argv[1:]))
