"""What people and platforms do all the while: sales in, parcels out, the same again, and what must be refused.

A kind of work is a function of the client and its dice; `WORK` says how often each is done. One that comes later, a
correction or a label, is one more function here, and an invariant in the judge.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import UUID

import httpx

from waybill_chaos.history import Command, History
from waybill_chaos.judge import LEFT
from waybill_events import ids
from waybill_simulators.shopify import Shop, an_order, canceled

BRANDS: Final = {
    UUID("c0a50000-0000-4000-8000-000000000001"): "Chaos Apparel",
    UUID("c0a50000-0000-4000-8000-000000000002"): "Chaos Ceramics",
}
CONNECTION: Final = UUID("c0a50000-0000-4000-8000-00000000000c")
FIRST: Final = 100_000
_SECRET: Final = "the secret of a shop"
_NOON: Final = datetime(2026, 3, 1, 12, tzinfo=UTC)
_ADDRESS: Final = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
_SHIPS: Final = {
    "ship_from": {"name": "Chaos", "line1": "9 Mill Road", "city": "Troy", "postcode": "12180", "country": "US"},
    "default_box": {"length_mm": 300, "width_mm": 200, "height_mm": 120},
    "default_weight_g": 350,
}
"""What a brand must say before labels are bought for it."""
_CALLER: Final = "person:chaos|all"
_COMPANIES: Final = ("UPS", "usps", "Fedex", "Ann's van", "")
_LOOKS_S: Final = 0.1
_OK, _NOT_FOUND, _SERVER = 200, 404, 500


@dataclass(slots=True)
class Order:
    """An order that must come of an accepted sale; `open` is what the client believes is left of each line."""

    order_id: UUID
    sale_id: UUID
    brand_id: UUID
    reference: str
    lines: dict[str, int]
    open: dict[str, int] = field(init=False)

    def __post_init__(self) -> None:
        self.open = dict(self.lines)


class Client:
    """Sends commands until it is told what became of them, or gives up, and writes down what it was told."""

    def __init__(
        self,
        connectors: httpx.AsyncClient,
        owners: httpx.AsyncClient,
        portal: httpx.AsyncClient,
        history: History,
        ports: Callable[[str], Sequence[int]],
        *,
        patience_s: float,
    ) -> None:
        self.shop = Shop(connectors, CONNECTION, _SECRET)
        self.owners, self.portal, self.history, self.patience_s = owners, portal, history, patience_s
        self.ports, self.turn = ports, 0
        """Where each service answers; its processes take turns."""
        self.next_sale, self.next_parcel = FIRST, 1
        self.orders: list[Order] = []
        """Those of accepted sales."""
        self.sold: dict[UUID, dict[str, Any]] = {}
        """Accepted sales as they were told."""
        self.shipped: list[tuple[Command, Order, dict[str, Any]]] = []
        """Accepted shipments, and what was asked."""
        self.shown: dict[UUID, list[str]] = {}
        """The parcels with a number that the portal has shown, by order."""
        self.races = 0
        """Orders that were shipped and canceled at the same instant, where both who asked were answered."""
        self.left_in_race = 0
        """Those of which something left."""
        self.ended = asyncio.Event()

    async def look(self, order_id: UUID) -> None:
        """See that the portal still shows of an order what it has shown."""
        shown = self.shown
        try:
            answer = await self.portal.get(f"/api/v1/orders/{order_id}")
        except httpx.TransportError:
            return
        # Who sets the portal's database back says so.
        if answer.status_code not in {_OK, _NOT_FOUND} or shown is not self.shown:
            return
        now = None
        if answer.status_code == _OK:
            now = [parcel["parcel_id"] for parcel in answer.json()["parcels"] if parcel["tracking_number"]]
        if (before := shown.get(order_id)) is not None:
            look = Command("look", str(order_id), {"parcels": before}, "accepted", answer=now)
            look.note(answer.status_code, "")
            self.history.keep(look)
        if now is not None:
            shown[order_id] = now

    async def sell(
        self,
        command: Command,
        order: dict[str, Any],
        *,
        event_id: str,
        secret: str = _SECRET,
        topic: str = "orders/create",
    ) -> None:
        """Tell a sale as Shopify does, again and again until it is taken."""
        shop = Shop(self.shop.client, CONNECTION, secret)
        await self._until_known(command, lambda: shop.tell(order, topic=topic, event_id=event_id), _of_webhook)

    async def ship(self, command: Command, order: Order, body: dict[str, Any], key: str) -> None:
        """Ship, with the same key again and again until the outcome is known."""

        await self.post(command, "fulfillment", order, "shipments", body, key)
        if command.outcome == "accepted":
            self.shipped.append((command, order, body))

    async def post(
        self, command: Command, service: str, order: Order, what: str, body: dict[str, Any], key: str
    ) -> None:
        """A command about an order, with the same key again and again until the outcome is known."""

        async def send() -> httpx.Response:
            url = self._url(service, f"orders/{order.order_id}/{what}")
            return await self.owners.post(url, json=body, headers={"Idempotency-Key": key})

        await self._until_known(command, send, _of_command)

    async def known(self, order: Order) -> bool:
        """Wait until an order may be both shipped and canceled; False where it may not in time."""
        end = time.monotonic() + self.patience_s
        services = ["orders", "fulfillment"]
        while services and time.monotonic() < end and not self.ended.is_set():
            try:
                answer = await self.owners.get(self._url(services[-1], f"orders/{order.order_id}"))
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.is_success:
                services.pop()
            else:
                await asyncio.sleep(0.3)
        return not services

    async def file(self, command: Command, what: str, content: bytes, key: str) -> None:
        """Upload a file, or apply or undo one, with the same key again and again until the outcome is known."""

        headers = {"Idempotency-Key": key, "Content-Type": "application/json" if what else "text/csv"}

        async def send() -> httpx.Response:
            url = self._url("fulfillment", f"imports{what}")
            return await self.owners.post(url, content=content, headers=headers)

        await self._until_known(command, send, _of_command)

    async def rows_of(self, import_id: str, state: str) -> list[dict[str, Any]] | None:
        """The rows of a file once it has come so far; None where it does not in time."""
        end = time.monotonic() + self.patience_s
        while time.monotonic() < end:
            try:
                found = await self.owners.get(self._url("fulfillment", f"imports/{import_id}"))
                if found.is_success and found.json()["state"] == state:
                    rows = await self.owners.get(self._url("fulfillment", f"imports/{import_id}/rows"))
                    if rows.is_success:
                        return list(rows.json())
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.3)
        return None

    def _url(self, service: str, path: str) -> str:
        """Where the next process of a service answers."""
        ports, self.turn = self.ports(service), self.turn + 1
        return f"http://127.0.0.1:{ports[self.turn % len(ports)]}/api/v1/{path}"

    async def _until_known(
        self,
        command: Command,
        send: Callable[[], Awaitable[httpx.Response]],
        verdict: Callable[[httpx.Response], bool | None],
    ) -> None:
        end = time.monotonic() + self.patience_s
        while True:
            try:
                answer = await send()
            except httpx.TransportError as error:
                command.note(None, type(error).__name__)
            else:
                taken = verdict(answer)
                command.note(answer.status_code, answer.text, accepted=taken is True, refused=taken is False)
                if taken is True:
                    body = answer.json()
                    if command.answer is None:
                        command.answer = body
                    elif body != command.answer:
                        command.others.append(body)
                elif taken is False and command.outcome == "accepted":
                    command.others.append(answer.text)
                if taken is not None:
                    return
            if time.monotonic() > end or self.ended.is_set():
                return
            await asyncio.sleep(0.3)


def _of_webhook(answer: httpx.Response) -> bool | None:
    """True, False, or None where it must be asked again."""
    if answer.is_success:
        return bool(answer.json()["outcome"] == "sale")
    return None if answer.status_code >= _SERVER else False


def _of_command(answer: httpx.Response) -> bool | None:
    if answer.is_success:
        return True
    # An order that is not there yet will be.
    return None if answer.status_code >= _SERVER or answer.status_code == _NOT_FOUND else False


def a_sale(client: Client, dice: random.Random) -> tuple[Command, dict[str, Any], list[Order]]:
    """A new sale of one brand or of both, and the orders that must come of it."""
    number, client.next_sale = client.next_sale, client.next_sale + 1
    brands = dice.sample(sorted(BRANDS), dice.choice((1, 1, 2)))
    lines = [
        {"title": f"Thing {at}", "vendor": BRANDS[brand], "sku": "", "price": "9.00", "quantity": dice.randint(1, 9)}
        for brand in brands
        for at in range(dice.randint(1, 3))
    ]
    sold = an_order(number, lines, _NOON + timedelta(seconds=number), address=_ADDRESS)
    sale_id = ids.sale_id(CONNECTION, str(sold["id"]))
    orders = [
        Order(
            ids.order_id(sale_id, at),
            sale_id,
            brand,
            f"{sold['name'].removeprefix('#')}-{at:02d}",
            {str(line["id"]): line["quantity"] for line in sold["line_items"] if line["vendor"] == BRANDS[brand]},
        )
        for at, brand in enumerate(brands, start=1)
    ]
    wants = {
        "sale_id": str(sale_id),
        "number": sold["name"],
        "orders": [
            {"order_id": str(order.order_id), "brand_id": str(order.brand_id), "lines": order.lines} for order in orders
        ],
    }
    return Command("sale", str(sale_id), wants), sold, orders


async def sell(client: Client, dice: random.Random) -> None:
    """A sale; some are told again after they were taken, under their own event id or as another change."""
    command, sold, orders = a_sale(client, dice)
    event_id = f"chaos-{sold['id']}"
    await client.sell(command, sold, event_id=event_id)
    if command.outcome == "accepted":
        client.orders += orders
        client.sold[UUID(command.name)] = sold
        if dice.random() < 0.2:
            other = dice.choice((event_id, f"{event_id}-again"))
            await client.sell(replace(command, answers=[], answer=None), sold, event_id=other)
    client.history.keep(command)


async def sell_what_is_refused(client: Client, dice: random.Random) -> None:
    """A sale that is no sale: forged, with a quantity that is none, or larger than an event may be."""
    command, sold, _orders = a_sale(client, dice)
    secret, line = _SECRET, sold["line_items"][0]
    match dice.randrange(5):
        case 0:
            secret = "another secret"
        case 1:
            line["quantity"] = 3_000_000_000
        case 2:
            line["quantity"] = "two"
        case 3:
            sold["line_items"] = [{**line, "id": line["id"] * 1000 + at, "title": "T" * 4000} for at in range(240)]
        case _:
            sold["line_items"] = [line, line]
    await client.sell(command, sold, event_id=f"chaos-{sold['id']}", secret=secret)
    client.history.keep(command)


async def sell_what_is_odd(client: Client, dice: random.Random) -> None:
    """A sale with U+0000 in a title, or just small enough to go through."""
    command, sold, orders = a_sale(client, dice)
    line = sold["line_items"][0]
    line["title"] = "nul \x00 and half \ud83d" if dice.random() < 0.7 else "T" * 4000
    if len(line["title"]) == 4000:
        sold["note"] = "N" * 4000
        more = [{**line, "id": line["id"] * 1000 + at, "quantity": 1} for at in range(150)]
        sold["line_items"] += more
        mine = next(order for order in orders if BRANDS[order.brand_id] == line["vendor"])
        mine.lines |= {str(each["id"]): 1 for each in more}
        mine.open |= {str(each["id"]): 1 for each in more}
        command.wants["orders"][orders.index(mine)]["lines"] = mine.lines
    await client.sell(command, sold, event_id=f"chaos-{sold['id']}")
    if command.outcome == "accepted":
        client.orders += orders
    client.history.keep(command)


def a_parcel(client: Client, order: Order, dice: random.Random) -> tuple[Command, dict[str, Any]]:
    """Everything that is open, or some of it."""
    number, client.next_parcel = client.next_parcel, client.next_parcel + 1
    name = f"CHAOS{number:07d}"
    body: dict[str, Any] = {
        "tracking_company": dice.choice(_COMPANIES),
        "tracking_number": name,
        "confirm": ["unknown-company"],
    }
    units: dict[str, int] | None = None
    left = {line: count for line, count in order.open.items() if count}
    if dice.random() < 0.75 and left:
        lines = dice.sample(sorted(left), dice.randint(1, min(len(left), 5)))
        units = {line: dice.randint(1, (left[line] + 1) // 2) for line in lines}
        body["lines"] = [{"line_id": line, "quantity": count} for line, count in units.items()]
    wants = {"order_id": str(order.order_id), "units": units, "tracking_company": body["tracking_company"]}
    return Command("ship", name, wants), body


def _shipped(order: Order, command: Command) -> None:
    """Believe what the answer says, or the worst where none came."""
    if command.outcome == "accepted":
        order.open = {line["line_id"]: line["open"] for line in command.answer["lines"]}
    elif command.outcome == "unknown":
        order.open = dict.fromkeys(order.open, 0)


async def ship(client: Client, dice: random.Random) -> None:
    """A parcel; some commands are sent again afterwards, with the same key."""
    order = _any_order(client, dice)
    if order is None:
        return
    command, body = a_parcel(client, order, dice)
    await client.ship(command, order, body, command.name)
    _shipped(order, command)
    if command.outcome == "accepted" and dice.random() < 0.25:
        await client.ship(command, order, body, command.name)
    client.history.keep(command)


async def ship_at_once(client: Client, dice: random.Random) -> None:
    """Several people ship the same order at the same moment, one of them twice with one key."""
    order = _any_order(client, dice)
    if order is None:
        return
    parcels = [a_parcel(client, order, dice) for _ in range(dice.randint(3, 7))]
    twin = replace(parcels[0][0], answers=[], others=[])
    await asyncio.gather(
        client.ship(twin, order, parcels[0][1], twin.name),
        *(client.ship(command, order, body, command.name) for command, body in parcels),
    )
    client.shipped = [each for each in client.shipped if each[0] is not twin]
    first = parcels[0][0]
    if twin.outcome == "accepted" and first.outcome == "accepted" and twin.answer != first.answer:
        first.others.append(twin.answer)
    if "accepted" in {twin.outcome, first.outcome}:
        first.outcome, first.answer = "accepted", first.answer or twin.answer
    elif "unknown" in {twin.outcome, first.outcome}:
        first.outcome = "unknown"
    for command, _body in parcels:
        _shipped(order, command)
        client.history.keep(command)
    if len({command.outcome for command, _ in parcels}) > 1:
        order.open = dict.fromkeys(order.open, 0)


async def ship_what_is_refused(client: Client, dice: random.Random) -> None:
    """More than is open, a line that is not there, no units, a number that no text can hold."""
    order = _any_order(client, dice)
    if order is None:
        return
    command, body = a_parcel(client, order, dice)
    line = dice.choice(sorted(order.lines))
    match dice.randrange(5):
        case 0:
            body["lines"] = [{"line_id": line, "quantity": order.lines[line] + 1}]
        case 1:
            body["lines"] = [{"line_id": "no such line", "quantity": 1}]
        case 2:
            body["lines"] = [{"line_id": line, "quantity": 0}]
        case 3:
            body["lines"] = [{"line_id": line, "quantity": 3_000_000_000}]
        case _:
            body["tracking_number"] += "\x00"
    await client.ship(command, order, body, command.name)
    client.history.keep(command)


def a_request(order: Order, kind: str, wants: dict[str, Any], dice: random.Random) -> tuple[Command, str]:
    """A request about an order, by the id that it will have, and its key."""
    what = {"cancel": "cancellations", "hold": "holds", "amend": "amendments", "return": "returns"}[kind]
    key = f"chaos-{kind}-{dice.randrange(2**48)}"
    command = ids.command_id(_CALLER, f"POST /api/v1/orders/{order.order_id}/{what}", key)
    request_id = ids.request_id(order.order_id, command)
    return Command(kind, str(request_id), {"order_id": str(order.order_id), **wants}), key


def some_to_cancel(order: Order, dice: random.Random) -> dict[str, int] | None:
    """Some units, or None for all; rarely more than can be left, never more than were ordered."""
    if dice.random() < 0.4:
        return None
    lines = dice.sample(sorted(order.lines), dice.randint(1, min(3, len(order.lines))))
    return {line: dice.randint(1, order.lines[line]) for line in lines}


async def cancel(client: Client, dice: random.Random) -> None:
    """Some units or all, by the brand; some are asked for again with the same key."""
    order = _any_order(client, dice)
    if order is None:
        return
    await ask_to_cancel(client, order, dice)
    order.open = dict.fromkeys(order.open, 0)


async def ask_to_cancel(client: Client, order: Order, dice: random.Random) -> Command:
    """One cancellation."""
    units = some_to_cancel(order, dice)
    command, key = a_request(order, "cancel", {"units": units}, dice)
    body: dict[str, Any] = {"reason": "customer"}
    if units is not None:
        body["lines"] = [{"line_id": line, "quantity": count} for line, count in units.items()]
    await client.post(command, "orders", order, "cancellations", body, key)
    if dice.random() < 0.2:
        await client.post(command, "orders", order, "cancellations", body, key)
    client.history.keep(command)
    return command


async def correct(client: Client, dice: random.Random) -> None:
    """Another number for a parcel that has left; some are asked for again with the same key."""
    if not client.shipped:
        return
    ship, order, _body = dice.choice(client.shipped[-40:])
    parcel_id = next(each["parcel_id"] for each in ship.answer["parcels"] if each["tracking_number"] == ship.name)
    number, client.next_parcel = f"FIXED{client.next_parcel:07d}", client.next_parcel + 1
    wants = {"order_id": str(order.order_id), "parcel_id": parcel_id, "was": ship.name}
    command = Command("correct", number, wants)
    body = {"tracking_company": "UPS", "tracking_number": number}
    for _ in range(2 if dice.random() < 0.3 else 1):
        await client.post(command, "tracking", order, f"parcels/{parcel_id}/number", body, number)
    client.history.keep(command)


async def undo(client: Client, dice: random.Random) -> None:
    """A parcel has not left after all; some say so twice with the same key."""
    if not client.shipped:
        return
    ship, order, _body = dice.choice(client.shipped[-40:])
    parcel_id = next(each["parcel_id"] for each in ship.answer["parcels"] if each["tracking_number"] == ship.name)
    command = Command("undo", f"chaos-undo-{ship.name}", {"order_id": str(order.order_id), "parcel_id": parcel_id})
    for _ in range(2 if dice.random() < 0.3 else 1):
        await client.post(command, "fulfillment", order, f"parcels/{parcel_id}/undo", {}, command.name)
    client.history.keep(command)


async def import_file(client: Client, dice: random.Random) -> None:
    """A file of numbers, one of them for nobody's order; it is applied, and some are taken back, perhaps said twice."""
    some = {order.reference: order for order in client.orders[-40:] if any(order.open.values())}
    rows: list[Command] = []
    lines = ["reference,tracking_company,tracking_number"]
    for reference in [*dice.sample(sorted(some), min(len(some), dice.randint(1, 5))), "nobody's"]:
        order = some.get(reference)
        name, client.next_parcel = f"CHAOS{client.next_parcel:07d}", client.next_parcel + 1
        wants = {"order_id": str(order and order.order_id), "units": None, "tracking_company": "UPS"}
        rows.append(Command("ship", name, wants))
        lines.append(f"{reference},UPS,{name}")
        if order is not None:
            order.open = dict.fromkeys(order.open, 0)
    key = f"chaos-import-{dice.randrange(2**48)}"
    command = Command("import", key, {"rows": [row.name for row in rows]})
    await _apply(client, command, "\n".join(lines).encode(), dice)
    for row, became in zip(rows, command.answer or (), strict=command.outcome == "accepted"):
        row.outcome = "accepted" if became["fate"] in LEFT else "refused"
        row.note(_OK, became["says"])
        client.history.keep(row)
    client.history.keep(command)


