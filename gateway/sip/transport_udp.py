"""UDP: one socket for each address that is listened on."""

import asyncio
import socket
from contextlib import suppress
from typing import cast

from gateway.sip.routing import Address
from gateway.sip.settings import Listen
from gateway.sip.transport import Broken, Received, taken

# linux/in.h, linux/in6.h: have ICMP's errors queued, each with the address that it is about.
RECVERR = {
    socket.AF_INET: (socket.IPPROTO_IP, 11),
    socket.AF_INET6: (socket.IPPROTO_IPV6, 25),
}

# A flood of 20,000 packets a second fills 1 MiB within 60 ms. Linux gives at most
# net.core.rmem_max.
BUFFER = 4 << 20  # bytes


class Udp(asyncio.DatagramProtocol):
    """One bound UDP socket."""

    def __init__(self, received: Received, broken: Broken, errors: socket.socket) -> None:
        """``errors`` is the same socket once more: the loop's cannot be asked for its errors."""
        self._received = received
        self._broken = broken
        self._errors = errors
        self._sending: tuple[bytes, Address] | None = None
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def bind(cls, place: Listen, received: Received, broken: Broken) -> "Udp":
        # Bound here and not by the loop: uvloop's error does not say why it cannot be had.
        ipv6 = ":" in place.host
        sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BUFFER)
            if ipv6:  # [::] and 0.0.0.0 are two listeners, as they are for TCP
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.setsockopt(*RECVERR[sock.family], 1)
            sock.bind((place.host, place.port))
        except OSError as error:
            sock.close()
            raise taken(place, error) from error
        errors = sock.dup()
        loop = asyncio.get_running_loop()
        _, udp = await loop.create_datagram_endpoint(
            lambda: cls(received, broken, errors), sock=sock
        )
        return udp

    @property
    def address(self) -> Address:
        host, port = self._transport.get_extra_info("sockname")[:2]
        return host, port

    def send(self, data: bytes, destination: Address) -> None:
        self._sending = data, destination
        self._transport.sendto(data, destination)
        self._sending = None

    def close(self) -> None:
        self._transport.close()
        self._errors.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._received(data, (addr[0], addr[1]), "udp")

    def error_received(self, exc: Exception) -> None:
        """The kernel has no way there, or ICMP says so of an earlier datagram: what that was about
        stands in the socket's queue, and it may have stopped one to somebody else."""
        loop = asyncio.get_running_loop()
        why = getattr(exc, "strerror", None) or str(exc)
        refused = self._refused()
        for destination in refused:
            loop.call_soon(self._broken, destination, "udp", why)
        if self._sending is not None:
            data, destination = self._sending
            if refused:
                self._transport.sendto(data, destination)
            else:
                loop.call_soon(self._broken, destination, "udp", why)

    def _refused(self) -> set[Address]:
        """Where datagrams could not be delivered to, of late."""
        found: set[Address] = set()
        with suppress(BlockingIOError):
            while True:
                flags = socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
                *_, name = self._errors.recvmsg(64, 512, flags)
                if name:
                    found.add((name[0], name[1]))
        return found
