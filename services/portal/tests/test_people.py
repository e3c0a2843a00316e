"""Who is let in, to what, and for how long; on a real database, as browsers and programs ask."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from portal_builders import AsOperator, placed
from sqlalchemy import text

from waybill_chassis.database import Database
from waybill_portal.api.viewing import COOKIE, May
from waybill_portal.app import build
from waybill_portal.domain.people import MOST_TRIES, SCOPES, Role, Scope
from waybill_portal.pages.people import done

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
PASSWORD = "four small brown boxes"
PAGE = {"Accept": "text/html"}
READS = {"GET", "HEAD"}
OPEN = {"/", "/login", "/logout", "/welcome", "/openapi.json"}
"""What answers everybody."""


class Portal:
    """A portal, and browsers that somebody may log in with."""

    def __init__(self, service: httpx.AsyncClient, browsers: AsyncExitStack) -> None:
        self.service, self.browsers = service, browsers

    @property
    def app(self) -> FastAPI:
        transport: Any = self.service._transport
        app: FastAPI = transport.app
        return app

    async def browser(self, address: str = "10.0.0.1", **headers: str) -> httpx.AsyncClient:
        """One that nobody is logged in with, at some network address."""
        client = httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 1)),
            base_url="http://service",
            headers={"Sec-Fetch-Site": "same-origin", **headers},
        )
        return await self.browsers.enter_async_context(client)

    async def invite(self, email: str, role: str = "packer", brand: UUID | None = None) -> dict[str, Any]:
        body = {"email": email, "name": email.partition("@")[0].title(), "role": role}
        wanted = body if brand is None else {**body, "brand_id": str(brand)}
        answer = await self.service.put(f"/api/v1/people/{uuid4()}", json=wanted)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    async def let_in(self, email: str, role: str = "packer", brand: UUID | None = None) -> httpx.AsyncClient:
        """Somebody's browser after that person has chosen a password."""
        invited = await self.invite(email, role, brand)
        browser = await self.browser()
        link = invited["link"]["path"].partition("link=")[2]
        answer = await browser.post("/welcome", data={"link": link, "password": PASSWORD})
        assert answer.status_code == 303, answer.text
        return browser


@pytest.fixture
async def portal(database: Database, start: Any) -> AsyncGenerator[Portal]:
    client = await start(database.engine.url.render_as_string(hide_password=False), build, AsOperator)
    async with AsyncExitStack() as browsers:
        yield Portal(client, browsers)


async def log_in(browser: httpx.AsyncClient, email: str, password: str = PASSWORD, **more: str) -> httpx.Response:
    return await browser.post("/login", data={"email": email, "password": password, **more})


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


def routes(app: FastAPI) -> dict[tuple[str, str], May | None]:
    """What each route asks of whoever calls it; of those that are the portal's own, not the services' shell."""
    found: dict[tuple[str, str], May | None] = {}
    for route in app.routes:
        if isinstance(route, APIRoute) and not route.path.startswith(("/ops/", "/health/", "/metrics", "/projection")):
            doors = [each.call for each in route.dependant.dependencies if isinstance(each.call, May)]
            for method in route.methods:
                found[method, route.path] = doors[0] if len(doors) == 1 else None
    return found


async def test_each_route_says_what_one_must_be_allowed(portal: Portal) -> None:
    open_to_all = {path for (_, path), door in routes(portal.app).items() if door is None}

    assert open_to_all <= OPEN


@pytest.mark.parametrize("role", [Role.VIEWER, Role.PACKER, Role.MANAGER])
async def test_whoever_may_not_is_refused_by_every_route_and_the_others_are_not(portal: Portal, role: Role) -> None:
    brand = uuid4()
    browser = await portal.let_in("ann@acorn.example", role, brand)
    doors = {each: door for each, door in routes(portal.app).items() if door is not None}

    refused: set[tuple[str, str]] = set()
    for method, path in doors:
        if "/live" in path:
            continue
        filled = path.replace("{brand_id}", str(brand)).replace("{service}", "orders")
        filled = "/".join(str(uuid4()) if part.startswith("{") else part for part in filled.split("/"))
        answer = await browser.request(method, filled, data={"a": "b"} if method == "POST" else None)
        if answer.status_code == 403 and "urn:waybill:problem:not-allowed" in answer.text:
            refused.add((method, path))

    assert refused == {each for each, door in doors.items() if door.scope not in SCOPES[role]}


