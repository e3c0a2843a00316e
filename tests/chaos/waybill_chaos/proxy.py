"""A TCP proxy on 127.0.0.1 that can be slow, cut, silent, or leave a Kafka topic out of what is fetched."""

import asyncio
import io
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, Final

from aiokafka.protocol import fetch as kafka_fetch

_CHUNK: Final = 65_536
_FETCH: Final = 1
_READERS: Final = b"waybill."
_PATIENCE_S: Final = 5.0
_FETCHES: Final[dict[int, Any]] = {
    found.API_VERSION: found for name, found in vars(kafka_fetch).items() if name.startswith("FetchRequest_v")
}

Forward = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Proxy:
    """Passes on what comes to `port` to `upstream`, another port of this machine."""

    def __init__(self, port: int, upstream: int, *, kafka: bool = False) -> None:
        self.port, self.upstream, self.kafka = port, upstream, kafka
        self.delay_s = 0.0
        """Seconds that each chunk takes in each direction."""
        self.held: set[str] = set()
        """Topics that are left out of whatever is fetched to be taken in."""
        self.flowing = asyncio.Event()
        self.flowing.set()
        self.refusing = False
        self.open: set[asyncio.StreamWriter] = set()
        self.server: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen."""
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", self.port)

    async def stop(self) -> None:
        """Listen no more, and end what is open."""
        self.heal()
        if self.server is not None:
            self.server.close()
        self.cut()

    def heal(self) -> None:
        """Pass on everything, at once."""
        self.delay_s, self.refusing = 0.0, False
        self.held.clear()
        self.flowing.set()

    def cut(self) -> None:
        """End all connections, as a cable that is pulled; new ones are let in unless `refusing`."""
        for writer in list(self.open):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.refusing:
            writer.transport.abort()
            return
        try:
            up_reader, up_writer = await asyncio.wait_for(
                asyncio.open_connection("127.0.0.1", self.upstream), _PATIENCE_S
            )
        except (OSError, TimeoutError):
            writer.transport.abort()
            return
        both = {writer, up_writer}
        self.open |= both
        there = self._requests if self.kafka else self._bytes
        ways = [asyncio.create_task(there(reader, up_writer)), asyncio.create_task(self._bytes(up_reader, writer))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.open -= both
            for each in both:
                each.close()
                with suppress(OSError):
                    await each.wait_closed()

    async def _pass(self, data: bytes, writer: asyncio.StreamWriter) -> None:
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self.flowing.wait()
        writer.write(data)
        await writer.drain()

    async def _bytes(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                await self._pass(data, writer)

    async def _requests(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Kafka's requests, one by one."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                (size,) = struct.unpack(">i", await reader.readexactly(4))
                request = without(self.held, await reader.readexactly(size))
                await self._pass(struct.pack(">i", len(request)) + request, writer)


def without(topics: set[str], request: bytes) -> bytes:
    """A request of the Kafka protocol, which fetches nothing of these topics; whatever else it is stays as it is.

    So does what is fetched by somebody without the name of a group: to compare the past, it must be readable.
    """
    key, version = struct.unpack_from(">hh", request)
    if not topics or key != _FETCH or version not in _FETCHES:
        return request
    (name,) = struct.unpack_from(">h", request, 8)
    header = 10 + max(name, 0)
    if not request[10:header].startswith(_READERS):
        return request
    schema = _FETCHES[version].SCHEMA
    values = list(schema.decode(io.BytesIO(request[header:])))
    at = next(place for place, field in enumerate(schema.names) if field == "topics")
    values[at] = [each for each in values[at] if each[0] not in topics]
    body: bytes = schema.encode(values)
    return request[:header] + body
