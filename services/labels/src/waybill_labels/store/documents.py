"""Documents by what they hold, until their time is over or somebody on them is erased."""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from sqlalchemy import case, delete, func, literal, or_, select, text, tuple_, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.database import among, put
from waybill_labels.domain import File
from waybill_labels.tables import document_orders, documents, labels, recipients


async def keep(
    connection: AsyncConnection, brand_id: UUID, document: File, until: datetime, order_ids: Collection[UUID]
) -> str | None:
    """Keep a document on which the people of these orders stand; its digest, None where one was erased meanwhile."""
    # Who is erased meanwhile waits for this lock, and then finds the document.
    mine = select(recipients.c.order_id).where(among(recipients.c.order_id, order_ids)).order_by(recipients.c.order_id)
    if set((await connection.execute(mine.with_for_update(read=True, key_share=True))).scalars()) != set(order_ids):
        return None
    digest = document.digest
    made = insert(documents).values(
        brand_id=brand_id, digest=digest, media_type=document.media_type, content=document.content, kept_until=until
    )
    later = func.greatest(documents.c.kept_until, made.excluded.kept_until)
    kept = made.on_conflict_do_update(index_elements=["brand_id", "digest"], set_={"kept_until": later})
    await connection.execute(kept)
    rows = [{"order_id": order_id, "brand_id": brand_id, "digest": digest} for order_id in order_ids]
    await put(connection, document_orders, rows, update=())
    return digest


async def find(connection: AsyncConnection, brand_id: UUID, digest: str) -> File | None:
    """One that may be seen and whose time is not over."""
    return (await these(connection, [(brand_id, digest)])).get((brand_id, digest))


async def these(connection: AsyncConnection, wanted: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], File]:
    """Of these, by whose they are and their digest, those that may be seen and whose time is not over."""
    if not wanted:
        return {}
    kept = select(documents).where(
        tuple_(documents.c.brand_id, documents.c.digest).in_(wanted), documents.c.kept_until > func.now()
    )
    rows = await connection.execute(kept)
    return {(row.brand_id, row.digest): File(row.media_type, row.content) for row in rows}


async def drop_old(connection: AsyncConnection, most: int) -> int:
    """Drop some of those whose time is over; how many."""
    old = select(documents.c.brand_id, documents.c.digest).where(documents.c.kept_until <= func.now()).limit(most)
    mine = old.with_for_update(skip_locked=True).subquery()
    gone = delete(documents).where(documents.c.brand_id == mine.c.brand_id, documents.c.digest == mine.c.digest)
    return (await connection.execute(gone)).rowcount


WITHOUT_PEOPLE: Final[Mapping[str, Any]] = {
    "shipment": labels.c.shipment.op("||")(literal({"ship_from": {}, "ship_to": {}}, JSONB)),
    "words": case((or_(labels.c.state == "asked", labels.c.code == "erased"), labels.c.words), else_=""),
}
"""A label without from where and to where it was sent, and without words that may be the carrier's about that."""
_UNSAID: Final = text("""
    UPDATE batches SET failures = (
        SELECT jsonb_agg(
            CASE WHEN each ->> 'order_id' = ANY (CAST(:orders AS text[])) THEN each || '{"says": ""}' ELSE each END
            ORDER BY nth
        ) FROM jsonb_array_elements(failures) WITH ORDINALITY AS listed(each, nth)
    )
    WHERE batch_id IN (
        SELECT found.batch_id FROM unnest(CAST(:orders AS text[])) AS erased(order_id)
        JOIN batches AS found ON found.failures @> jsonb_build_array(jsonb_build_object('order_id', erased.order_id))
    )
""")


async def forget(connection: AsyncConnection, order_ids: Collection[UUID]) -> None:
    """Drop every document on which somebody of these orders stands, where their labels went, and what is said of it."""
    theirs = select(document_orders.c.brand_id, document_orders.c.digest).where(
        among(document_orders.c.order_id, order_ids)
    )
    mine = theirs.distinct().subquery()
    await connection.execute(
        delete(documents).where(documents.c.brand_id == mine.c.brand_id, documents.c.digest == mine.c.digest)
    )
    await connection.execute(update(labels).where(among(labels.c.order_id, order_ids)).values(WITHOUT_PEOPLE))
    await connection.execute(_UNSAID, {"orders": [str(order_id) for order_id in order_ids]})
