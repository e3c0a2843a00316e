"""What people and programs may do, of which brand; on a real database, as browsers and programs ask."""

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from uuid import uuid4

import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from portal_builders import Portal, a_portal, log_in, placed

from waybill_chassis.database import Database
from waybill_portal.api.viewing import May
from waybill_portal.domain.people import SCOPES, Role, Scope
from waybill_portal.pages.people import done

Publish = Callable[..., Awaitable[None]]
Until = Callable[[Callable[[], Awaitable[bool]]], Awaitable[None]]
READS = {"GET", "HEAD"}
OPEN = {"/", "/login", "/logout", "/welcome", "/openapi.json"}
"""What answers everybody."""


@pytest.fixture
async def portal(database: Database, start: Any) -> AsyncGenerator[Portal]:
    async with a_portal(database, start) as portal:
        yield portal


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
        (await browser.delete(f"/api/v1/tokens/{token.json()['token']['token_id']}")).status_code,
        (await browser.post("/account/brand", data={"brand_id": str(birch)})).status_code,
    ]

    for page in seen:
        assert "70001-01" not in page
        assert "ben@" not in page
        assert str(birch) not in page
    assert of_order == [404] * 4
    assert written == [403, 404, 403]


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
    assert made["secret"] not in (await ann.get("/api/v1/tokens")).text


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
