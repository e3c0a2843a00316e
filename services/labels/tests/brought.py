"""An order that has come in, and what there is of it here and at its carrier."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import httpx
from labels_builders import ACORN, placed, to
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_events import EVENTS, Event, ids

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]


@dataclass(frozen=True)
class Brought:
    """An order that has come in, with its labels here and at the carrier."""

    labels: httpx.AsyncClient
    carrier: httpx.AsyncClient
    database: Database
    waits: Until
    order: UUID

    @classmethod
    async def bring(
        cls, labels: httpx.AsyncClient, carrier: httpx.AsyncClient, database: Database, waits: Until, publish: Publish
    ) -> "Brought":
        """One that nobody has packed yet."""
        order = uuid4()
        await publish(ACORN)
        await publish(to(order))
        await publish(placed(order), 1)
        return cls(labels, carrier, database, waits, order)

    @property
    def parcel(self) -> UUID:
        return ids.parcel_id(self.order, 1)

    async def mine(self) -> list[dict[str, Any]]:
        answer = await self.labels.get(f"/api/v1/orders/{self.order}/labels")
        return answer.json()["labels"] if answer.is_success else []

    async def until(self, *states: str) -> None:
        """Until the order's labels have come to these states."""

        async def come() -> bool:
            return [label["state"] for label in await self.mine()] == list(states)

        await self.waits(come)

    async def books(self) -> list[dict[str, Any]]:
        """What the carrier has sold for the first parcel, whichever purchase it was."""
        await self.carrier.put("/v1/faults", json={})
        found: list[dict[str, Any]] = []
        for purchase in range(1, 5):
            key = str(ids.label_id(self.parcel, purchase))
            found += (await self.carrier.get("/v1/labels", params={"key": key})).json()["labels"]
        return found

    async def told(self) -> list[Event]:
        async with self.database.begin() as connection:
            rows = await connection.execute(
                text("""
                    SELECT headers ->> 'ce_type' AS type, payload FROM (
                        SELECT id, key, headers, payload FROM outbox UNION SELECT id, key, headers, payload FROM sent
                    ) AS events WHERE key = :order ORDER BY id
                """),
                {"order": self.order},
            )
            return [EVENTS.decode(row.type, bytes(row.payload)) for row in rows]

    async def does(self, path: str, **body: Any) -> httpx.Response:
        return await self.labels.post(f"/api/v1/orders/{self.order}/{path}", json=body)
