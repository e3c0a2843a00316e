"""Prints many parcels at once, in the background: waits for their labels, sets some pages at a time, keeps the file."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID

from waybill_chassis import logging
from waybill_chassis.database import Database
from waybill_chassis.transaction import Begin
from waybill_events import Brand, Recipient, SlipLook
from waybill_labels import documents, store
from waybill_labels.documents import Page
from waybill_labels.domain import (
    Failure,
    Order,
    Pending,
    Prints,
    Ready,
    contents,
    current,
    face,
    in_order,
    look,
    name_of,
    pick_list,
)
from waybill_labels.store.batches import Batch
from waybill_labels.store.documents import Document

CHUNK: Final = 5
"""Parcels whose pages are set at once; Typst keeps what it made of the last ones, so that more take more memory."""
LEASE: Final = timedelta(seconds=60)
LOOK_AGAIN: Final = timedelta(seconds=0.5)
PATIENCE: Final = timedelta(minutes=3)
"""How long a batch waits for labels; what has none by then is told as a failure."""
DROPPED: Final = 100
"""Documents at once."""
DAYS: Final = 30
"""How long a document is kept where no brand says."""
_log = logging.get(__name__)


@dataclass(frozen=True, slots=True)
class Known:
    """What pages are made of."""

    recipients: Mapping[UUID, Recipient]
    brands: Mapping[UUID, Brand]


@dataclass(frozen=True, slots=True)
class Documents:
    """Drops documents whose time is over."""

    database: Database

    async def drop_old(self) -> bool:
        """Some of them; whether there may be more."""
        async with self.database.begin(writes=True) as connection:
            return await store.documents.drop_old(connection, DROPPED) == DROPPED


@dataclass(frozen=True, slots=True)
class Batches:
    """Works on batches, one at a time; several processes may, each of them on its own."""

    begin: Begin[Order]

    async def go_on(self) -> bool:
        """One batch as far as it can be printed; whether there may be more."""
        async with self.begin.database.begin(writes=True) as connection:
            batch = await store.batches.claim(connection, LEASE)
        if batch is None:
            return False
        async with self.begin.database.begin() as connection:
            ids = {job.order_id for job in batch.jobs if job.order_id is not None}
            orders = await self.begin.store.load(connection, ids)
            people = await store.orders.recipients_of(connection, list(orders))
            brands = await store.orders.brands_of(connection, {order.brand_id for order in orders.values()})
        found = [(job, look(orders.get(job.order_id or UUID(int=0)), job, batch.prints)) for job in batch.jobs]
        waits = sum(isinstance(each, Pending) for _, each in found)
        if waits and datetime.now(UTC) - batch.created_at < PATIENCE:
            await self._come(replace(batch, state="waiting", done=len(found) - waits), LOOK_AGAIN)
            return True
        failures = tuple(each for _, each in found if isinstance(each, Failure)) + tuple(
            Failure(job.name, "not-there", "Its label did not come in time. Retry.", job.order_id, job.parcel_id)
            for job, each in found
            if isinstance(each, Pending)
        )
        ready = in_order([each for _, each in found if isinstance(each, Ready)], batch.sort)
        await self._print(replace(batch, failures=failures, done=len(failures)), ready, Known(people, brands))
        return True

    async def _print(self, batch: Batch, ready: Sequence[Ready], known: Known) -> None:
        """Set all pages, some at a time, and keep them; give up once somebody else has taken the batch over."""
        batch = replace(batch, state="printing")
        parts: list[bytes] = []
        step = len(ready) if batch.prints is Prints.PICK_LIST else CHUNK
        for at in range(0, len(ready), step or 1):
            if not await self._come(batch, LEASE):
                return
            some = ready[at : at + step]
            part, failures = await asyncio.to_thread(_set, batch, some, known)
            parts += [] if part is None else [part]
            batch = replace(batch, done=batch.done + len(some), failures=(*batch.failures, *failures))
        if not parts:
            await self._come(replace(batch, state="done"), LEASE)
            return
        content, pages = await asyncio.to_thread(documents.joined, parts)
        brand = known.brands.get(batch.brand_id)
        until = datetime.now(UTC) + timedelta(days=DAYS if brand is None else brand.document_days)
        order_ids = {each.order.order_id for each in ready}
        async with self.begin.database.begin(writes=True) as connection:
            document = Document("application/pdf", content)
            digest = await store.documents.keep(connection, batch.brand_id, document, until, order_ids)
            await store.batches.come(connection, replace(batch, state="done", pages=pages, digest=digest), LEASE)

    async def _come(self, batch: Batch, again_after: timedelta) -> bool:
        async with self.begin.database.begin(writes=True) as connection:
            return await store.batches.come(connection, batch, again_after)


def _set(batch: Batch, some: Sequence[Ready], known: Known) -> tuple[bytes | None, list[Failure]]:
    """The pages of some parcels, and those of which none can be made, which cost no other."""
    try:
        return documents.pdf(_pages(batch, some, known)), []
    except Exception as error:  # noqa: BLE001  # whatever it is, the one that it is about is found and named
        if len(some) == 1:
            (each,) = some
            _log.exception("batch.not_set", order_id=str(each.order.order_id))
            says = f"Its page cannot be set ({type(error).__name__}). Tell who runs this."
            parcel_id = None if each.parcel is None else each.parcel.parcel_id
            return None, [Failure(name_of(each.order, each.parcel), "not-set", says, each.order.order_id, parcel_id)]
    parts: list[bytes] = []
    failures: list[Failure] = []
    for each in some:
        part, failed = _set(batch, [each], known)
        parts += [] if part is None else [part]
        failures += failed
    return (documents.joined(parts)[0] if parts else None), failures


def _pages(batch: Batch, some: Sequence[Ready], known: Known) -> list[Page]:
    if batch.prints is Prints.PICK_LIST:
        brand = known.brands.get(batch.brand_id)
        look_ = SlipLook() if brand is None else brand.slip
        return [documents.pick_list(pick_list(each.order for each in some), look_, batch.copy)]
    pages: list[Page] = []
    for each in some:
        order, brand = each.order, known.brands[each.order.brand_id]
        if each.with_label:
            assert each.parcel is not None
            label = current(order, each.parcel.parcel_id)
            assert label is not None
            pages.append(documents.label(face(order, label, brand), batch.size, batch.copy))
        if each.with_slip:
            slip = contents(order, known.recipients.get(order.order_id), brand, each.parcel)
            pages.append(documents.slip(slip, batch.copy))
    return pages
