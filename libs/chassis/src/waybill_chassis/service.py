"""A service as one process: migrate, check topics, relay, table topics first, then events, and HTTP over all of it."""

import asyncio
import gc
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from fnmatch import fnmatchcase
from typing import Any, Final, Protocol, TypeVar

import uvicorn
from fastapi import FastAPI, Response
from fastapi.responses import JSONResponse
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from waybill_chassis import logging, ops, problems, projections
from waybill_chassis.chores import Chore
from waybill_chassis.consumer import Consumer
from waybill_chassis.database import Database
from waybill_chassis.metrics import CONTENT_TYPE, Metrics
from waybill_chassis.migrations import migrate
from waybill_chassis.past import ChangedPast
from waybill_chassis.reading import Events, OnBatch, Tables
from waybill_chassis.relay import LOOK_S, Relay, Wake
from waybill_chassis.routing import add_routes
from waybill_chassis.settings import ServiceSettings
from waybill_chassis.sweep import Sweep
from waybill_chassis.transaction import Begin, Store
from waybill_events import TOPICS, Event

S = TypeVar("S")
R = TypeVar("R", bound=ServiceSettings)
BODY_LIMIT: Final = 4_000_000
LOOP: Final = "asyncio"
"""The event loop; uvloop raises where aiokafka does not expect it, see docs/decisions/0009."""
IDLE_S: Final = 60
"""How long an idle connection is kept: longer than by clients, who would otherwise ask on one that just closes."""
_OPS: Final = "/ops/"
_ALWAYS_OPEN: Final = ("/health/", "/metrics", _OPS)
_log = logging.get(__name__)


class BodyLimit:
    """Refuses a request whose body is larger than anything that is asked for here; `files` are paths that take more.

    In such a path `*` stands for anything.
    """

    def __init__(self, app: ASGIApp, limit: int, files: Mapping[str, int]) -> None:
        self.app, self.limit, self.files = app, limit, files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 413 where the length says so; a body that does not tell its length fails when it has passed it."""
        path = scope.get("path", "")
        limit = next((more for file, more in self.files.items() if fnmatchcase(path, file)), self.limit)
        too_large = problems.Problem(413, "too-large", f"A body may have {limit} bytes at most.")
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > limit:
                raise too_large
            return message

        given = dict(scope.get("headers", ())).get(b"content-length", b"0")
        if scope["type"] == "http" and given.isdigit() and int(given[:20]) > limit:
            await too_large.response()(scope, receive, send)
        else:
            await self.app(scope, counted if scope["type"] == "http" else receive, send)


class Guard:
    """Answers for the app while the service cannot."""

    def __init__(self, app: ASGIApp, refuses: "Refuses") -> None:
        self.app, self.refuses = app, refuses

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let a request through, or say why not."""
        refused = None
        if scope["type"] == "http":
            refused = self.refuses(scope["path"], writes=scope["method"] not in {"GET", "HEAD"})
        await (self.app if refused is None else refused.response())(scope, receive, send)


class Refuses(Protocol):
    """Why a request is not let through, if it is not."""

    def __call__(self, path: str, *, writes: bool) -> problems.Problem | None:
        """By its path, and whether it would change something."""
        ...


