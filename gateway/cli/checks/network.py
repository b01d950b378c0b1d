"""The network: ports, addresses, NAT."""

import errno
import ipaddress
import socket
from pathlib import Path

from gateway.cli.checks import Finding
from gateway.config import Settings
from gateway.sip.ports import holder

SOMEWHERE = "198.51.100.1"  # TEST-NET-2 (RFC 5737): routed like any other, and nobody's
EPHEMERAL = Path("/proc/sys/net/ipv4/ip_local_port_range")


def listening(settings: Settings) -> list[Finding]:
    """Each address that the gateway is to listen on."""
    places = [(f"SIP {p.transport}", p.transport, p.host, p.port) for p in settings.sip.places]
    places.append(("API", "tcp", *settings.api.address))
    return [_port(about, transport, host, port) for about, transport, host, port in places]


def _port(about: str, transport: str, host: str, port: int) -> Finding:
    where = f"{transport} {host}:{port}"
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, kind) as probe:
        if transport == "tcp":  # as servers do: a connection that ends does not hold the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return _refused(about, where, transport, port, error)
    return Finding("ok", about, f"{where} is free")


def _refused(about: str, where: str, transport: str, port: int, error: OSError) -> Finding:
    key = "[api] listen" if about == "API" else "[sip] listen"
    if error.errno == errno.EADDRINUSE:
        who = holder(transport, port) or "a process that this user may not see"
        if who.startswith("trunkline "):
            return Finding("ok", about, f"{where} is a running gateway's: {who}")
        remedy = f"stop it, or choose another port in {key}"
        return Finding("fail", about, f"{where} is taken by {who}", remedy)
    if error.errno == errno.EACCES:
        remedy = f"a port above 1023 in {key}, or CAP_NET_BIND_SERVICE as the systemd unit gives"
        return Finding("fail", about, f"{where} may not be opened by this user", remedy)
    if error.errno == errno.EADDRNOTAVAIL:
        remedy = f"one of this machine's addresses, or 0.0.0.0, in {key}"
        return Finding("fail", about, f"{where}: this machine has no such address", remedy)
    return Finding("fail", about, f"{where}: {error.strerror}", f"see {key}")


def sound_ports(settings: Settings, ephemeral: Path = EPHEMERAL) -> Finding:
    pairs = settings.rtp.port_pairs
    first, last = pairs[0], pairs[-1] + 1
    calls = settings.media.capacity
    used = sum(first <= port <= last for port in _udp_ports())
    what = f"udp {first}-{last}: {len(pairs)} calls' worth, {used} ports in use"
    if len(pairs) < calls:
        remedy = f"[rtp] ports with {2 * calls} ports or more, or a lower [media] capacity"
        return Finding("warn", "sound ports", f"{what}, for {calls} lines", remedy)
    low, high = (int(word) for word in ephemeral.read_text().split())
    if first <= high and low <= last:
        return Finding(
            "warn",
            "sound ports",
            f"{what}; Linux gives away {low}-{high} to anybody who asks",
            f"[rtp] ports below {low}, or "
            f"sysctl -w net.ipv4.ip_local_reserved_ports={first}-{last}",
        )
    return Finding("ok", "sound ports", what)


def _udp_ports() -> set[int]:
    """The local UDP ports that are open."""
    tables = (Path(f"/proc/net/{name}") for name in ("udp", "udp6"))
    rows = [row for table in tables if table.exists() for row in table.read_text().splitlines()[1:]]
    return {int(row.split()[1].rpartition(":")[2], 16) for row in rows}


def addresses(settings: Settings) -> Finding:
    """What peers are told as our address, and whether they can reach it."""
    told = settings.sip.public_address
    local = local_address()
    if told:
        try:
            resolved = {info[4][0] for info in socket.getaddrinfo(told, None)}
        except OSError:
            remedy = "an IP address, or a name that resolves, in [sip] public_address"
            return Finding("fail", "address", f"{told} does not resolve", remedy)
        if local in resolved:
            return Finding("ok", "address", f"{told}, which is this machine's own")
        return Finding(
            "ok",
            "address",
            f"peers are told {told}, this machine is {local}: the NAT between must hand SIP and "
            f"udp {settings.rtp.ports} on to it",
        )
    if not local:
        return Finding(
            "warn",
            "address",
            "no route leads out of this machine",
            "calls will work on this machine only, until it has a network",
        )
    if ipaddress.ip_address(local).is_private:
        return Finding(
            "warn",
            "address",
            f"{local}, a private address: phones in the same network reach it, others do not",
            "behind NAT, set [sip] public_address to the address the world sees, and forward "
            f"the SIP port and udp {settings.rtp.ports}",
        )
    return Finding("ok", "address", f"{local}, a public address")


def local_address() -> str:
    """The address from which packets leave this machine; empty if none may. Sends nothing."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((SOMEWHERE, 9))
        except OSError:
            return ""
        address: str = probe.getsockname()[0]
        return address