async def _apply(client: Client, command: Command, content: bytes, dice: random.Random) -> None:
    """Upload a file, apply it, perhaps undo it; `command` is answered with its rows in the end, or unknown."""
    await client.file(command, "", content, command.name)
    found, command.outcome, command.answer = command.answer, "unknown", None
    steps = ("apply", "undo") if dice.random() < 0.4 else ("apply",)
    for step in steps if found else ():
        done = Command(step, f"{command.name}-{step}", {})
        body = b'{"confirm": ["wrong-check-digit", "other-carrier"]}' if step == "apply" else b""
        for _ in range(2 if dice.random() < 0.3 else 1):
            await client.file(done, f"/{found['import_id']}/{step}", body, done.name)
        command.answer = await client.rows_of(found["import_id"], "applied" if step == "apply" else "undone")
        command.outcome = "unknown" if command.answer is None else "accepted"
        if command.answer is None:
            return


async def send_back(client: Client, dice: random.Random) -> None:
    """A unit of what was shipped is to come back, and perhaps does."""
    if not client.shipped:
        return
    _ship, order, _body = dice.choice(client.shipped[-40:])
    units = {"line_id": dice.choice(sorted(order.lines)), "quantity": 1}
    command, key = a_request(order, "return", {"units": units}, dice)
    await client.post(command, "orders", order, "returns", {"lines": [units], "reason": "damaged"}, key)
    client.history.keep(command)
    await asyncio.sleep(dice.uniform(0, 2))
    came = Command("receive", f"{key}-receive", {"order_id": str(order.order_id), "return_id": command.name})
    body = {"lines": [{**units, "condition": "restock"}]}
    await client.post(came, "fulfillment", order, f"returns/{command.name}/receive", body, came.name)
    client.history.keep(came)


