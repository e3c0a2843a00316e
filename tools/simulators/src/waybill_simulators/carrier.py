"""A carrier over HTTP: it offers rates, sells labels and takes them back, and keeps books that tests may read.

It behaves as badly as it is told: loses answers to what it has sold, fails, is slow, takes labels back late or never.
It knows nothing of idempotency keys but what it is asked for: whoever asks it twice to sell has bought twice.
"""

import argparse
import asyncio
import hashlib
import hmac
import json
import random
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import httpx
import uvicorn
from fastapi import APIRouter, Depends, FastAPI, Header, HTTPException, Query, Response
from fastapi.responses import PlainTextResponse
from pydantic import BaseModel, ConfigDict, Field

from waybill_simulators import files

NAME: Final = "Simulated Carrier"
CODE: Final = "simulated"
NOWHERE: Final = "Nowhere"
"""A city to which it does not deliver."""
_SERVICES: Final = {
    "ground": ("Ground", 450, 0.9, 5),
    "express": ("Express", 1250, 2.1, 1),
    "post": ("Post", 520, 1.1, 4),
}
"""By code: name, cents at least, cents for 10 g, days."""
_WEBHOOK_TRIES: Final = 5


class Address(BaseModel):
    """Where something comes from or goes to."""

    name: str = ""
    company: str = ""
    line1: str = ""
    line2: str = ""
    city: str = ""
    region: str = ""
    postcode: str = ""
    country: str = ""
    phone: str = ""


class Consignment(BaseModel):
    """What is to be carried."""

    ship_from: Address
    ship_to: Address
    weight_g: Annotated[int, Field(ge=1)]
    length_mm: Annotated[int, Field(ge=1)]
    width_mm: Annotated[int, Field(ge=1)]
    height_mm: Annotated[int, Field(ge=1)]


class Purchase(Consignment):
    """A label that is bought; `key` is the customer's own, by which it can be found again."""

    service: str
    key: Annotated[str, Field(min_length=1, max_length=100)]
    reference: str = ""


class Label(BaseModel):
    """A label as the books have it."""

    id: str
    key: str
    reference: str = ""
    service: str
    service_name: str
    tracking_number: str
    amount: str
    currency: str = "USD"
    state: Literal["sold", "voided", "refunded"] = "sold"
    scanned: bool = False
    manifest: str = ""
    refund_at: datetime | None = None


class Faults(BaseModel):
    """How it misbehaves; shares are of 1."""

    model_config = ConfigDict(extra="forbid")

    lose: Annotated[float, Field(ge=0, le=1)] = 0
    """Answers that are lost after it has done what was asked."""
    hang_s: Annotated[float, Field(ge=0, le=120)] = 0
    """How long nothing comes instead of a lost answer, before a gateway gives up."""
    fail: Annotated[float, Field(ge=0, le=1)] = 0
    """Requests that it does not take at all: 503."""
    fail_sales: Annotated[float, Field(ge=0, le=1)] = 0
    """Purchases that it does not take, although it offers rates: 503."""
    slow_s: Annotated[float, Field(ge=0, le=120)] = 0
    """How long it thinks before it does anything."""
    refund_after_s: Annotated[float, Field(ge=0)] = 0
    """How long the money of a voided label takes."""
    refunds: bool = True
    """Whether it comes back at all."""
    takes_back: bool = True
    """Whether labels are taken back."""
    labels: Literal["", "pdf", "png", "zpl"] = ""
    """In which format it gives labels; where it gives none, whoever buys one sets it."""
    lists: bool = True
    """Whether it says what it has sold under a key, as few carriers do: 501 where it does not."""
    twice: bool = False
    """Whether it sends each webhook twice."""


class Books:
    """All labels that were ever sold; each change is a line of a file, where there is one."""

    def __init__(self, path: Path | None, seed: int) -> None:
        self.labels: dict[str, Label] = {}
        self.path, self.seed = path, seed
        if path is not None and path.exists():
            for line in path.read_text().splitlines():
                label = Label.model_validate_json(line)
                self.labels[label.id] = label

    def keep(self, label: Label) -> Label:
        """Write a label down as it is now."""
        self.labels[label.id] = label
        if self.path is not None:
            with self.path.open("a") as file:
                file.write(label.model_dump_json() + "\n")
        return label

    def number(self) -> str:
        """The next tracking number: WB, fifteen digits, and their check digit modulo 10 with weights 3 and 1."""
        digits = f"{self.seed % 10_000:04d}{len(self.labels) + 1:011d}"
        total = sum(int(digit) * (3 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits)))
        return f"WB{digits}{-total % 10}"


