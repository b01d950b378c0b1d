"""The sockets of sound: bound in pairs by main, handed to media, read and written at each beat."""

import contextlib
import errno
import select
import socket
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from gateway.media.addresses import unpack
from gateway.media.beat import Received
from gateway.media.guard import Guard
from gateway.media.loop import DATAGRAM, Loop
from gateway.media.packing import Outgoing
from gateway.media.reports import Control
from gateway.media.ring import Ring
from gateway.rtp import rtcp
from gateway.rtp.srtp import LONGEST_SEAL, Broken

_REPORTS = 1024  # datagrams of RTCP read in one beat; what is left comes at the next
_BUFFER = 64 * 1024  # bytes the kernel keeps per socket: 0.5 s of packets of one line, at least

Rows = npt.NDArray[np.int64]


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
    """Media's side: every row's sockets. Slot *row* has its RTP socket, slot *row + capacity* that
    of RTCP. What passes here is in the clear on our side only.

    ``way`` carries the sound; reports are few, and pass here."""

    def __init__(self, capacity: int, guard: Guard, way: Loop | Ring) -> None:
        self._guard, self.way = guard, way
        self._capacity = capacity
        self._epoll = select.epoll()  # of RTCP's
        self._sockets: list[socket.socket | None] = [None] * (2 * capacity)
        self._slot: dict[int, int] = {}  # by descriptor, of RTCP's
        self.control: list[Control] = []  # RTCP that the last ``receive`` found

    def has(self, row: int) -> bool:
        return self._sockets[row] is not None

    def add(self, slot: int, fd: int) -> None:
        """Take over a descriptor; whatever the slot had before is closed."""
        self._close(slot)
        sock = self._sockets[slot] = socket.socket(fileno=fd)
        if slot < self._capacity:
            self.way.add(slot, sock)
        else:
            self._slot[fd] = slot
            self._epoll.register(fd, select.EPOLLIN)

    def drop(self, row: int) -> None:
        self._close(row)
        self._close(row + self._capacity)

    def _close(self, slot: int) -> None:
        if sock := self._sockets[slot]:
            if slot < self._capacity:
                self.way.drop(slot)
            else:
                self._epoll.unregister(sock)
                del self._slot[sock.fileno()]
            sock.close()
            self._sockets[slot] = None

    # In.

    def receive(self) -> list[Received]:
        """All RTP that is waiting, in batches with at most one datagram a row."""
        self.control = []
        self._hear_reports()
        batches = []
        for batch in self.way.receive():
            if not (sound := self._sound(batch)).all():
                batch = batch.only(sound)
            if len(batch.rows):
                batches.append(batch)
        return batches

    def _hear_reports(self) -> None:
        for fd, _ in self._epoll.poll(0, _REPORTS):
            slot = self._slot[fd]
            if sock := self._sockets[slot]:
                with contextlib.suppress(OSError):  # an ICMP error of an earlier one
                    data, source = sock.recvfrom(DATAGRAM)
                    self._control(Control(slot - self._capacity, data, source, False))

    def _control(self, heard: Control) -> None:
        data = heard.data
        if self._guard.secured[heard.row]:
            data = self._guard.open_report(heard.row, data)
        if data:
            self.control.append(Control(heard.row, data, heard.peer, heard.shared))

    def _sound(self, batch: Received) -> npt.NDArray[np.bool_]:
        """Take out RTCP, and decipher what is SRTP; returns what of the batch is sound, or may
        be."""
        rows, lengths = batch.rows, batch.lengths
        sound = (lengths < 8) | ~rtcp.look_like(batch.data[:, 1])
        for i in np.flatnonzero(~sound).tolist():
            data = batch.data[i, : lengths[i]].tobytes()
            self._control(Control(int(rows[i]), data, unpack(batch.sources[i]), True))
        if self._guard.any_secured:
            for i in np.flatnonzero(sound & self._guard.secured[rows]).tolist():
                lengths[i] = self._guard.open(int(rows[i]), batch.data[i, : lengths[i]].data)
                sound[i] = lengths[i] > 0
        return sound

    # Out.

    def send(self, outgoing: Outgoing) -> Rows:
        """Send it all; returns the rows whose packet was not taken."""
        if self._guard.any_secured:
            outgoing, broken = self._sealed(outgoing)
            return np.concatenate([broken, self.way.send(outgoing)])
        return self.way.send(outgoing)

    def _sealed(self, outgoing: Outgoing) -> tuple[Outgoing, Rows]:
        """As it may be seen on the way; and the rows whose packet could not be sealed."""
        rows, plain, lengths = outgoing.rows, outgoing.packets, outgoing.lengths.copy()
        packets = np.empty((len(rows), plain.shape[1] + LONGEST_SEAL), np.uint8)
        packets[:, : plain.shape[1]] = plain
        broken = np.zeros(len(rows), bool)
        for i in np.flatnonzero(self._guard.secured[rows]).tolist():
            try:
                sealed = self._guard.seal(int(rows[i]), plain[i, : lengths[i]].data)
            except Broken:
                broken[i] = True
            else:
                lengths[i] = len(sealed)
                packets[i, : len(sealed)] = sealed
        sealed_ones = Outgoing(rows, packets, lengths, outgoing.targets)
        return (sealed_ones.only(~broken) if broken.any() else sealed_ones), rows[broken]

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
        self.way.close()
