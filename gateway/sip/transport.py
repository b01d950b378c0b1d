"""What all transports share: bytes in, bytes out, nothing understood."""

import errno
from collections.abc import Callable
from dataclasses import dataclass

from gateway.errors import ConfigError
from gateway.sip.ports import holder
from gateway.sip.routing import Address
from gateway.sip.settings import Listen

Received = Callable[[bytes, Address, str], None]
Broken = Callable[[Address, str, str], None]


@dataclass(frozen=True)
class Bounds:
    """What connections are allowed."""

    most: int  # open at once, of one transport
    idle_s: float
    message_s: float  # from the first byte of a message, or of a connection's beginning, to its end
    keep_alive_s: float  # of silence on a connection that we opened


def taken(place: Listen, error: OSError) -> ConfigError:
    """A port that cannot be had, explained."""
    where = f"sip.listen: {place.transport} {place.host} port {place.port}"
    if error.errno == errno.EADDRINUSE:
        by = holder("udp" if place.transport == "udp" else "tcp", place.port)
        return ConfigError(
            f"{where} is taken{f' by {by}' if by else ''}; stop it or listen elsewhere"
        )
    return ConfigError(f"{where} cannot be opened: {error.strerror or error}")