async def test_two_brands_never_see_each_other(portal: Portal, publish: Publish, until: Until) -> None:
    acorn, birch, order = uuid4(), uuid4(), uuid4()
    await publish(placed(order, birch, "70001-01"), 1)
    theirs = await portal.let_in("ben@birch.example", "manager", birch)
    token = (
        await theirs.put(f"/api/v1/tokens/{uuid4()}", json={"name": "Screen", "scopes": ["read"]})
    ).raise_for_status()
    browser = await portal.let_in("ann@acorn.example", "manager", acorn)

    async def there() -> bool:
        return bool((await theirs.get("/api/v1/orders")).json()["orders"])

    await until(there)
    seen = [
        (await browser.get(path)).text
        for path in (
            "/orders",
            "/orders?q=70001",
            "/orders?view=at-risk",
            "/api/v1/orders?q=70001-01",
            f"/api/v1/orders?brand_id={birch}",
            "/api/v1/orders/at-risk",
            "/api/v1/brands",
            "/api/v1/people",
            "/api/v1/tokens",
            "/api/v1/audit?limit=200",
            "/people",
            "/people/audit",
            "/people/tokens",
            "/account",
        )
    ]
    of_order = [
        (await browser.get(f"{path}/{order}{more}")).status_code
        for path, more in (
            ("/orders", ""),
            ("/orders", "/live"),
            ("/api/v1/orders", ""),
            ("/api/v1/orders", "/explain"),
        )
    ]
    written = [
        (await browser.put(f"/api/v1/brands/{birch}", json={"name": "Mine"})).status_code,
        (await browser.delete(f"/api/v1/tokens/{token.json()['token_id']}")).status_code,
        (await browser.post("/account/brand", data={"brand_id": str(birch)})).status_code,
    ]

    for page in seen:
        assert "70001-01" not in page
        assert "ben@" not in page
        assert str(birch) not in page
    assert of_order == [404] * 4
    assert written == [403, 404, 403]


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


async def test_who_is_locked_out_or_left_a_brand_is_out_at_once(portal: Portal) -> None:
    brand = uuid4()
    left = await portal.let_in("ann@acorn.example", brand=brand)
    locked = await portal.let_in("ben@acorn.example", brand=brand)
    people = {each["email"]: each["person_id"] for each in (await portal.service.get("/api/v1/people")).json()}

    await portal.service.delete(f"/api/v1/people/{people['ann@acorn.example']}/roles/{brand}")
    await portal.service.put(f"/api/v1/people/{people['ben@acorn.example']}/disabled", json={"disabled": True})

    assert (await left.get("/api/v1/me")).json()["type"] == "urn:waybill:problem:no-brand"
    assert (await locked.get("/api/v1/me")).status_code == 401
    assert (await log_in(await portal.browser(), "ben@acorn.example")).status_code == 401


async def test_a_person_of_two_brands_looks_at_one_and_turns_to_the_other(
    portal: Portal, publish: Publish, until: Until
) -> None:
    acorn, birch = sorted((uuid4(), uuid4()))
    await publish(placed(uuid4(), acorn, "70002-01"), 1)
    await publish(placed(uuid4(), birch, "70003-01"), 1)
    browser = await portal.let_in("ann@acorn.example", "viewer", acorn)
    await portal.invite("ann@acorn.example", "manager", birch)

    async def listed() -> list[str]:
        return [each["reference"] for each in (await browser.get("/api/v1/orders")).json()["orders"]]

    async def there() -> bool:
        return await listed() == ["70002-01"]

    await until(there)
    as_viewer = (await browser.get("/api/v1/me")).json()["scopes"]
    await browser.post("/account/brand", data={"brand_id": str(birch)})

    async def turned() -> bool:
        return await listed() == ["70003-01"]

    await until(turned)
    assert as_viewer == ["read"]
    assert (await browser.get("/api/v1/me")).json()["scopes"] == ["manage", "read", "ship"]


