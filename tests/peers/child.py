"""Ports for peers, and the process that a peer runs in."""

import functools
import socket

from gateway.probe.child import Child, Gone

__all__ = ["Child", "Gone", "free_port", "free_ports", "has_ipv6", "is_free", "retire"]


def is_free(port: int) -> bool:
    """Whether nobody has this port of 127.0.0.1, neither for UDP nor for TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


# Below the range from which the system gives ports away, so that nothing takes one before it is
# used.
_FIRST, _SHARE, _SHARES = 10_000, 1_100, 20
_at = 0
_retired: set[int] = set()


@functools.cache
def _share() -> tuple[int, socket.socket]:
    """The first port of the share that is this process's alone, also when the tests run several
    times on this machine; and what holds it: a name (unix(7), abstract) that ends with us."""
    for number in range(_SHARES):
        holder = socket.socket(socket.AF_UNIX)
        try:
            holder.bind(f"\0trunkline-test-ports-{number}")
        except OSError:
            holder.close()
        else:
            return _FIRST + number * _SHARE, holder
    raise RuntimeError(f"{_SHARES} runs of tests on this machine have all the ports")


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first, even, of ``count`` ports of 127.0.0.1 that are free now; gone through in order,
    so that no two peers get the same one."""
    global _at
    while True:
        if _at + count > _SHARE:
            _at = 0
        first = _share()[0] + _at
        _at += count + count % 2
        ports = range(first, first + count)
        if _retired.isdisjoint(ports) and all(map(is_free, ports)):
            return first


def retire(port: int) -> None:
    """Give it to nobody any more: somebody may still look there for a peer that is gone."""
    _retired.add(port)
