"""The proxy passes everything on, unless it is told not to."""

import asyncio
import struct
from collections.abc import AsyncGenerator

import pytest
from aiokafka.protocol.fetch import FetchRequest_v11

from waybill_chaos.proxy import Proxy, without
from waybill_chassis.embedded.processes import free_ports


@pytest.fixture
async def proxy() -> AsyncGenerator[Proxy]:
    """Before a server that says everything back."""

    async def echo(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(100):
            writer.write(data)
        writer.close()

    upstream, port = free_ports(2)
    server = await asyncio.start_server(echo, "127.0.0.1", upstream)
    proxy = Proxy(port, upstream)
    await proxy.start()
    yield proxy
    await proxy.stop()
    server.close()


async def said(proxy: Proxy, patience_s: float) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        writer.write(b"hello")
        return await asyncio.wait_for(reader.read(100), patience_s)
    finally:
        writer.close()


async def test_it_passes_on_what_comes(proxy: Proxy) -> None:
    assert await said(proxy, 5) == b"hello"


async def test_a_refusing_one_lets_nobody_in_until_it_is_healed(proxy: Proxy) -> None:
    proxy.refusing = True
    with pytest.raises(ConnectionError):
        await said(proxy, 5)

    proxy.heal()

    assert await said(proxy, 5) == b"hello"


async def test_a_silent_one_passes_it_on_later(proxy: Proxy) -> None:
    proxy.flowing.clear()
    with pytest.raises(TimeoutError):
        await said(proxy, 0.2)

    proxy.heal()

    assert await said(proxy, 5) == b"hello"


def fetch(*topics: str, client: bytes = b"waybill.portal") -> bytes:
    wanted = [(topic, [(0, -1, 5, -1, 1000)]) for topic in topics]
    body = FetchRequest_v11.SCHEMA.encode((-1, 500, 1, 1000, 0, 0, -1, wanted, [], "rack"))
    return struct.pack(">hhih", 1, 11, 42, len(client)) + client + body


def test_a_fetch_asks_for_all_topics_but_those_that_are_held() -> None:
    assert without({"b"}, fetch("a", "b", "c")) == fetch("a", "c")
    assert without({"b"}, fetch("b")) == fetch()
    assert without(set(), fetch("b")) == fetch("b")


def test_who_reads_for_no_group_fetches_everything() -> None:
    assert without({"b"}, fetch("a", "b", client=b"aiokafka-1")) == fetch("a", "b", client=b"aiokafka-1")


def test_other_requests_stay_as_they_are() -> None:
    metadata = struct.pack(">hhih", 3, 5, 42, 6) + b"client" + b"whatever"

    assert without({"b"}, metadata) == metadata
