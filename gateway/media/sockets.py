"""The sockets of sound: bound in pairs by main, handed to media, read and written at each beat."""

import contextlib
import errno
import json
import select
import socket
import struct
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from gateway.media.beat import Outgoing, Received
from gateway.media.guard import Guard
from gateway.media.reports import Control
from gateway.rtp import rtcp
from gateway.rtp.srtp import Broken

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
    """Media's side: every row's sockets, in one epoll. Slot *row* has its RTP socket, slot
    *row + capacity* that of RTCP. What passes here is in the clear on our side only."""

    def __init__(self, capacity: int, guard: Guard) -> None:
        self._guard = guard
        self._capacity = capacity
        self._epoll = select.epoll()
        self._sockets: list[socket.socket | None] = [None] * (2 * capacity)
        self._slot: dict[int, int] = {}  # by descriptor
        self.control: list[Control] = []  # RTCP that the last ``receive`` found
        most = 2 * capacity + 64
        self._data = np.zeros((most, _DATAGRAM), np.uint8)
        self._octets = [memoryview(row) for row in self._data]  # type: ignore[arg-type]

    def has(self, row: int) -> bool:
        return self._sockets[row] is not None

    def add(self, slot: int, fd: int) -> None:
        """Take over a descriptor; whatever the slot had before is closed."""
        self._close(slot)
        self._sockets[slot] = socket.socket(fileno=fd)
        self._slot[fd] = slot
        self._epoll.register(fd, select.EPOLLIN)

    def drop(self, row: int) -> None:
        self._close(row)
        self._close(row + self._capacity)

    def _close(self, slot: int) -> None:
        if sock := self._sockets[slot]:
            self._epoll.unregister(sock)
            del self._slot[sock.fileno()]
            sock.close()
            self._sockets[slot] = None

    def receive(self) -> list[Received]:
        """All RTP that is waiting, in batches with at most one datagram a row."""
        batches = []
        used = 0
        self.control = []
        for _ in range(_ROUNDS):
            first = used
            rows: list[int] = []
            lengths: list[int] = []
            sources: list[tuple[Any, ...]] = []
            ready = self._epoll.poll(0, len(self._sockets))
            for fd, _events in ready:
                if used == len(self._octets):
                    break
                slot = self._slot[fd]
                octets = self._octets[used]
                try:
                    length, source = self._sockets[slot].recvfrom_into(octets)  # type: ignore[union-attr]
                except OSError:
                    continue  # an ICMP error of an earlier packet, or a bad checksum
                row, secured = slot % self._capacity, self._guard.secured
                if slot >= self._capacity or (length >= 8 and rtcp.looks_like(octets[1])):
                    data = bytes(octets[:length])
                    if secured[row]:
                        data = self._guard.open_report(row, data)
                    if data:
                        shared = slot < self._capacity
                        self.control.append(Control(row, data, source, shared))
                    continue
                if secured[row] and not (length := self._guard.open(row, octets[:length])):
                    continue
                used += 1
                rows.append(slot)
                lengths.append(length)
                sources.append(source)
            if rows:
                batches.append(
                    Received(
                        np.array(rows, np.int64),
                        self._data[first:used],
                        np.array(lengths, np.int64),
                        sources,
                    )
                )
            if not ready:
                break
        return batches

    def send(self, outgoing: Outgoing) -> list[int]:
        """Send it all; returns the rows whose packet the kernel did not take."""
        refused = []
        sockets, secured = self._sockets, self._guard.secured
        octets = memoryview(outgoing.packets.tobytes())
        size = outgoing.packets.shape[1]
        at = 0
        for row, length, target in zip(
            outgoing.rows, outgoing.lengths, outgoing.targets, strict=True
        ):
            packet = octets[at : at + length]
            try:
                if secured[row]:
                    packet = self._guard.seal(row, packet)
                sockets[row].sendto(packet, target)  # type: ignore[union-attr]
            except (OSError, Broken):
                refused.append(row)
            at += size
        return refused

    def send_control(self, controls: Iterable[Control]) -> None:
        """RTCP that the kernel does not take is not missed: the next report says as much."""
        for control in controls:
            slot = control.row if control.shared else control.row + self._capacity
            if sock := self._sockets[slot]:
                with contextlib.suppress(OSError, Broken):
                    data: bytes | memoryview = control.data
                    if self._guard.secured[control.row]:
                        data = self._guard.seal_report(control.row, control.data)
                    sock.sendto(data, control.peer)

    def close(self) -> None:
        for slot in range(len(self._sockets)):
            self._close(slot)
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
