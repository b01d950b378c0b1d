"""UDP: one socket for each address that is listened on."""

import asyncio
import socket
from typing import cast

from gateway.sip.routing import Address
from gateway.sip.settings import Listen
from gateway.sip.transport import Broken, Received, taken


class Udp(asyncio.DatagramProtocol):
    """One bound UDP socket."""

    def __init__(self, received: Received, broken: Broken) -> None:
        self._received = received
        self._broken = broken
        self._sending: Address | None = None
        self._transport: asyncio.DatagramTransport

    @classmethod
    async def bind(cls, place: Listen, received: Received, broken: Broken) -> "Udp":
        # Bound here and not by the loop: uvloop's error does not say why it cannot be had.
        ipv6 = ":" in place.host
        sock = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_DGRAM)
        try:
            sock.setblocking(False)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
            if ipv6:  # [::] and 0.0.0.0 are two listeners, as they are for TCP
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            sock.bind((place.host, place.port))
        except OSError as error:
            sock.close()
            raise taken(place, error) from error
        loop = asyncio.get_running_loop()
        _, udp = await loop.create_datagram_endpoint(lambda: cls(received, broken), sock=sock)
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
