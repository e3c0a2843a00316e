"""Orders with their parcels and labels, and beside them recipients and brands."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import asdict
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from uuid import UUID

from pydantic import TypeAdapter
from sqlalchemy import Row, exists, func, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_chassis.paging import Cursor
from waybill_chassis.table_topics import Rows, keep
from waybill_events import Box, Brand, Recipient
from waybill_labels.domain import PLATFORM, File, Item, Label, Offer, Order, Parcel, Place, Sale, Shipment, State, Wish
from waybill_labels.store import documents
from waybill_labels.tables import brands, labels, parcels, recipients, returns, slips

_PARCEL: Final = ("place", "units")
_OFFER: Final = TypeAdapter(Offer)
_SALE: Final = TypeAdapter(Sale)
_SHIPMENT: Final = TypeAdapter(Shipment)
_LABEL: Final = (
    "state",
    "void_why",
    "offer",
    "shipment",
    "sale",
    "purchased_at",
    "void_asked_at",
    "voided_at",
    "settled_at",
    "code",
    "words",
    "exception_id",
    "manifest_id",
)


class Orders:
    """Orders by their id: four statements for any number of them."""

    async def load(self, connection: AsyncConnection, subjects: Collection[UUID]) -> dict[UUID, Order]:
        """Those that are known, as far as this transaction may see them."""
        packed: dict[UUID, list[Parcel]] = {}
        rows = await connection.execute(
            select(parcels).where(among(parcels.c.order_id, subjects)).order_by(parcels.c.number)
        )
        for row in rows:
            packed.setdefault(row.order_id, []).append(_parcel(row))
        wanted: dict[UUID, list[Label]] = {}
        rows = await connection.execute(
            select(labels).where(among(labels.c.order_id, subjects)).order_by(labels.c.parcel_id, labels.c.purchase)
        )
        for row in rows:
            wanted.setdefault(row.order_id, []).append(_label(row))
        backs: dict[UUID, list[Parcel]] = {}
        rows = await connection.execute(
            select(returns).where(among(returns.c.order_id, subjects)).order_by(returns.c.number)
        )
        for row in rows:
            back = Parcel(row.return_id, row.number, Place(row.place), MappingProxyType(row.units), PLATFORM)
            backs.setdefault(row.order_id, []).append(back)
        rows = await connection.execute(select(slips).where(among(slips.c.order_id, subjects)))
        return {
            row.order_id: Order(
                row.order_id,
                row.brand_id,
                row.reference,
                row.placed_at,
                row.shipping_method,
                tuple(Item(**line) for line in row.lines),
                tuple(packed.get(row.order_id, ())),
                tuple(wanted.get(row.order_id, ())),
                row.gift,
                row.language,
                tuple(backs.get(row.order_id, ())),
            )
            for row in rows
        }

    async def save(self, connection: AsyncConnection, states: Mapping[UUID, Order]) -> None:
        """Write orders, parcels and labels."""
        rows: list[dict[str, Any]] = [
            {
                "order_id": order.order_id,
                "brand_id": order.brand_id,
                "reference": order.reference,
                "placed_at": order.placed_at,
                "shipping_method": order.shipping_method,
                "lines": [asdict(item) for item in order.items],
                "gift": order.gift,
                "language": order.language,
            }
            for order in states.values()
        ]
        await put(connection, slips, rows, update=["lines"])
        travel = [
            {
                "parcel_id": parcel.parcel_id,
                "order_id": order.order_id,
                "brand_id": order.brand_id,
                "number": parcel.number,
                "place": parcel.place,
                "units": dict(parcel.units),
                "shipping": parcel.shipping,
                "recipient_version": parcel.recipient_version,
                "wish": _wish_written(parcel.wish),
            }
            for order in states.values()
            for parcel in order.parcels
        ]
        await put(connection, parcels, travel, update=_PARCEL)
        back = [
            {
                "return_id": each.parcel_id,
                "order_id": order.order_id,
                "brand_id": order.brand_id,
                "number": each.number,
                "place": each.place,
                "units": dict(each.units),
            }
            for order in states.values()
            for each in order.returns
        ]
        await put(connection, returns, back, update=["place"])
        bought = [
            {
                "label_id": label.label_id,
                "order_id": order.order_id,
                "brand_id": order.brand_id,
                "parcel_id": label.parcel_id,
                "purchase": label.purchase,
                "wish": _wish_written(label.wish),
                **{name: getattr(label, name) for name in _LABEL},
                "offer": label.offer and _OFFER.dump_python(label.offer),
                "shipment": label.shipment and _SHIPMENT.dump_python(label.shipment),
                "sale": label.sale and _SALE.dump_python(label.sale),
            }
            for order in states.values()
            for label in order.labels
        ]
        await put(connection, labels, bought, update=_LABEL)
        sent = {order.order_id for order in states.values() if any(label.shipment for label in order.labels)}
        if sent:
            # What was read before somebody was erased does not bring back where they live, nor what was said of it.
            known = select(recipients.c.order_id).where(recipients.c.order_id == labels.c.order_id)
            erased = update(labels).where(
                among(labels.c.order_id, sent), labels.c.shipment.is_not(None), ~known.exists()
            )
            await connection.execute(erased.values(documents.WITHOUT_PEOPLE))


async def keep_labels(connection: AsyncConnection, labels_: Iterable[tuple[Order, File]], at: datetime) -> None:
    """Keep labels as their carriers gave them, as long as each brand keeps documents."""
    files = list(labels_)
    known = await brands_of(connection, {order.brand_id for order, _ in files})
    for order, file in files:
        until = at + timedelta(days=known[order.brand_id].document_days)
        await documents.keep(connection, order.brand_id, file, until, [order.order_id])


async def recipients_of(connection: AsyncConnection, order_ids: Collection[UUID]) -> dict[UUID, Recipient]:
    """Who receives these orders; none of one that was erased, or has not come yet."""
    rows = await connection.execute(select(recipients).where(among(recipients.c.order_id, order_ids)))
    return {row.order_id: Recipient.model_validate(row.recipient) for row in rows}


async def has_label(connection: AsyncConnection, number: str) -> bool:
    """Whether any label was sold under this number, whoever's it is."""
    mine = func.lower(labels.c.sale["tracking_number"].astext) == number.lower()
    return bool((await connection.execute(select(exists().where(mine)))).scalar_one())


