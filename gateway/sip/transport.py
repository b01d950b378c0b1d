"""The sockets: UDP and TCP, listening and connecting. Bytes in, bytes out, nothing understood.

Over TCP a message to an address goes through the connection that is open to it, whoever opened
it (RFC 3261 section 18), and else through a new one.
"""

import asyncio
import errno
import socket
from collections.abc import Callable
from typing import cast

from gateway.errors import ConfigError
from gateway.sip.framing import Frames
from gateway.sip.grammar import SipSyntaxError
from gateway.sip.message import Limits
from gateway.sip.ports import holder
from gateway.sip.routing import Address
from gateway.sip.settings import Listen

CONNECT_S = 10.0  # longer than a TCP handshake takes with three SYNs lost
BACKLOG_BYTES = 1 << 20  # unsent on one connection: its peer has stopped reading

Received = Callable[[bytes, Address, str], None]
Broken = Callable[[Address, str, str], None]


def taken(place: Listen, error: OSError) -> ConfigError:
    """A port that cannot be had, explained."""
    where = f"sip.listen: {place.transport} {place.host} port {place.port}"
    if error.errno == errno.EADDRINUSE:
        by = holder(place.transport, place.port)
        return ConfigError(
            f"{where} is taken{f' by {by}' if by else ''}; stop it or listen elsewhere"
        )
    return ConfigError(f"{where} cannot be opened: {error.strerror or error}")


class Udp(asyncio.DatagramProtocol):
    """One bound UDP socket."""

    def __init__(self, received: Received, broken: Broken) -> None:
        self._received = received
        self._broken = broken
        self._sending: Address | None = None
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def bind(cls, place: Listen, received: Received, broken: Broken) -> "Udp":
        loop = asyncio.get_running_loop()
        try:
            _, udp = await loop.create_datagram_endpoint(
                lambda: cls(received, broken), local_addr=(place.host, place.port)
            )
        except OSError as error:
            raise taken(place, error) from error
        sock = udp._transport.get_extra_info("socket")
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        return udp

    @property
    def address(self) -> Address:
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def send(self, data: bytes, destination: Address) -> None:
        self._sending = destination
        self._transport.sendto(data, destination)
        self._sending = None

    def close(self) -> None:
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received(data, (addr[0], addr[1]), "udp")

    def error_received(self, exc: Exception) -> None:
        """The kernel has no way there. Of what ICMP says of an earlier datagram nothing is told
        but that; silence is for the transactions' timers."""
        if self._sending is not None:
            self._broken(self._sending, "udp", getattr(exc, "strerror", None) or str(exc))


class Connection(asyncio.Protocol):
    """One TCP connection, from either side."""

    def __init__(self, tcp: "Tcp", limits: Limits) -> None:
        self._tcp = tcp
        self._frames = Frames(limits)
        self._transport: asyncio.Transport
        self.peer: Address = ("", 0)
        self.heard_at = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        host, port = transport.get_extra_info("peername")[:2]
        self.peer = (host, port)
        self.heard_at = asyncio.get_running_loop().time()
        self._tcp.opened(self)

    def data_received(self, data: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        try:
            frames = self._frames.feed(data)
        except SipSyntaxError as error:
            self._tcp.unframed(self, str(error))
            return
        for frame in frames:
            self._tcp.received(frame, self.peer, "tcp")

    def connection_lost(self, exc: Exception | None) -> None:
        self._tcp.closed(self, str(exc) if exc else "the peer closed the connection")

    def send(self, data: bytes) -> None:
        if self._transport.get_write_buffer_size() > BACKLOG_BYTES:
            self._transport.abort()
        else:
            self._transport.write(data)

    def close(self) -> None:
        self._transport.close()


class Tcp:
    """Every TCP connection and listener of the endpoint."""

    def __init__(
        self, received: Received, broken: Broken, limits: Limits, *, most: int, idle_s: float
    ) -> None:
        self.received = received
        self._broken = broken
        self._limits = limits
        self._most = most
        self._idle_s = idle_s
        self._listeners: list[asyncio.Server] = []
        self._open: dict[Address, Connection] = {}
        self._dialling: dict[Address, list[bytes]] = {}  # what waits for a connection
        self._dials: set[asyncio.Task[None]] = set()
        self._sweep: asyncio.TimerHandle | None = None

    async def bind(self, place: Listen) -> Address:
        loop = asyncio.get_running_loop()
        try:
            server = await loop.create_server(
                lambda: Connection(self, self._limits), place.host, place.port
            )
        except OSError as error:
            raise taken(place, error) from error
        self._listeners.append(server)
        self._sweep = self._sweep or loop.call_later(self._idle_s / 4, self._close_idle)
        host, port = server.sockets[0].getsockname()[:2]
        return host, port

    def send(self, data: bytes, destination: Address) -> None:
        if connection := self._open.get(destination):
            connection.send(data)
        elif destination in self._dialling:
            self._dialling[destination].append(data)
        else:
            self._dialling[destination] = [data]
            task = asyncio.get_running_loop().create_task(self._dial(destination))
            self._dials.add(task)
            task.add_done_callback(self._dials.discard)

    async def close(self) -> None:
        if self._sweep:
            self._sweep.cancel()
        for listener in self._listeners:
            listener.close()
        for task in self._dials:
            task.cancel()
        await asyncio.gather(*self._dials, return_exceptions=True)
        for connection in list(self._open.values()):
            connection.close()

    def opened(self, connection: Connection) -> None:
        if len(self._open) >= self._most:
            self._broken(connection.peer, "tcp", f"more than {self._most} connections")
            connection.close()
            return
        self._open[connection.peer] = connection

    def closed(self, connection: Connection, why: str) -> None:
        if self._open.get(connection.peer) is connection:
            del self._open[connection.peer]
            self._broken(connection.peer, "tcp", why)

    def unframed(self, connection: Connection, why: str) -> None:
        self._broken(connection.peer, "tcp", f"closed by us: {why}")
        self._open.pop(connection.peer, None)
        connection.close()

    async def _dial(self, destination: Address) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_S):
                _, connection = await loop.create_connection(
                    lambda: Connection(self, self._limits), *destination
                )
        except (OSError, TimeoutError) as error:
            del self._dialling[destination]
            why = getattr(error, "strerror", None) or "no connection within 10 s"
            self._broken(destination, "tcp", why)
            return
        for data in self._dialling.pop(destination):
            connection.send(data)

    def _close_idle(self) -> None:
        loop = asyncio.get_running_loop()
        self._sweep = loop.call_later(self._idle_s / 4, self._close_idle)
        for connection in list(self._open.values()):
            if loop.time() - connection.heard_at > self._idle_s:
                connection.close()
