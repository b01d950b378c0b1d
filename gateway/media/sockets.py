"""The sockets of sound: bound in pairs by main, handed to media, read and written at each beat."""

import contextlib
import errno
import json
import select
import socket
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np

from gateway.media.beat import Outgoing, Received

_DATAGRAM = 1500  # bytes; RTP that is larger is not telephone sound
_ROUNDS = 8  # datagrams of one row read in one beat: a flood on one line delays no other
_BUFFER = 64 * 1024  # bytes the kernel keeps per socket: 0.5 s of packets of one line, at least
_MOST_FDS = 64  # in one message between processes; the kernel's own limit is 253
_MESSAGE = 64 * 1024
_FD = struct.Struct("@i")


class PortTaken(OSError):
    """Another program has the port, or its neighbour."""


def bind_pair(host: str, port: int, dscp: int) -> tuple[socket.socket, socket.socket]:
    """Sockets for RTP on ``port`` and RTCP on the next. PortTaken names the one in use."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    pair: list[socket.socket] = []
    try:
        for number in (port, port + 1):
            sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            pair.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
            if family == socket.AF_INET6:
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, dscp << 2)
            else:
                sock.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, dscp << 2)
            sock.bind((host, number))
    except OSError as error:
        for sock in pair:
            sock.close()
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(errno.EADDRINUSE, f"UDP {host}:{number} is in use") from None
        raise
    return pair[0], pair[1]


class Sockets:
    """Media's side: every row's RTP socket, in one epoll."""

    def __init__(self, capacity: int) -> None:
        self._epoll = select.epoll()
        self._sockets: list[socket.socket | None] = [None] * capacity
        self._row: dict[int, int] = {}  # by descriptor
        most = 2 * capacity + 64
        self._data = np.zeros((most, _DATAGRAM), np.uint8)
        self._slots = [memoryview(row) for row in self._data]  # type: ignore[arg-type]

    def has(self, row: int) -> bool:
        return self._sockets[row] is not None

    def add(self, row: int, fd: int) -> None:
        """Take over a descriptor; whatever the row had before is closed."""
        self.drop(row)
        self._sockets[row] = socket.socket(fileno=fd)
        self._row[fd] = row
        self._epoll.register(fd, select.EPOLLIN)

    def drop(self, row: int) -> None:
        if sock := self._sockets[row]:
            self._epoll.unregister(sock)
            del self._row[sock.fileno()]
            sock.close()
            self._sockets[row] = None

    def receive(self) -> list[Received]:
        """All that is waiting, in batches with at most one datagram a row."""
        batches = []
        used = 0
        for _ in range(_ROUNDS):
            first = used
            rows: list[int] = []
            lengths: list[int] = []
            sources: list[tuple[Any, ...]] = []
            for fd, _events in self._epoll.poll(0, len(self._sockets)):
                if used == len(self._slots):
                    break
                row = self._row[fd]
                try:
                    length, source = self._sockets[row].recvfrom_into(self._slots[used])  # type: ignore[union-attr]
                except OSError:
                    continue  # an ICMP error of an earlier packet, or a bad checksum
                used += 1
                rows.append(row)
                lengths.append(length)
                sources.append(source)
            if not rows:
                break
            batches.append(
                Received(
                    np.array(rows, np.int64),
                    self._data[first:used],
                    np.array(lengths, np.int64),
                    sources,
                )
            )
        return batches

    def send(self, outgoing: Outgoing) -> list[int]:
        """Send it all; returns the rows whose packet the kernel did not take."""
        refused = []
        sockets = self._sockets
        octets = memoryview(outgoing.packets.tobytes())
        size = outgoing.packets.shape[1]
        at = 0
        for row, length, target in zip(
            outgoing.rows, outgoing.lengths, outgoing.targets, strict=True
        ):
            try:
                sockets[row].sendto(octets[at : at + length], target)  # type: ignore[union-attr]
            except OSError:
                refused.append(row)
            at += size
        return refused

    def close(self) -> None:
        for row in range(len(self._sockets)):
            self.drop(row)
        self._epoll.close()


# The control socket between main and its child processes: one JSON object a message.


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
