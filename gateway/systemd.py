"""What a service tells systemd about itself: the datagrams of sd_notify(3).

Outside systemd there is nobody to tell, and every function here does nothing.
"""

import os
import socket


def ready(status: str = "") -> None:
    """READY=1: everything is open and calls are taken."""
    _tell("READY=1", status)


def stopping(status: str = "") -> None:
    """STOPPING=1: no new calls; live ones may still go on."""
    _tell("STOPPING=1", status)


def status(text: str) -> None:
    """The one line that `systemctl status` shows."""
    _tell("", text)


def alive() -> None:
    """WATCHDOG=1: to be said at least every ``watchdog_s()`` seconds, or systemd restarts us."""
    _tell("WATCHDOG=1")


def watchdog_s() -> float | None:
    """How often ``alive`` is to be said: half of what the unit allows; None if it does not ask."""
    limit_us = os.environ.get("WATCHDOG_USEC", "")
    if not limit_us or os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    return int(limit_us) / 2_000_000


def _tell(state: str, status: str = "") -> None:
    where = os.environ.get("NOTIFY_SOCKET")
    if not where:
        return
    lines = [line for line in (state, f"STATUS={status}" if status else "") if line]
    address = "\0" + where[1:] if where.startswith("@") else where
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as notify:
        notify.setblocking(False)
        try:
            notify.sendto("\n".join(lines).encode(), address)
        except OSError:
            # A full or vanished socket is systemd's trouble; a call must not suffer for it.
            return
