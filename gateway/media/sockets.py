"""The sockets of sound: bound in pairs by main, handed to media, read and written at each beat."""

import contextlib
import errno
import json
import select
import socket
import struct
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from gateway.media.beat import Outgoing, Received
from gateway.media.guard import Guard
from gateway.media.peers import Source
from gateway.media.reports import Control
from gateway.rtp import rtcp
from gateway.rtp.srtp import Broken

_DATAGRAM = 2048  # bytes; RTP that is larger than 60 ms of L16 is not telephone sound
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


def _nowhere(_packet: memoryview, _target: Source) -> int:
    """What sends for a row without a socket."""
    raise OSError(errno.ENOTCONN, "the row has no socket")


class Sockets:
    """Media's side: every row's sockets, in one epoll. Slot *row* has its RTP socket, slot
    *row + capacity* that of RTCP. What passes here is in the clear on our side only."""

    def __init__(self, capacity: int, guard: Guard) -> None:
        self._guard = guard
        self._capacity = capacity
        self._epoll = select.epoll()
        self._sockets: list[socket.socket | None] = [None] * (2 * capacity)
        self._slot: dict[int, int] = {}  # by descriptor
        self._receive: dict[int, Callable[[memoryview], tuple[int, Source]]] = {}
        self._send: list[Callable[[memoryview, Source], int]] = [_nowhere] * capacity
        self.control: list[Control] = []  # RTCP that the last ``receive`` found
        most = 2 * capacity + 64
        self._data = np.zeros((most, _DATAGRAM), np.uint8)
        self._octets = [memoryview(row) for row in self._data]  # type: ignore[arg-type]

    def has(self, row: int) -> bool:
        return self._sockets[row] is not None

    def add(self, slot: int, fd: int) -> None:
        """Take over a descriptor; whatever the slot had before is closed."""
        self._close(slot)
        sock = self._sockets[slot] = socket.socket(fileno=fd)
        self._slot[fd] = slot
        self._receive[fd] = sock.recvfrom_into  # bound once: looking it up costs as much as a loop
        if slot < self._capacity:
            self._send[slot] = sock.sendto
        self._epoll.register(fd, select.EPOLLIN)

    def drop(self, row: int) -> None:
        self._close(row)
        self._close(row + self._capacity)

    def _close(self, slot: int) -> None:
        if sock := self._sockets[slot]:
            self._epoll.unregister(sock)
            del self._slot[sock.fileno()], self._receive[sock.fileno()]
            sock.close()
            self._sockets[slot] = None
            if slot < self._capacity:
                self._send[slot] = _nowhere

    def receive(self) -> list[Received]:
        """All RTP that is waiting, in batches with at most one datagram a row."""
        batches = []
        used = 0
        self.control = []
        for _ in range(_ROUNDS):
            ready = self._epoll.poll(0, len(self._sockets))
            if not ready or used == len(self._octets):
                break
            first = used
            slots: list[int] = []
            lengths: list[int] = []
            sources: list[Source] = []
            slot, receive = self._slot, self._receive
            for (fd, _events), octets in zip(ready, self._octets[first:], strict=False):
                try:
                    length, source = receive[fd](octets)
                except OSError:  # an ICMP error of an earlier packet, or a bad checksum
                    length, source = -1, ()
                slots.append(slot[fd])
                lengths.append(length)
                sources.append(source)
            used += len(slots)
            its = self._data[first:used]
            batch = Received(np.array(slots), its, np.array(lengths), sources)
            if not (sound := self._sound(batch, first)).all():
                batch = batch.only(sound)
            if len(batch.rows):
                batches.append(batch)
        return batches

    def _sound(self, batch: Received, first: int) -> npt.NDArray[np.bool_]:
        """Take out RTCP, and decipher what is SRTP; returns what of the batch is sound, or may be.
        ``first``: where in the buffer the batch begins."""
        slots, lengths = batch.rows, batch.lengths
        reports = (slots >= self._capacity) | ((lengths >= 8) & rtcp.look_like(batch.data[:, 1]))
        sound = (lengths >= 0) & ~reports
        secured = self._guard.secured
        for i in np.flatnonzero(reports & (lengths > 0)).tolist():
            slot = int(slots[i])
            row, shared = slot % self._capacity, slot < self._capacity
            data = bytes(self._octets[first + i][: lengths[i]])
            if secured[row]:
                data = self._guard.open_report(row, data)
            if data:
                self.control.append(Control(row, data, batch.sources[i], shared))
        if self._guard.any_secured:
            for i in np.flatnonzero(sound).tolist():
                if secured[row := int(slots[i])]:
                    lengths[i] = self._guard.open(row, self._octets[first + i][: lengths[i]])
                    sound[i] = lengths[i] > 0
        return sound

    def send(self, outgoing: Outgoing) -> list[int]:
        """Send it all; returns the rows whose packet the kernel did not take."""
        refused = []
        sends, secured = self._send, self._guard.secured if self._guard.any_secured else None
        octets = memoryview(np.ascontiguousarray(outgoing.packets).reshape(-1))  # type: ignore[arg-type]
        size = outgoing.packets.shape[1]
        at = 0
        for row, length, target in zip(
            outgoing.rows, outgoing.lengths, outgoing.targets, strict=True
        ):
            packet = octets[at : at + length]
            try:
                if secured and secured[row]:
                    packet = self._guard.seal(row, packet)
                sends[row](packet, target)
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
