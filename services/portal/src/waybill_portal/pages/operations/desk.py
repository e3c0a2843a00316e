"""The pages of those who are on call: what stands still in all services, why, and how it goes on."""

import asyncio
import base64
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode
from uuid import UUID

from waybill_chassis.problems import Problem
from waybill_chassis.transaction import Begin
from waybill_portal import store
from waybill_portal.clients import Owner
from waybill_portal.domain import Order
from waybill_portal.domain.people import Viewer

TABS: Final[Mapping[str, tuple[str, str, str]]] = {
    "parked": ("Standing still", "/quarantine", "parked"),
    "waiting": ("Waiting", "/waiting", "waiting"),
    "letters": ("Dead letters", "/dead-letters", "dead_letters"),
    "done": ("Done by hand", "/interventions", "interventions"),
    "services": ("Services", "", ""),
}
"""By code: the name, whom to ask, and what of the answer is shown."""
SHOWN: Final = 200
_AT_ONCE: Final = 8
Render = Callable[..., str]
Found = dict[str, Any]


class Desk:
    """What the pages show and do, over the operators' APIs of all services."""

    def __init__(self, begin: Begin[Order], owners: Mapping[str, Owner], render: Render) -> None:
        self.begin, self.owners, self.render = begin, owners, render

    async def overview(self, viewer: Viewer, tab: str, *, part: bool) -> str:
        """One of the lists over all services; `part` is what an open page asks for again."""
        if tab not in TABS:
            raise Problem(404, "not-found", f"There is no list {tab!r}. Go to what stands still.")
        ready, (rows, silent) = await asyncio.gather(self._ready(), self._rows(viewer, tab))
        names = await self._names(viewer, rows)
        body = self.render(
            "operations/lists.html",
            tab=tab,
            rows=rows,
            names=names,
            silent=silent,
            not_ready={name: reasons for name, reasons in ready.items() if reasons},
            ready=ready,
            actors=await self._actors(viewer) if tab == "done" else {},
            causes=_causes(rows) if tab == "parked" else [],
        )
        return body if part else self.render("operations/overview.html", viewer=viewer, tab=tab, tabs=TABS, body=body)

    async def cause(self, viewer: Viewer, of: "Cause", *, done: str = "", problem: str = "", why: str = "") -> str:
        """All orders that stand still for one cause."""
        rows = await self._of_cause(viewer, of)
        names = await self._names(viewer, rows)
        return self.render(
            "operations/cause.html", viewer=viewer, of=of, rows=rows, names=names, done=done, problem=problem, why=why
        )

    async def redrive_cause(self, viewer: Viewer, of: "Cause", why: str) -> str:
        """Redrive each order of a cause, some at a time; what became of them."""
        rows = await self._of_cause(viewer, of)
        room = asyncio.Semaphore(_AT_ONCE)

        async def one(row: Found) -> tuple[str, bool]:
            async with room:
                return await self.do(viewer, of.service, f"/quarantine/{row['subject']}/redrive", {"why": why})

        found = await asyncio.gather(*map(one, rows))
        refused = [says for says, problem in found if problem]
        done = f"{len(found) - len(refused)} of {len(found)} go on." if len(refused) < len(found) else ""
        problem = f"{len(refused)} stay: {refused[0]}" if refused else ""
        return await self.cause(viewer, of, done=done, problem=problem, why=why if refused else "")

    async def service(self, viewer: Viewer, service: str) -> str:
        """How far one service has read and sent."""
        read, sent, reasons = await asyncio.gather(
            self.owners[service].ask(viewer, "/ops/v1/offsets"),
            self.owners[service].ask(viewer, "/ops/v1/sent"),
            self.owners[service].not_ready(),
        )
        return self.page(
            viewer, self.render("operations/service.html", service=service, read=read, sent=sent, reasons=reasons)
        )

    async def one(self, viewer: Viewer, subject: UUID, *, done: str = "", problem: str = "") -> str:
        """An order or sale in all services."""
        found, silent = await self._ask(viewer, f"/ops/v1/quarantine/{subject}")
        names = await self._names(viewer, [{"subject": str(subject)}])
        interventions = [{"service": each["service"], **one} for each in found for one in each["interventions"]]
        return self.render(
            "operations/standing.html",
            subject=subject,
            name=names.get(str(subject), ""),
            found=found,
            silent=silent,
            still=[each for each in found if each["is_parked"] or each["waiting"]],
            done=done,
            problem=problem,
            actors=await self._actors(viewer) if interventions else {},
            interventions=sorted(interventions, key=lambda each: each["at"], reverse=True),
        )

    async def editing(
        self,
        viewer: Viewer,
        service: str,
        subject: UUID,
        *,
        text: str = "",
        why: str = "",
        problem: str = "",
        of: str | None = None,
    ) -> str:
        """What was refused of an order in one service, whole, to be written anew; raises Problem.

        `text` and `why` were typed for the event at the place `of`, and are kept while that is the one that is refused.
        """
        found = await self.owners[service].ask(viewer, f"/ops/v1/quarantine/{subject}", personal=True)
        if not found["is_parked"]:
            raise Problem(404, "not-parked", f"Nothing of it stands still in {service} now. Go to what stands still.")
        head, names = found["parked"][0], await self._names(viewer, [found])
        typed = of == f"{head['topic']}/{head['partition']}/{head['offset']}"
        return self.render(
            "operations/edit.html",
            service=service,
            subject=subject,
            name=names.get(str(subject), ""),
            head=head,
            text=text if typed else _text(head),
            why=why if typed else "",
            problem=problem,
        )

    async def edit(
        self, viewer: Viewer, service: str, subject: UUID, text: str, *, why: str, head: str
    ) -> tuple[str, bool]:
        """Redrive an order with this for what was refused; what became of it, and whether something of it stays.

        `head` is the place of what was shown: what stands there now may be another event.
        """
        try:
            is_object = isinstance(json.loads(text), dict)
        except (ValueError, RecursionError) as error:
            return f"This is no JSON: {error}. Nothing was changed.", True
        if not is_object:
            return "An event is a JSON object, in braces. Nothing was changed.", True
        value = base64.b64encode(text.encode()).decode()
        topic, _, place = head.partition("/")
        at = [topic, *place.split("/")]
        return await self.do(viewer, service, f"/quarantine/{subject}/redrive", {"why": why}, value=value, head=at)

    async def letter(self, viewer: Viewer, service: str, place: str, *, problem: str = "") -> str:
        """One dead letter."""
        found = await self.owners[service].ask(viewer, f"/ops/v1/dead-letters/{place}")
        return self.render("operations/letter.html", service=service, letter=found, place=place, problem=problem)

    def page(self, viewer: Viewer, body: str) -> str:
        """A whole page around one part."""
        return self.render("operations/page.html", viewer=viewer, body=body)

    def check(self, service: str, action: str = "", known: Iterable[str] = ("",)) -> None:
        """Raise Problem for an address that leads nowhere."""
        if service not in self.owners or action not in known:
            raise Problem(404, "not-found", "This address leads nowhere. Go to what stands still.")

    async def _ready(self) -> dict[str, list[str]]:
        reasons = await asyncio.gather(*(owner.not_ready() for owner in self.owners.values()))
        return dict(zip(self.owners, reasons, strict=True))

    async def _rows(self, viewer: Viewer, tab: str) -> tuple[list[Found], list[str]]:
        _, path, shown = TABS[tab]
        if not path:
            return [], []
        found, silent = await self._ask(viewer, f"/ops/v1{path}", limit=SHOWN)
        rows = [{"service": each["service"], **row} for each in found for row in each[shown]]
        return sorted(rows, key=_oldest_first if tab != "done" else _newest_first), silent

    async def _of_cause(self, viewer: Viewer, of: "Cause") -> list[Found]:
        self.check(of.service)
        found = await self.owners[of.service].ask(viewer, "/ops/v1/quarantine", cause=of.cause, limit=10_000)
        rows = [{"service": of.service, **row} for row in found["parked"]]
        return [row for row in rows if (bare(row["type"]), row["alike"]) == (of.type, of.alike)]

    async def _ask(self, viewer: Viewer, path: str, **query: Any) -> tuple[list[Found], list[str]]:
        """What all services answer, and what is to be said of those that do not."""

        async def one(owner: Owner) -> Found | str:
            try:
                found: Found = await owner.ask(viewer, path, **query)
            except Problem as problem:
                return f"{owner.name}: {problem.detail}"
            return found

        answers = await asyncio.gather(*map(one, self.owners.values()))
        return [each for each in answers if isinstance(each, dict)], [each for each in answers if isinstance(each, str)]

    async def do(
        self, viewer: Viewer, service: str, path: str, given: Mapping[str, str], **more: Any
    ) -> tuple[str, bool]:
        """Do something in one service; what became of it, and whether something of it stays."""
        body = {"why": given.get("why", ""), **more}
        try:
            found = await self.owners[service].command(viewer, f"/ops/v1{path}", body, None)
        except Problem as problem:
            if problem.code == "invalid-request":
                return "Say why, in at least three letters: it is kept with your name.", True
            return problem.detail, True
        events = "event was" if found["released"] == 1 else "events were"
        if found["left"]:
            return f"{found['released']} {events} taken in, {found['left']} stay: {found['error']}", True
        return f"{found['released']} {events} taken in. It goes on in {service}.", False

    async def _names(self, viewer: Viewer, rows: Iterable[Found]) -> dict[str, str]:
        """The references of these orders, as far as the projection has them."""
        subjects = {UUID(row["subject"]) for row in rows if row.get("subject")}
        async with self.begin.database.begin(viewer.brand) as connection:
            orders = await self.begin.store.load(connection, subjects) if subjects else {}
        return {str(order_id): order.reference for order_id, order in orders.items()}

    async def _actors(self, viewer: Viewer) -> Mapping[str, str]:
        """What people and programs are called that did something by hand."""
        async with self.begin.database.begin(viewer.brand) as connection:
            return await store.people.names(connection)


