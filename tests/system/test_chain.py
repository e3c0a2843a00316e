"""One sale from webhook to tracking number, through every service, as a person at the command line sees it."""

import asyncio
import io
import json
import shlex
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pypdf import PdfReader

from waybill_cli.home import SERVICES
from waybill_simulators.shopify import an_order

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
ADDRESS = {"name": "Ann Bee", "address1": "1 High St", "city": "Troy", "zip": "12180", "country_code": "US"}
UPS = {"tracking_company": "UPS", "tracking_number": "1Z12345E0205271686"}
WAYBILL = Path(sys.executable).with_name("waybill")
Until = Callable[..., Awaitable[None]]


async def test_a_sale_ships_and_its_whole_story_can_be_told(stack: Any, selling: Any, until: Until) -> None:
    shirt = {"title": "Shirt", "vendor": "", "sku": "TS", "price": "9.00", "quantity": 2}
    await selling.shop.tell(an_order(700_001, [shirt], NOON, address=ADDRESS))

    async def there() -> bool:
        return [order["reference"] for order in await selling.orders()] == ["700001-01"]

    await until(there)
    (order,) = await selling.orders()
    path = f"/api/v1/orders/{order['order_id']}"
    async with stack.client("fulfillment") as fulfillment:

        async def opened() -> bool:
            return (await fulfillment.get(path)).is_success

        await until(opened)
    answers = await asyncio.gather(
        *(selling.portal.post(f"{path}/shipments", json=UPS, headers={"Idempotency-Key": "once"}) for _ in range(3))
    )
    assert [answer.status_code for answer in answers] == [201, 201, 201]
    again = await selling.portal.post(f"{path}/shipments", json=UPS)
    assert (again.status_code, again.json()["type"]) == (409, "urn:waybill:problem:nothing-open")

    async def tracked() -> bool:
        (found,) = await selling.orders()
        return bool(found["parcels"] and found["parcels"][0]["tracking_url"])

    await until(tracked)
    (found,) = await selling.orders()
    assert found["status"] == "shipped"
    assert found["parcels"][0]["tracking_url"] == "https://www.ups.com/track?tracknum=1Z12345E0205271686"

    lines = [json.loads(line) for line in stack.run("events", "show", "700001-01", "--json").splitlines()]
    assert [line["type"] for line in lines] == [
        "waybill.SaleReceived.v1",
        "waybill.SaleSplit.v1",
        "waybill.OrderPlaced.v2",
        "waybill.ItemsFulfilled.v2",
        "waybill.TrackingAdded.v1",
    ]
    assert all({"type", "subject", "source", "sequence", "time", "data"} <= line.keys() for line in lines)
    assert [line["data_type"] for line in lines] == [line["type"] for line in lines]
    assert [line["sequence"] for line in lines] == [None, 1, 1, 1, 1]
    assert all(line["hop_ms"] >= 0 for line in lines if line["hop_ms"] is not None)
    assert "High St" not in json.dumps(lines)
    assert "High St" in stack.run("events", "show", "700001-01", "--json", "--personal")
    told = stack.run("events", "show", "700001-01")
    for name in ("SaleReceived", "SaleSplit", "OrderPlaced", "ItemsFulfilled", "TrackingAdded"):
        assert name in told

    slip = await selling.portal.get(f"{path}/packing-slip.pdf")
    assert slip.headers["content-type"] == "application/pdf"
    printed = PdfReader(io.BytesIO(slip.content)).pages[0].extract_text()
    assert "700001-01" in printed
    assert "Ann Bee" in printed


async def test_a_sale_of_two_brands_is_an_order_for_each(stack: Any, until: Until) -> None:
    async with stack.client("portal") as portal:

        async def both() -> list[str]:
            page = (await portal.get("/api/v1/orders", params={"q": "10004-"})).json()
            return sorted(order["reference"] for order in page["orders"])

        async def there() -> bool:
            return await both() == ["10004-01", "10004-02"]

        await until(there)
        brands = {
            order["brand_id"] for order in (await portal.get("/api/v1/orders", params={"q": "10004-"})).json()["orders"]
        }
    assert len(brands) == 2


def test_up_again_starts_nothing_and_keeps_everything(stack: Any) -> None:
    before = {name: process.pid for name, process in stack.home.processes().items()}

    says = stack.run("up")

    assert "was running already" in says
    assert "The demo sales are there already" in says
    assert {name: process.pid for name, process in stack.home.processes().items()} == before


def test_status_says_what_runs_and_is_ready(stack: Any) -> None:
    found = [json.loads(line) for line in stack.run("status", "--json").splitlines()]

    assert {each["name"] for each in found} == {"postgres", "kafka", "carrier", *SERVICES}
    assert all(each["ready"] for each in found)
    assert "portal" in stack.run("status")