async def test_a_manager_gives_nobody_more_than_their_own_brand(portal: Portal) -> None:
    acorn, birch = uuid4(), uuid4()
    ann = await portal.let_in("ann@acorn.example", "manager", acorn)
    await portal.invite("cid@both.example", "viewer", acorn)
    shared = (await portal.invite("cid@both.example", "viewer", birch))["person"]["person_id"]
    strangers = (await portal.invite("ben@birch.example", "viewer", birch))["person"]["person_id"]
    ann_id = (await ann.get("/api/v1/me")).json()["actor"].partition(":")[2]
    somebody = {"email": "eve@acorn.example", "name": "Eve"}

    answers = {
        "operator": await ann.put(f"/api/v1/people/{uuid4()}", json={**somebody, "role": "operator"}),
        "other brand": await ann.put(
            f"/api/v1/people/{uuid4()}", json={**somebody, "role": "viewer", "brand_id": str(birch)}
        ),
        "their role": await ann.put(f"/api/v1/people/{strangers}/roles/{acorn}", json={"role": "viewer"}),
        "their link": await ann.put(f"/api/v1/people/{strangers}/link"),
        "a shared one's link": await ann.put(f"/api/v1/people/{shared}/link"),
        "her own role": await ann.put(f"/api/v1/people/{ann_id}/roles/{acorn}", json={"role": "viewer"}),
        "an operating token": await ann.put(
            f"/api/v1/tokens/{uuid4()}", json={"name": "x", "scopes": ["read", "operate"]}
        ),
        "another brand's token": await ann.put(
            f"/api/v1/tokens/{uuid4()}", json={"name": "x", "scopes": ["read"], "brand_id": str(birch)}
        ),
    }

    assert {what: answer.status_code for what, answer in answers.items()} == {
        "operator": 403,
        "other brand": 403,
        "their role": 404,
        "their link": 404,
        "a shared one's link": 403,
        "her own role": 409,
        "an operating token": 403,
        "another brand's token": 403,
    }
    of_shared = next(each for each in (await ann.get("/api/v1/people")).json() if each["person_id"] == shared)
    assert of_shared["roles"] == {str(acorn): "viewer"}


async def test_a_token_does_what_it_may_of_its_brand_until_it_is_revoked(portal: Portal) -> None:
    brand, token_id = uuid4(), uuid4()
    ann = await portal.let_in("ann@acorn.example", "manager", brand)
    wanted = {"name": "Warehouse screen", "scopes": ["ship"]}
    made = (await ann.put(f"/api/v1/tokens/{token_id}", json=wanted)).json()
    again = await ann.put(f"/api/v1/tokens/{token_id}", json=wanted)
    program = await portal.browser(Authorization=f"Bearer {made['secret']}")

    me = (await program.get("/api/v1/me")).json()
    manages = await program.get("/api/v1/people")
    await ann.delete(f"/api/v1/tokens/{token_id}")
    revoked = await program.get("/api/v1/me")

    assert (me["scopes"], me["brand_id"], me["actor"]) == (["read", "ship"], str(brand), f"token:{token_id}")
    assert (again.status_code, manages.status_code, revoked.status_code) == (409, 403, 401)
    assert [each["secret"] for each in (await ann.get("/api/v1/tokens")).json()] == [None]


async def test_every_command_is_on_record_also_one_that_was_refused(portal: Portal) -> None:
    brand, order = uuid4(), uuid4()
    ann = await portal.let_in("ann@acorn.example", "manager", brand)
    cid = await portal.let_in("cid@acorn.example", "viewer", brand)
    await cid.post(f"/api/v1/orders/{order}/shipments", json={})
    await ann.put(f"/api/v1/tokens/{uuid4()}", json={"name": "x", "scopes": ["read"]})
    await ann.get("/orders")

    first = (await ann.get("/api/v1/audit?limit=2")).json()
    rest = (await ann.get(f"/api/v1/audit?before={first['before']}")).json()

    assert [(each["name"], each["method"], each["status"]) for each in first["commands"]] == [
        ("Ann", "PUT", 201),
        ("Cid", "POST", 403),
    ]
    assert first["commands"][1]["path"] == f"/api/v1/orders/{order}/shipments"
    assert [(each["name"], each["path"]) for each in rest["commands"]] == [("Cid", "/welcome"), ("Ann", "/welcome")]


