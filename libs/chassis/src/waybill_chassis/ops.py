"""What the on-call engineer asks and does: quarantine, dead letters, offsets, what was sent; all of it recorded."""

import base64
import binascii
import re
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Annotated, Any, Final
from uuid import UUID

from fastapi import APIRouter, Depends, Query
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Row, select, text

from waybill_chassis import topics
from waybill_chassis.commands import Call, caller
from waybill_chassis.database import refusal
from waybill_chassis.delivery import dead_letters, interventions, streams, waiters
from waybill_chassis.problems import Problem
from waybill_chassis.reading import (
    Events,
    Intervention,
    NoLetter,
    NotHead,
    NotParked,
    Redriven,
    record,
    record_letter,
    rule,
    take_letter,
)
from waybill_chassis.records import from_base64, from_text
from waybill_chassis.relay import send_again
from waybill_chassis.transaction import StillDead
from waybill_events import EVENTS, Envelope, without_personal

if TYPE_CHECKING:
    from waybill_chassis.service import Service

Caller = Callable[..., Awaitable[Call]]
Limit = Annotated[int, Query(ge=1, le=10_000)]
_VARIES: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|'[^'\n]*'|\"[^\"\n]*\"|[0-9]+", re.IGNORECASE)
"""What differs between two refusals for one reason: ids, quoted values, numbers."""


class Why(BaseModel):
    """Every intervention says why; it is kept."""

    model_config = ConfigDict(extra="forbid")

    why: Annotated[str, Field(min_length=3, max_length=1000, pattern=r"^[^\x00]*$")]


class Redrive(Why):
    """With `value` (base64 of the JSON) the event at the head says this instead; `head` is where that one is."""

    value: str | None = None
    head: tuple[str, int, int] | None = None


class Rewind(Why):
    """Where to read on from: an offset, or the first that there is; without `partition` all of the topic."""

    topic: str
    partition: Annotated[int, Field(ge=0)] | None = None
    offset: Annotated[int, Field(ge=0)] | None = None


class SendAgain(Why):
    """What is to be sent again: from this offset on, or without it from where the log ends; without `partition` all."""

    topic: str
    partition: Annotated[int, Field(ge=0)] | None = None
    offset: Annotated[int, Field(ge=0)] | None = None


def routes(service: "Service") -> list[APIRouter]:
    """The same in every service."""
    called: Caller = caller(service.settings.token.get_secret_value())
    return [part(service, called) for part in (_quarantine, _dead_letters, _log, _sent)]