def test_topics_are_created_once(stack: Any) -> None:
    assert stack.run("topics", "create") == "All topics exist already.\n"


def test_tail_ends_at_the_end_of_the_log_with_the_newest(stack: Any) -> None:
    newest = [json.loads(line) for line in stack.run("events", "tail", "--json", "--limit", "3").splitlines()]
    everything = [json.loads(line) for line in stack.run("events", "tail", "--json").splitlines()]

    assert len(newest) == 3
    assert {line["id"] for line in newest} <= {line["id"] for line in everything[-9:]}
    assert len(stack.run("events", "tail", "--limit", "3", "--topic", "waybill.orders").splitlines()) == 4


async def test_an_export_has_what_was_asked_for_with_places_and_headers(
    stack: Any, selling: Any, until: Until, tmp_path: Path
) -> None:
    shirt = {"title": "Shirt", "vendor": "", "sku": "TS", "price": "9.00", "quantity": 2}
    await selling.shop.tell(an_order(700_002, [shirt], NOON, address=ADDRESS))

    async def there() -> bool:
        return bool(await selling.orders())

    await until(there)
    stack.run("events", "export", "--order", "700002-01", "--to", str(tmp_path / "order.jsonl"))
    of_order = [json.loads(line) for line in (tmp_path / "order.jsonl").read_text().splitlines()]
    brand = ("--brand", str(selling.brand), "--since", "10m", "--personal")
    of_brand = [json.loads(line) for line in stack.run("events", "export", *brand).splitlines()]
    topics = ("--topic", "waybill.orders", "--topic", "waybill.sales", "--type", "OrderPlaced", *brand)
    placed = [json.loads(line) for line in stack.run("events", "export", *topics).splitlines()]

    assert [line["type"].split(".")[1] for line in of_order[:2]] == ["SaleReceived", "SaleSplit"]
    assert {line["type"].split(".")[1] for line in of_order[2:]} == {"Recipient", "OrderPlaced"}
    assert "High St" not in json.dumps(of_order)
    for line in of_order:
        assert dict(line["headers"])["ce_id"] == line["id"]
        assert {"topic", "partition", "offset", "logged_at"} <= line.keys()
    assert {line["type"].split(".")[1] for line in of_brand} == {"Brand", "Recipient", "OrderPlaced"}
    assert "High St" in json.dumps(of_brand)
    assert [line["id"] for line in placed] == [line["id"] for line in of_order if "OrderPlaced" in line["type"]]


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (("events", "show", "nothing-01"), "no order nothing-01 is in the log"),
        (("events", "tail", "--topic", "nope"), "no topic nope; there are waybill.sales"),
        (("topics", "create", "--kafka", "127.0.0.1:1"), "Is it running?"),
    ],
)
def test_what_goes_wrong_is_said_with_what_to_do(command: tuple[str, ...], says: str, stack: Any) -> None:
    assert says in " ".join(stack.run(*command, fails=True).split())


def test_a_dead_service_is_named_and_the_next_up_starts_it_again(stack: Any) -> None:
    stack.home.processes()["tracking"].kill()

    assert [name for name, ready in stack.ready().items() if not ready] == ["tracking"]
    stack.run("up")

    assert all(stack.ready().values())


def test_a_folder_that_holds_something_else_is_neither_used_nor_forgotten(stack: Any, tmp_path: Any) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    other = stack.elsewhere(tmp_path, 19_000)

    assert "holds something else" in " ".join(other.run("up", fails=True).split())
    assert "nothing to forget" in " ".join(other.run("clean").split())

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_a_running_home_is_not_started_on_other_ports_and_remembers_its_own(stack: Any) -> None:
    elsewhere = stack.elsewhere(stack.home.folder, 19_000)

    says = elsewhere.run("up", fails=True)

    assert f"is running on the ports from {stack.home.port_base} on" in " ".join(says.split())
    assert all(elsewhere.ready().values())


def test_whoever_has_read_enough_may_close_the_pipe(stack: Any) -> None:
    ran = subprocess.run(
        f"{shlex.quote(str(WAYBILL))} events tail --json | head -n 1",
        shell=True,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert len(ran.stdout.splitlines()) == 1
    assert ran.stderr == ""


def test_a_port_that_another_program_uses_is_named_before_anything_is_started(stack: Any, tmp_path: Any) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        base = other.getsockname()[1] - 3
        says = stack.elsewhere(tmp_path, base).run("up", fails=True)

    assert f"port {base + 3}, which orders needs, is taken by" in " ".join(says.split())
    assert f"WAYBILL_PORT_BASE={base + 1000}" in " ".join(says.split())
    assert not (tmp_path / "postgres").exists()
