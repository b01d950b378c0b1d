"""By which address of ours a peer reaches us: the route to it decides, and the NAT before us."""

import socket
import time
from collections.abc import Callable, Sequence
from functools import lru_cache
from ipaddress import ip_address

from gateway.sip.routing import Address
from gateway.sip.settings import Listen, SipSettings
from gateway.sip.wires import WILD, family

BELIEVED_S = 60.0  # how long a route is taken not to have changed
# Addresses for documentation (RFC 5737, 3849): whatever routes to them is the default route.
ELSEWHERE = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


class OwnAddress:
    """``known`` gives the address of a name, "" if it has not been resolved."""

    def __init__(
        self,
        settings: SipSettings,
        ports: Callable[[], Sequence[Listen]],
        known: Callable[[str], str],
    ) -> None:
        self._public = settings.public_address
        self._inside = settings.inside
        self._ports = ports
        self._known = known
        self._routes: dict[str, tuple[float, str]] = {}
        self._is_inside = lru_cache(maxsize=4096)(self._look_inside)

    def towards(self, host: str) -> str:
        """What this peer is to be told, in Via, Contact and SDP.

        A name that has not been resolved yet counts as being elsewhere: on the default route. The
        public address is for peers that can reach it: an IPv6 peer no IPv4 address.
        """
        host = host.strip("[]")
        if family(host) is None:
            host = self._known(host) or ELSEWHERE[socket.AF_INET]
        fits = self._public and family(self._public) in (None, family(host))
        return self._public if fits and not self._is_inside(host) else self.leaving(host)

    def leaving(self, host: str) -> str:
        """The address of this machine from which packets to that address go."""
        kind = family(host) or socket.AF_INET
        bound = {port.host for port in self._ports() if family(port.host) == kind}
        if len(bound) == 1 and not bound & set(WILD):
            return bound.pop()
        until, address = self._routes.get(host, (0.0, ""))
        if time.monotonic() >= until:
            address = _route_to(host, kind)
            if len(self._routes) > 10_000:
                self._routes.clear()
            self._routes[host] = (time.monotonic() + BELIEVED_S, address)
        return address

    def sent_by(self, host: str, transport: str) -> Address:
        """Our host and port, as that peer reaches them over this transport."""
        address = self.towards(host)
        ports = self._ports()
        fitting = [port for port in ports if port.transport == transport] or list(ports)

        def distance(port: Listen) -> tuple[bool, bool]:
            return port.host not in (address, *WILD), family(port.host) != family(address)

        return address, min(fitting, key=distance).port

    def _look_inside(self, host: str) -> bool:
        address = ip_address(host.partition("%")[0])
        return any(address in network for network in self._inside)


def _route_to(host: str, kind: socket.AddressFamily) -> str:
    """The local address the kernel would send from. Connecting a UDP socket sends nothing."""
    with socket.socket(kind, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((host, 9))
            return str(probe.getsockname()[0])
        except OSError:
            return "127.0.0.1" if kind == socket.AF_INET else "::1"
