"""Who is let in, and for how long; on a real database, as browsers ask."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Any
from uuid import uuid4

import pytest
from portal_builders import PASSWORD, Portal, a_portal, log_in
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_portal.api.viewing import COOKIE
from waybill_portal.domain.people import MOST_TRIES

PAGE = {"Accept": "text/html"}


@pytest.fixture
async def portal(database: Database, start: Any) -> AsyncGenerator[Portal]:
    async with a_portal(database, start) as portal:
        yield portal


async def test_who_is_not_logged_in_is_led_to_the_login_and_back(portal: Portal) -> None:
    await portal.let_in("ann@acorn.example", brand=uuid4())
    browser = await portal.browser()
    asked = await browser.get("/orders?view=to-ship", headers=PAGE)

    page = await browser.get(asked.headers["location"])
    answer = await log_in(browser, " Ann@Acorn.example", next="/orders?view=to-ship")

    assert (asked.status_code, page.status_code) == (303, 200)
    assert 'value="/orders?view=to-ship"' in page.text
    assert (answer.status_code, answer.headers["location"]) == (303, "/orders?view=to-ship")
    assert (await browser.get("/orders?view=to-ship")).status_code == 200


async def test_the_sessions_cookie_is_for_this_site_and_no_script(portal: Portal) -> None:
    browser = await portal.let_in("ann@acorn.example", brand=uuid4())
    await browser.post("/logout")

    answer = await log_in(browser, "ann@acorn.example")

    said = answer.headers["set-cookie"].lower()
    assert {"httponly", "samesite=lax", "path=/"} <= {each.strip() for each in said.split(";")}


@pytest.mark.parametrize(
    "to", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""]
)
async def test_a_login_leads_to_no_other_site(portal: Portal, to: str) -> None:
    await portal.let_in("ann@acorn.example", brand=uuid4())

    answer = await log_in(await portal.browser(), "ann@acorn.example", next=to)

    assert answer.headers["location"] == "/orders"


async def test_nobody_learns_from_a_login_who_there_is(portal: Portal) -> None:
    await portal.let_in("ann@acorn.example", brand=uuid4())

    wrong = await log_in(await portal.browser(), "ann@acorn.example", "another password")
    nobody = await log_in(await portal.browser(), "eve@acorn.example", "another password")

    assert wrong.status_code == nobody.status_code == 401
    assert wrong.text.replace("ann@", "eve@") == nobody.text


async def test_a_program_without_a_token_is_told_what_to_send(portal: Portal) -> None:
    browser = await portal.browser()

    answers = [
        await browser.get("/api/v1/orders"),
        await browser.get("/api/v1/orders", headers={"Authorization": "Bearer no such token"}),
    ]

    assert [answer.status_code for answer in answers] == [401, 401]
    assert all("Authorization: Bearer" in answer.json()["detail"] for answer in answers)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({}, 403),
        ({"Sec-Fetch-Site": "same-origin"}, 303),
        ({"Origin": "http://service"}, 303),
    ],
)
async def test_a_command_of_another_sites_page_is_refused(portal: Portal, headers: dict[str, str], status: int) -> None:
    brand = uuid4()
    browser = await portal.let_in("ann@acorn.example", brand=brand)
    del browser.headers["Sec-Fetch-Site"]

    answers = [
        await browser.post("/account/brand", data={"brand_id": str(brand)}, headers=headers),
        await log_in(browser, "ann@acorn.example") if not headers else None,
    ]

    assert answers[0] is not None
    assert answers[0].status_code == status
    assert answers[1] is None or answers[1].status_code == 403


async def test_a_foreign_host_name_leads_nowhere(portal: Portal) -> None:
    assert (await portal.service.get("/orders", headers={"Host": "evil.example"})).status_code == 400


async def test_who_tries_too_often_waits_and_locks_nobody_else_out(portal: Portal) -> None:
    await portal.let_in("ann@acorn.example", brand=uuid4())
    guesses = [
        (await log_in(await portal.browser("10.0.0.66"), "ann@acorn.example", "a guess")).status_code
        for _ in range(MOST_TRIES["here"])
    ]

    right_at_last = await log_in(await portal.browser("10.0.0.66"), "ann@acorn.example")
    herself = await log_in(await portal.browser("10.0.0.7"), "ann@acorn.example")

    assert guesses == [401] * MOST_TRIES["here"]
    assert (right_at_last.status_code, right_at_last.headers.get("set-cookie")) == (429, None)
    assert herself.status_code == 303


async def test_mistyping_is_forgotten_once_one_is_in(portal: Portal) -> None:
    await portal.let_in("ann@acorn.example", brand=uuid4())
    for _ in range(2):
        for _ in range(MOST_TRIES["here"] - 1):
            await log_in(await portal.browser(), "ann@acorn.example", "a slip")
        answer = await log_in(await portal.browser(), "ann@acorn.example")

        assert answer.status_code == 303


async def test_a_link_is_good_once_and_the_newest_alone(portal: Portal) -> None:
    invited = await portal.invite("ann@acorn.example", brand=uuid4())
    first = invited["link"]["path"]
    second = (await portal.service.put(f"/api/v1/people/{invited['person']['person_id']}/link")).json()["path"]
    browser = await portal.browser()
    choose = {"link": second.partition("link=")[2], "password": PASSWORD, "name": "Ann Bee"}

    old = await browser.get(first)
    short = await browser.post("/welcome", data={**choose, "password": "short"})
    chosen = await browser.post("/welcome", data=choose)
    again = await browser.post("/welcome", data=choose)

    assert (old.status_code, short.status_code, chosen.status_code, again.status_code) == (404, 422, 303, 404)
    assert "12 characters or more" in short.text
    assert "Ann Bee" in (await browser.get("/orders")).text


async def test_a_new_password_ends_all_other_sessions(portal: Portal) -> None:
    here = await portal.let_in("ann@acorn.example", brand=uuid4())
    there = await portal.browser()
    await log_in(there, "ann@acorn.example")

    wrong = await here.post("/account/password", data={"old": "not this", "new": "five large green crates"})
    changed = await here.post("/account/password", data={"old": PASSWORD, "new": "five large green crates"})

    assert (wrong.status_code, changed.status_code) == (403, 200)
    assert (await here.get("/orders")).status_code == 200
    assert (await there.get("/api/v1/me")).status_code == 401
    assert (await log_in(await portal.browser(), "ann@acorn.example")).status_code == 401


@pytest.mark.parametrize("ends", ["seen_at = now() - interval '15 hours'", "opened_at = now() - interval '31 days'"])
async def test_a_session_ends_by_itself(portal: Portal, database: Database, ends: str) -> None:
    browser = await portal.let_in("ann@acorn.example", brand=uuid4())
    before = await browser.get("/api/v1/me")
    async with database.begin() as connection:
        await connection.execute(text(f"UPDATE sessions SET {ends}"))

    assert (before.status_code, (await browser.get("/api/v1/me")).status_code) == (200, 401)


async def test_logging_out_ends_the_session_itself(portal: Portal) -> None:
    browser = await portal.let_in("ann@acorn.example", brand=uuid4())
    secret = browser.cookies[COOKIE]
    await browser.post("/logout")

    browser.cookies.set(COOKIE, secret, domain="service.local")

    assert (await browser.get("/api/v1/me", headers={"Cookie": f"{COOKIE}={secret}"})).status_code == 401


async def test_a_link_that_two_use_at_once_is_good_for_one(portal: Portal) -> None:
    invited = await portal.invite("ann@acorn.example", brand=uuid4())
    browsers = [await portal.browser() for _ in range(4)]
    given = {"link": invited["link"]["path"].partition("link=")[2], "password": PASSWORD}

    answers = await asyncio.gather(*(browser.post("/welcome", data=given) for browser in browsers))

    assert sorted(answer.status_code for answer in answers) == [303, 404, 404, 404]
    in_ = [(await browser.get("/api/v1/me")).status_code for browser in browsers]
    assert sorted(in_) == [200, 401, 401, 401]


async def test_attempts_that_are_refused_unheard_lock_nobody_out_elsewhere(portal: Portal) -> None:
    await portal.let_in("ann@acorn.example", brand=uuid4())
    stranger = await portal.browser("10.0.0.66")
    for _ in range(MOST_TRIES["account"] + 1):
        await log_in(stranger, "ann@acorn.example", "a guess")

    assert (await log_in(stranger, "ann@acorn.example")).status_code == 429
    assert (await log_in(await portal.browser("10.0.0.7"), "ann@acorn.example")).status_code == 303


async def test_who_has_one_address_of_version_6_has_all_of_its_network(portal: Portal) -> None:
    await portal.let_in("ann@acorn.example", brand=uuid4())
    for host in range(MOST_TRIES["here"]):
        await log_in(await portal.browser(f"2001:db8::{host + 1:x}"), "ann@acorn.example", "a guess")

    assert (await log_in(await portal.browser("2001:db8::ffff"), "ann@acorn.example")).status_code == 429
    assert (await log_in(await portal.browser("2001:db8:0:1::1"), "ann@acorn.example")).status_code == 303


@pytest.mark.parametrize("to", ["//[", "//a℀b", "/a\x00b", "/" + "a" * 1_000])
async def test_odd_input_is_answered(portal: Portal, to: str) -> None:
    browser = await portal.browser()
    asked = await browser.get("/login", params={"next": to})
    del browser.headers["Sec-Fetch-Site"]
    odd = await browser.post("/login", data={"next": to, "email": to, "password": to}, headers={"Origin": "http://["})
    browser.headers["Sec-Fetch-Site"] = "same-origin"
    typed = await browser.post("/login", data={"next": to, "email": to, "password": to})
    linked = await browser.post("/welcome", data={"link": to, "password": to, "name": to})

    assert [answer.status_code for answer in (asked, odd, typed, linked)] == [200, 403, 401, 404]