async def hold(client: Client, order: Order, dice: random.Random) -> None:
    """A hold, which is released after a moment, once it stands."""
    command, key = a_request(order, "hold", {}, dice)
    await client.post(command, "orders", order, "holds", {"reason": "fraud_risk"}, key)
    client.history.keep(command)
    await asyncio.sleep(dice.uniform(0.05, 0.5))
    released = Command("release", command.name, {"order_id": str(order.order_id)})
    await client.post(released, "orders", order, f"holds/{command.name}/release", {}, f"{key}-release")


async def amend(client: Client, order: Order, dice: random.Random) -> None:
    """Another note, and perhaps another address."""
    note = f"note {dice.randrange(10**6)}"
    command, key = a_request(order, "amend", {"note": note}, dice)
    body: dict[str, Any] = {"note": note}
    if dice.random() < 0.5:
        body["address"] = {"name": "Bo", "line1": "9 Oak St", "city": "Troy", "postcode": "12180", "country": "US"}
    await client.post(command, "orders", order, "amendments", body, key)
    client.history.keep(command)


async def pack(client: Client, order: Order, dice: random.Random) -> None:
    """A parcel that is packed, perhaps for a label, and then unpacked, handed over, or left."""
    key, label = f"chaos-pack-{dice.randrange(2**48)}", dice.random() < 0.6
    packed = Command("pack", key, {"order_id": str(order.order_id)})
    await client.post(packed, "fulfillment", order, "parcels", {"shipping": "platform"} if label else {}, key)
    client.history.keep(packed)
    if label:
        # Its label may be bought by then, or be under way.
        await asyncio.sleep(dice.uniform(0, 3))
    what = dice.choice(("unpack", "hand-over", ""))
    if packed.outcome == "accepted" and what:
        parcel_id = packed.answer["parcels"][-1]["parcel_id"]
        moved = Command(what, f"{key}-{what}", {"order_id": str(order.order_id), "parcel_id": parcel_id})
        await client.post(moved, "fulfillment", order, f"parcels/{parcel_id}/{what}", {}, moved.name)
        client.history.keep(moved)


