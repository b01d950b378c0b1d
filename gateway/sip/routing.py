"""Where a message goes next: responses back the way the request came, requests to their hop."""

from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import NamedTuple

from gateway.sip.headers import Via
from gateway.sip.message import Request
from gateway.sip.uri import DEFAULT_PORT, Uri

Address = tuple[str, int]  # host (a name only until it is resolved) and port
TRANSPORTS = ("udp", "tcp", "tls", "ws", "wss")
RELIABLE = frozenset({"tcp", "tls", "ws", "wss"})
SECURE = frozenset({"tls", "wss"})
PORTS = {"tls": 5061, "ws": 80, "wss": 443}  # RFC 3261 section 18, RFC 7118 section 5


def default_port(transport: str) -> int:
    return PORTS.get(transport, DEFAULT_PORT)


@dataclass(frozen=True, slots=True)
class Hop:
    """One place on the network. ``name`` is whom its certificate must be of, over TLS; ``uri``
    is set while the place has a name only, which DNS must find first (RFC 3263)."""

    address: Address
    transport: str  # one of TRANSPORTS
    name: str = field(default="", compare=False)
    uri: Uri | None = field(default=None, compare=False)

    @property
    def unresolved(self) -> Address:
        """The address; of a name, with port 0 where SRV records shall tell the port."""
        return self.address if self.uri is None else (self.address[0], self.uri.port or 0)


class Sent(NamedTuple):
    """Bytes for the wire. A stream that is open to the address is used if there is one."""

    data: bytes
    destination: Address
    transport: str
    name: str = ""  # as a Hop's


def stamp(request: Request, source: Address) -> None:
    """Note in the top Via where the request really came from (section 18.2.1, RFC 3581)."""
    via = request.via
    host, port = source
    if via.param("rport") is not None:
        via = via.with_param("rport", str(port)).with_param("received", host)
    elif via.host.strip("[]") != host or via.param("received") is not None:
        via = via.with_param("received", host)
    else:
        return
    request.headers.replace_top("Via", str(via))


def response_hop(via: Via, source: Address, transport: str) -> Hop:
    """Section 18.2.2 and RFC 3581 section 4, for a Via that was stamped."""
    if transport in RELIABLE:
        return Hop(source, transport)
    host = via.param("received") or via.host.strip("[]")
    rport = via.param("rport") or ""
    port = int(rport) if rport.isascii() and rport.isdigit() else via.port or DEFAULT_PORT
    return Hop((host, port), transport)


def without_connection(via: Via) -> Hop:
    """Where a response goes whose connection is closed: to what the Via says (18.2.2)."""
    host, transport = via.param("received") or via.host.strip("[]"), via.transport.lower()
    return Hop((host, via.port or default_port(transport)), transport, via.host.strip("[]"))


def request_hop(uri: Uri) -> Hop:
    """Where this URI says it is reached, as far as it can be said without DNS (RFC 3263)."""
    host = uri.param("maddr") or uri.address
    transport = "tls" if uri.scheme == "sips" else uri.transport
    address = host, uri.port or default_port(transport)
    return Hop(address, transport, uri.address, uri if _private(host) is None else None)


def _private(host: str) -> bool | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    return address.is_private


def behind_nat(hop: Hop, seen: Hop) -> Hop:
    """The address the peer was seen at, where the one it gave cannot be reached from here.

    A Contact with a private address, of a peer that came from a public one, names a place
    behind that peer's NAT; and a TCP peer's port is only open through its own connection.
    """
    if hop.transport not in TRANSPORTS or not hop.address[0]:
        return seen
    if seen.transport in ("ws", "wss"):  # a browser's Contact names no place: RFC 7118 section 5
        return seen
    if hop.address[0] == seen.address[0]:
        return seen if seen.transport in RELIABLE and hop.transport == seen.transport else hop
    hidden = _private(hop.address[0]) and _private(seen.address[0]) is False
    return seen if hidden else hop
