"""Files of tracking numbers that wait to be applied or undone: some orders in one transaction, until all are done."""

from collections.abc import Collection
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused
from waybill_chassis.transaction import Begin, Transaction
from waybill_events import Event, ids
from waybill_fulfillment.domain import Ledger, Refused, undo
from waybill_fulfillment.domain.imports import Fate, import_rows
from waybill_fulfillment.store import imports as store

AT_ONCE: Final = 200
"""Orders of one transaction."""
Settled = dict[int, tuple[str, str, str, UUID | None]]
"""By line: fate, code, sentence, parcel."""


async def go_on(begin: Begin[Ledger]) -> bool:
    """Some of the oldest file under way; False where there is none.

    What it does is written with what becomes of its rows, so whoever takes it up after a crash does nothing twice.
    """
    async with begin.database.begin() as connection:
        found = await store.under_way(connection)
        if found is None:
            return False
        fates = store.OPEN if found.state == "applying" else ("applied",)
        some = await store.next_orders(connection, found, fates, AT_ONCE)
    if not some:
        async with begin.database.begin(writes=True) as connection:
            await _end(connection, found)
        return True
    async with begin.on_known(some, found.brand_id) as tx:
        ledgers = await tx.load(some)
        rows = await store.rows_of_orders(tx.connection, found.import_id, some, fates)
        await (_apply if found.state == "applying" else _undo)(tx, found, ledgers, rows)
    return True


async def _end(connection: Any, found: store.Import) -> None:
    if found.state == "applying":
        await store.set_state(connection, found.import_id, "applied", applied_at=datetime.now(UTC))
    else:
        await store.set_state(connection, found.import_id, "undone")


async def _apply(
    tx: Transaction[Ledger], found: store.Import, ledgers: dict[UUID, Ledger], rows: dict[UUID, list[Any]]
) -> None:
    at = datetime.now(UTC)
    settled: Settled = {}
    told: dict[UUID, list[Event]] = {}
    for order_id, mine in rows.items():
        if _stands_still(tx, order_id):
            says = "An event of this order could not be applied, so the order stands still. Import the row again later."
            settled |= {row.line: (Fate.WRONG.value, "order-parked", says, None) for row in mine}
            continue
        events, verdicts = import_rows(
            ledgers[order_id], [store.row_of(row) for row in mine], found.confirmed, at, notify=found.notify_customer
        )
        told[order_id] = events
        for verdict in verdicts:
            fate = "applied" if verdict.fate is Fate.READY else verdict.fate.value
            settled[verdict.row.line] = (fate, verdict.code, verdict.says, verdict.parcel_id)
    await _write(tx, found, ledgers, told, settled)


async def _undo(
    tx: Transaction[Ledger], found: store.Import, ledgers: dict[UUID, Ledger], rows: dict[UUID, list[Any]]
) -> None:
    """Take back the parcels of a file that no carrier has seen yet, each once however many rows it has."""
    at = datetime.now(UTC)
    settled: Settled = {}
    told: dict[UUID, list[Event]] = {}
    for order_id, mine in rows.items():
        ledger, done = ledgers[order_id], dict[UUID, tuple[str, str, str, UUID | None]]()
        for row in mine:
            if row.parcel_id not in done:
                done[row.parcel_id], events = _undone(tx, ledger, row.parcel_id, at)
                ledger = ledger.after(events, order_id)
                told.setdefault(order_id, []).extend(events)
            settled[row.line] = done[row.parcel_id]
    await _write(tx, found, ledgers, told, settled)


def _undone(
    tx: Transaction[Ledger], ledger: Ledger, parcel_id: UUID, at: datetime
) -> tuple[tuple[str, str, str, UUID | None], Collection[Event]]:
    if _stands_still(tx, ledger.order_id):
        return (Fate.WRONG.value, "order-parked", "The order stands still, so its parcel stays.", parcel_id), ()
    try:
        events = undo(ledger, parcel_id, at)
    except Refused as refused:
        return (Fate.WRONG.value, "not-undone", str(refused), parcel_id), ()
    return ("undone", "", "", parcel_id), events


def _stands_still(tx: Transaction[Ledger], order_id: UUID) -> bool:
    stream = tx.streams.get(order_id)
    return stream is None or stream.parked


async def _write(
    tx: Transaction[Ledger],
    found: store.Import,
    ledgers: dict[UUID, Ledger],
    told: dict[UUID, list[Event]],
    settled: Settled,
) -> None:
    at = datetime.now(UTC)
    causes = {
        order_id: cause(
            order_id,
            actor=found.actor,
            source=f"import/{found.state}",
            at=at,
            id_=ids.command_id(f"import/{found.state}", str(found.import_id), str(order_id)),
        )
        for order_id, events in told.items()
        if events
    }
    await tx.save({id_: ledgers[id_].after(told[id_], causes[id_].id) for id_ in causes})
    await tx.publish([Caused(event, causes[id_]) for id_ in causes for event in told[id_]])
    await store.settle(tx.connection, found.import_id, settled)
