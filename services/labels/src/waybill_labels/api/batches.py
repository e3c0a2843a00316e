"""Print batches: many parcels as one file, in the background; what failed is named and retried alone."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, replace
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.commands import Call, caller
from waybill_chassis.fold import Caused
from waybill_chassis.openapi import example
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_labels import store
from waybill_labels.api.links import Links
from waybill_labels.domain import (
    MARKETPLACE,
    Chosen,
    Job,
    Order,
    Prints,
    Refused,
    Size,
    Sort,
    buy,
    meant,
    printed,
    to_retry,
)
from waybill_labels.settings import Settings
from waybill_labels.store.batches import Batch

MOST: Final = 2_000
"""Parcels of one batch."""
LISTED: Final = 50
Text = Annotated[str, StringConstraints(max_length=500, pattern=r"^[^\x00]*$")]
Scan = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200, pattern=r"^[^\x00]*$")]


class Wanted(BaseModel):
    """One order, or one parcel of it. `refused` says what kept it out already: it is listed as a failure."""

    model_config = example(order_id="0d0d0d0d-0000-4000-8000-000000000001")

    order_id: UUID
    parcel_id: UUID | None = None
    refused: Text = ""

    def chosen(self) -> Chosen:
        """The same for the domain."""
        return Chosen(self.order_id, self.parcel_id, self.refused)


class NewBatch(BaseModel):
    """What to print: `orders` as they were chosen, and `scans` of references or tracking numbers."""

    model_config = example(prints="both", orders=[{"order_id": "0d0d0d0d-0000-4000-8000-000000000001"}], sort="sku")

    prints: Prints
    orders: Annotated[tuple[Wanted, ...], Field(max_length=MOST)] = ()
    scans: Annotated[tuple[Scan, ...], Field(max_length=MOST)] = ()
    sort: Sort = Sort.GIVEN
    size: Size = "4x6"


class Again(BaseModel):
    """Whether all of a batch is printed again, or what failed is tried again.

    `packed` are parcels of orders of which nothing was packed before, as whoever asks knows of them.
    """

    model_config = example(only_failed=True)

    only_failed: bool = False
    packed: Annotated[tuple[Wanted, ...], Field(max_length=MOST)] = ()


def routes(begin: Begin[Order], settings: Settings, wake: Callable[[], None], links: Links) -> APIRouter:
    """Everything about batches."""
    router = api_router("/api/v1")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    async def once(call: Call, make: Callable[[], Awaitable[Batch]]) -> dict[str, Any]:
        """Begin a batch, once for each key, and show it."""
        async with begin.database.begin(call.brand) as connection:
            known = await store.batches.find(connection, call.id)
        if known is None:
            batch = await make()
            if not batch.jobs:
                says = "Choose what to print: name `orders` or `scans`."
                raise Problem(422, "nothing-to-print", says, field="orders")
            if len(batch.jobs) > MOST:
                raise Problem(422, "too-many", f"These are {len(batch.jobs)} parcels; print {MOST} at most at once.")
            async with begin.database.begin(call.brand, writes=True) as connection:
                await store.batches.open_(connection, batch)
                known = await store.batches.find(connection, call.id)
        if known is None or known.asked != call.body_hash:
            raise Problem(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key printed something else before. Make a new key for a new batch.",
            )
        wake()
        async with begin.database.begin(call.brand) as connection:
            return await _shown(connection, known, links)

    @router.post("/batches", status_code=202)
    async def post_batch(new: NewBatch, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Print many parcels as one file; it is done in the background, `GET` tells how far it has come."""

        async def make() -> Batch:
            chosen = [each.chosen() for each in new.orders]
            jobs = await _meant(begin, call, chosen, new.scans, new.prints)
            brand_id = call.brand or MARKETPLACE
            return Batch(call.id, brand_id, new.prints, new.sort, new.size, jobs, call.at, call.body_hash)

        return await once(call, make)

    @router.post("/batches/{batch_id}/again", status_code=202)
    async def post_again(batch_id: UUID, again: Again, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Print a batch again, which its pages say; or only what failed, for which labels are bought again."""

        async def make() -> Batch:
            async with begin.database.begin(call.brand) as connection:
                before = _found(batch_id, await store.batches.find(connection, batch_id))
            if before.state != "done":
                raise Problem(409, "under-way", "It is still being printed. Wait until it is done.")
            made = replace(
                Batch(call.id, before.brand_id, before.prints, before.sort, before.size, (), call.at, call.body_hash),
                again_of=batch_id,
            )
            if not again.only_failed:
                jobs = tuple(printed(before.jobs, before.failures))
                if not jobs:
                    raise Problem(409, "nothing-to-print", "Nothing of it was printed. Retry what failed.")
                return replace(made, jobs=jobs, copy=before.copy + 1)
            if not before.failures:
                raise Problem(409, "nothing-to-print", "Nothing of it failed.")
            await _buy_again(begin, call, before)
            chosen, scans = to_retry(before.failures, [each.chosen() for each in again.packed])
            return replace(made, jobs=await _meant(begin, call, chosen, scans, before.prints), copy=before.copy)

        return await once(call, make)

    @router.get("/batches")
    async def get_batches(call: Annotated[Call, Depends(called)]) -> list[dict[str, Any]]:
        """The latest batches."""
        async with begin.database.begin(call.brand) as connection:
            found = await store.batches.newest(connection, LISTED)
        return [jsonable_encoder(asdict(head)) for head in found]

    @router.get("/batches/{batch_id}")
    async def get_batch(batch_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """How far a batch has come, what of it failed, and a link to its file, which works for some minutes."""
        async with begin.database.begin(call.brand) as connection:
            return await _shown(connection, _found(batch_id, await store.batches.find(connection, batch_id)), links)

    return router


async def _meant(
    begin: Begin[Order], call: Call, chosen: Sequence[Chosen], scans: Sequence[str], prints: Prints
) -> tuple[Job, ...]:
    names = list({name.lower(): name for name in scans}.values())
    async with begin.database.begin(call.brand) as connection:
        scanned = await store.batches.called(connection, names)
        ids = {each.order_id for each in chosen} | {order_id for found in scanned.values() for order_id, _ in found}
        orders = await begin.store.load(connection, ids)
    return tuple(meant(orders, chosen, names, scanned, prints))


async def _buy_again(begin: Begin[Order], call: Call, before: Batch) -> None:
    """Want another label for each parcel whose label nobody sold."""
    failed = [
        (each.order_id, each.parcel_id)
        for each in before.failures
        if each.code == "label-failed" and each.order_id is not None and each.parcel_id is not None
    ]
    async with begin.on_known([order_id for order_id, _ in failed], call.brand) as tx:
        orders = await tx.load([id_ for id_, stream in tx.streams.items() if not stream.parked])
        after, told = dict(orders), list[Caused]()
        for order_id, parcel_id in failed:
            try:
                after[order_id], events = buy(after[order_id], parcel_id, None, call.at)
            except (KeyError, Refused):
                # It stands still, has a label by now, or is packed no more: the batch tells.
                continue
            told += [Caused(event, call.cause(order_id)) for event in events]
        await tx.save({id_: order for id_, order in after.items() if order is not orders[id_]})
        await tx.publish(told)


def _found(batch_id: UUID, batch: Batch | None) -> Batch:
    if batch is None:
        raise Problem(404, "unknown-batch", f"There is no batch {batch_id}. Print something first.")
    return batch


async def _shown(connection: AsyncConnection, batch: Batch, links: Links) -> dict[str, Any]:
    size = None if batch.digest is None else await store.batches.size_of(connection, batch)
    document = None
    if batch.digest is not None and size is not None:
        document = {**links.link(batch.brand_id, batch.digest), "bytes": size, "pages": batch.pages}
    return {
        "batch_id": str(batch.batch_id),
        "prints": batch.prints.value,
        "sort": batch.sort.value,
        "size": batch.size,
        "state": batch.state,
        "total": len(batch.jobs),
        "done": batch.done,
        "copy": batch.copy,
        "again_of": batch.again_of and str(batch.again_of),
        "created_at": batch.created_at.isoformat(),
        "document": document,
        "gone": batch.digest is not None and document is None,
        "failures": [
            {
                "name": failure.name,
                "order_id": failure.order_id and str(failure.order_id),
                "parcel_id": failure.parcel_id and str(failure.parcel_id),
                "code": failure.code,
                "says": failure.says,
            }
            for failure in batch.failures
        ],
    }
