"""Every socket of the endpoint, whatever its transport."""

import asyncio
from collections.abc import Callable, Iterable
from functools import lru_cache
from ipaddress import ip_address
from socket import AF_INET, AF_INET6, AddressFamily

from gateway.sip.routing import Address
from gateway.sip.settings import Listen, SipSettings
from gateway.sip.stream import Stream
from gateway.sip.tls import Tls
from gateway.sip.transport import Bounds, Broken, Received
from gateway.sip.transport_stream import Streams
from gateway.sip.transport_udp import Udp
from gateway.sip.transport_ws import WebSocket

WILD = ("0.0.0.0", "::")
LOOK_S = 1.0  # how often, at least, connections are looked over
RENEW_S = 10.0  # how often the certificates' files are


@lru_cache(maxsize=4096)
def family(host: str) -> AddressFamily | None:
    """Of an address; None for a name."""
    try:
        version = ip_address(host.partition("%")[0]).version
    except ValueError:
        return None
    return AF_INET if version == 4 else AF_INET6


class Wires:
    """``needed`` tells which addresses live calls need, by transport; ``leaves_by`` the address
    of ours from which packets go to a host."""

    def __init__(
        self,
        settings: SipSettings,
        received: Received,
        broken: Broken,
        *,
        admits: Callable[[str, int], bool],
        needed: Callable[[], Iterable[tuple[Address, str]]],
        leaves_by: Callable[[str], str],
    ) -> None:
        self.ports: list[Listen] = []  # what is bound, with the real port numbers
        self._settings = settings
        self._received = received
        self._broken = broken
        self._admits = admits
        self._needed = needed
        self._leaves_by = leaves_by
        self._udp: list[Udp] = []
        self._streams: dict[str, Streams] = {}
        self._tls: Tls | None = None
        self._timers: list[asyncio.TimerHandle] = []

    async def open(self) -> None:
        """Raises ConfigError that names the port or the certificate which cannot be had."""
        settings = self._settings
        transports = {place.transport for place in settings.places}
        self._tls = Tls(settings.tls, serves=bool(transports & {"tls", "wss"}))
        bounds = Bounds(
            settings.max_connections, settings.tcp_idle_s, settings.message_s, settings.keep_alive_s
        )
        for transport in ("tcp", "tls", "ws", "wss"):
            browsers = transport in ("ws", "wss")
            self._streams[transport] = Streams(
                transport, self._received, self._broken, settings.limits, bounds,
                admits=self._admits,
                security=self._tls if transport in ("tls", "wss") else None,
                kind=WebSocket if browsers else Stream,
                dials=not browsers,
            )  # fmt: skip
        for place in settings.places:
            if place.transport == "udp":
                self._udp.append(await Udp.bind(place, self._received, self._broken))
                bound = self._udp[-1].address
            else:
                bound = await self._streams[place.transport].bind(place)
            self.ports.append(Listen(place.transport, *bound))
        times = (LOOK_S, settings.tcp_idle_s / 4, settings.message_s / 4, settings.keep_alive_s / 4)
        self._every(min(times), self._look_over)
        self._every(RENEW_S, self.renew)

    def send(self, data: bytes, destination: Address, transport: str, name: str = "") -> None:
        if transport in self._streams:
            self._streams[transport].send(data, destination, name)
        elif udp := self._udp_to(destination[0]):
            udp.send(data, destination)
        else:
            why = "no UDP socket of that address family"
            asyncio.get_running_loop().call_soon(self._broken, destination, "udp", why)

    def alias(self, source: Address, transport: str, port: int) -> None:
        """RFC 5923; see ``Streams.alias``."""
        if streams := self._streams.get(transport):
            streams.alias(source, port)

    def renew(self) -> None:
        """Load certificates that have changed. Open connections go on."""
        if self._tls:
            self._tls.renew()

    async def close(self) -> None:
        for timer in self._timers:
            timer.cancel()
        for udp in self._udp:
            udp.close()
        for streams in self._streams.values():
            await streams.close()
        await asyncio.sleep(0)  # the loop closes a transport's socket in its next round

    def _udp_to(self, host: str) -> Udp | None:
        fitting = [udp for udp in self._udp if family(udp.address[0]) == family(host)]
        if len(fitting) > 1:
            ours = self._leaves_by(host)
            fitting.sort(key=lambda udp: (udp.address[0] != ours, udp.address[0] not in WILD))
        return fitting[0] if fitting else None

    def _look_over(self) -> None:
        needed = list(self._needed())
        now = asyncio.get_running_loop().time()
        for transport, streams in self._streams.items():
            streams.look_over({address for address, by in needed if by == transport}, now)

    def _every(self, seconds: float, do: Callable[[], None]) -> None:
        loop = asyncio.get_running_loop()
        slot = len(self._timers)

        def due() -> None:
            self._timers[slot] = loop.call_later(seconds, due)
            do()

        self._timers.append(loop.call_later(seconds, due))
