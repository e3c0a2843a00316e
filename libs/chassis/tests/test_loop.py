"""What the event loop of a service must do for the clients that run on it."""

import asyncio
import socket
import struct

import uvicorn

from waybill_chassis.service import LOOP

AT_ONCE = struct.pack("ii", 1, 0)
"""SO_LINGER: close by a reset, as the system does for a process that was killed."""


async def written_after_reset() -> bool:
    """Write to a connection after it was reset and before anybody has read that."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        reader, writer = await asyncio.open_connection(*server.getsockname())
        other, _ = server.accept()
    other.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    other.close()
    while reader.exception() is None:
        await asyncio.sleep(0)
    writer.write(b"a request")
    return not reader.at_eof()


def test_a_write_to_a_connection_that_was_reset_raises_nothing() -> None:
    factory = uvicorn.Config("", loop=LOOP).get_loop_factory()
    assert factory is not None

    with asyncio.Runner(loop_factory=factory) as runner:
        assert runner.run(written_after_reset()), "the reader has not noticed yet, so a client cannot know"
