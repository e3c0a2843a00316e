"""Files of tracking numbers: upload and preview, apply, progress, what did not go, undo."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Annotated, Any, Final
from urllib.parse import quote
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field, StringConstraints
from sqlalchemy.ext.asyncio import AsyncConnection

from waybill_chassis.commands import Call, caller, once
from waybill_chassis.openapi import example, gives, takes
from waybill_chassis.problems import Problem
from waybill_chassis.routing import api_router
from waybill_chassis.transaction import Begin
from waybill_fulfillment.domain import Ledger
from waybill_fulfillment.domain.files import UnreadableFile, read, write
from waybill_fulfillment.domain.imports import judge_file
from waybill_fulfillment.settings import Settings
from waybill_fulfillment.store import imports as store
from waybill_fulfillment.store.ledgers import own_carriers

SHOWN: Final = 100
"""Rows that an answer shows of those that do not go."""
FILE: Final = "reference,tracking_company,tracking_number\n10001-01,UPS,1Z5R89390357567127\n"
Code = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z-]{0,49}$")]
CONFIRMABLE: Final = ("unknown-company", "wrong-check-digit", "other-carrier", "shipped-with-another")


class Apply(BaseModel):
    """Which doubts are confirmed, and whether customers are told."""

    model_config = example(confirm=["unknown-company"], notify_customer=True)

    confirm: Annotated[list[Code], Field(max_length=20)] = []
    notify_customer: bool = False


def routes(begin: Begin[Ledger], settings: Settings, wake: Callable[[], None]) -> APIRouter:
    """Everything about files; `wake` has what waits to be applied taken up at once."""
    router = api_router("/api/v1/imports")
    called: Callable[..., Awaitable[Call]] = caller(settings.token.get_secret_value())
    _add_commands(router, begin, called, wake)
    _add_questions(router, begin, called)
    return router


def _add_commands(
    router: APIRouter, begin: Begin[Ledger], called: Callable[..., Awaitable[Call]], wake: Callable[[], None]
) -> None:
    @router.post("", status_code=201, openapi_extra=takes(FILE, "text/csv"))
    async def upload(
        request: Request,
        call: Annotated[Call, Depends(called)],
        name: Annotated[str, Query(max_length=200, pattern=r"^[^\x00-\x1f]*$")] = "",
    ) -> dict[str, Any]:
        """Read a CSV file, the body as it is, and say what would become of each row. Nothing is shipped yet."""
        made = store.Import(
            call.id,
            call.brand,
            call.actor,
            name,
            "previewed",
            (),
            notify_customer=False,
            header=(),
            created_at=call.at,
            digest=call.body_hash,
        )
        async with begin.database.begin(call.brand) as connection:
            known = await store.find(connection, made.import_id)
        if known is None:
            known = await _preview(begin, made, await request.body())
        if known.digest != made.digest:
            raise Problem(
                422,
                "idempotency-key-reused",
                "This Idempotency-Key came before with another file. Make a new key for a new file.",
            )
        async with begin.database.begin(call.brand) as connection:
            return await _shown(connection, made.import_id)

    @router.post("/{import_id}/apply", status_code=202)
    async def apply(import_id: UUID, how: Apply, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Ship what the rows say that can go; it is done in the background. Wrong rows wait in a file to correct."""
        if unknown := sorted(set(how.confirm) - set(CONFIRMABLE)):
            says = f"{unknown[0]} cannot be confirmed; {', '.join(CONFIRMABLE)} can."
            raise Problem(422, "not-confirmable", says, field="confirm")
        async with begin.database.begin(call.brand, writes=True) as connection:
            found = await _found(connection, import_id, lock=True)

            async def start() -> dict[str, Any]:
                await _start(connection, found, how)
                return await _shown(connection, import_id)

            answer = await once(connection, call, 202, start)
        wake()
        return answer

    @router.post("/{import_id}/undo", status_code=202)
    async def undo(import_id: UUID, call: Annotated[Call, Depends(called)]) -> JSONResponse:
        """Take back the parcels of a file that no carrier has seen yet; it is done in the background.

        What could not be taken back `stays`, and is tried again by another undo.
        """
        async with begin.database.begin(call.brand, writes=True) as connection:
            found = await _found(connection, import_id, lock=True)

            async def take_back() -> dict[str, Any]:
                await _take_back(connection, found)
                return await _shown(connection, import_id)

            answer = await once(connection, call, 202, take_back)
        wake()
        return answer


