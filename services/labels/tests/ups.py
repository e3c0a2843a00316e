"""A server that speaks what UPS documents of its REST API: OAuth, Rating, Shipping and Void, as far as karrio asks.

It remembers what it was asked and what it sold; `faults` says what happens to the next sales and voids, one after the other.
"""

import asyncio
import base64
import io
import itertools
import time
from collections.abc import Callable
from typing import Any, Final

import uvicorn
import zxingcpp
from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from PIL import Image
from pydantic import HttpUrl, Secret

from waybill_labels.settings import KarrioAccount

ACCOUNT: Final = {"client_id": "acorn", "client_secret": "oak", "account_number": "A1B2C3"}
GROUND, NEXT_DAY = "03", "01"
_PRICES: Final = {GROUND: ("12.40", "3"), NEXT_DAY: ("61.05", "1")}


class Ups:
    """One of it; `sold` holds the requests that were, by tracking number."""

    def __init__(self, port: int) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.asked, self.faults = list[dict[str, Any]](), list[str]()
        self.sold, self.voided = dict[str, dict[str, Any]](), list[str]()
        self.let_in, self.logins, self._count = True, 0, itertools.count(1)
        self.server = uvicorn.Server(uvicorn.Config(self._app(), "127.0.0.1", port, log_config=None, ws="none"))

    async def start(self) -> None:
        """Answer from now on."""
        self.serving = asyncio.create_task(self.server.serve())
        while not self.server.started:
            await asyncio.wait([self.serving], timeout=0.01)

    async def stop(self) -> None:
        """Answer no more; whoever waits for an answer gets none."""
        self.server.should_exit = self.server.force_exit = True
        await self.serving

    def _app(self) -> FastAPI:
        app = FastAPI()
        app.post("/security/v1/oauth/token")(self._login)
        app.post("/api/rating/v2409/Shop")(self._inside(self._shop))
        app.post("/api/shipments/v2409/ship")(self._inside(self._ship))
        app.delete("/api/shipments/v2409/void/cancel/{number}")(self._inside(self._void))
        return app

    async def _login(self, request: Request) -> Response:
        self.logins += 1
        pair = base64.b64encode(f"{ACCOUNT['client_id']}:{ACCOUNT['client_secret']}".encode()).decode()
        if not self.let_in or request.headers["authorization"] != f"Basic {pair}":
            return _error(401, "10401", "ClientId is Invalid")
        now = time.time()
        return JSONResponse(
            {"access_token": f"t{self.logins}", "issued_at": str(int(now * 1000)), "expires_in": "14399"}
        )

    def _inside(self, answer: Callable[[Request], Any]) -> Callable[[Request], Any]:
        async def checked(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer t{self.logins}":
                return _error(401, "250002", "Invalid Authentication Information.")
            said: Response = await answer(request)
            return said

        return checked

    async def _shop(self, request: Request) -> Response:
        self.asked.append(wanted := await request.json())
        (package,) = _list(wanted["RateRequest"]["Shipment"]["Package"])
        if float(package["PackageWeight"]["Weight"]) > 150:
            return _error(400, "111035", "The maximum per package weight is 150 pounds.")
        rated = [_rated(code, amount, days) for code, (amount, days) in _PRICES.items()]
        return JSONResponse({"RateResponse": {"Response": _DONE, "RatedShipment": rated}})

    async def _ship(self, request: Request) -> Response:
        fault = self.faults.pop(0) if self.faults else ""
        if fault in _STOPPED:
            return _error(*_STOPPED[fault])
        wanted = (await request.json())["ShipmentRequest"]["Shipment"]
        if fault == "down":
            return Response("<html>Service unavailable</html>", 503)
        if fault == "refuses":
            return _error(400, "120206", "The postal code is invalid.")
        assert wanted["Shipper"]["ShipperNumber"] == ACCOUNT["account_number"]
        number = f"1Z{ACCOUNT['account_number']}03{next(self._count):08d}"
        self.sold[number] = wanted
        match fault:
            case "silent":
                await asyncio.Event().wait()
            case "broken":
                return Response("<html>Bad gateway</html>", 503)
            case "unreadable":
                return Response("<html>Welcome</html>", 200)
            case "gave up":
                return _error(408, "10408", "Request Timeout")
            case _:
                pass
        results = _results(number)
        if fault == "no picture":
            del results["PackageResults"][0]["ShippingLabel"]
        return JSONResponse({"ShipmentResponse": {"Response": _DONE, "ShipmentResults": results}})

    async def _void(self, request: Request) -> Response:
        number = request.path_params["number"]
        if number not in self.sold or number in self.voided:
            return _error(400, "190102", "No shipment found within the allowed void period")
        self.voided.append(number)
        if self.faults and self.faults.pop(0) == "broken":
            return Response("<html>Bad gateway</html>", 503)
        status = {"Code": "1", "Description": "Success"}
        return JSONResponse({"VoidShipmentResponse": {"Response": {"ResponseStatus": status}, "SummaryResult": {}}})


_STOPPED: Final = {
    "busy": (429, "10429", "Too Many Requests"),
    "stranger": (401, "250002", "Invalid Authentication Information."),
}
_DONE: Final = {"ResponseStatus": {"Code": "1", "Description": "Success"}}


def _list(one_or_more: Any) -> list[Any]:
    return one_or_more if isinstance(one_or_more, list) else [one_or_more]


def _error(status: int, code: str, message: str) -> Response:
    return JSONResponse({"response": {"errors": [{"code": code, "message": message}]}}, status)


def _usd(amount: str) -> dict[str, str]:
    return {"CurrencyCode": "USD", "MonetaryValue": amount}


def _rated(code: str, amount: str, days: str) -> dict[str, Any]:
    charges = ("TransportationCharges", "BaseServiceCharge", "TotalCharges")
    arrival = {"EstimatedArrival": {"BusinessDaysInTransit": days}}
    return {
        "Service": {"Code": code},
        **{name: _usd(amount) for name in charges},
        "ServiceOptionsCharges": _usd("0.00"),
        "ItemizedCharges": [],
        "TimeInTransit": {"ServiceSummary": {**arrival, "Service": {"Description": "-"}}},
    }


def _results(number: str) -> dict[str, Any]:
    """A label as UPS gives one: on its side, 1400 × 800 dots."""
    upright = Image.new("L", (800, 1400), 255)
    code = zxingcpp.create_barcode(number, zxingcpp.BarcodeFormat.Code128).to_image(scale=3)
    upright.paste(Image.fromarray(code), (60, 600))
    held = io.BytesIO()
    upright.transpose(Image.Transpose.ROTATE_90).save(held, "PNG")
    picture = {"ImageFormat": {"Code": "PNG"}, "GraphicImage": base64.b64encode(held.getvalue()).decode()}
    return {
        "ShipmentIdentificationNumber": number,
        "ShipmentCharges": {"TotalCharges": _usd("12.40")},
        "PackageResults": [{"TrackingNumber": number, "ShippingLabel": picture}],
    }


def account(ups: Ups, **changed: Any) -> KarrioAccount:
    said = {"kind": "karrio", "carrier": "ups", "connection": Secret[dict[str, Any]](dict(ACCOUNT)), "settles_s": 0.2}
    return KarrioAccount(**{**said, "url": HttpUrl(ups.url), "deadline_s": 5.0, **changed})
