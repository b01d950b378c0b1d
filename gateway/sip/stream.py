"""One connection, from either side: TCP or TLS, and what a WebSocket does otherwise."""

import asyncio
from typing import Protocol, cast

from gateway.sip.framing import PING, Frames
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.message import Limits
from gateway.sip.routing import Address

BACKLOG_BYTES = 1 << 20  # unsent on one connection: its peer has stopped reading


class House(Protocol):
    """Where connections are kept."""

    transport: str

    def opened(self, stream: "Stream") -> None: ...
    def closed(self, stream: "Stream", why: str) -> None: ...
    def garbled(self, stream: "Stream", why: str) -> None: ...
    def received(self, data: bytes, stream: "Stream") -> None: ...


class Stream(asyncio.Protocol):
    """``ours``: we opened it, and keep it alive."""

    def __init__(self, house: House, limits: Limits, *, ours: bool = False, name: str = "") -> None:
        self.ours = ours
        self.name = name  # whose certificate it showed, if we opened it over TLS
        self.peer: Address = ("", 0)
        self.proven = False  # the peer showed a certificate that we trust
        self.heard_at = 0.0
        self.begun_at: float | None = None  # since when a message is incomplete
        self._house = house
        self._frames = Frames(limits)
        self._transport: asyncio.Transport
        self._pinged_at: float | None = None
        self._answers_pings = False

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = (host, port)
        self.proven = bool(transport.get_extra_info("peercert"))
        self.heard_at = _now()
        self.opened()

    def data_received(self, data: bytes) -> None:
        self.heard_at = _now()
        if self._pinged_at is not None:
            self._pinged_at, self._answers_pings = None, True
        try:
            self.read(data)
        except SipSyntaxError as error:
            self._house.garbled(self, str(error))

    def connection_lost(self, exc: Exception | None) -> None:
        self._house.closed(self, str(exc) if exc else "the peer closed the connection")

    # What differs by transport

    def opened(self) -> None:
        self._house.opened(self)

    def read(self, data: bytes) -> None:
        frames = self._frames.feed(data)
        if not self._frames.waiting:
            self.begun_at = None
        elif frames or self.begun_at is None:
            self.begun_at = self.heard_at
        for frame in frames:
            self._house.received(frame, self)

    def send(self, data: bytes) -> None:
        self.write(data)

    # What its house calls

    def write(self, data: bytes) -> None:
        if self._transport.get_write_buffer_size() > BACKLOG_BYTES:
            self._transport.abort()
        else:
            self._transport.write(data)

    def keep_alive(self, every_s: float, now: float) -> bool:
        """Ping after so long a silence (RFC 5626 section 4.4.1). False if the peer, which has
        answered pings before, does not any more."""
        if self._pinged_at is not None:
            return not (self._answers_pings and now - self._pinged_at > every_s)
        if now - self.heard_at >= every_s:
            self._pinged_at = now
            self.send(PING)
        return True

    def close(self) -> None:
        self._transport.close()

    def abort(self) -> None:
        """Close without waiting for a peer that may not be listening."""
        self._transport.abort()

    def facts(self, name: str) -> object:
        return self._transport.get_extra_info(name)


def _now() -> float:
    return asyncio.get_running_loop().time()