async def test_the_pages_let_people_and_programs_in(portal: Portal) -> None:
    ann = await portal.let_in("ann@acorn.example", "manager", uuid4())
    looks_at = {"looks_at": (await ann.get("/api/v1/me")).json()["brand_id"]}
    given = {"person_id": str(uuid4()), "email": "dee@acorn.example", "name": "Dee", "role": "packer", **looks_at}

    page = await ann.post("/people", data=given)
    wrong = await ann.post("/people", data={**given, "person_id": str(uuid4()), "email": "dee at acorn"})
    token = await ann.post(
        "/people/tokens", data={"token_id": str(uuid4()), "name": "Screen", "scope:read": "yes", **looks_at}
    )
    secret = token.text.partition('data-copy="')[2].partition('"')[0]
    program = await portal.browser(Authorization=f"Bearer {secret}")

    link = page.text.partition('data-copy="http://service')[2].partition('"')[0]
    assert (await (await portal.browser()).get(link)).status_code == 200
    assert (wrong.status_code, "dee at acorn" in wrong.text, "no mail address" in wrong.text) == (422, True, True)
    assert (await program.get("/api/v1/me")).json()["name"] == "Screen"


async def test_an_operator_turns_to_one_brand_and_still_operates(portal: Portal) -> None:
    brand = uuid4()
    (await portal.service.put(f"/api/v1/brands/{brand}", json={"name": "Acorn"})).raise_for_status()
    olga = await portal.let_in("olga@market.example", "operator")

    await olga.post("/account/brand", data={"brand_id": str(brand)})

    assert (await olga.get("/api/v1/me")).json()["brand_id"] == str(brand)
    assert "Olga · Acorn" in (await olga.get("/orders")).text
    assert (await olga.get("/operations?tab=services")).status_code == 200


def test_each_role_may_do_what_the_one_before_it_may() -> None:
    assert SCOPES[Role.VIEWER] < SCOPES[Role.PACKER] < SCOPES[Role.MANAGER] < SCOPES[Role.OPERATOR] == frozenset(Scope)


async def test_what_was_done_is_said_in_words_with_the_order(portal: Portal, publish: Publish, until: Until) -> None:
    brand, order = uuid4(), uuid4()
    await publish(placed(order, brand, "70004-01"), 1)
    ann = await portal.let_in("ann@acorn.example", "manager", brand)

    async def there() -> bool:
        return (await ann.get(f"/api/v1/orders/{order}")).status_code == 200

    await until(there)
    await ann.post(f"/orders/{order}/cancellations", data={"quantity:shirt": "1"})

    page = (await ann.get("/people/audit")).text
    row = page.partition("<tbody>")[2].partition("</tr>")[0]
    assert "Cancel units" in row
    assert f'<a href="/orders/{order}">70004-01</a>' in row
    assert "refused (503)" in row


async def test_every_command_has_words(portal: Portal) -> None:
    commands = {path.replace("{action}", "redrive") for method, path in routes(portal.app) if method not in READS}
    commands |= {path.replace("{what}", "undo") for path in commands}

    wordless = {path for path in commands if done(path) == path and "{what}" not in path}
    assert wordless == {"/logout"}


async def test_a_manager_takes_nobodys_account_by_letting_them_in_again(portal: Portal) -> None:
    acorn, birch = uuid4(), uuid4()
    ann = await portal.let_in("ann@acorn.example", "manager", acorn)
    olga = await portal.invite("olga@market.example", "operator")
    ben = await portal.invite("ben@birch.example", "packer", birch)

    taken = [
        await ann.put(f"/api/v1/people/{uuid4()}", json={"email": email, "name": "Mine", "role": "viewer"})
        for email in ("olga@market.example", "ben@birch.example", "ann@acorn.example")
    ]
    browser = await portal.browser()

    assert [(answer.status_code, "link" in answer.json()) for answer in taken] == [(409, False)] * 3
    for invited in (olga, ben):
        assert (await browser.get(invited["link"]["path"])).status_code == 200


async def test_an_operators_password_is_one_that_was_chosen_as_an_operator(portal: Portal) -> None:
    before = await portal.let_in("ben@birch.example", "packer", uuid4())

    invited = await portal.invite("ben@birch.example", "operator")

    assert invited["link"] is not None
    assert (await before.get("/api/v1/me")).status_code == 401
    assert (await log_in(await portal.browser(), "ben@birch.example")).status_code == 401