async def label(client: Client, dice: random.Random) -> None:
    """Somebody packs what is open of an order, perhaps for a label."""
    order = _any_order(client, dice)
    if order is not None:
        order.open = dict.fromkeys(order.open, 0)
        await pack(client, order, dice)


async def cancel_in_the_shop(client: Client, order: Order, dice: random.Random) -> None:
    """The sale of an order is canceled on its platform."""
    sold = client.sold.get(order.sale_id)
    if sold is None:
        return
    at = _NOON + timedelta(days=1, seconds=dice.randrange(1000))
    gone = canceled(sold, at, "fraud")
    command = Command("cancel-sale", str(order.sale_id), {})
    await client.sell(command, gone, event_id=f"chaos-canceled-{sold['id']}", topic="orders/cancelled")
    client.history.keep(command)


async def race(client: Client, dice: random.Random) -> None:
    """At the same instant an order is shipped and canceled by several people, and perhaps packed, held, canceled in its
    shop; some as soon as one of the two services knows it, most once both do."""
    order = _any_order(client, dice)
    if order is None:
        return
    parcels = [a_parcel(client, order, dice) for _ in range(dice.randint(1, 3))]
    # Nobody else takes it up: each order is raced for once.
    order.open = dict.fromkeys(order.open, 0)
    if dice.random() < 0.8 and not await client.known(order):
        return
    others = (ask_to_cancel, hold, amend, pack, pack, cancel_in_the_shop)
    more: list[Callable[[Client, Order, random.Random], Awaitable[Any]]]
    more = [each for each in others if dice.random() < 0.3]
    rolls = [random.Random(dice.random()) for _ in (*more, None)]  # repeatable on purpose
    asked, *_ = await asyncio.gather(
        ask_to_cancel(client, order, rolls.pop()),
        *(client.ship(command, order, body, command.name) for command, body in parcels),
        *(each(client, order, roll) for each, roll in zip(more, rolls, strict=True)),
    )
    outcomes = {command.outcome for command, _body in parcels}
    if asked.outcome != "unknown" and outcomes != {"unknown"}:
        client.races += 1
        client.left_in_race += "accepted" in outcomes
    for command, _body in parcels:
        client.history.keep(command)