class Cause:
    """Why orders stand still: where, what event, and the words of the refusal with ids and numbers made equal."""

    def __init__(self, service: str, type_: str, cause: str, alike: str) -> None:
        self.service, self.type, self.cause, self.alike = service, type_, cause, alike

    @property
    def link(self) -> str:
        """Its page."""
        return "/operations/cause?" + urlencode(
            {"service": self.service, "type": self.type, "cause": self.cause, "alike": self.alike}
        )


def _causes(rows: Sequence[Found]) -> list[tuple[Cause, list[Found]]]:
    """The orders of each cause, the oldest first; the most frequent cause first."""
    found: dict[tuple[str, str, str, str], list[Found]] = {}
    for row in rows:
        found.setdefault((row["service"], bare(row["type"]), row["cause"], row["alike"]), []).append(row)
    return sorted(((Cause(*key), alike) for key, alike in found.items()), key=lambda each: -len(each[1]))


def _text(head: Found) -> str:
    """What an event says, as it was written, for people to change; as far as it can be read."""
    written = base64.b64decode(head["value"] or "")
    try:
        return json.dumps(json.loads(written), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return written.decode(errors="replace")


def _oldest_first(row: Found) -> tuple[float, str]:
    return -(row.get("age_s") or row.get("waited_s") or 0.0), row.get("at") or ""


def _newest_first(row: Found) -> float:
    return -datetime.fromisoformat(row["at"]).timestamp()


def bare(type_: str | None) -> str:
    """An event's name for people."""
    return (type_ or "unreadable").removeprefix("waybill.").partition(".v")[0]


def span(seconds: float) -> str:
    """A time span as people say it."""
    for unit, length in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} s"


def second(iso: str) -> str:
    """A time to the second, in UTC."""
    return datetime.fromisoformat(iso).strftime("%-d %b %Y, %H:%M:%S")


FILTERS: Final[Mapping[str, Callable[..., str]]] = {"bare": bare, "span": span, "second": second}