class Carrier:
    """The carrier's desk."""

    def __init__(self, *, seed: int = 0, books: Path | None = None, webhook: str = "", secret: str = "") -> None:
        self.books, self.faults = Books(books, seed), Faults()
        self.random = random.Random(seed)  # noqa: S311  # the same seed misbehaves in the same way
        self.webhook, self.secret = webhook, secret
        self.http = httpx.AsyncClient(timeout=10)
        self.telling: set[asyncio.Task[None]] = set()

    def offers(self, wanted: Consignment) -> list[dict[str, Any]]:
        """What each service costs."""
        return [
            {
                "service": code,
                "name": name,
                "amount": f"{(least + int(wanted.weight_g / 10 * per_10_g)) / 100:.2f}",
                "currency": "USD",
                "days": days,
            }
            for code, (name, least, per_10_g, days) in _SERVICES.items()
        ]

    def sell(self, wanted: Purchase) -> Label:
        """Sell a label; raises HTTPException where it does not deliver."""
        if wanted.service not in _SERVICES:
            raise HTTPException(422, f"There is no service {wanted.service}.")
        if wanted.ship_to.city == NOWHERE:
            raise HTTPException(422, f"We do not deliver to {NOWHERE}. Check the city.")
        (offer,) = (each for each in self.offers(wanted) if each["service"] == wanted.service)
        return self.books.keep(
            Label(
                id=f"L{len(self.books.labels) + 1}",
                key=wanted.key,
                reference=wanted.reference,
                service=wanted.service,
                service_name=offer["name"],
                tracking_number=self.books.number(),
                amount=offer["amount"],
            )
        )

    def void(self, label: Label) -> Label:
        """Take a label back; the same again changes nothing. Raises HTTPException where it is not taken back."""
        if label.state != "sold":
            return label
        if label.scanned or not self.faults.takes_back:
            raise HTTPException(409, "It was used." if label.scanned else "We do not take labels back.")
        refund_at = datetime.now(UTC) + timedelta(seconds=self.faults.refund_after_s) if self.faults.refunds else None
        return self.books.keep(label.model_copy(update={"state": "voided", "refund_at": refund_at}))

    def known(self, name: str) -> Label:
        """A label by its id or its number, as it is at this moment; raises HTTPException."""
        mine = self.books.labels
        label = mine.get(name) or next((each for each in mine.values() if each.tracking_number == name), None)
        if label is None:
            raise HTTPException(404, f"We have sold no label {name}.")
        return self.now(label)

    def now(self, label: Label) -> Label:
        """A label as it is at this moment: its money may have come back meanwhile."""
        if label.state == "voided" and label.refund_at is not None and label.refund_at <= datetime.now(UTC):
            return self.books.keep(label.model_copy(update={"state": "refunded"}))
        return label

    def tell(self, label: Label, status: str, words: str, at: datetime) -> None:
        """Send a signed webhook about a parcel, in the background, where somebody wants to know."""
        if not self.webhook:
            return
        body = json.dumps(
            {
                "tracking_number": label.tracking_number,
                "messages": [{"status": status, "at": at.isoformat(), "words": words}],
            }
        ).encode()
        for _ in range(2 if self.faults.twice else 1):
            task = asyncio.create_task(self._send(body))
            self.telling.add(task)
            task.add_done_callback(self.telling.discard)

    async def _send(self, body: bytes) -> None:
        signature = "sha256=" + hmac.new(self.secret.encode(), body, hashlib.sha256).hexdigest()
        headers = {"Content-Type": "application/json", "Waybill-Signature": signature}
        for tried in range(_WEBHOOK_TRIES):
            try:
                if (await self.http.post(self.webhook, content=body, headers=headers)).is_success:
                    return
            except httpx.HTTPError:
                pass
            await asyncio.sleep(2**tried / 2)

    async def thinks(self) -> None:
        """As slow as it is told, and perhaps it does not want to."""
        if self.faults.slow_s:
            await asyncio.sleep(self.faults.slow_s)
        if self.random.random() < self.faults.fail:
            raise HTTPException(503, "Come back later.")

    def loses(self) -> bool:
        """Whether this answer is lost."""
        return self.random.random() < self.faults.lose


class Scan(BaseModel):
    """Something that happens to a parcel."""

    status: str = "in_transit"
    words: str = "Accepted at the depot"


class ManifestOf(BaseModel):
    """Labels that are handed over together."""

    labels: Annotated[list[str], Field(min_length=1)]
    key: str