def _any_order(client: Client, dice: random.Random) -> Order | None:
    """One that may have something left, rather a new one: it may not have arrived everywhere yet."""
    recent = [order for order in client.orders[-40:] if any(order.open.values())]
    return dice.choice(recent) if recent else None


Work = Callable[[Client, random.Random], Awaitable[None]]
WORK: Final[dict[Work, int]] = {
    sell: 45,
    label: 12,
    sell_what_is_refused: 3,
    sell_what_is_odd: 2,
    ship: 30,
    ship_at_once: 8,
    race: 18,
    cancel: 5,
    correct: 6,
    undo: 4,
    import_file: 5,
    send_back: 5,
    ship_what_is_refused: 6,
}


RACING: Final[dict[Work, int]] = {sell: 3, race: 5}
"""What a run does that is after races alone; a sale is of one order and a half."""


async def work(client: Client, seed: int, worker: int, rate_per_s: float, kinds: dict[Work, int] = WORK) -> None:
    """One worker: does one thing after the other until the client has ended."""
    dice = random.Random(f"{seed}|work|{worker}")  # repeatable on purpose
    while not client.ended.is_set():
        (kind,) = dice.choices(list(kinds), list(kinds.values()))
        await kind(client, dice)
        await asyncio.sleep(dice.expovariate(rate_per_s))


