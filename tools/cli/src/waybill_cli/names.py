"""What people call an order, and what services call it: references and ids, told apart by the log."""

from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from aiokafka import TopicPartition

from waybill_cli import events
from waybill_events import OrderPlaced, SaleReceived

_ORDERS: Final = "waybill.orders"
_SALES: Final = "waybill.sales"


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that can stand still. `meant` is False for the sale of an order that was named."""

    id: UUID
    label: str
    meant: bool = True


async def find(bootstrap: str, name: str) -> list[Subject]:
    """Whom `name` means: an order's reference or id, a sale's id or number; raises NotFound.

    Naming an order also finds its sale, since what stands still there holds the order back.
    """
    known = _as_id(name)
    orders: dict[UUID, Subject] = {}
    sales: dict[UUID, Subject] = {}
    async with events.open_reader(bootstrap) as reader:
        async for seen in _read(reader, events.places_of([_ORDERS])):
            if isinstance(order := seen.event, OrderPlaced):
                if order.order_id == known or order.reference == name:
                    orders[order.order_id] = Subject(order.order_id, order.reference)
                    sales[order.sale_id] = Subject(order.sale_id, f"sale {order.number}", meant=False)
                elif order.sale_id == known:
                    orders[order.order_id] = Subject(order.order_id, order.reference, meant=False)
                    sales[order.sale_id] = Subject(order.sale_id, f"sale {order.number}")
        if not orders:
            async for seen in _read(reader, events.places_of([_SALES])):
                if isinstance(sale := seen.event, SaleReceived) and (
                    sale.sale_id == known or sale.number.removeprefix("#") == name.removeprefix("#")
                ):
                    sales[sale.sale_id] = Subject(sale.sale_id, f"sale {sale.number}")
    if not orders and not sales:
        if known is not None:
            return [Subject(known, str(known))]
        raise events.NotFound(f"no order or sale {name} is in the log; `waybill events tail` shows what is")
    return sorted([*orders.values(), *sales.values()], key=lambda subject: not subject.meant)


async def labels(bootstrap: str, subjects: Collection[UUID]) -> dict[UUID, str]:
    """The references of orders and the numbers of sales, as far as the log tells; it is read once for all."""
    if not subjects:
        return {}
    found: dict[UUID, str] = {}
    async with events.open_reader(bootstrap) as reader:
        async for seen in _read(reader, events.places_of([_ORDERS, _SALES], subjects)):
            match seen.event:
                case OrderPlaced(order_id=order, reference=reference) if order in subjects:
                    found[order] = reference
                case SaleReceived(sale_id=sale, number=number) if sale in subjects:
                    found[sale] = f"sale {number}"
                case _:
                    pass
    return found


async def _read(reader: events.Reader, places: Sequence[TopicPartition]) -> AsyncGenerator[events.Seen]:
    """All that these partitions hold now."""
    async for seen in events.map_seen(reader.between(await reader.bounds(places))):
        yield seen


def _as_id(name: str) -> UUID | None:
    try:
        return UUID(name)
    except ValueError:
        return None
