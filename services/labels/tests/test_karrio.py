"""An account with a carrier that karrio speaks to: UPS, as a server that answers as UPS documents it."""

import asyncio
import http.client
import ssl
import sys
import time
import urllib.request
from collections.abc import AsyncGenerator
from contextlib import nullcontext
from contextvars import copy_context
from decimal import Decimal
from types import ModuleType
from typing import Any
from urllib.error import HTTPError, URLError
from uuid import UUID

import pypdfium2
import pytest
import zxingcpp
from labels_builders import ACORN, BOX, to
from PIL import ImageFile
from pydantic import HttpUrl, Secret
from ups import Ups, account

from waybill_chassis.embedded.processes import free_ports
from waybill_events import Money
from waybill_labels.clients import NoBooks, Refused, Sold, TakenBack, Unknown, open_accounts
from waybill_labels.clients.in_time import NotSent, exchange_until, opener
from waybill_labels.clients.karrio import Karrio
from waybill_labels.domain import Offer, Sale, Shipment

KEY = UUID("3f2a9c1e-0000-5000-8000-000000000000")
SHIPMENT = Shipment(ACORN.ship_from, to(phone="5185550100").address, 840, BOX, "10001-01")
GROUND = Offer("ups", "UPS", "ups_ground", "UPS Ground", Money(amount="12.4", currency="USD"), 3)


@pytest.fixture
async def carrier(ups: Ups) -> AsyncGenerator[Karrio]:
    carrier = Karrio("ups", account(ups))
    yield carrier
    await carrier.close()


async def test_its_services_are_offered_with_what_they_cost_and_how_long_they_take(ups: Ups, carrier: Karrio) -> None:
    offers = await carrier.rates(SHIPMENT)

    assert not isinstance(offers, Refused | Unknown)
    assert {(each.code, each.service_name, Decimal(each.cost.amount), each.days) for each in offers} == {
        ("ups:ups_ground", "UPS Ground", Decimal("12.4"), 3),
        ("ups:ups_next_day_air", "UPS Next Day Air", Decimal("61.05"), 1),
    }
    wanted = ups.asked[0]["RateRequest"]["Shipment"]
    package = wanted["Package"] if isinstance(wanted["Package"], dict) else wanted["Package"][0]
    assert package["PackageWeight"]["UnitOfMeasurement"]["Code"] == "LBS"
    assert float(package["PackageWeight"]["Weight"]) == pytest.approx(840 / 453.592, abs=0.01)
    assert float(package["Dimensions"]["Length"]) == pytest.approx(300 / 25.4, abs=0.01)
    assert wanted["ShipTo"]["Address"]["PostalCode"] == "12203"


async def test_a_label_is_bought_with_its_file_and_with_words_by_which_people_find_it(
    ups: Ups, carrier: Karrio
) -> None:
    sold = await carrier.buy(KEY, GROUND, SHIPMENT)

    assert isinstance(sold, Sold)
    (number,) = ups.sold
    assert (sold.sale.reference, sold.sale.tracking_number) == (number, number)
    assert number in sold.sale.tracking_url
    assert sold.sale.cost == GROUND.cost
    assert ups.sold[number]["Package"][0]["ReferenceNumber"]["Value"] == "10001-01 3f2a9c1e"
    assert sold.file is not None
    page = pypdfium2.PdfDocument(sold.file.content)[0]
    assert [code.text for code in zxingcpp.read_barcodes(page.render(scale=203 / 72).to_pil())] == [number]
    assert await carrier.bought(KEY) == NoBooks()


@pytest.mark.parametrize("fault", ["silent", "broken", "unreadable", "gave up"])
async def test_what_may_have_been_sold_is_unknown_and_is_not_asked_for_again(ups: Ups, fault: str) -> None:
    carrier = Karrio("ups", account(ups, deadline_s=3.0))
    await carrier.rates(SHIPMENT)
    ups.faults.append(fault)

    assert isinstance(await carrier.buy(KEY, GROUND, SHIPMENT), Unknown)
    assert len(ups.sold) == 1
    await carrier.close()


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("refuses", "The postal code is invalid. (120206)"),
        ("busy", "Too Many Requests (10429). It may"),
        ("stranger", "Invalid Authentication Information. (250002). It may"),
    ],
)
async def test_what_was_not_sold_for_certain_is_refused_in_its_words(
    ups: Ups, carrier: Karrio, fault: str, says: str
) -> None:
    ups.faults.append(fault)

    answer = await carrier.buy(KEY, GROUND, SHIPMENT)

    assert isinstance(answer, Refused)
    assert answer.words.startswith(says)
    assert ups.sold == {}


async def test_an_account_that_is_not_let_in_buys_nothing_and_logs_in_again(ups: Ups, carrier: Karrio) -> None:
    ups.let_in = False
    rates, sold = await carrier.rates(SHIPMENT), await carrier.buy(KEY, GROUND, SHIPMENT)
    ups.let_in = True
    # Its password is taken again, and what it was let in with before is worth nothing any more.
    await carrier.rates(SHIPMENT)
    ups.logins += 1
    expired, again = await carrier.rates(SHIPMENT), await carrier.rates(SHIPMENT)

    assert rates == Unknown("ClientId is Invalid (10401)")
    assert sold == Refused("ClientId is Invalid (10401). It may sell it later: retry.")
    assert expired == Unknown("HTTP 401")
    assert not isinstance(again, Refused | Unknown)


