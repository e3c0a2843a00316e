"""Files of tracking numbers that wait to be applied or undone: some orders in one transaction, until all are done."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

from waybill_chassis.commands import cause
from waybill_chassis.fold import Caused
from waybill_chassis.transaction import Begin, Transaction
from waybill_events import Event, ids
from waybill_fulfillment.domain import Ledger, Refused, Tracking, back_to, undo
from waybill_fulfillment.domain.imports import Fate, import_rows
from waybill_fulfillment.store import imports as store
from waybill_fulfillment.store.ledgers import own_carriers

AT_ONCE: Final = 200
"""Orders of one transaction."""


async def go_on(begin: Begin[Ledger], came_to: dict[UUID, UUID]) -> bool:
    """Some of the oldest file under way; False where there is none.

    What it does is written with what becomes of its rows, so whoever takes it up after a crash does nothing twice.
    `came_to` is how far this process has come in a file, by order, so that it does not look through it all each time.
    """
    async with begin.database.begin() as connection:
        found = await store.under_way(connection)
        if found is None:
            return False
        fates = store.OPEN if found.state == "applying" else ("applied",)
        after = came_to.pop(found.import_id, None)
        some = await store.next_orders(connection, found, fates, AT_ONCE, after=after)
    if not some and after is not None:
        # From the beginning once more: another process may have left something.
        return True
    if not some:
        async with begin.database.begin(writes=True) as connection:
            await _end(connection, found)
        return True
    async with begin.on_known(some, found.brand_id) as tx:
        ledgers = await tx.load(some)
        rows = await store.rows_of_orders(tx.connection, found.import_id, some, fates)
        await (_apply if found.state == "applying" else _undo)(tx, found, ledgers, rows)
    came_to[found.import_id] = some[-1]
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
    numbers = await store.numbers_of_orders(tx.connection, found.import_id, rows)
    own = await own_carriers(tx.connection, {ledger.brand_id for ledger in ledgers.values()})
    settled: dict[int, store.Settled] = {}
    told: dict[UUID, list[Event]] = {}
    for order_id, mine in rows.items():
        if _stands_still(tx, order_id):
            says = "An event of this order could not be applied, so the order stands still. Import the row again later."
            settled |= {row.line: store.Settled(Fate.WRONG.value, "order-parked", says) for row in mine}
            continue
        events, verdicts = import_rows(
            ledgers[order_id],
            [store.row_of(row) for row in mine],
            found.confirmed,
            at,
            notify=found.notify_customer,
            own=own.get(ledgers[order_id].brand_id, ()),
            beside=numbers.get(order_id, ()),
        )
        told[order_id] = events
        for verdict in verdicts:
            fate = "applied" if verdict.fate is Fate.READY else verdict.fate.value
            former = None if verdict.former is None else asdict(verdict.former)
            settled[verdict.row.line] = store.Settled(fate, verdict.code, verdict.says, verdict.parcel_id, former)
    await _write(tx, found, ledgers, told, settled)


async def _undo(
    tx: Transaction[Ledger], found: store.Import, ledgers: dict[UUID, Ledger], rows: dict[UUID, list[Any]]
) -> None:
    """Take back what a file did to parcels that no carrier has seen yet, each once however many rows it has."""
    at = datetime.now(UTC)
    settled: dict[int, store.Settled] = {}
    told: dict[UUID, list[Event]] = {}
    for order_id, mine in rows.items():
        ledger, done = ledgers[order_id], dict[UUID, store.Settled]()
        for row in mine:
            if row.parcel_id not in done:
                done[row.parcel_id], events = _undone(tx, ledger, row, at)
                ledger = ledger.after(events, order_id)
                told.setdefault(order_id, []).extend(events)
            settled[row.line] = done[row.parcel_id]
    await _write(tx, found, ledgers, told, settled)


def _undone(tx: Transaction[Ledger], ledger: Ledger, row: Any, at: datetime) -> tuple[store.Settled, Collection[Event]]:
    """One parcel taken back: it has not left, or has its former number again."""
    if _stands_still(tx, ledger.order_id):
        says = "The order stands still, so its parcel stays."
        return store.Settled(store.STAYS, "order-parked", says, row.parcel_id, row.former), ()
    try:
        if row.former is None:
            events: Collection[Event] = undo(ledger, row.parcel_id, at)
        else:
            events = back_to(ledger, row.parcel_id, store.row_of(row).number, Tracking(**row.former), at)
    except Refused as refused:
        return store.Settled(store.STAYS, "not-undone", str(refused), row.parcel_id, row.former), ()
    return store.Settled("undone", parcel_id=row.parcel_id, former=row.former), events


def _stands_still(tx: Transaction[Ledger], order_id: UUID) -> bool:
    stream = tx.streams.get(order_id)
    return stream is None or stream.parked


async def _write(
    tx: Transaction[Ledger],
    found: store.Import,
    ledgers: dict[UUID, Ledger],
    told: dict[UUID, list[Event]],
    settled: dict[int, store.Settled],
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