async def test_a_link_that_two_use_at_once_is_good_for_one(portal: Portal) -> None:
    invited = await portal.invite("ann@acorn.example", brand=uuid4())
    browsers = [await portal.browser() for _ in range(4)]
    given = {"link": invited["link"]["path"].partition("link=")[2], "password": PASSWORD}

    answers = await asyncio.gather(*(browser.post("/welcome", data=given) for browser in browsers))

    assert sorted(answer.status_code for answer in answers) == [303, 404, 404, 404]
    in_ = [(await browser.get("/api/v1/me")).status_code for browser in browsers]
    assert sorted(in_) == [200, 401, 401, 401]


async def test_an_operator_becomes_one_no_more_at_once(portal: Portal) -> None:
    olga = await portal.let_in("olga@market.example", "operator")
    zoe = await portal.let_in("zoe@market.example", "operator")
    made = (await zoe.put(f"/api/v1/tokens/{uuid4()}", json={"name": "All", "scopes": ["operate"]})).json()
    program = await portal.browser(Authorization=f"Bearer {made['secret']}")
    zoe_id = (await zoe.get("/api/v1/me")).json()["actor"].partition(":")[2]

    herself = await zoe.delete(f"/api/v1/people/{zoe_id}/operator")
    let_in = (await program.get("/api/v1/me")).status_code
    ended = await olga.delete(f"/api/v1/people/{zoe_id}/operator")

    assert (herself.status_code, let_in, ended.json()["is_operator"]) == (409, 200, False)
    assert (await zoe.get("/api/v1/me")).status_code == 401
    assert (await program.get("/api/v1/me")).status_code == 401


async def test_programs_go_with_the_manager_who_let_them_in_and_those_that_they_let_in(portal: Portal) -> None:
    brand = uuid4()
    ann = await portal.let_in("ann@acorn.example", "manager", brand)
    ann_id = (await ann.get("/api/v1/me")).json()["actor"].partition(":")[2]
    wanted = {"name": "Robot", "scopes": ["manage", "ship"]}
    first = (await ann.put(f"/api/v1/tokens/{uuid4()}", json=wanted)).json()["secret"]
    robot = await portal.browser(Authorization=f"Bearer {first}")
    second = (await robot.put(f"/api/v1/tokens/{uuid4()}", json=wanted)).json()["secret"]
    robots_robot = await portal.browser(Authorization=f"Bearer {second}")
    before = (await robots_robot.get("/api/v1/me")).status_code

    await portal.service.put(f"/api/v1/people/{ann_id}/roles/{brand}", json={"role": "packer"})

    after = [(await each.get("/api/v1/me")).status_code for each in (robot, robots_robot, ann)]
    assert (before, after) == (200, [401, 401, 200])


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


async def test_whose_sales_are_whose_operators_alone_say(portal: Portal) -> None:
    brand = uuid4()
    of_brand = f"/api/v1/brands/{brand}"
    (await portal.service.put(of_brand, json={"name": "Acorn", "vendors": ["Acorn"]})).raise_for_status()
    ann = await portal.let_in("ann@acorn.example", "manager", brand)

    answers = [
        await ann.put(of_brand, json={"name": "Acorn", "vendors": ["Acorn", "Birch"]}),
        await ann.put(of_brand, json={"name": "Acorn", "vendors": ["Acorn"], "sku_prefixes": ["BI-"]}),
        await ann.put(of_brand, json={"name": "Acorn & Co", "vendors": ["Acorn"]}),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 200]


async def test_a_form_of_a_page_of_another_brand_is_refused(portal: Portal) -> None:
    acorn, birch = sorted((uuid4(), uuid4()))
    await portal.invite("ann@acorn.example", "manager", acorn)
    ann = await portal.let_in("ann@acorn.example", "manager", birch)
    seen = {"looks_at": str(acorn)}
    await ann.post("/account/brand", data={"brand_id": str(birch)})

    answers = [
        await ann.post("/people", data={"person_id": str(uuid4()), "email": "d@a.example", "name": "D", **seen}),
        await ann.post("/people/tokens", data={"token_id": str(uuid4()), "name": "x", "scope:read": "yes", **seen}),
    ]

    assert [answer.status_code for answer in answers] == [409, 409]
    assert (await ann.get("/api/v1/tokens")).json() == []


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
