"""The control socket between main and its child processes: one JSON object a message, and
descriptors with it."""

import contextlib
import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

_MOST_FDS = 64  # in one message between processes; the kernel's own limit is 253
_MESSAGE = 64 * 1024
_FD = struct.Struct("@i")


def control_pair() -> tuple[socket.socket, socket.socket]:
    """Main's end, which never blocks, and the child's, which is inherited."""
    mine, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    mine.setblocking(False)
    return mine, theirs


def tell(control: socket.socket, message: dict[str, Any], fds: Sequence[int] = ()) -> None:
    """One message, with at most ``_MOST_FDS`` descriptors. BlockingIOError: there is no room."""
    socket.send_fds(control, [json.dumps(message).encode()], fds)


def hear(control: socket.socket, *, wait: bool = False) -> tuple[dict[str, Any], list[int]] | None:
    """The next message and its descriptors; None if there is none yet. EOFError: the other end
    is gone."""
    try:
        # socket.recv_fds would be this, but forgets its flags (CPython 3.11).
        octets, ancillary, _, _ = control.recvmsg(
            _MESSAGE,
            socket.CMSG_SPACE(_MOST_FDS * _FD.size),
            socket.MSG_CMSG_CLOEXEC | (0 if wait else socket.MSG_DONTWAIT),
        )
    except BlockingIOError:
        return None
    except ConnectionResetError:
        octets, ancillary = b"", []
    if not octets:
        raise EOFError("the other end is gone")
    fds = [
        fd
        for level, kind, data in ancillary
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS)
        for (fd,) in _FD.iter_unpack(data[: len(data) - len(data) % _FD.size])
    ]
    return json.loads(octets), fds


def tell_if_room(control: socket.socket, message: dict[str, Any]) -> None:
    """For a process that must never wait: a message that finds no room is not sent."""
    with contextlib.suppress(OSError):
        control.send(json.dumps(message).encode(), socket.MSG_DONTWAIT)
