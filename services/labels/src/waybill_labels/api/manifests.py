"""End of day: a list for a carrier of everything that it takes with it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import BaseModel, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.commands import Call, caller
from waybill_chassis.openapi import example, gives
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_labels import documents, store
from waybill_labels.api.documents import answer
from waybill_labels.documents import PDF
from waybill_labels.domain import Label, Order, list_on, on_list
from waybill_labels.settings import Settings
from waybill_labels.store.manifests import Manifest

LISTED: Final = 50


class NewManifest(BaseModel):
    """Whose list it is. The operator of all brands names the brand."""

    model_config = example(carrier="simulated")

    carrier: Annotated[str, StringConstraints(max_length=50, pattern=r"^[a-z][a-z0-9_]*$")]
    brand_id: UUID | None = None


def routes(begin: Begin[Order], settings: Settings, wake: Callable[[], None]) -> APIRouter:
    """Everything about manifests."""
    router = api_router("/api/v1/manifests")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())

    @router.post("", status_code=202)
    async def post_manifest(new: NewManifest, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Close the list of all labeled parcels that wait for a carrier: once it has taken the list, they have left."""
        brand_id = call.brand or new.brand_id
        if brand_id is None:
            raise Problem(422, "no-brand", "Name the brand whose parcels are handed over.", field="brand_id")
        async with begin.database.begin(call.brand) as connection:
            known = await store.manifests.find(connection, call.id)
            waiting = await store.manifests.to_hand_over(connection, brand_id, new.carrier)
        if known is not None and (known.carrier, known.brand_id) != (new.carrier, brand_id):
            raise Problem(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key closed another list before. Make a new key for a new list.",
            )
        if known is None:
            manifest = Manifest(call.id, brand_id, new.carrier, call.at)
            if not waiting or not await _open(begin, manifest, waiting):
                raise Problem(409, "nothing-to-hand-over", f"No labeled parcel waits for {new.carrier}.")
        wake()
        async with begin.database.begin(call.brand) as connection:
            return await _shown(begin, connection, call.id)

    @router.get("")
    async def get_manifests(call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """What waits to be handed over, by carrier, and the latest lists."""
        async with begin.database.begin(call.brand) as connection:
            waiting = await store.manifests.waiting(connection)
            closed = await store.manifests.newest(connection, LISTED)
        return {
            "waiting": [{**asdict(each), "brand_id": str(each.brand_id)} for each in waiting],
            "manifests": [_head(each) for each in closed],
        }

    @router.get("/{manifest_id}")
    async def get_manifest(manifest_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """How far a list has come, and what is on it."""
        async with begin.database.begin(call.brand) as connection:
            return await _shown(begin, connection, manifest_id)

    @router.get("/{manifest_id}/manifest.pdf", response_class=Response, responses=gives(PDF))
    async def manifest_pdf(manifest_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """A list that its carrier has taken, to be signed by who takes the parcels."""
        async with begin.database.begin(call.brand) as connection:
            manifest, on_it = await _listed(begin, connection, manifest_id)
            brand = (await store.orders.brands_of(connection, [manifest.brand_id])).get(manifest.brand_id)
        if manifest.state != "closed" or brand is None:
            raise Problem(409, "not-closed", "Its carrier has not taken this list (yet). Ask again in a moment.")
        page = documents.manifest(on_list(manifest.number, manifest.opened_at, brand, on_it), brand.slip)
        content = await asyncio.to_thread(documents.pdf, [page])
        return answer(content, PDF, f"manifest-{manifest.number}")

    return router


async def _open(begin: Begin[Order], manifest: Manifest, waiting: dict[UUID, list[UUID]]) -> bool:
    """Put what still waits on the list; whether that is anything."""
    async with begin.on_known(list(waiting), manifest.brand_id) as tx:
        orders = await tx.load([id_ for id_, stream in tx.streams.items() if not stream.parked])
        listed = {id_: list_on(order, manifest.manifest_id, waiting[id_]) for id_, order in orders.items()}
        changed = {id_: order for id_, order in listed.items() if order is not orders[id_]}
        if changed and await store.manifests.open_(tx.connection, manifest):
            await tx.save(changed)
    return bool(changed)


async def _listed(
    begin: Begin[Order], connection: AsyncConnection, manifest_id: UUID
) -> tuple[Manifest, list[tuple[Order, Label]]]:
    manifest = await store.manifests.find(connection, manifest_id)
    if manifest is None:
        raise Problem(404, "unknown-manifest", f"There is no manifest {manifest_id}. Close one first.")
    orders = await begin.store.load(connection, await store.manifests.orders_on(connection, manifest_id))
    mine = [(order, label) for order in orders.values() for label in order.labels if label.manifest_id == manifest_id]
    return manifest, mine


def _head(manifest: Manifest) -> dict[str, Any]:
    return {
        "manifest_id": str(manifest.manifest_id),
        "brand_id": str(manifest.brand_id),
        "carrier": manifest.carrier,
        "state": manifest.state,
        "number": manifest.number,
        "words": manifest.words,
        "opened_at": manifest.opened_at.isoformat(),
    }


async def _shown(begin: Begin[Order], connection: AsyncConnection, manifest_id: UUID) -> dict[str, Any]:
    manifest, on_it = await _listed(begin, connection, manifest_id)
    return {
        **_head(manifest),
        "parcels": [
            {
                "order_id": str(order.order_id),
                "reference": order.reference,
                "parcel_id": str(label.parcel_id),
                "tracking_number": label.sale and label.sale.tracking_number,
            }
            for order, label in on_it
        ],
    }