class Service:
    """One service; its `app.py` says what it reads and answers."""

    def __init__(self, name: str, settings: ServiceSettings, *, generation: str | None = None) -> None:
        self.name, self.settings = name, settings
        self.database = Database(str(settings.database_url), generation=generation)
        self.wake, self.metrics = Wake(), Metrics()
        self.source = f"waybill/{name}"
        self.relay = Relay(
            self.database,
            settings.kafka,
            self.wake,
            source=self.source,
            topics=[topic.name for topic in TOPICS if topic.owner == name],
            limit=settings.outbox_limit,
        )
        self.tables: Tables[Any] | None = None
        self.events: Events[Any] | None = None
        self.consumers: dict[str, Consumer] = {}
        """By group; table topics are known up to this moment before the first event is taken in."""
        self.sweep: Sweep | None = None
        self.chores: list[Chore] = []
        self.starting: str | None = "is starting"
        self.tasks: list[asyncio.Task[None]] = []

    def begin(self, store: Store[S], *, handles: Iterable[type[Event]] = ()) -> Begin[S]:
        """Transactions over the states in `store`, which change by the events of `handles`."""
        return Begin(
            self.database,
            store,
            source=self.source,
            handles=handles,
            wake=self.wake,
            waiting_limit_s=self.settings.waiting_limit_s,
        )

    def read_tables(self, topics: Collection[str], tables: Tables[Any]) -> None:
        """Read table topics, before and beside events."""
        self.tables = tables
        self._read(f"{self.name}.tables", topics, tables.on_batch)

    def read_events(self, topics: Collection[str], events: Events[Any]) -> None:
        """Read events."""
        self.events = events
        self._read(self.name, topics, events.on_batch)

    def regularly(self, name: str, piece: Callable[[], Awaitable[bool]]) -> Chore:
        """Have this done every few seconds, and when it is woken, in each process of the service."""
        self.chores.append(Chore(name, piece, self._held))
        return self.chores[-1]

    def changed(self) -> str | None:
        """How log and database tell different stories; nothing is written while they do."""
        found = [self.relay.changed, *(says for each in self.consumers.values() for says in each.changed.values())]
        return "; ".join(says for says in found if says is not None) or None

    def _read(self, group: str, topics: Collection[str], on_batch: OnBatch) -> None:
        self.consumers[group] = Consumer(
            database=self.database,
            bootstrap=self.settings.kafka,
            group=group,
            topics=topics,
            on_batch=on_batch,
            held=self._held,
            records=self.settings.batch_records,
            hop=self.metrics.hop.labels(group).observe,
        )

    def _held(self) -> str | None:
        if self.relay.full:
            return "the outbox is full; it goes on when Kafka takes what was written"
        return self.changed()

    def app(
        self, *, closing: Sequence[Callable[[], Awaitable[None]]] = (), files: Mapping[str, int] | None = None
    ) -> FastAPI:
        """The HTTP shell: health, metrics, problem documents; the service adds its routes.

        `closing` is called once nothing is read or sent any more; `files` are paths whose bodies may be larger.
        """

        @asynccontextmanager
        async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
            starting = asyncio.create_task(self.start())
            try:
                yield
            finally:
                starting.cancel()
                with suppress(asyncio.CancelledError):
                    await starting
                await self.stop()
                for close in closing:
                    await close()

        app = FastAPI(
            title=f"Waybill {self.name}",
            lifespan=lifespan,
            docs_url=None,
            redoc_url=None,
        )
        app.add_middleware(Guard, refuses=self._refuses)
        app.add_middleware(BodyLimit, limit=BODY_LIMIT, files=files or {})
        problems.answer_problems(app)
        app.add_api_route("/health/live", _live, include_in_schema=False)
        app.add_api_route("/health/ready", self._ready, include_in_schema=False)
        add_routes(app, *ops.routes(self))
        if self.database.generation is not None:
            add_routes(app, projections.routes(self))
        app.add_api_route("/metrics", self._metrics, include_in_schema=False)
        return app

    async def start(self) -> None:
        """Come up, trying again until database and broker are there."""
        pause = 0.2
        while True:
            try:
                await self._come_up()
            except ChangedPast:
                self.starting = "does not start while log and database tell different stories"
                await asyncio.sleep(LOOK_S)
            except Exception as error:  # noqa: BLE001  # a service waits for what it needs and says so
                self.starting = f"cannot start yet: {type(error).__name__}: {error}".splitlines()[0][:300]
                _log.warning("service.start_failed", error=self.starting, pause_s=pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, 5.0)
            else:
                self.starting = None
                _log.info("service.ready", port=self.settings.port)
                return

    async def stop(self) -> None:
        """Stop reading first, then sending; nothing in hand is cut off."""
        if self.sweep is not None:
            self.sweep.stopping.set()
        for chore in self.chores:
            chore.stop()
        for consumer in reversed(self.consumers.values()):
            await consumer.stop()
        self.relay.stop()
        for task, ended in zip(self.tasks, await asyncio.gather(*self.tasks, return_exceptions=True), strict=True):
            if isinstance(ended, BaseException):
                _log.error("service.task_failed", task=task.get_name(), exc_info=ended)
        await self.database.close()
        _log.info("service.stopped")

    def reasons(self) -> list[str]:
        """Why it is not ready; empty when it is."""
        return [
            reason
            for reason in (
                self.starting,
                self.relay.changed,
                self.relay.problem,
                f"{self.relay.backlog} events wait to be sent" if self.relay.full else None,
                *(consumer.problem for consumer in self.consumers.values()),
                *(f"its {task.get_name()} has ended; restart it" for task in self.tasks if task.done()),
            )
            if reason is not None
        ]

    async def _come_up(self) -> None:
        await migrate(self.database, f"waybill_{self.name}")
        if not self.tasks:
            self.sweep = Sweep(
                self.database,
                self.metrics,
                self.relay,
                tables=self.tables,
                events=self.events,
                consumers=list(self.consumers.values()),
            )
            self.tasks = [
                asyncio.create_task(self.relay.run(), name="relay"),
                asyncio.create_task(self.sweep.run(), name="sweep"),
                *(asyncio.create_task(chore.run(), name=chore.name) for chore in self.chores),
            ]
        await self.relay.compare()
        for group, consumer in self.consumers.items():
            if not consumer.started:
                await consumer.start()
            while group == f"{self.name}.tables" and not await consumer.caught_up():
                await asyncio.sleep(0.1)

    def _refuses(self, path: str, *, writes: bool) -> problems.Problem | None:
        """Why nothing is answered now."""
        if path.startswith(_OPS) and not self.tasks:
            # Its tables are not there yet.
            return problems.busy(f"{self.name} {self.starting}")
        if path.startswith(_ALWAYS_OPEN):
            return None
        if (changed := self.changed()) is not None and writes:
            return problems.busy(f"{self.name} changes nothing: {changed}")
        if self.starting is not None and changed is None:
            return problems.busy(f"{self.name} {self.starting}")
        if self.relay.full and writes:
            return problems.busy("Too many events wait for Kafka. Nothing was changed; send it again.")
        return None

    async def _ready(self) -> Response:
        reasons = self.reasons()
        return JSONResponse({"ready": not reasons, "reasons": reasons}, 503 if reasons else 200)

    async def _metrics(self) -> Response:
        for consumer in self.consumers.values():
            self.metrics.lag.labels(consumer.group).set(consumer.lag())
        return Response(self.metrics.text(), media_type=CONTENT_TYPE)


async def _live() -> dict[str, bool]:
    return {"live": True}


def serve(name: str, read: type[R], build: Callable[[R], FastAPI]) -> None:
    """Read the settings and run until SIGTERM or SIGINT; a second one ends it at once."""
    try:
        settings = read()  # pyright: ignore[reportCallIssue]  # its fields come from the environment
    except ValidationError as error:
        wrong = "; ".join(f"WAYBILL_{found['loc'][0]!s}".upper() + f": {found['msg']}" for found in error.errors())
        sys.exit(f"{name} cannot start, correct its environment: {wrong}")
    logging.configure(name, settings.log_level)
    app = build(settings)
    # What lives as long as the process need not be looked through for cycles, and a batch makes none.
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)
    uvicorn.run(
        app,
        host=settings.host,
        port=settings.port,
        loop=LOOP,
        log_config=None,
        timeout_graceful_shutdown=15,
        timeout_keep_alive=IDLE_S,
        access_log=False,
        server_header=False,
    )
