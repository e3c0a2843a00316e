"""Lists that carriers are given of what they take with them, and what follows when they do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused
from waybill_chassis.transaction import Begin
from waybill_labels import store
from waybill_labels.clients import Carrier, NoAccount, Refused, Unknown
from waybill_labels.domain import Order, Sale, State, closed, off
from waybill_labels.store.manifests import Manifest


@dataclass(frozen=True, slots=True)
class Manifests:
    """Sees carriers about lists. Several processes may do that: each list is one's for a `lease`."""

    begin: Begin[Order]
    carriers: Mapping[str, Carrier]
    lease: timedelta

    async def go_on(self) -> bool:
        """One list; whether there may be more. One that is not answered is asked for again, under the same key."""
        async with self.begin.database.begin(writes=True) as connection:
            manifest = await store.manifests.claim(connection, self.lease)
        if manifest is None:
            return False
        async with self.begin.database.begin() as connection:
            order_ids = await store.manifests.orders_on(connection, manifest.manifest_id)
            orders = await self.begin.store.load(connection, order_ids)
        sales = [sale for order in orders.values() for sale in _on(order, manifest.manifest_id)]
        carrier = self.carriers.get(manifest.carrier) or NoAccount(manifest.carrier)
        answer = await carrier.manifest(manifest.manifest_id, sales) if sales else ""
        if not isinstance(answer, Unknown):
            await self._end(manifest, order_ids, answer)
        return True

    async def _end(self, manifest: Manifest, order_ids: Collection[UUID], answer: str | Refused) -> None:
        """All orders of a list, with what the carrier said, in one transaction.

        One that stands still is left out: its parcels leave with their first scan.
        """
        at = datetime.now(UTC)
        state, number, words = ("refused", "", answer.words) if isinstance(answer, Refused) else ("closed", answer, "")
        async with self.begin.on_known(order_ids, None) as tx:
            if not await store.manifests.end(tx.connection, manifest.manifest_id, state, number, words):
                # Another one was told before.
                return
            orders = await tx.load(tx.streams)
            if isinstance(answer, Refused):
                await tx.save({id_: off(order, manifest.manifest_id) for id_, order in orders.items()})
                return
            told: list[Caused] = []
            for id_, order in orders.items():
                if tx.streams[id_].parked:
                    continue
                why = cause(id_, actor="rule:labels", source="rule/labels", at=at)
                events = closed(order, manifest.manifest_id, manifest.carrier, at)
                told += [Caused(event, why) for event in events]
            await tx.publish(told)


def _on(order: Order, manifest_id: UUID) -> list[Sale]:
    """What was sold of an order's labels that are on a list."""
    mine = (label for label in order.labels if label.manifest_id == manifest_id and label.state is State.BOUGHT)
    return [label.sale for label in mine if label.sale is not None]
