"""Ports for peers, and the process that a peer runs in."""

import itertools
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


def free_port() -> int:
    """A port of 127.0.0.1 that is free now."""
    while True:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.bind(("127.0.0.1", 0))
            port: int = udp.getsockname()[1]
        if is_free(port):
            return port


_next = itertools.count(0)


def free_ports(count: int) -> int:
    """The first, even, of ``count`` ports of 127.0.0.1 that are free for UDP now.

    Below the range from which the system gives ports away, and never the same ones twice, so
    that nothing takes them before they are used.
    """
    while True:
        first = 16384 + (os.getpid() * 192 + next(_next) * 64) % 12288
        if all(is_free(port) for port in range(first, first + count)):
            return first
