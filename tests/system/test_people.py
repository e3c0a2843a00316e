"""Letting people in from the command line, as for the first operator of a new Waybill."""

import json
from typing import Any

import httpx

from waybill_simulators import demo

PASSWORD = "six blue paper bags"
HERE = {"Sec-Fetch-Site": "same-origin"}


async def test_somebody_is_let_in_chooses_a_password_and_is_locked_out(stack: Any) -> None:
    who = "zoe@market.example"
    made = json.loads(stack.run("people", "let-in", who, "--role", "operator", "--name", "Zoe", "--json"))
    async with httpx.AsyncClient(verify=False) as browser:
        page = await browser.get(made["link"])
        link = made["link"].partition("link=")[2]
        given = {"link": link, "password": PASSWORD, "name": "Zoe Zimmer"}
        chosen = await browser.post(f"{stack.home.url('portal')}/welcome", data=given, headers=HERE)
        me = await browser.get(f"{stack.home.url('portal')}/api/v1/me")
        again = stack.run("people", "let-in", who, "--role", "viewer", "--brand", str(demo.ACORN))
        listed = stack.run("people", "list")
        stack.run("people", "lock", who)
        locked = await browser.get(f"{stack.home.url('portal')}/api/v1/me")

    assert (page.status_code, chosen.status_code) == (200, 303)
    assert me.json()["name"] == "Zoe Zimmer"
    assert "There is a password already." in again
    assert "operator, viewer of Acorn Apparel" in listed
    assert locked.status_code == 401


def test_who_is_misnamed_is_said_with_what_there_is(stack: Any) -> None:
    brand = stack.run("people", "let-in", "yan@acorn.example", "--role", "packer", "--brand", "Acron", fails=True)
    nobody = stack.run("people", "link", "nobody@acorn.example", fails=True)
    no_mail = stack.run("people", "let-in", "yan", "--role", "operator", fails=True)

    assert "Acorn Apparel (a0a0a0a0-0000-4000-8000-000000000001)" in " ".join(brand.split())
    assert "Nobody has the mail address nobody@acorn.example" in nobody
    assert "no mail address" in no_mail