async def test_what_it_does_not_carry_is_refused_and_a_carrier_that_is_away_is_unknown(ups: Ups) -> None:
    (nobody,) = free_ports(1)
    away = Karrio("ups", account(ups, url=HttpUrl(f"http://127.0.0.1:{nobody}")))
    carrier = Karrio("ups", account(ups))
    heavy = Shipment(SHIPMENT.ship_from, SHIPMENT.ship_to, 80_000, BOX, "10001-01")

    assert await carrier.rates(heavy) == Refused("The maximum per package weight is 150 pounds. (111035)")
    assert isinstance(await away.rates(SHIPMENT), Unknown)
    # Nobody was asked to sell: that is certain.
    assert isinstance(await away.buy(KEY, GROUND, SHIPMENT), Refused)


async def test_a_label_is_given_back_and_is_billed_no_more(ups: Ups, carrier: Karrio) -> None:
    sold = await carrier.buy(KEY, GROUND, SHIPMENT)
    assert isinstance(sold, Sold)

    assert await carrier.void(sold.sale) == TakenBack(refunded=True)
    assert ups.voided == [sold.sale.reference]
    for other in (sold.sale, Sale("1Z0", "1Z0", "", GROUND.cost)):
        assert await carrier.void(other) == Refused("No shipment found within the allowed void period (190102)")


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"carrier": "nobody"}, r"karrio does not know nobody here, but .*ups.* Install karrio-nobody\."),
        (
            {"connection": Secret[dict[str, Any]]({"client_id": "a"})},
            "karrio cannot connect to ups with this connection: missing 1 required positional argument: 'client_secret'",
        ),
    ],
)
def test_an_account_that_cannot_work_is_refused_at_the_start(changed: dict[str, Any], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        open_accounts({"ups": account(Ups(1), **changed)})


async def test_nothing_that_is_said_to_a_carrier_is_written_anywhere(
    carrier: Karrio, ups: Ups, capfd: pytest.CaptureFixture[str]
) -> None:
    ups.faults += ["refuses"]
    for _ in range(2):
        await carrier.buy(KEY, GROUND, SHIPMENT)

    assert capfd.readouterr() == ("", "")


async def test_what_failed_is_not_sold_again_where_sentry_is_installed(
    ups: Ups, carrier: Karrio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """karrio sends a request by way of Sentry, and once more where that fails, for whatever reason."""

    class Span:
        def set_data(self, _name: str, _value: object) -> None:
            """Nobody looks at it."""

    sentry = ModuleType("sentry_sdk")
    sentry.start_span = lambda **_about: nullcontext(Span())  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sentry_sdk", sentry)
    ups.faults += ["broken"]

    assert isinstance(await carrier.buy(KEY, GROUND, SHIPMENT), Unknown)
    assert len(ups.sold) == 1


async def test_a_label_that_came_without_its_file_is_paid_all_the_same(ups: Ups, carrier: Karrio) -> None:
    ups.faults.append("no picture")

    sold = await carrier.buy(KEY, GROUND, SHIPMENT)

    assert isinstance(sold, Sold)
    assert sold.file is None
    # None would have it set here, in a layout that is none of its carrier's.
    assert sold.sale.file is not None


async def test_a_carrier_that_is_gone_since_it_was_asked_for_rates_sold_nothing(ups: Ups, carrier: Karrio) -> None:
    await carrier.rates(SHIPMENT)
    await ups.stop()

    assert isinstance(await carrier.buy(KEY, GROUND, SHIPMENT), Refused)


def test_certificates_and_damage_are_looked_at_whatever_karrio_does_when_it_is_imported(ups: Ups) -> None:
    Karrio("ups", account(ups))

    assert not ImageFile.LOAD_TRUNCATED_IMAGES

    (https,) = (each for each in opener().handlers if isinstance(each, urllib.request.HTTPSHandler))
    for context in (https.certificates, http.client.HTTPSConnection("ups.example")._context):  # type: ignore[attr-defined]
        assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)


async def test_nothing_is_sent_over_a_connection_that_took_too_long(ups: Ups) -> None:
    class Slow(urllib.request.BaseHandler):
        """The deadline goes by while there is no connection yet."""

        handler_order = 200

        def http_request(self, request: urllib.request.Request) -> urllib.request.Request:
            exchange.ends = 0.0
            return request

    slow = opener()
    slow.add_handler(Slow())
    with exchange_until(time.monotonic() + 5) as exchange, pytest.raises(URLError, match="the deadline is over"):
        await asyncio.get_running_loop().run_in_executor(None, copy_context().run, slow.open, f"{ups.url}/security")
    assert (exchange.status, len(exchange.sent)) == (None, 1)


async def test_no_request_is_sent_twice_or_late(ups: Ups) -> None:
    watched = opener()
    request = urllib.request.Request(f"{ups.url}/security/v1/oauth/token", method="POST")

    def send(*, patience: float, times: int) -> None:
        with exchange_until(time.monotonic() + patience):
            for _ in range(times):
                try:
                    watched.open(request)
                except HTTPError as error:
                    error.close()

    for patience, times, says in ((5.0, 2, "before"), (0.0, 1, "deadline")):
        with pytest.raises(NotSent, match=says):
            await asyncio.to_thread(send, patience=patience, times=times)
    assert ups.logins == 1
