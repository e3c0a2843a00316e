"""Prints many parcels at once, in the background: waits for their labels, sets some pages at a time, keeps the file."""

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import groupby
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
    File,
    Label,
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

CHUNK: Final = 10
"""Parcels whose pages are set at once."""
LEASE: Final = timedelta(seconds=30)
"""Somebody else goes on with a batch whose worker has not told of it for so long."""
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
    files: Mapping[tuple[UUID, str], File] = field(default_factory=dict[tuple[UUID, str], File])
    """Labels as their carriers gave them, by whose they are and their digest."""


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
            async with self.begin.database.begin() as connection:
                files = await store.documents.these(connection, [key for each in some if (key := _given(each))])
            more, failures = await asyncio.to_thread(_set, batch, some, replace(known, files=files))
            parts += more
            batch = replace(batch, done=batch.done + len(some), failures=(*batch.failures, *failures))
        if not parts:
            await self._come(replace(batch, state="done"), LEASE)
            return
        content, pages = await asyncio.to_thread(documents.joined, parts)
        brand = known.brands.get(batch.brand_id)
        until = datetime.now(UTC) + timedelta(days=DAYS if brand is None else brand.document_days)
        order_ids = {each.order.order_id for each in ready} & set(known.recipients)
        async with self.begin.database.begin(writes=True) as connection:
            document = File(documents.PDF, content)
            digest = await store.documents.keep(connection, batch.brand_id, document, until, order_ids)
            if digest is None:
                # Somebody on it was erased meanwhile: it is printed once more, without them.
                await store.batches.come(connection, replace(batch, state="waiting", done=0, failures=()), LOOK_AGAIN)
                return
            await store.batches.come(connection, replace(batch, state="done", pages=pages, digest=digest), LEASE)

    async def _come(self, batch: Batch, again_after: timedelta) -> bool:
        async with self.begin.database.begin(writes=True) as connection:
            return await store.batches.come(connection, batch, again_after)


def _set(batch: Batch, some: Sequence[Ready], known: Known) -> tuple[list[bytes], list[Failure]]:
    """The pages of some parcels, and those of which none can be made, which cost no other."""
    try:
        # Put together here, so that a file of a carrier's that cannot be read is found with its parcel.
        joined, _ = documents.joined(list(_parts(batch, some, known)))
    except Exception as error:  # noqa: BLE001  # whatever it is, the one that it is about is found and named
        if len(some) == 1:
            (each,) = some
            return [], [_not_set(each, error)]
    else:
        documents.forget()
        return [joined], []
    parts: list[bytes] = []
    failures: list[Failure] = []
    for each in some:
        more, failed = _set(batch, [each], known)
        parts += more
        failures += failed
    return parts, failures


class Gone(Exception):
    """A label as its carrier gave it is not kept any more, or was given for printers alone."""


def _not_set(each: Ready, error: Exception) -> Failure:
    code, says = "not-set", f"Its page cannot be set ({type(error).__name__}). Tell who runs this."
    if isinstance(error, Gone):
        code, says = "label-gone", str(error)
    else:
        _log.exception("batch.not_set", order_id=str(each.order.order_id))
    parcel_id = None if each.parcel is None else each.parcel.parcel_id
    return Failure(name_of(each.order, each.parcel), code, says, each.order.order_id, parcel_id)


def _parts(batch: Batch, some: Sequence[Ready], known: Known) -> Iterator[bytes]:
    """What is set here as one PDF, as much as comes one after the other; what carriers gave as they gave it."""
    for given, pages in groupby(_pages(batch, some, known), key=lambda page: isinstance(page, bytes)):
        if given:
            yield from (page for page in pages if isinstance(page, bytes))
        else:
            yield documents.pdf([page for page in pages if not isinstance(page, bytes)])


def _pages(batch: Batch, some: Sequence[Ready], known: Known) -> Iterator[Page | bytes]:
    if batch.prints is Prints.PICK_LIST:
        brand = known.brands.get(batch.brand_id)
        listed = pick_list((each.order for each in some), known.brands)
        yield documents.pick_list(listed, SlipLook() if brand is None else brand.slip, batch.copy)
        return
    for each in some:
        order, brand = each.order, known.brands[each.order.brand_id]
        if each.with_label:
            yield _label(batch, each, brand, known)
        if each.with_slip:
            slip = contents(order, known.recipients.get(order.order_id), brand, each.parcel)
            yield documents.slip(slip, batch.copy)


def _label(batch: Batch, each: Ready, brand: Brand, known: Known) -> Page | bytes:
    label = _label_of(each)
    key = _given(each)
    if key is None:
        return documents.label(face(each.order, label, brand), batch.size, batch.copy)
    file = known.files.get(key)
    if file is None:
        raise Gone("Its label is not kept any more. Void it and buy another one.")
    pdf = documents.converted(file, documents.PDF)
    if pdf is None:
        raise Gone(f"Its carrier gave the label as {file.media_type}, for printers. Download that by itself.")
    return pdf


def _label_of(each: Ready) -> Label:
    assert each.parcel is not None
    label = current(each.order, each.parcel.parcel_id)
    assert label is not None
    return label


def _given(each: Ready) -> tuple[UUID, str] | None:
    """Whose the label is and its digest, where its carrier gave it."""
    sale = _label_of(each).sale if each.with_label else None
    return None if sale is None or sale.file is None else (each.order.brand_id, sale.file.digest)
