"""The real processes of media over loopback, and a peer for them.

Nothing here sleeps: each wait is for a packet, a process or a cursor, with a deadline. On a busy
machine beats may be missed, which the lines count; what is asserted allows for that.
"""

import asyncio
import contextlib
import os
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable

from gateway.media.line import Line
from gateway.media.plane import Plane
from gateway.media.settings import MediaSettings, RtpSettings

HOST = "127.0.0.1"
DEADLINE_S = 30.0
PORTS = "41000-41099"


class Phone:
    """A peer with a socket of its own."""

    def __init__(self) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.bind((HOST, 0))
        self.port = self.socket.getsockname()[1]
        self.sequence = 0

    async def packet(self) -> tuple[int, int, bytes]:
        """The next one from the gateway: sequence, timestamp, payload."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(DEADLINE_S):
            octets = await loop.sock_recv(self.socket, 2000)
        sequence, timestamp = struct.unpack(">HI", octets[2:8])
        return sequence, timestamp, octets[12:]

    def send(self, to: int, payload: bytes = b"\x10" * 160, kind: int = 0) -> None:
        head = struct.pack(">BBHII", 0x80, kind, self.sequence, 160 * self.sequence, 9)
        self.socket.sendto(head + payload, (HOST, to))
        self.sequence += 1

    def agree(self, line: Line, **changes: object) -> None:
        line.agree(**{
            "host": HOST, "port": self.port, "codec": 0, "payload_out": 0, "payload_in": 0,
            "digits_out": 101, "digits_in": 101, "speaks": True, "hears": True, **changes,
        })  # type: ignore[arg-type]  # fmt: skip

    def close(self) -> None:
        self.socket.close()


@contextlib.asynccontextmanager
async def plane_of(**media: object) -> AsyncIterator[Plane]:
    wake = os.eventfd(0, os.EFD_NONBLOCK)
    settings = MediaSettings(**{"capacity": 8, **media})  # type: ignore[arg-type]
    plane = Plane(settings, RtpSettings(ports=PORTS, drain_s=0), [wake])
    await plane.start()
    try:
        yield plane
    finally:
        await plane.close()
        os.close(wake)


async def until(true: Callable[[], bool]) -> None:
    """Wait for what another process does to shared memory, which no socket announces."""
    deadline = time.monotonic() + DEADLINE_S
    while not true():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.005)


async def spare_is_ready(plane: Plane) -> None:
    await until(lambda: plane.pids["spare"] is not None and plane.spare_ready)
