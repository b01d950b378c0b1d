"""Where datagrams come from and go to, in the kernel's own form: a row of four numbers, so that
thousands are compared, and handed to the kernel, at once.

The 32 bytes of a row are a sockaddr_in or sockaddr_in6 of Linux with zeros behind. All zeros is
nowhere.
"""

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any

import numpy as np
import numpy.typing as npt

WORDS = 4
BYTES = 28  # of the longer of the two
_V4, _V6 = 2, 10  # AF_INET, AF_INET6
_IN = struct.Struct("!H4s")  # behind the family, which alone is in the machine's order
_IN6 = struct.Struct("!HI16s")
_NUMBER = struct.Struct("=H")
_SCOPE = struct.Struct("=I")

Source = tuple[Any, ...]  # as recvfrom gives it: host, port, and for IPv6 two numbers more
Address = npt.NDArray[np.uint64]  # one: WORDS
Addresses = npt.NDArray[np.uint64]  # many: x WORDS

NOWHERE: Address = np.zeros(WORDS, np.uint64)


def address(host: IPv4Address | IPv6Address, port: int, scope: int = 0) -> Address:
    if isinstance(host, IPv4Address):
        octets = _NUMBER.pack(_V4) + _IN.pack(port, host.packed)
    else:
        octets = _NUMBER.pack(_V6) + _IN6.pack(port, 0, host.packed) + _SCOPE.pack(scope)
    return np.frombuffer(octets.ljust(8 * WORDS, b"\0"), np.uint64)


def pack(source: Source) -> Address:
    host = ip_address(source[0].partition("%")[0])
    return address(host, source[1], source[3] if len(source) > 3 else 0)


def pack_all(sources: list[Source]) -> Addresses:
    return np.array([pack(source) for source in sources], np.uint64).reshape(-1, WORDS)


def unpack(packed: Address) -> Source:
    """Of somewhere."""
    host, octets = host_of(packed), packed.tobytes()
    if isinstance(host, IPv4Address):
        return str(host), port_of(packed)
    (scope,) = _SCOPE.unpack_from(octets, 24)
    # The kernel writes an IPv4 address on an IPv6 socket with dots.
    name = f"::ffff:{host.ipv4_mapped}" if host.ipv4_mapped else str(host)
    return name, port_of(packed), 0, scope


def host_of(packed: Address) -> IPv4Address | IPv6Address:
    octets = packed.tobytes()
    if _NUMBER.unpack_from(octets)[0] == _V4:
        return IPv4Address(octets[4:8])
    return IPv6Address(octets[8:24])


def port_of(packed: Address) -> int:
    return int.from_bytes(packed.tobytes()[2:4], "big")


def known(packed: Addresses) -> npt.NDArray[np.bool_]:
    """Which are somewhere."""
    return np.asarray(packed[:, 0] != 0)


def same(some: Addresses, others: Addresses) -> npt.NDArray[np.bool_]:
    """Which are equal to those in the same place."""
    equal = some == others  # and not .all(axis=1), which is slow where the axis is short
    return np.asarray(equal[:, 0] & equal[:, 1] & equal[:, 2] & equal[:, 3])