async def watch(client: Client, seed: int) -> None:
    """Look at the orders of late, one after the other, until the client has ended."""
    dice = random.Random(f"{seed}|watch")  # repeatable on purpose
    while not client.ended.is_set():
        if client.orders:
            await client.look(dice.choice(client.orders[-40:]).order_id)
        await asyncio.sleep(_LOOKS_S)


async def probe(client: Client, seed: int, *, round_: int, avoid: Collection[str] = ()) -> list[Command]:
    """Sales that touch every partition of every topic, each shipped whole; what was before them has then been read.

    No order begins and no number ends with a digit to `avoid`: some database refuses those.
    """
    dice = random.Random(f"{seed}|probe|{round_}")  # repeatable on purpose
    sales: set[int] = set()
    orders: set[int] = set()
    made: list[Command] = []

    async def one(command: Command, sold: dict[str, Any], of: list[Order]) -> None:
        await client.sell(command, sold, event_id=f"chaos-{sold['id']}")
        client.history.keep(command)
        for order in of:
            while str(client.next_parcel)[-1] in avoid:
                client.next_parcel += 1
            parcel, body = a_parcel(client, order, dice)
            body.pop("lines", None)
            parcel.wants["units"] = None
            # A carrier that is known: once tracking has read of the parcel, it has a page to follow it on.
            body["tracking_company"] = parcel.wants["tracking_company"] = "UPS"
            await client.ship(parcel, order, body, parcel.name)
            client.history.keep(parcel)
            made.append(parcel)

    waiting: list[Awaitable[None]] = []
    while len(sales) < ids.PARTITIONS or len(orders) < ids.PARTITIONS:
        command, sold, of = a_sale(client, dice)
        sale = ids.partition(UUID(command.name))
        mine = {ids.partition(order.order_id) for order in of}
        if (sale in sales and mine <= orders) or any(str(order.order_id)[0] in avoid for order in of):
            continue
        sales.add(sale)
        orders |= mine
        waiting.append(one(command, sold, of))
    await asyncio.gather(*waiting)
    return made


async def again(client: Client, seed: int, count: int) -> None:
    """Send some of the accepted shipments once more, long after: each gets the answer that it got."""
    dice = random.Random(f"{seed}|again")  # repeatable on purpose
    some = dice.sample(client.shipped, min(count, len(client.shipped)))
    await asyncio.gather(*(client.ship(command, order, body, command.name) for command, order, body in some))


async def prepare(portal: httpx.AsyncClient, connectors: httpx.AsyncClient) -> None:
    """The brands, and the connection of a shop that sells for both."""
    for brand, name in BRANDS.items():
        settings = {"name": name, "vendors": [name], **_SHIPS}
        (await portal.put(f"/api/v1/brands/{brand}", json=settings)).raise_for_status()
    connection = {
        "platform": "shopify",
        "code": "chaos",
        "name": "A shop",
        "secret": _SECRET,
        "start_date": "2000-01-01T00:00:00Z",
        "test_orders": True,
        "ships_when": "always",
    }
    (await connectors.put(f"/api/v1/connections/{CONNECTION}", json=connection)).raise_for_status()