def _add_questions(router: APIRouter, begin: Begin[Ledger], called: Callable[..., Awaitable[Call]]) -> None:
    @router.get("/{import_id}")
    async def progress(import_id: UUID, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """How far a file has come: rows by what became of them."""
        async with begin.database.begin(call.brand) as connection:
            return await _shown(connection, import_id)

    @router.get("/{import_id}/rows")
    async def rows(
        import_id: UUID,
        call: Annotated[Call, Depends(called)],
        fate: Annotated[list[str] | None, Query(max_length=10)] = None,
        after: Annotated[int, Query(ge=0, le=2**31 - 1)] = 0,
        limit: Annotated[int, Query(ge=1, le=1000)] = SHOWN,
    ) -> list[dict[str, Any]]:
        """Rows and what became of each; `after` is the last line of the page before."""
        async with begin.database.begin(call.brand) as connection:
            await _found(connection, import_id)
            return _rows(await store.rows_of(connection, import_id, fate or (), after=after, limit=limit))

    @router.get("/{import_id}/corrections.csv", response_class=Response, responses=gives("text/csv"))
    async def corrections(import_id: UUID, call: Annotated[Call, Depends(called)]) -> Response:
        """The rows that did not go, as they came, with their reasons in a last column: to be corrected and uploaded."""
        async with begin.database.begin(call.brand) as connection:
            found = await _found(connection, import_id)
            left = await store.rows_of(connection, import_id, ("wrong", "asks"))
        content = write(found.header, [(row.cells, f"{row.code}: {row.says}") for row in left])
        name = quote(f"{found.name.rpartition('.')[0] or found.name or 'import'}-corrections.csv")
        return Response(
            content,
            media_type="text/csv; charset=utf-8",
            headers={"Content-Disposition": f"attachment; filename*=UTF-8''{name}", "Cache-Control": "no-store"},
        )


async def _preview(begin: Begin[Ledger], made: store.Import, content: bytes) -> store.Import:
    """Read a file and keep what would become of its rows; the one that was kept, perhaps by the same key's twin."""
    try:
        # A file may take seconds, in which others are answered and the relay keeps its lock.
        file = await asyncio.to_thread(read, content)
    except UnreadableFile as error:
        raise Problem(422, error.code, str(error)) from error
    async with begin.database.begin(made.brand_id) as connection:
        named = await store.ledgers_called(connection, (row.reference for row in file.rows))
        brands = {ledger.brand_id for ledgers in named.values() for ledger in ledgers}
        own = await own_carriers(connection, brands)
    verdicts = await asyncio.to_thread(judge_file, file.rows, named, made.created_at, own)
    async with begin.database.begin(made.brand_id, writes=True) as connection:
        await store.make(connection, replace(made, header=file.header), verdicts)
        return await _found(connection, made.import_id)


async def _start(connection: AsyncConnection, found: store.Import, how: Apply) -> None:
    """Let a file be applied; what is confirmed later lets more of its rows go."""
    if found.state in {"undoing", "undone"}:
        raise Problem(409, "import-undone", "This import was taken back. Upload the file again to apply it.")
    if found.state != "applying":
        confirmed = sorted({*found.confirmed, *how.confirm})
        told = {"confirmed": confirmed, "notify_customer": how.notify_customer}
        await store.set_state(connection, found.import_id, "applying", **told)


async def _take_back(connection: AsyncConnection, found: store.Import) -> None:
    """Let a file be undone; what stayed is tried again."""
    if found.state in {"previewed", "applying"}:
        raise Problem(409, "import-not-applied", "Only what was applied can be taken back. Wait until it is.")
    if found.state != "undoing":
        await store.take_back_again(connection, found.import_id)


async def _found(connection: AsyncConnection, import_id: UUID, *, lock: bool = False) -> store.Import:
    found = await store.find(connection, import_id, lock=lock)
    if found is None:
        raise Problem(404, "unknown-import", f"No import {import_id} is here. Upload the file again.")
    return found


async def _shown(connection: AsyncConnection, import_id: UUID) -> dict[str, Any]:
    """A file, its rows counted by fate and code, and some of those that do not go."""
    found = await _found(connection, import_id)
    counted = await store.counts(connection, import_id)
    left = await store.rows_of(connection, import_id, ("wrong", "asks", store.STAYS), limit=SHOWN)
    would = await store.orders_by_platform(connection, import_id, ("ready",))
    did = await store.orders_by_platform(connection, import_id, ("applied", "undone", store.STAYS))
    back = await store.orders_by_platform(connection, import_id, ("applied", "undone"))
    corrects = await store.corrects(connection, import_id)
    fates = ("ready", "applied", "nothing", "asks", "wrong", "undone", store.STAYS)
    return {
        "import_id": str(import_id),
        "name": found.name,
        "state": found.state,
        "rows": sum(rows for _, _, rows, _ in counted),
        "counts": {name: sum(rows for fate, _, rows, _ in counted if fate == name) for name in fates},
        "codes": _codes((code, rows) for _, code, rows, _ in counted),
        "parcels": sum(parcels for fate, _, _, parcels in counted if fate in {"ready", "applied"}),
        "notify_customer": found.notify_customer,
        "will_tell": {"platforms": would, "customers": sum(would.values())},
        "told": {"platforms": did, "customers": sum(did.values()) if found.notify_customer else 0},
        "stays_told": _stays_told(found, back, corrects=corrects),
        "problems": _rows(left),
        "corrections": f"/api/v1/imports/{import_id}/corrections.csv",
    }


def _stays_told(found: store.Import, back: Mapping[str, int], *, corrects: bool) -> str:
    """What an undo cannot take back, in a sentence; empty where nothing was told."""
    if not back:
        return ""
    orders = ", ".join(f"{count} of {platform}" for platform, count in back.items())
    mails = sum(back.values())
    what = "the parcels have not left after all" + (", or have their former numbers" if corrects else "")
    customers = f" {mails} customers have the number: nobody takes that back." if found.notify_customer else ""
    return f"The orders' platforms ({orders}) are told that {what}.{customers}"


def _codes(counted: Iterable[tuple[str, int]]) -> Mapping[str, int]:
    codes: dict[str, int] = {}
    for code, rows in counted:
        if code:
            codes[code] = codes.get(code, 0) + rows
    return codes


def _rows(found: Iterable[Any]) -> list[dict[str, Any]]:
    return [
        {
            "line": row.line,
            "reference": row.row["reference"],
            "fate": row.fate,
            "code": row.code,
            "says": row.says,
            "order_id": row.order_id and str(row.order_id),
            "parcel_id": row.parcel_id and str(row.parcel_id),
        }
        for row in found
    ]