def build(carrier: Carrier, *, api_key: str) -> FastAPI:  # noqa: C901  # the function of all routes is charged with each
    """The carrier's HTTP API."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncGenerator[None]:
        yield
        await carrier.http.aclose()

    async def customer(authorization: Annotated[str, Header()] = "") -> None:
        if not hmac.compare_digest(authorization, f"Bearer {api_key}"):
            raise HTTPException(401, "Your API key is wrong.")

    app = FastAPI(title=NAME, lifespan=lifespan, docs_url=None, redoc_url=None)
    desk = APIRouter(prefix="/v1", dependencies=[Depends(customer)])

    async def answered(body: Any) -> Response:
        if not carrier.loses():
            return Response(json.dumps(body), 200)
        # What is lost looks to the customer like a gateway that gave up.
        await asyncio.sleep(carrier.faults.hang_s)
        return Response("upstream timed out", 504)

    @desk.post("/rates")
    async def post_rates(wanted: Consignment) -> Mapping[str, Any]:
        await carrier.thinks()
        return {"rates": carrier.offers(wanted)}

    def shown(label: Label) -> dict[str, Any]:
        return {**label.model_dump(mode="json"), "file": files.drawn(label.tracking_number, carrier.faults.labels)}

    @desk.post("/labels")
    async def post_label(wanted: Purchase) -> Response:
        await carrier.thinks()
        if carrier.random.random() < carrier.faults.fail_sales:
            raise HTTPException(503, "Come back later.")
        return await answered(shown(carrier.sell(wanted)))

    @desk.get("/labels")
    async def get_labels(
        key: Annotated[str, Query()] = "", reference: Annotated[str, Query()] = ""
    ) -> Mapping[str, Any]:
        await carrier.thinks()
        if key and not carrier.faults.lists:
            raise HTTPException(501, "We keep no list by your keys.")
        every = carrier.books.labels.values()
        mine = [each for each in every if key in {"", each.key} and reference in {"", each.reference}]
        return {"labels": [shown(carrier.now(each)) for each in mine]}

    @desk.get("/labels/{label_id}")
    async def get_label(label_id: str) -> Mapping[str, Any]:
        await carrier.thinks()
        return carrier.known(label_id).model_dump(mode="json")

    @desk.post("/labels/{label_id}/void")
    async def post_void(label_id: str) -> Response:
        await carrier.thinks()
        return await answered(carrier.now(carrier.void(carrier.known(label_id))).model_dump(mode="json"))

    @desk.post("/manifests")
    async def post_manifest(wanted: ManifestOf) -> Response:
        await carrier.thinks()
        for label_id in wanted.labels:
            if carrier.known(label_id).state != "sold":
                raise HTTPException(409, f"Label {label_id} was voided.")
        number = f"M{wanted.key}"
        for label_id in wanted.labels:
            carrier.books.keep(carrier.known(label_id).model_copy(update={"manifest": number}))
        return await answered({"manifest": number})

    @desk.post("/parcels/{number}/scan", status_code=204)
    async def post_scan(number: str, scan: Scan) -> None:
        """What happens on the way; not for customers, but for those who play carrier."""
        for label in carrier.books.labels.values():
            if label.tracking_number == number:
                carrier.books.keep(label.model_copy(update={"scanned": True}))
                carrier.tell(label, scan.status, scan.words, datetime.now(UTC))
                return
        raise HTTPException(404, f"We have sold no label with {number}.")

    @desk.put("/faults", status_code=204)
    async def put_faults(faults: Faults) -> None:
        """Misbehave from now on as told."""
        carrier.faults = faults

    @app.get("/track/{number}", response_class=PlainTextResponse)
    async def get_track(number: str) -> str:
        """The page on which anybody follows a parcel."""
        label = next((each for each in carrier.books.labels.values() if each.tracking_number == number), None)
        if label is None:
            raise HTTPException(404, f"We carry nothing with {number}.")
        return f"{number}: {'on its way' if label.scanned else 'we have not seen it yet'}"

    app.include_router(desk)
    return app


def main() -> None:
    """`waybill-simulated-carrier`."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--api-key", required=True)
    parser.add_argument("--books", type=Path, help="the file that keeps what was sold")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--webhook", default="", help="where scans are told")
    parser.add_argument("--secret", default="", help="signs the webhooks")
    given = parser.parse_args()
    carrier = Carrier(seed=given.seed, books=given.books, webhook=given.webhook, secret=given.secret)
    uvicorn.run(
        build(carrier, api_key=given.api_key),
        host="127.0.0.1",
        port=given.port,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=5,
        timeout_keep_alive=60,
    )


if __name__ == "__main__":
    main()
