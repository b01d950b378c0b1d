"""Ports for peers, and the process that a peer runs in."""

import os
import socket

from gateway.probe.child import Child, Gone

__all__ = ["Child", "Gone", "free_port", "free_ports", "is_free"]


def is_free(port: int) -> bool:
    """Whether nobody has this port of 127.0.0.1, neither for UDP nor for TCP."""
    for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                return False
    return True


# Below the range from which the system gives ports away, so that nothing takes one before it is
# used; a part of it for each worker of the tests, gone through in order, so that no two peers get
# the same one.
_FIRST, _LAST, _WORKERS = 10_000, 32_000, 4
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_SHARE = (_LAST - _FIRST) // _WORKERS
_at = os.getpid() * 64 % _SHARE


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    return free_ports(1)


def free_ports(count: int) -> int:
    """The first, even, of ``count`` ports of 127.0.0.1 that are free now."""
    global _at
    while True:
        if _at + count > _SHARE:
            _at = 0
        first = _FIRST + _WORKER * _SHARE + _at
        _at += count + count % 2
        if all(is_free(port) for port in range(first, first + count)):
            return first