async def paid(
    connection: AsyncConnection, states: Collection[State], before: Cursor | None, most: int
) -> list[tuple[UUID, UUID]]:
    """Labels that were paid and are in one of these states, each as its order's id and its own, the latest first."""
    bought = (labels.c.purchased_at, labels.c.label_id)
    wanted = select(labels.c.order_id, labels.c.label_id).where(
        labels.c.state.in_(states), labels.c.purchased_at.is_not(None)
    )
    if before is not None:
        wanted = wanted.where(tuple_(*bought) < tuple_(*before))
    rows = await connection.execute(wanted.order_by(*(each.desc() for each in bought)).limit(most))
    return [(row.order_id, row.label_id) for row in rows]


async def brands_of(connection: AsyncConnection, brand_ids: Collection[UUID]) -> dict[UUID, Brand]:
    """The settings of these brands."""
    rows = await connection.execute(select(brands).where(among(brands.c.brand_id, brand_ids)))
    return {row.brand_id: Brand.model_validate(row.brand) for row in rows}


async def put_rows(connection: AsyncConnection, rows: Rows) -> None:
    """Take over the newest recipients and settings."""
    people = [
        {
            "order_id": found.order_id,
            "brand_id": found.brand_id,
            "version": found.version,
            "recipient": found.model_dump(mode="json"),
        }
        for found in rows.newest.values()
        if isinstance(found, Recipient)
    ]
    settings = [
        {"brand_id": found.brand_id, "version": found.version, "brand": found.model_dump(mode="json")}
        for found in rows.newest.values()
        if isinstance(found, Brand)
    ]
    await keep(connection, recipients, people, rows.removed)
    if rows.removed:
        await documents.forget(connection, rows.removed)
    await keep(connection, brands, settings, rows.removed)


def _parcel(row: Row[Any]) -> Parcel:
    return Parcel(
        row.parcel_id,
        row.number,
        Place(row.place),
        MappingProxyType(row.units),
        row.shipping,
        row.recipient_version,
        _wish(row.wish),
    )


def _label(row: Row[Any]) -> Label:
    return Label(
        row.label_id,
        row.parcel_id,
        row.purchase,
        State(row.state),
        _wish(row.wish),
        row.void_why,
        None if row.offer is None else _OFFER.validate_python(row.offer),
        None if row.shipment is None else _SHIPMENT.validate_python(row.shipment),
        None if row.sale is None else _SALE.validate_python(row.sale),
        row.purchased_at,
        row.void_asked_at,
        row.voided_at,
        row.settled_at,
        row.code,
        row.words,
        row.exception_id,
        row.manifest_id,
    )


def _wish(stored: Mapping[str, Any]) -> Wish:
    box = stored["box"]
    return Wish(stored["service"], stored["weight_g"], None if box is None else Box(**box))


def _wish_written(wish: Wish) -> dict[str, Any]:
    return {"service": wish.service, "weight_g": wish.weight_g, "box": wish.box and wish.box.model_dump()}
