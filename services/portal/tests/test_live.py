"""What an open page is sent, and when."""

import asyncio

import pytest
from sse_starlette import ServerSentEvent

from waybill_portal.pages import live
from waybill_portal.pages.live import Changes, digest, stream


async def still() -> bool:
    return True


async def test_a_page_is_sent_what_is_new_at_once_and_nothing_that_it_has_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "POLL_S", 3600.0)
    shown, changes = ["old"], Changes()

    async def render() -> str:
        return shown[0]

    response = await stream("rows", render, changes, digest("old"), still)
    events = response.body_iterator
    coming = asyncio.ensure_future(anext(events))
    await asyncio.wait([coming], timeout=0.05)
    assert not coming.done()
    shown[0] = "new"
    changes.tell()
    event = await asyncio.wait_for(coming, 10)

    assert isinstance(event, ServerSentEvent)
    assert (event.event, event.data) == ("rows", "new")
    await events.aclose()


async def test_a_page_that_saw_something_else_is_sent_everything_when_it_connects() -> None:
    async def render() -> str:
        return "now"

    response = await stream("rows", render, Changes(), digest("long ago"), still)
    events = response.body_iterator

    event = await anext(events)

    assert isinstance(event, ServerSentEvent)
    assert event.data == "now"
    await events.aclose()


async def test_what_another_process_changed_is_seen_without_being_told() -> None:
    shown = ["old"]

    async def render() -> str:
        return shown[0]

    response = await stream("rows", render, Changes(), digest("old"), still)
    events = response.body_iterator
    coming = asyncio.ensure_future(anext(events))
    await asyncio.wait([coming], timeout=0.05)
    shown[0] = "new"

    event = await asyncio.wait_for(coming, 10)

    assert isinstance(event, ServerSentEvent)
    assert event.data == "new"
    await events.aclose()


async def test_who_was_logged_out_is_sent_nothing_any_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "ASKED_EVERY_S", -1.0)
    shown, changes, let_in = ["old"], Changes(), [True]

    async def render() -> str:
        return shown[0]

    async def may_still() -> bool:
        return let_in[0]

    response = await stream("rows", render, changes, digest("nothing"), may_still)
    events = response.body_iterator
    first = await anext(events)
    let_in[0], shown[0] = False, "new"
    changes.tell()

    assert isinstance(first, ServerSentEvent)
    with pytest.raises(StopAsyncIteration):
        await anext(events)