def _quarantine(service: "Service", called: Caller) -> APIRouter:
    router = APIRouter(prefix="/ops/v1", include_in_schema=False, dependencies=[Depends(called)])
    database = service.database

    @router.get("/quarantine")
    async def get_quarantine(
        _call: Annotated[Call, Depends(called)],
        type: str | None = None,  # noqa: A002  # its name outside
        cause: str | None = None,
        older_than_s: float = 0,
        limit: Limit = 1000,
    ) -> dict[str, Any]:
        """The parked subjects: what was refused of each, since when, and how many events queue there."""
        async with database.begin() as connection:
            rows = await connection.execute(
                text("""
                    WITH heads AS (
                        SELECT DISTINCT ON (subject) * FROM quarantine WHERE cause IS NOT NULL ORDER BY subject, id
                    ), counts AS (
                        SELECT subject, count(*) AS events, extract(epoch FROM now() - min(parked_at)) AS age_s
                        FROM quarantine GROUP BY subject
                    )
                    SELECT *, count(*) OVER () AS found FROM heads JOIN counts USING (subject)
                    WHERE (CAST(:cause AS text) IS NULL OR cause = :cause) AND age_s >= :age
                      AND (CAST(:type AS text) IS NULL
                           OR split_part(split_part(coalesce(headers->>'ce_type', ''), 'waybill.', 2), '.v', 1) = :type)
                    ORDER BY parked_at, id LIMIT :limit
                """),
                {"cause": cause, "type": type, "age": older_than_s, "limit": limit},
            )
            found = rows.all()
        return {
            "service": service.name,
            "found": found[0].found if found else 0,
            "parked": [{**_place(row), **_head(row), "events": row.events, "age_s": float(row.age_s)} for row in found],
        }

    @router.get("/waiting")
    async def get_waiting(
        _call: Annotated[Call, Depends(called)], older_than_s: float = 0, limit: Limit = 1000
    ) -> dict[str, Any]:
        """Events that came too early, what each waits for, and for how long while that had been read to its end."""
        async with database.begin() as connection:
            rows = await connection.execute(
                text("""
                    SELECT *, count(*) OVER () AS found FROM waiters WHERE waited_s >= :age
                    ORDER BY waited_s DESC, id LIMIT :limit
                """),
                {"age": older_than_s, "limit": limit},
            )
            found = rows.all()
        return {
            "service": service.name,
            "found": found[0].found if found else 0,
            "limit_s": service.settings.waiting_limit_s,
            "waiting": [
                {
                    "subject": str(row.subject),
                    **_place(row),
                    **_header(row),
                    "needs": row.needs,
                    "waited_s": row.waited_s,
                }
                for row in found
            ],
        }

    @router.get("/quarantine/{subject}")
    async def get_parked(
        subject: UUID, _call: Annotated[Call, Depends(called)], personal: bool = False
    ) -> dict[str, Any]:
        """All that delivery knows of a subject: what is parked, who waits, how far each source was taken in."""
        async with database.begin() as connection:
            stream = (await connection.execute(select(streams).where(streams.c.subject == subject))).one_or_none()
            parked = await connection.execute(
                text("SELECT * FROM quarantine WHERE subject = :subject ORDER BY cause IS NULL, id"),
                {"subject": subject},
            )
            waiting = await connection.execute(
                select(waiters).where(waiters.c.subject == subject).order_by(waiters.c.id)
            )
            done = await connection.execute(
                select(interventions).where(interventions.c.subject == subject).order_by(interventions.c.id)
            )
            return {
                "service": service.name,
                "subject": str(subject),
                "known": stream is not None,
                "is_parked": stream is not None and stream.parked,
                "taken": {} if stream is None else {source: last[0] for source, last in stream.taken.items()},
                "parked": [
                    {**_place(row), **_head(row), "at": row.parked_at.isoformat(), **_value(row, personal=personal)}
                    for row in parked
                ],
                "waiting": [
                    {
                        **_place(row),
                        **_header(row),
                        "needs": row.needs,
                        "waited_s": row.waited_s,
                        **_value(row, personal=personal),
                    }
                    for row in waiting
                ],
                "interventions": [_done(row) for row in done],
            }

    @router.post("/quarantine/{subject}/redrive")
    async def post_redrive(subject: UUID, body: Redrive, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Try what is parked again, in its order and in one transaction."""
        value = None if body.value is None else _bytes(body.value)
        async with _answered(service):
            return _redriven(
                await _events(service).redrive(subject, Intervention(call.actor, body.why), value, head=body.head)
            )

    @router.post("/quarantine/{subject}/discard")
    async def post_discard(subject: UUID, body: Why, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Pass over what was refused, and go on behind it."""
        async with _answered(service):
            return _redriven(await _events(service).discard(subject, Intervention(call.actor, body.why)))

    return router


def _dead_letters(service: "Service", called: Caller) -> APIRouter:
    router = APIRouter(prefix="/ops/v1", include_in_schema=False, dependencies=[Depends(called)])
    database = service.database

    @router.get("/dead-letters")
    async def get_dead_letters(
        _call: Annotated[Call, Depends(called)], older_than_s: float = 0, limit: Limit = 1000
    ) -> dict[str, Any]:
        """Records whose bytes do not decode."""
        async with database.begin() as connection:
            rows = await connection.execute(
                text("""
                    SELECT topic, partition, "offset", error, subject, buried_at, octet_length(value) AS size,
                           count(*) OVER () AS found
                    FROM dead_letters WHERE extract(epoch FROM now() - buried_at) >= :age
                    ORDER BY buried_at, topic, partition, "offset" LIMIT :limit
                """),
                {"age": older_than_s, "limit": limit},
            )
            found = rows.all()
        return {
            "service": service.name,
            "found": found[0].found if found else 0,
            "dead_letters": [
                {
                    **_place(row),
                    "error": row.error,
                    "subject": None if row.subject is None else str(row.subject),
                    "at": row.buried_at.isoformat(),
                    "bytes": row.size,
                }
                for row in found
            ],
        }

    @router.get("/dead-letters/{topic}/{partition}/{offset}")
    async def get_dead_letter(
        topic: str, partition: int, offset: int, _call: Annotated[Call, Depends(called)]
    ) -> dict[str, Any]:
        """One of them, whole: key and value in base64, as the broker has them."""
        async with database.begin() as connection:
            row = (
                await connection.execute(
                    select(dead_letters).where(
                        dead_letters.c.topic == topic,
                        dead_letters.c.partition == partition,
                        dead_letters.c.offset == offset,
                    )
                )
            ).one_or_none()
        if row is None:
            raise _no_letter(service.name)
        return {
            "service": service.name,
            **_place(row),
            "error": row.error,
            "subject": None if row.subject is None else str(row.subject),
            "at": row.buried_at.isoformat(),
            "headers": {
                name: None if value is None else value.decode(errors="replace")
                for name, value in from_base64(row.headers)
            },
            "key": _base64(row.key),
            "value": _base64(row.value),
        }

    @router.post("/dead-letters/{topic}/{partition}/{offset}/retry")
    async def post_retry(
        topic: str, partition: int, offset: int, body: Why, call: Annotated[Call, Depends(called)]
    ) -> dict[str, Any]:
        """Read it again with the code of today; one that names a subject is redriven with what queues behind it."""
        place, by = (topic, partition, offset), Intervention(call.actor, body.why)
        async with _answered(service):
            if service.tables is not None and topic in service.consumers[f"{service.name}.tables"].topics:
                return _redriven(await service.tables.retry(place, by))
            if (subject := await _parks(service, place)) is not None:
                return _redriven(await _events(service).redrive(subject, by))
            return _redriven(await _events(service).retry(place, by))

    @router.post("/dead-letters/{topic}/{partition}/{offset}/discard")
    async def post_discard_letter(
        topic: str, partition: int, offset: int, body: Why, call: Annotated[Call, Depends(called)]
    ) -> dict[str, Any]:
        """Pass it over, now and whenever it is read again."""
        place, by = (topic, partition, offset), Intervention(call.actor, body.why)
        async with _answered(service):
            if (subject := await _parks(service, place)) is not None:
                return _redriven(await _events(service).discard(subject, by))
            async with database.begin(writes=True) as connection:
                await record_letter(connection, by, "discard", await take_letter(connection, place))
                await rule(connection, place, None)
        return {"released": 1, "left": 0, "error": None}

    return router


def _log(service: "Service", called: Caller) -> APIRouter:
    router = APIRouter(prefix="/ops/v1", include_in_schema=False, dependencies=[Depends(called)])
    database = service.database

    @router.get("/interventions")
    async def get_interventions(
        _call: Annotated[Call, Depends(called)], subject: UUID | None = None, limit: Limit = 100
    ) -> dict[str, Any]:
        """What was done, by whom and why, newest first."""
        asked = select(interventions).order_by(interventions.c.id.desc()).limit(limit)
        if subject is not None:
            asked = asked.where(interventions.c.subject == subject)
        async with database.begin() as connection:
            rows = await connection.execute(asked)
            return {"service": service.name, "interventions": [_done(row) for row in rows]}

    @router.get("/offsets")
    async def get_offsets(_call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """How far each partition was read, and where it begins and ends."""
        names = sorted({name for consumer in service.consumers.values() for name in consumer.topics})
        ends = await topics.ends(service.settings.kafka, names) if names else {}
        changed = {place: says for each in service.consumers.values() for place, says in each.changed.items()}
        async with database.begin() as connection:
            rows = await connection.execute(text("SELECT * FROM offsets ORDER BY topic, partition"))
            return {
                "service": service.name,
                "offsets": [
                    {
                        "topic": row.topic,
                        "partition": row.partition,
                        "next": row.next,
                        "first": ends[row.topic, row.partition][0],
                        "end": ends[row.topic, row.partition][1],
                        "changed": changed.get((row.topic, row.partition)),
                    }
                    for row in rows
                    if (row.topic, row.partition) in ends
                ],
                "log": service.relay.changed,
            }

    @router.post("/offsets/rewind")
    async def post_rewind(body: Rewind, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Read again from an earlier offset; what was taken in before is dropped by its sequence."""
        consumer = next((each for each in service.consumers.values() if body.topic in each.topics), None)
        if consumer is None:
            read = sorted({name for each in service.consumers.values() for name in each.topics})
            raise Problem(
                422, "not-read", f"{service.name} does not read {body.topic}; it reads {', '.join(read) or 'nothing'}."
            )
        ends = await topics.ends(service.settings.kafka, [body.topic])
        moved: list[dict[str, Any]] = []
        async with database.begin(writes=True) as connection:
            rows = await connection.execute(
                text("SELECT * FROM offsets WHERE topic = :topic ORDER BY partition FOR UPDATE"), {"topic": body.topic}
            )
            for row in rows.all():
                if body.partition not in {None, row.partition}:
                    continue
                first, end = ends[row.topic, row.partition]
                to = first if body.offset is None else body.offset
                # Where what was next is gone, there is no other way on than the first that there is.
                last = max(first, min(end, row.next))
                if not first <= to <= last:
                    raise Problem(
                        422,
                        "no-such-offset",
                        f"{row.topic}[{row.partition}] was read up to {row.next} and holds {first} to {end}; choose an "
                        f"offset from {first} to {last}. Going forward would lose events.",
                        field="offset",
                    )
                await connection.execute(
                    text("""
                        UPDATE offsets SET next = :to, fingerprint = NULL
                        WHERE topic = :topic AND partition = :partition
                    """),
                    {"to": to, "topic": row.topic, "partition": row.partition},
                )
                moved.append({"topic": row.topic, "partition": row.partition, "from": row.next, "to": to})
            if not moved:
                raise Problem(422, "no-such-partition", f"{body.topic} has no partition {body.partition}.")
            details = {"topic": body.topic, "moved": moved}
            await record(connection, Intervention(call.actor, body.why), "rewind", None, details)
        await consumer.go_to_database()
        return {"service": service.name, "moved": moved}

    return router


def _sent(service: "Service", called: Caller) -> APIRouter:
    router = APIRouter(prefix="/ops/v1", include_in_schema=False, dependencies=[Depends(called)])
    database = service.database

    @router.get("/sent")
    async def get_sent(_call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """What waits to be sent, by topic, and why it waits; how far each of our partitions was acknowledged."""
        async with database.begin() as connection:
            outbox = await connection.execute(
                text("""
                    SELECT topic, count(*) AS events, extract(epoch FROM now() - min(created_at)) AS age_s FROM outbox
                    GROUP BY topic ORDER BY topic
                """)
            )
            last = await connection.execute(text("SELECT * FROM acknowledged ORDER BY topic, partition"))
            return {
                "service": service.name,
                "writes_to": sorted(service.relay.topics),
                "outbox": [{"topic": row.topic, "events": row.events, "age_s": float(row.age_s)} for row in outbox],
                "limit": service.relay.limit,
                "problem": service.relay.problem,
                "changed": service.relay.changed,
                "acknowledged": [_place(row) for row in last],
            }

    @router.post("/sent/again")
    async def post_send_again(body: SendAgain, call: Annotated[Call, Depends(called)]) -> dict[str, Any]:
        """Put what was sent back into the outbox, where the log has lost it; readers drop what they have."""
        if body.topic not in service.relay.topics:
            raise Problem(
                422, "not-ours", f"{service.name} does not write to {body.topic}; it writes to {_names(service)}."
            )
        ends = await topics.ends(service.settings.kafka, [body.topic])
        places = sorted(place for place in ends if body.partition in {None, place[1]})
        if not places:
            raise Problem(422, "no-such-partition", f"{body.topic} has no partition {body.partition}.")
        again: list[dict[str, Any]] = []
        async with database.begin() as connection:
            for topic, partition in places:
                offset = ends[topic, partition][1] if body.offset is None else body.offset
                if events := await send_again(connection, topic, partition, offset):
                    again.append({"topic": topic, "partition": partition, "offset": offset, "events": events})
            details = {"topic": body.topic, "again": again}
            await record(connection, Intervention(call.actor, body.why), "send-again", None, details)
        service.wake.set()
        return {"service": service.name, "events": sum(each["events"] for each in again), **details}

    return router


def alike(error: str | None) -> str:
    """The first line of a refusal with ids, quoted values and numbers made equal, to group by."""
    return _VARIES.sub("…", (error or "").partition("\n")[0])


def _events(service: "Service") -> Events[Any]:
    if service.events is None:
        raise Problem(404, "reads-no-events", f"{service.name} reads no events, so nothing of it is ever parked.")
    return service.events


@asynccontextmanager
async def _answered(service: "Service") -> AsyncGenerator[None]:
    """Do something that writes what events do; raises Problem."""
    if (changed := service.changed()) is not None:
        raise Problem(409, "changed-past", f"{service.name} changes nothing before this is settled: {changed}")
    try:
        yield
    except NotHead as error:
        raise Problem(409, "not-head", f"{str(error)[:1].upper()}{str(error)[1:]}. Nothing was changed.") from error
    except NotParked as error:
        raise Problem(
            404, "not-parked", f"Nothing of this is parked in {service.name}. `waybill quarantine list` says what is."
        ) from error
    except NoLetter as error:
        raise _no_letter(service.name) from error
    except StillDead as error:
        raise Problem(
            409, "still-dead", f"The record does not decode today either: {error}. Discard it, or run newer code."
        ) from error
    except Exception as error:
        if (refused := refusal(error)) is None:
            raise
        raise Problem(409, "refused-again", f"The database refuses it: {refused.says}. Nothing was changed.") from error


async def _parks(service: "Service", place: tuple[str, int, int]) -> UUID | None:
    """The subject that a dead letter parks."""
    topic, partition, offset = place
    async with service.database.begin() as connection:
        return (
            await connection.execute(
                text("""
                    SELECT subject FROM quarantine
                    WHERE topic = :topic AND partition = :partition AND "offset" = :offset
                """),
                {"topic": topic, "partition": partition, "offset": offset},
            )
        ).scalar_one_or_none()


def _no_letter(service: str) -> Problem:
    return Problem(
        404, "no-dead-letter", f"{service} has no such dead letter. `waybill dead-letters list` says which there are."
    )


def _names(service: "Service") -> str:
    return ", ".join(sorted(service.relay.topics)) or "nothing"


def _redriven(found: Redriven) -> dict[str, Any]:
    subject = None if found.subject is None else str(found.subject)
    return {"subject": subject, "released": found.released, "left": found.left, "error": found.error}


def _place(row: Row[Any]) -> dict[str, Any]:
    return {"topic": row.topic, "partition": row.partition, "offset": row.offset}


def _header(row: Row[Any]) -> dict[str, Any]:
    headers: dict[str, str] = row.headers
    names = ("id", "type", "source", "sequence", "time", "actor", "brand", "causationid")
    return {name: headers.get(f"ce_{name}") for name in names}


def _head(row: Row[Any]) -> dict[str, Any]:
    told = {"cause": row.cause, "error": row.error, "alike": alike(row.error)}
    return {"subject": str(row.subject), **_header(row), **told}


def _value(row: Row[Any], *, personal: bool) -> dict[str, Any]:
    """What an event says, without those who are named in it; the bytes, too, for whoever may see all of it."""
    try:
        event = EVENTS.decode(Envelope.from_headers(from_text(row.headers)).type, row.value or b"")
    except (LookupError, ValueError):
        return {"data": None, "value": _base64(row.value)}
    if personal:
        return {"data": event.model_dump(mode="json"), "value": _base64(row.value)}
    return {"data": without_personal(event)}


def _done(row: Row[Any]) -> dict[str, Any]:
    return {
        "at": row.at.isoformat(),
        "actor": row.actor,
        "action": row.action,
        "why": row.why,
        "subject": None if row.subject is None else str(row.subject),
        "details": row.details,
    }


def _bytes(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise Problem(422, "not-base64", "`value` is no base64.", field="value") from error


def _base64(value: bytes | None) -> str | None:
    return None if value is None else base64.b64encode(value).decode()
